"""Functions of many examples, applied block by block."""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np

BLOCK = 250  # examples a call


def in_blocks(function: Callable[..., Any], *arrays: Any, size: int = BLOCK) -> Any:
    """Applies a compiled function to arrays `[N, ...]`, or trees of them, by blocks.

    The last block is filled up from the start of the arrays: one shape, one program.

    Args:
        function: takes `[size, ...]` of each array and returns arrays `[size, ...]`, or
            a tree of them.
        arrays: with one first axis.
        size: examples a call.

    Returns:
        What the function returns of all of them, `[N, ...]`, in NumPy.
    """
    count, parts = len(jax.tree.leaves(arrays)[0]), []
    for first in range(0, count, size):
        index = np.arange(first, first + size) % count
        block = jax.tree.map(lambda x, index=index: x[index], arrays)
        parts.append(jax.tree.map(np.asarray, function(*block)))
    return jax.tree.map(lambda *x: np.concatenate(x)[:count], *parts)
