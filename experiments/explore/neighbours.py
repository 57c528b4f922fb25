"""Training images near to a drawn one."""

import jax
import jax.numpy as jnp
import numpy as np

from experiments.explore import words
from jaxgan import data, metrics
from jaxgan.lab import inference

NEAREST = 4  # training images shown
LOOKED_AT = 128  # training images whose own nearest neighbours are found


def nearest(
    image: np.ndarray, real: np.ndarray
) -> tuple[np.ndarray, tuple[float, ...]]:
    """Finds the training images nearest to an image, and their distances.

    Args:
        image: uint8 `[H, W, C]`.
        real: the training images, uint8 `[N, H, W, C]`.

    Returns:
        uint8 `[K, H, W, C]`, nearest first, and distances: root mean square differences
        of numbers from 0 to 255. Both are empty if there are no training images.
    """
    if not len(real):
        return real, ()
    # For one query, plain differences are faster than `metrics.nearest_neighbours`.
    distance = np.asarray(_distances(image, real))
    index = np.argsort(distance, kind="stable")[:NEAREST]
    return real[index], tuple(float(x) for x in distance[index])


@jax.jit
def _distances(image, real):
    apart = real.astype(jnp.float32) - image.astype(jnp.float32)[None]
    return jnp.sqrt(jnp.square(apart).mean((1, 2, 3)))


def training(
    trained: inference.Trained, count: int, shape: tuple[int, ...]
) -> tuple[np.ndarray, str]:
    """Reads training images, or returns none and the reason."""
    none = np.zeros((0, *shape), np.uint8)
    if not count:
        return none, "left out (--images 0)"
    try:
        if "people" in trained.plain["data"]:
            images = words.training(trained, count)
        else:
            images, _ = inference.training_images(trained, count)
    except (ValueError, OSError) as error:
        return none, " ".join(str(error).split())
    if images.shape[1:] != shape:
        return none, f"they are {list(images.shape[1:])}, not {list(shape)}"
    return images, ""


def usual(real: np.ndarray) -> float:
    """The median distance of training images to their nearest, as in `nearest`."""
    if len(real) < 2:
        return float("nan")
    some = real[data.some(len(real), LOOKED_AT)]
    _, distance = metrics.nearest_neighbours(some, real, 2)
    return float(np.median(np.asarray(distance)[:, 1]) / np.sqrt(real[0].size))
