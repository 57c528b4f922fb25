"""What the page of experiments.explore shows, as functions of what is chosen on it."""

import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan import metrics
from jaxgan.analysis import latent as latents
from jaxgan.data import arrays
from jaxgan.lab import figures
from jaxgan.lab import trained as lab_trained
from jaxgan.models import infogan

BLOCK = 8  # frames of a walk drawn at once
SMALL = 8  # latents of up to so many numbers get a slider for each
NEAREST = 4  # training images shown
LOOKED_AT = 128  # training images whose own nearest are sought
REACH = 5.0  # how far a slider goes, in standard deviations of a latent number
SEEDS = 2**31  # seeds are below
WALKERS = 12  # most seeds of a walk

Kind = Literal["found", "strongest", "code"]


class Slider(NamedTuple):
    """A way to change latents.

    Attributes:
        name: shown beside it.
        step: what it adds to a latent at 1, `[Z]`.
        limit: how far it goes, to both sides.
        kind: a direction found by another experiment, one of the strongest of the
            first layer, or single numbers of the latent.
    """

    name: str
    step: np.ndarray
    limit: float
    kind: Kind


class Choice(NamedTuple):
    """What is chosen on the page.

    Attributes:
        seed: of the latent.
        label: the class, or the category of an InfoGAN.
        values: of the sliders, in their order.
    """

    seed: int
    label: int
    values: tuple[float, ...]


class Explorer(NamedTuple):
    """A trained generator, ready for the page.

    Attributes:
        trained: the model of the run.
        render: latents and labels `[B]` to images, uint8 `[B, H, W, C]`.
        sliders: ways to change latents.
        classes: to choose from; 0 if there is nothing to choose.
        spherical: whether walks follow great circles, since latents are Gaussian.
        shape: of an image, `[H, W, C]`.
        real: training images, uint8 `[N, H, W, C]`; none if they cannot be had.
        usual: the median distance of training images to their nearest.
        missing: why there are no training images; empty if there are.
    """

    trained: lab_trained.Trained
    render: Callable[..., jax.Array]
    sliders: tuple[Slider, ...]
    classes: int
    spherical: bool
    shape: tuple[int, ...]
    real: np.ndarray
    usual: float
    missing: str


def explorer(
    trained: lab_trained.Trained,
    *,
    strongest: int = 6,
    found: Mapping[str, np.ndarray] | None = None,
    images: int = 2048,
) -> Explorer:
    """Makes a trained model ready for the page; compiles all that it calls.

    Args:
        trained: of `lab_trained.open_run`.
        strongest: directions of the first layer to give sliders to.
        found: other directions, name -> `[Z]`; see `read_directions`.
        images: most training images to compare with; 0 leaves them out.

    Raises:
        ValueError: the model draws no images, or a direction is none of its latents.
    """
    lab_trained.check_draws(trained)
    some = lab_trained.latents(trained, jax.random.key(0), lab_trained.REFERENCE)
    draw = lab_trained.drawing(trained)
    render = jax.jit(lambda z, label: lab_trained.to_uint8(trained, draw(z, label)))
    label = jnp.zeros(len(vector(some)), jnp.int32)
    shape = jax.eval_shape(render, some, label).shape[1:]
    if len(shape) != 3 or shape[-1] not in (1, 3):
        raise ValueError(
            f"this {trained.name} draws {list(shape)}, not images; give the run of a"
            " generator of images"
        )
    z = np.asarray(vector(some))[:, : _noise(trained, some)]
    spread = float(z.std())
    real, missing = _real(trained, images, shape)
    sliders = (
        *_found(found or {}, spread, vector(some).shape[1]),
        *_codes(trained, spread, vector(some).shape[1]),
        *_strongest(trained, spread, strongest, z.shape[1]),
    )
    return Explorer(
        trained=trained,
        render=render,
        sliders=sliders,
        classes=trained.classes or _categories(trained),
        # Uniform numbers lie within 1.73 standard deviations; some of the Gaussian ones
        # among so many do not.
        spherical=bool(np.abs(z - z.mean()).max() > 2 * spread),
        shape=shape,
        real=real,
        usual=_usual(real),
        missing=missing,
    )


# --- what is shown ------------------------------------------------------------------


def latent(explorer: Explorer, choice: Choice) -> Any:
    """The latent of a choice, one image's.

    Raises:
        ValueError: a seed out of range, or another number of values than sliders.
    """
    return _moved(explorer, _start(explorer, choice.seed, choice.label), choice.values)


def picture(explorer: Explorer, choice: Choice) -> np.ndarray:
    """The image of a choice: uint8 `[H, W, C]`.

    Raises:
        ValueError: see `latent`; a label of no class.
    """
    label = jnp.full(1, _label(explorer, choice.label), jnp.int32)
    return np.asarray(explorer.render(latent(explorer, choice), label))[0]


def walk(
    explorer: Explorer, seeds: Sequence[int], choice: Choice, frames: int = 12
) -> np.ndarray:
    """A closed walk through the latents of seeds: uint8 `[S · frames, H, W, C]`.

    Frame `i · frames` is the image of seed i, with the sliders as they are.

    Args:
        explorer: of `explorer`.
        seeds: at least two.
        choice: its label and the values of its sliders hold all along the walk.
        frames: from one seed to the next.

    Raises:
        ValueError: less than two seeds or more than `WALKERS`; see `picture`.
    """
    if not 2 <= len(seeds) <= WALKERS:
        raise ValueError(
            f"there are {len(seeds)} seeds; a walk needs 2 to {WALKERS} of them"
        )
    starts = [_start(explorer, seed, choice.label) for seed in seeds]
    stops = jnp.concatenate([vector(x) for x in starts])
    path = latents.walk(stops, frames, spherical=explorer.spherical, closed=True)
    whole = jax.tree.map(lambda x: jnp.repeat(x, len(path), axis=0), starts[0])
    moved = _moved(explorer, _with_vector(whole, path), choice.values)
    label = jnp.full(len(path), _label(explorer, choice.label), jnp.int32)
    return figures.in_blocks(explorer.render, moved, label, size=BLOCK)


def neighbours(
    explorer: Explorer, image: np.ndarray
) -> tuple[np.ndarray, tuple[float, ...]]:
    """The training images nearest to an image, and how far they are.

    Args:
        explorer: of `explorer`.
        image: uint8 `[H, W, C]`.

    Returns:
        uint8 `[K, H, W, C]`, nearest first, and distances: roots of mean squared
        differences, of numbers from 0 to 255. None if there are no training images.
    """
    if not len(explorer.real):
        return explorer.real, ()
    # Of one query plain differences take less time than `metrics.nearest_neighbours`.
    distance = np.asarray(_distances(image, explorer.real))
    index = np.argsort(distance, kind="stable")[:NEAREST]
    return explorer.real[index], tuple(float(x) for x in distance[index])


def seeds(text: str) -> tuple[int, ...]:
    """Seeds as they are written: numbers, with commas or spaces between.

    Raises:
        ValueError: something is no number.
    """
    words = text.replace(",", " ").split()
    try:
        return tuple(int(word) for word in words)
    except ValueError:
        raise ValueError(
            f"the seeds are {text!r}; write whole numbers, such as 0, 1, 2"
        ) from None


def facts(explorer: Explorer) -> dict[str, str]:
    """What to know about the model."""
    trained = explorer.trained
    height, width, channels = explorer.shape
    size = vector(_start(explorer, 0, 0)).shape[1]
    return {
        "model": trained.name,
        "step": f"{trained.step:,}",
        "images": f"{height}x{width} {'colour' if channels == 3 else 'grey'}",
        "latents": f"{size} numbers, "
        + ("Gaussian" if explorer.spherical else "uniform"),
        "data": str(trained.plain["data"]["data"]),
    }


def vector(latent: Any) -> jax.Array:
    """The numbers `[B, Z]` of latents, which may have other parts, such as seeds."""
    (numbers,) = (x for x in jax.tree.leaves(latent) if _floating(x))
    return numbers


def _with_vector(latent, numbers):
    return jax.tree.map(lambda x: numbers if _floating(x) else x, latent)


def _floating(x):
    return jnp.issubdtype(x.dtype, jnp.floating)


def _start(explorer, seed, label):
    """The latent of a seed, before sliders: the codes of an InfoGAN are the label's."""
    if not 0 <= seed < SEEDS:
        raise ValueError(f"the seed is {seed}; it must be from 0 to {SEEDS - 1}")
    trained = explorer.trained
    start = lab_trained.latents(trained, jax.random.key(seed), 1)
    if not _categories(trained):
        return start
    noise, drawn = infogan.split(trained.config, start)
    held = infogan.Codes(
        jnp.full(1, _label(explorer, label)), jnp.zeros_like(drawn.continuous)
    )
    return infogan.join(trained.config, noise, held)


def _moved(explorer, latent, values):
    if len(values) != len(explorer.sliders):
        raise ValueError(
            f"there are {len(values)} values of {len(explorer.sliders)} sliders"
        )
    move = sum(v * x.step for v, x in zip(values, explorer.sliders, strict=True))
    numbers = vector(latent)
    return _with_vector(latent, numbers + jnp.broadcast_to(move, numbers.shape))


def _label(explorer, label):
    if not 0 <= label < max(1, explorer.classes):
        raise ValueError(
            f"the class is {label}; this {explorer.trained.name} has"
            f" {explorer.classes} of them, from 0"
        )
    return label


def _categories(trained):
    return trained.config.categories if trained.name == "infogan" else 0


@jax.jit
def _distances(image, real):
    apart = real.astype(jnp.float32) - image.astype(jnp.float32)[None]
    return jnp.sqrt(jnp.square(apart).mean((1, 2, 3)))


# --- ways to change latents ---------------------------------------------------------


def read_directions(path: pathlib.Path) -> dict[str, np.ndarray]:
    """Directions from a file, name -> `[Z]`.

    Raises:
        ValueError: the file is not there, or no .npz of arrays.
    """
    try:
        with np.load(path, allow_pickle=False) as held:
            for entry in held.zip.infolist():  # pyright: ignore[reportOptionalMemberAccess]
                arrays.check_entry(entry)
            found = {name: held[name] for name in held.files}
        if not all(isinstance(member, np.ndarray) for member in found.values()):
            raise ValueError("not all of its members are arrays")
        return found
    except FileNotFoundError:
        raise ValueError(
            f"there is no file {path}; give one such as experiments.latent_arithmetic"
            " writes, directions.npz"
        ) from None
    except Exception:  # of a hostile file, a dozen kinds
        raise ValueError(
            f"{path} is no .npz with an array a direction, such as"
            " experiments.latent_arithmetic writes"
        ) from None


def _found(directions, spread, size):
    sliders = []
    for name, direction in directions.items():
        if direction.shape != (size,):
            raise ValueError(
                f"direction {name!r} has shape {list(direction.shape)}, but latents of"
                f" this model have [{size}]; take directions of the same run"
            )
        if direction.dtype.kind not in "fiu":
            raise ValueError(
                f"direction {name!r} is of type {direction.dtype}; it must be numbers"
            )
        length = np.linalg.norm(np.asarray(direction, np.float64))
        if not (np.isfinite(length) and length > 0):
            raise ValueError(
                f"direction {name!r} has length {length}; it must be finite and above 0"
            )
        step = np.asarray(direction / length * spread, np.float32)
        sliders.append(Slider(name, step, REACH, "found"))
    return sliders


def _codes(trained, spread, size):
    """Sliders for single numbers, where latents have few of them or named ones."""
    if _categories(trained):
        # Drawn from -1 to 1 in training; the paper shows -2 to 2.
        count = trained.config.continuous
        rows = np.eye(size, dtype=np.float32)[size - count :]
        return [Slider(f"c{i + 2}", row, 2.0, "code") for i, row in enumerate(rows)]
    if size > SMALL:
        return []
    rows = spread * np.eye(size, dtype=np.float32)
    return [Slider(f"z{i + 1}", row, 3.0, "code") for i, row in enumerate(rows)]


def _strongest(trained, spread, count, size):
    """Sliders along what the first layer stretches most, among the first numbers."""
    weight = lab_trained.first_layer(trained)
    if weight is None or not count:
        return []
    found = latents.sefa(jnp.asarray(weight[:size]), min(count, size))
    # The mean of all eigenvalues is the trace over their number.
    usual = np.square(weight[:size]).sum() / size
    stretch = np.sqrt(np.asarray(found.eigenvalue) / usual)
    steps = np.zeros((len(stretch), len(weight)), np.float32)
    steps[:, :size] = spread * np.asarray(found.direction)
    return [
        Slider(f"{i + 1}: {times:.1f} times", step, REACH, "strongest")
        for i, (step, times) in enumerate(zip(steps, stretch, strict=True))
    ]


def _noise(trained, latent):
    """How many numbers of a latent, from the first, are no codes."""
    if _categories(trained):
        return trained.config.noise
    return vector(latent).shape[1]


# --- training images ----------------------------------------------------------------


def _real(trained, count, shape):
    """Training images, or none and why."""
    none = np.zeros((0, *shape), np.uint8)
    if not count:
        return none, "left out (--images 0)"
    try:
        images, _ = lab_trained.training_images(trained, count)
    except (ValueError, OSError) as error:
        return none, " ".join(str(error).split())
    if images.shape[1:] != shape:
        return none, f"they are {list(images.shape[1:])}, not {list(shape)}"
    return images, ""


def _usual(real):
    """The median distance of training images to the nearest other, as `neighbours`."""
    if len(real) < 2:
        return float("nan")
    _, distance = metrics.nearest_neighbours(real[:LOOKED_AT], real, 2)
    return float(np.median(np.asarray(distance)[:, 1]) / np.sqrt(real[0].size))
