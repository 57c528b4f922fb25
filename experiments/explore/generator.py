"""The generator behind the page: functions from what is chosen to what is shown."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from experiments.explore import neighbours, words
from experiments.explore.sliders import (
    Slider,
    categories,
    noise,
    of_codes,
    of_directions,
    of_strongest,
    vector,
    with_vector,
)
from jaxgan.analysis import latent as latents
from jaxgan.lab import blocks, inference
from jaxgan.models import infogan

BLOCK = 8  # frames of a walk drawn at once
SEEDS = 2**31  # seeds are below this
WALKERS = 12  # largest number of seeds of a walk


class Choice(NamedTuple):
    """The choices made on the page.

    Attributes:
        seed: the seed of the latent.
        label: the class, or the category of an InfoGAN.
        values: the values of the sliders, in their order.
        said: a caption, for models that draw from one.
    """

    seed: int
    label: int
    values: tuple[float, ...]
    said: str = ""


class Explorer(NamedTuple):
    """A trained generator, ready for the page.

    Attributes:
        trained: the model of the run.
        render: latents and labels `[B]` to images, uint8 `[B, H, W, C]`.
        sliders: ways to change latents.
        classes: how many there are to choose from; 0 if there are none.
        spherical: whether walks follow great circles, since latents are Gaussian.
        shape: of an image, `[H, W, C]`.
        real: training images, uint8 `[N, H, W, C]`; none if they cannot be read.
        usual: the median distance of training images to their nearest neighbours.
        missing: the reason why there are no training images; empty if there are.
        tell: gives `render` for a caption; None if the model takes none.
    """

    trained: inference.Trained
    render: Callable[..., jax.Array]
    sliders: tuple[Slider, ...]
    classes: int
    spherical: bool
    shape: tuple[int, ...]
    real: np.ndarray
    usual: float
    missing: str
    tell: words.Tell | None = None


def explorer(
    trained: inference.Trained,
    *,
    strongest: int = 6,
    found: Mapping[str, np.ndarray] | None = None,
    images: int = 2048,
) -> Explorer:
    """Prepares a trained model for the page, and compiles its functions.

    Args:
        trained: from `inference.open_run`.
        strongest: directions of the first layer to give sliders to.
        found: other directions, name -> `[Z]`; see `read_directions`.
        images: how many training images to compare with, at most; 0 leaves them out.

    Raises:
        ValueError: the model draws no images, or a direction does not fit its latents.
    """
    tell = None
    if words.takes(trained):
        trained, tell = words.told(trained)
        strongest = 0  # the first layer takes the caption as well
    inference.check_draws(trained)
    some = inference.latents(trained, jax.random.key(0), inference.REFERENCE)
    draw = inference.drawing(trained)
    render = jax.jit(lambda z, label: inference.to_uint8(trained, draw(z, label)))
    label = jnp.zeros(len(vector(some)), jnp.int32)
    shape = jax.eval_shape(render, some, label).shape[1:]
    if len(shape) != 3 or shape[-1] not in (1, 3):
        raise ValueError(
            f"this {trained.name} draws {list(shape)}, not images; give the run of a"
            " generator of images"
        )
    z = np.asarray(vector(some))[:, : noise(trained, some)]
    spread = float(z.std())
    real, missing = neighbours.training(trained, images, shape)
    sliders = (
        *of_directions(found or {}, spread, vector(some).shape[1]),
        *of_codes(trained, spread, vector(some).shape[1]),
        *of_strongest(trained, spread, strongest, z.shape[1]),
    )
    return Explorer(
        trained=trained,
        render=render,
        sliders=sliders,
        classes=trained.classes or categories(trained),
        # Uniform numbers lie within 1.73 standard deviations; of this many Gaussian
        # ones, some lie outside.
        spherical=bool(np.abs(z - z.mean()).max() > 2 * spread),
        shape=shape,
        real=real,
        usual=neighbours.usual(real),
        missing=missing,
        tell=tell,
    )


def latent(explorer: Explorer, choice: Choice) -> Any:
    """Makes the latent of a choice, for one image.

    Raises:
        ValueError: a seed is out of range, or there are not as many values as sliders.
    """
    return _moved(explorer, _start(explorer, choice.seed, choice.label), choice.values)


def picture(explorer: Explorer, choice: Choice) -> np.ndarray:
    """Draws the image of a choice: uint8 `[H, W, C]`.

    Raises:
        ValueError: as for `latent`; or the label is not a class, or the caption cannot
            be encoded.
    """
    label, render = _told(explorer, choice)
    return np.asarray(render(latent(explorer, choice), jnp.full(1, label, jnp.int32)))[
        0
    ]


def walk(
    explorer: Explorer, seeds: Sequence[int], choice: Choice, frames: int = 12
) -> np.ndarray:
    """Draws a closed walk through the latents of seeds: uint8 `[S · frames, H, W, C]`.

    Frame `i · frames` is the image of seed i, with the sliders as they are.

    Args:
        explorer: from `explorer`.
        seeds: two or more seeds.
        choice: the label and the values of sliders for the whole walk.
        frames: the number of frames from one seed to the next.

    Raises:
        ValueError: there are fewer than two seeds, or more than `WALKERS`; or as for
            `picture`.
    """
    if not 2 <= len(seeds) <= WALKERS:
        raise ValueError(
            f"there are {len(seeds)} seeds; a walk needs 2 to {WALKERS} of them"
        )
    starts = [_start(explorer, seed, choice.label) for seed in seeds]
    stops = jnp.concatenate([vector(x) for x in starts])
    path = latents.walk(stops, frames, spherical=explorer.spherical, closed=True)
    whole = jax.tree.map(lambda x: jnp.repeat(x, len(path), axis=0), starts[0])
    moved = _moved(explorer, with_vector(whole, path), choice.values)
    label, render = _told(explorer, choice)
    labels = jnp.full(len(path), label, jnp.int32)
    return blocks.in_blocks(render, moved, labels, size=BLOCK)


def seeds(text: str) -> tuple[int, ...]:
    """Reads seeds: numbers, separated by commas or spaces.

    Raises:
        ValueError: something is not a number.
    """
    words = text.replace(",", " ").split()
    try:
        return tuple(int(word) for word in words)
    except ValueError:
        raise ValueError(
            f"the seeds are {text!r}; write whole numbers, such as 0, 1, 2"
        ) from None


def facts(explorer: Explorer) -> dict[str, str]:
    """Facts about the model, for the head of the page."""
    trained = explorer.trained
    height, width, channels = explorer.shape
    size = vector(_start(explorer, 0, 0)).shape[1]
    return {
        "model": trained.name,
        "step": f"{trained.step:,}",
        "images": f"{height}x{width} {'colour' if channels == 3 else 'grey'}",
        "latents": f"{size} numbers, "
        + ("Gaussian" if explorer.spherical else "uniform"),
        "data": str(trained.plain["data"].get("data", words.ABOUT)),
    }


def _start(explorer, seed, label):
    """Draws a seed's latent, before sliders; an InfoGAN's codes follow the label."""
    if not 0 <= seed < SEEDS:
        raise ValueError(f"the seed is {seed}; it must be from 0 to {SEEDS - 1}")
    trained = explorer.trained
    start = inference.latents(trained, jax.random.key(seed), 1)
    if not categories(trained):
        return start
    noise, drawn = infogan.split(trained.config, start)
    held = infogan.Codes(
        jnp.full(1, _label(explorer, label)), jnp.zeros_like(drawn.continuous)
    )
    return infogan.join(trained.config, noise, held)


def _moved(explorer, latent, values):
    if len(values) != len(explorer.sliders):
        raise ValueError(
            f"there are {len(values)} values for {len(explorer.sliders)} sliders"
        )
    move = sum(v * x.step for v, x in zip(values, explorer.sliders, strict=True))
    numbers = vector(latent)
    return with_vector(latent, numbers + jnp.broadcast_to(move, numbers.shape))


def _told(explorer, choice):
    """The label of a choice, and what draws it."""
    label = _label(explorer, choice.label)
    if explorer.tell and choice.said:
        return label, explorer.tell(choice.said)
    return label, explorer.render


def _label(explorer, label):
    if not 0 <= label < max(1, explorer.classes):
        raise ValueError(
            f"the class is {label}; this {explorer.trained.name} has"
            f" {explorer.classes} of them, from 0"
        )
    return label
