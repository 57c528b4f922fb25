"""Applies functions to many examples, block by block."""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from tqdm import tqdm

BLOCK = 250  # examples a call


def in_blocks(
    function: Callable[..., Any],
    *arrays: Any,
    size: int = BLOCK,
    title: str = "",
    full: bool = False,
) -> Any:
    """Applies a compiled function to arrays `[N, ...]`, or trees of them, by blocks.

    The last block is filled up from the start of the arrays: one shape, one program.
    Where there are fewer examples than `size`, a block has the next power of two.

    Args:
        function: takes a block of each array and returns arrays as long, or a tree of
            them.
        arrays: with one first axis.
        size: examples in a call, at most.
        title: of a progress bar; there is none without.
        full: fill a block of `size` even with few examples, so that what an example
            gives is the same bits in any company.

    Returns:
        What the function returns for all of them, `[N, ...]`, in NumPy.
    """
    count, parts = len(jax.tree.leaves(arrays)[0]), []
    size = size if full else min(size, 1 << (count - 1).bit_length())
    bar = {"delay": 1, "leave": False, "disable": None if title else True}
    for first in tqdm(range(0, count, size), desc=title, unit="block", **bar):
        index = np.arange(first, first + size) % count
        block = jax.tree.map(lambda x, index=index: x[index], arrays)
        parts.append(jax.tree.map(np.asarray, function(*block)))
    return jax.tree.map(lambda *x: np.concatenate(x)[:count], *parts)
