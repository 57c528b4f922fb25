"""Numbers that tell of samples while a model trains: are they alike, are they copies.

Images are compared small, so that neither noise nor a shift by a pixel hides what they
are of, and so that it takes milliseconds.
"""

import math
from collections.abc import Callable

import numpy as np

from jaxgan.data import some
from jaxgan.lab.data import Set

SIDE = 16  # pixels of the small images, about
MOST = 4096  # training images that samples are compared with


def watcher(opened: Set) -> Callable[[np.ndarray], dict[str, float]]:
    """`watch(images)` says how samples `[N, H, W, C]` uint8 lie among the data.

    Its numbers are `samples/diversity`, the median distance of a sample to the sample
    most like it, in units of that of as many training images; and
    `samples/distance_to_data`, the median distance to the nearest of up to `MOST`
    training images, in units of that of training images among these.

    Data that is not in memory, or is all alike, gives no numbers.
    """
    arrays = opened.arrays
    if arrays is None:
        return lambda images: {}
    chosen = some(len(arrays["image"]), MOST)
    data = small(arrays["image"][np.random.default_rng(0).permutation(chosen)])
    return lambda images: compared(small(images), data)


def compared(samples: np.ndarray, data: np.ndarray) -> dict[str, float]:
    """The numbers of `watcher`, of samples `[N, D]` and data `[M, D]` in no order."""
    among = data[: len(samples)]
    if min(len(samples), len(among)) < 2:
        return {}
    alike, apart = _nearest(among, among), _nearest(among, data)
    if not (alike and apart):
        return {}
    return {
        "samples/diversity": _nearest(samples, samples) / alike,
        "samples/distance_to_data": _nearest(samples, data, themselves=False) / apart,
    }


def small(images: np.ndarray) -> np.ndarray:
    """Images `[N, H, W, C]` as vectors `[N, D]` of their means over squares."""
    n, height, width, channels = images.shape
    k = max(1, min(height, width) // SIDE)
    high, wide = height // k, width // k
    cut = images[:, : high * k, : wide * k].reshape(n, high, k, wide, k, channels)
    return cut.mean((2, 4), dtype=np.float32).reshape(n, -1)


def _nearest(some: np.ndarray, others: np.ndarray, *, themselves: bool = True) -> float:
    """The median distance to the nearest other one.

    Args:
        some: vectors `[N, D]`.
        others: vectors `[M, D]`.
        themselves: whether `some` are the first of `others`, and not their own
            neighbours.
    """
    square = (some**2).sum(1)[:, None] + (others**2).sum(1) - 2 * some @ others.T
    if themselves:
        np.fill_diagonal(square, math.inf)
    return float(np.median(np.sqrt(np.maximum(square.min(1), 0))))
