"""A trained model as functions: what it draws, and how it judges.

Batch norms are held still, at what they see of a large mixed batch: so an image depends
on its own latent alone, and a judgement on its own image. Images are as the model has
them, in [-1, 1] or [0, 1]; `to_uint8` and `from_uint8` translate.
"""

import dataclasses
import functools
import pathlib
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax.errors import FlaxError

from jaxgan import data, game, nn
from jaxgan.analysis import norms
from jaxgan.compose import ema_variables
from jaxgan.data import labels as named
from jaxgan.game import Variables
from jaxgan.lab import classes, generator
from jaxgan.lab.restored import restore
from jaxgan.lab.sets import Reading, open_set
from jaxgan.models.model import Model

REFERENCE = 512  # examples that batch norms are held at


class Trained(NamedTuple):
    """A model of a run.

    Attributes:
        name: what it is called, such as dcgan.
        record: of the model.
        config: of the model.
        variables: of all nets.
        step: of training.
        plain: the whole configuration of the run, as it was saved.
    """

    name: str
    record: Model
    config: Any
    variables: Variables
    step: int
    plain: dict[str, Any]

    @property
    def classes(self) -> int:
        """How many classes the generator is told of; 0 where it takes no labels."""
        return self.config.classes if self.record.labels else 0

    @property
    def nets(self) -> Any:
        """The nets of the model's game, by name."""
        return self.record.game(self.config).nets

    def batch(self, count: int) -> Any:
        """A random batch of the form that the model plays on."""
        return self.record.batch(self.config, jax.random.key(0), count)


def open_run(
    run: pathlib.Path | str,
    *,
    ema: bool = True,
    best: bool = False,
    record: Model | None = None,
) -> Trained:
    """The model of a run, which is only read.

        run = lab.open_run("runs/dcgan_faces")
        draw = jax.jit(lab.drawing(run))
        images = draw(lab.latents(run, jax.random.key(0), 8))

    Args:
        run: its directory.
        ema: whether to take moving averages of weights, where kept.
        best: whether to take the state that scored best, not the latest.
        record: of the model, where it is not one of the library's.

    Raises:
        ValueError: it is no run, or has no checkpoint.
    """
    found = restore(pathlib.Path(run), best=best, record=record)
    variables = ema_variables(found.state) if ema else game.variables(found.state)
    return Trained(
        found.name,
        found.record,
        found.config,
        variables,
        int(found.state.step),
        found.plain,
    )


def open_run_of(record: Model, flag: str, run: pathlib.Path, wanted: str) -> Trained:
    """The model of a run that must be of one kind.

    Args:
        record: of the model that it must be of.
        flag: that gave the run, such as --run.
        run: its directory.
        wanted: what to give, for the error.

    Raises:
        ValueError: it is a run of another model; or as `open_run`.
    """
    found = open_run(run)
    if found.record is not record:
        raise ValueError(f"{flag} {run} is a run of {found.name}; {wanted}")
    return found


def untrained(trained: Trained, seed: int = 0) -> Trained:
    """The same model at random initial weights, to compare with."""
    algorithm = game.algorithm(trained.record.game(trained.config))
    state = jax.jit(algorithm.init)(jax.random.key(seed), trained.batch(2))
    return trained._replace(variables=game.variables(state), step=0)


def check_draws(trained: Trained) -> None:
    """Sees that a model has a generator.

    Raises:
        ValueError: it draws no images from latents.
    """
    if trained.record.sample is None or trained.record.latent is None:
        raise ValueError(
            f"the run is of {trained.name}, which draws no images from latents; give"
            " the run of a generator"
        )


def class_names(trained: Trained) -> tuple[str, ...]:
    """The names of a model's classes: those of the data it was trained on, if known.

    Empty for models without classes.
    """
    if not trained.classes:
        return ()
    names = trained.plain.get("class_names") or range(trained.classes)
    return tuple(str(name) for name in names)


def latents(trained: Trained, key: jax.Array, count: int) -> Any:
    """Draws latents `[count, Z]`, or what the model has for them."""
    check_draws(trained)
    assert trained.record.latent is not None
    return trained.record.latent(trained.config, key, count)


def are_gaussian(trained: Trained) -> bool:
    """Whether a model's latents are normal: uniform ones lie in [-1, 1]."""
    some = jax.tree.leaves(latents(trained, jax.random.key(0), REFERENCE))
    numbers = [x for x in some if jnp.issubdtype(x.dtype, jnp.floating)]
    return bool(numbers) and all(bool(jnp.abs(x).max() > 1) for x in numbers)


def drawing(
    trained: Trained, *, seed: int = 0, statistics: norms.Statistics | None = None
) -> Callable[..., jax.Array]:
    """The generator as a function, with its batch norms held still.

    Args:
        trained: of `open_run`.
        seed: of the latents that batch norms are held at.
        statistics: what they are held at instead, of `held`.

    Returns:
        `draw(latent, label=None)`: latents `[B, Z]` to images `[B, H, W, C]` as the
        model has them. Conditional models take labels, integers `[B]`; class 0 if left
        out. Pure: `jit`, `grad` and `vmap` apply.

    Raises:
        ValueError: the model has no generator.
    """
    statistics = held(trained, seed=seed) if statistics is None else statistics
    steady = norms.frozen(functools.partial(sampled, trained), statistics)

    def draw(latent, label=None):
        if label is None:  # else the batch may be a symbol, which has no len()
            label = jnp.zeros(len(jax.tree.leaves(latent)[0]), jnp.int32)
        return steady(latent, label)

    return draw


def held(trained: Trained, *, seed: int = 0) -> norms.Statistics:
    """What the generator's batch norms see of a large batch of all classes.

    Raises:
        ValueError: the model has no generator.
    """
    reference = latents(trained, jax.random.key(seed), REFERENCE)
    labels = jnp.arange(REFERENCE) % max(1, trained.classes)
    sample = functools.partial(sampled, trained)
    return jax.jit(lambda *x: norms.batch_statistics(sample, *x))(reference, labels)


def sampled(trained: Trained, latent: Any, label: Any) -> jax.Array:
    """Draws with the batch norms of the model, so that an image depends on its company.

    Args:
        trained: of `open_run`.
        latent: `[B, Z]`, or what the model has for them.
        label: integers `[B]`, which models without classes ignore.
    """
    given = (label,) if trained.classes else ()
    assert trained.record.sample is not None
    return trained.record.sample(trained.config, trained.variables, latent, *given)


def judging(
    trained: Trained,
    images: np.ndarray,
    labels: np.ndarray | None = None,
    *,
    net: str = "discriminator",
) -> Callable[..., Any]:
    """A net that looks at images as a function, with its batch norms held still.

    Args:
        trained: of `open_run`.
        images: uint8 `[N, H, W, C]`, real ones that batch norms are held at; several
            hundred.
        labels: integers `[N]`, of models that are told of them.
        net: its name in the game.

    Returns:
        `judge(images, label=None)`: images `[B, H, W, C]` as the model has them to
        whatever the net makes of them; conditional nets take labels, integers `[B]`,
        class 0 if left out. Pure: `jit`, `grad` and `vmap` apply.

    Raises:
        ValueError: there is no such net, or it does not look at images.
    """
    nets = trained.nets
    if net not in nets:
        raise ValueError(
            f"{trained.name} has no net {net!r}; it has {', '.join(sorted(nets))}"
        )
    apply = game.pure(nets[net], net)
    conditional = trained.classes > 0 and _arguments(trained, net) > 1

    def judged(image, label):
        given = (label,) if conditional else ()
        return apply(trained.variables, image, *given)[0]

    labels = np.zeros(len(images), np.int32) if labels is None else labels
    reference = from_uint8(trained, images), jnp.asarray(labels)
    try:
        held = jax.jit(lambda *x: norms.batch_statistics(judged, *x))(*reference)
    except (TypeError, ValueError, AssertionError, FlaxError) as error:
        raise ValueError(
            f"the net {net!r} of {trained.name} does not look at images"
            f" {list(images.shape)}: {str(error).splitlines()[0]}"
        ) from None
    steady = norms.frozen(judged, held)

    def judge(image, label=None):
        return steady(
            image, jnp.zeros(len(image), jnp.int32) if label is None else label
        )

    return judge


def _arguments(trained: Trained, net: str) -> int:
    """How many arguments a net takes: two where it is told of labels."""
    model_game = trained.record.game(trained.config)
    batch = trained.batch(2)
    if model_game.repeats > 1:
        batch = jax.tree.map(lambda x: x[0], batch)
    return len(model_game.inputs(batch)[net])


def range_of(trained: Trained) -> tuple[float, float]:
    """Between which numbers the model's pixels are."""
    return trained.record.range


def to_uint8(trained: Trained, images: jax.Array) -> jax.Array:
    """Images as the model has them to bytes."""
    low, high = range_of(trained)
    return nn.to_uint8(2 * (images - low) / (high - low) - 1)


def from_uint8(trained: Trained, images: Any) -> jax.Array:
    """Bytes to float32 images as the model has them."""
    low, high = range_of(trained)
    return low + (high - low) * jnp.asarray(images).astype(jnp.float32) / 255


def trained_on(
    trained: Trained, shape: tuple[int, ...], reading: Reading
) -> tuple[str, Reading]:
    """The data of a run, read as it was for the training.

    Args:
        trained: of the run.
        shape: of an image that it draws.
        reading: what the flags say; they come first.
    """
    was = trained.plain["data"]
    crop = was.get("crop")
    upscale = was.get("upscale", "auto")
    small = was["data"] == "digits" or was["data"].startswith("idx:")
    return was["data"], dataclasses.replace(
        reading,
        split=reading.split if reading.split != "train" else was.get("split", "train"),
        resolution=reading.resolution or shape[0],
        width=reading.width or (0 if reading.resolution else shape[1]),
        channels=reading.channels or shape[-1],
        crop=reading.crop or (tuple(crop) if crop else None),
        upscale=reading.upscale or upscale == "yes" or (upscale == "auto" and small),
        skip_corrupt=reading.skip_corrupt or was.get("skip_corrupt", False),
    )


def image_shape(trained: Trained) -> tuple[int, int, int]:
    """Height, width and channels of the images that the model plays on.

    Raises:
        ValueError: it plays on something else.
    """
    return generator.image_shape(trained.record, trained.config)


def training_images(
    trained: Trained, count: int = 0, seed: int = 0
) -> tuple[np.ndarray, np.ndarray | None]:
    """Images that a run was trained on.

    Args:
        trained: of `open_run`.
        count: most images to take, drawn by the seed; 0 takes all.
        seed: of the choice.

    Returns:
        uint8 `[N, H, W, C]`, and their labels `[N]` where the set has them.

    Raises:
        ValueError: the set is not there, or its images cannot be read.
    """
    spec, reading = trained_on(trained, image_shape(trained), Reading())
    left_out = trained.plain["data"].get("leave_out", ())
    opened = open_set(spec, reading, 0 if left_out else count, seed)
    (block,) = opened.blocks(opened.count)
    images, labels = block
    if left_out and labels is not None:
        unseen = named.numbers(left_out, opened.classes)
        kept = np.flatnonzero(~np.isin(labels, unseen))
        kept = kept[data.some(len(kept), count or len(kept), seed)]
        images, labels = images[kept], labels[kept]
    if labels is not None and trained.classes:
        labels = classes.of_run(trained.plain, labels, opened.classes)
        images, labels = images[labels >= 0], labels[labels >= 0]
    return images, labels
