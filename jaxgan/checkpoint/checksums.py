"""Checksums of arrays that do not depend on how the arrays are split over devices."""

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
from jax.experimental import multihost_utils


def of(tree: Any) -> list[int]:
    """Computes a checksum of every array that does not depend on how it is split.

    Each byte is weighted by its place in the whole array, so that the sums of shards
    can be added up over devices and processes.
    """
    sums = np.array([_of(x) for x in jax.tree.leaves(tree)], np.uint32)
    if jax.process_count() > 1:
        sums = np.asarray(multihost_utils.process_allgather(sums)).sum(
            0, dtype=np.uint32
        )
    return [int(x) for x in sums]


def _of(array: jax.Array) -> np.uint32:
    """Sums up this process's part of an array, counting each piece once."""
    total = np.uint32(0)
    with np.errstate(over="ignore"):
        for shard in array.addressable_shards:
            if shard.replica_id == 0:
                start = [piece.start or 0 for piece in shard.index]
                total += weighted(np.asarray(shard.data), start, array.shape)
    return total


def weighted(
    piece: np.ndarray, start: Sequence[int], shape: Sequence[int]
) -> np.uint32:
    """Sums words, modulo 2^32, each times an odd number that depends on its place.

    An odd factor has an inverse modulo 2^32, so every change of a single word shows.
    """
    size = piece.dtype.itemsize
    unit = next(u for u in (np.uint32, np.uint16, np.uint8) if size % u().itemsize == 0)
    words = np.ascontiguousarray(piece).view(unit)
    words = words.reshape(*piece.shape, size // unit().itemsize)
    # The places in row-major order, one axis after the other.
    place = np.zeros((1,) * words.ndim, np.uint32)
    stride = 1
    for axis, length in reversed(list(enumerate((*shape, words.shape[-1])))):
        first = start[axis] if axis < len(start) else 0
        steps = np.arange(first, first + words.shape[axis], dtype=np.uint32)
        steps *= np.uint32(stride % 2**32)
        place = place + steps.reshape(-1, *[1] * (words.ndim - 1 - axis))
        stride *= length
    weights = place * np.uint32(0x9E3779B1) | np.uint32(1)
    return (words * weights).sum(dtype=np.uint32)
