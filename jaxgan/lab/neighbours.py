"""Finds the training images nearest to samples, in little memory."""

import jax
import numpy as np

from jaxgan import metrics

BLOCK = 2048  # images looked at together


def nearest(
    queries: np.ndarray, images: np.ndarray, k: int, *, mirrored: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """The `k` images nearest to each query, by Euclidean distance.

    Args:
        queries: `[Q, H, W, C]` uint8.
        images: `[N, H, W, C]` uint8.
        k: up to N.
        mirrored: whether mirrored images count too; number N + i is image i mirrored.

    Returns:
        Numbers of images and distances, `[Q, k]`, nearest first.
    """
    find = jax.jit(metrics.nearest_neighbours, static_argnums=2)
    index, distance = [], []
    for flip in (False, True)[: 1 + mirrored]:
        for start in range(0, len(images), BLOCK):
            block = images[start : start + BLOCK]
            block = block[:, :, ::-1] if flip else block
            found, away = find(queries, block, min(k, len(block)))
            index.append(np.asarray(found) + start + flip * len(images))
            distance.append(np.asarray(away))
    index, distance = np.concatenate(index, 1), np.concatenate(distance, 1)
    order = np.argsort(distance, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(index, order, 1), np.take_along_axis(distance, order, 1)


def take(images: np.ndarray, index: np.ndarray) -> np.ndarray:
    """The images that `nearest` numbers: `[*index.shape, H, W, C]`."""
    found = images[index % len(images)]
    flip = index >= len(images)
    found[flip] = found[flip][:, :, ::-1]
    return found
