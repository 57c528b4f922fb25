"""A run's generator whose latents are vectors, and functions that read its images."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.lab import blocks, inference
from jaxgan.lab.inference import Trained
from jaxgan.lab.judges import factors

BLOCK = 128  # images drawn together


class Painter(NamedTuple):
    """A generator of vectors.

    Attributes:
        vectors: `vectors(key, count)` draws latents, float32 `[count, Z]`.
        paint: `paint(z, label=None)` draws latents `[..., Z]`: uint8 `[..., H, W, C]`.
            Labels, of conditional models, are integers `[...]`.
    """

    vectors: Callable[[jax.Array, int], jax.Array]
    paint: Callable[..., np.ndarray]


def painter(trained: Trained) -> Painter:
    """The generator of a run, with its batch norms held still.

    Where latents are more than a vector, such as those of the CGAN with their seeds of
    dropout, the rest stays as it is in one of them.

    Raises:
        ValueError: the model draws no images from latents.
    """
    draw = inference.drawing(trained)
    first = inference.latents(trained, jax.random.key(0), 1)
    leaves, tree = jax.tree.flatten(first)
    (place,) = (
        i for i, x in enumerate(leaves) if jnp.issubdtype(x.dtype, jnp.floating)
    )

    @jax.jit
    def compiled(z, label):
        rest = [jnp.broadcast_to(x, (len(z), *x.shape[1:])) for x in leaves]
        drawn = draw(tree.unflatten([*rest[:place], z, *rest[place + 1 :]]), label)
        return inference.to_uint8(trained, drawn)

    def vectors(key, count):
        return jax.tree.leaves(inference.latents(trained, key, count))[place]

    def paint(z, label=None):
        z = np.asarray(z)
        label = np.broadcast_to(0 if label is None else label, z.shape[:-1])
        flat, labels = z.reshape(-1, z.shape[-1]), label.astype(np.int32).ravel()
        images = blocks.in_blocks(compiled, flat, labels, size=BLOCK, title="drawing")
        return images.reshape(*z.shape[:-1], *images.shape[1:])

    return Painter(vectors, paint)


def reader(trained: Trained, *, second: bool = False) -> Any | None:
    """The regressor of the factors of drawn faces; None for runs on other images.

    Args:
        trained: the model of the run.
        second: give the other one, which scores what the first has chosen.
    """
    if not factors.readable(str(trained.plain.get("data", {}).get("data", ""))):
        return None
    if trained.config.channels != 3:
        return None
    return factors.trained(trained.config.resolution, second=second)


def judge(
    trained: Trained, samples: np.ndarray
) -> Callable[[np.ndarray], np.ndarray] | None:
    """Judges whether images are at least as real as half of the samples.

    Args:
        trained: the model.
        samples: uint8 `[N, H, W, C]`, drawn by it.

    Returns:
        A function from uint8 images `[B, H, W, C]` to booleans `[B]`, by the
        discriminator; None for models without one.
    """
    if "discriminator" not in trained.nets:
        return None
    real, labels = inference.training_images(trained, inference.REFERENCE)
    judging = jax.jit(inference.judging(trained, real, labels))

    def logits(images):
        scores = blocks.in_blocks(
            lambda x: judging(inference.from_uint8(trained, x)), images, size=BLOCK
        )
        return np.asarray(scores).reshape(len(images))

    usual = np.median(logits(samples))
    return lambda images: logits(images) >= usual


def read(regressor: Any, images: np.ndarray) -> dict[str, np.ndarray]:
    """Reads the factors of images `[..., H, W, C]`: factor -> `[...]`.

    Factors that are boxes are left out.
    """
    shape = images.shape[:-3]
    found = regressor.read(images.reshape(-1, *images.shape[-3:]))
    return {
        name: np.asarray(values).reshape(shape)
        for name, values in found.items()
        if np.ndim(values) == 1
    }
