"""Nearest neighbours: the first look at whether a generator memorises."""

import chex
import jax
import jax.numpy as jnp
from jax import lax


def nearest_neighbours(
    queries: jax.Array, data: jax.Array, k: int = 1, *, block: int = 1024
) -> tuple[jax.Array, jax.Array]:
    """The `k` nearest rows of `data` to each query, by Euclidean distance.

    Distances are taken of differences, not by the expanded square, which loses the small
    ones to rounding. Memory is that of one block of differences per query.

    Args:
        queries: `[Q, ...]`, any real dtype.
        data: `[N, ...]`, examples of the same shape.
        k: 1 to N.
        block: rows of `data` compared at a time.

    Returns:
        `(index, distance)`, int32 and float32 `[Q, k]`, nearest first.

    Raises:
        ValueError: `k` outside 1..N.
    """
    chex.assert_equal_shape_suffix([queries, data], queries.ndim - 1)
    count = data.shape[0]
    if not 1 <= k <= count:
        raise ValueError(f"k is {k}; it must be from 1 to the {count} examples there are")
    data = data.reshape(count, -1)

    def one(query):
        squared = jnp.concatenate(
            [
                jnp.square(rows.astype(jnp.float32) - query[None, :]).sum(-1)
                for rows in jnp.split(data, list(range(block, count, block)))
            ]
        )
        negative, index = lax.top_k(-squared, k)
        return index, jnp.sqrt(-negative)

    flat = queries.reshape(queries.shape[0], -1).astype(jnp.float32)
    return lax.map(one, flat)
