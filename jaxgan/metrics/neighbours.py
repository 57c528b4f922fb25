"""Nearest neighbours: the first look at whether a generator memorises."""

import chex
import jax
import jax.numpy as jnp
from jax import lax

_SPARE = 8  # candidates beyond k, among which rounding may have changed the order


def nearest_neighbours(
    queries: jax.Array, data: jax.Array, k: int = 1, *, block: int = 2048
) -> tuple[jax.Array, jax.Array]:
    """The `k` nearest rows of `data` to each query, by Euclidean distance.

    Candidates come from |q|^2 - 2 q.d + |d|^2, one matrix product a block; that loses
    small distances to rounding, so those returned are of differences.

    Args:
        queries: `[Q, ...]`, any real dtype.
        data: `[N, ...]`, examples of the same shape.
        k: 1 to N.
        block: rows of `data` made floating-point at a time.

    Returns:
        `(index, distance)`, int32 and float32 `[Q, k]`, nearest first.

    Raises:
        ValueError: `k` outside 1..N.
    """
    chex.assert_equal_shape_suffix([queries, data], queries.ndim - 1)
    count = data.shape[0]
    if not 1 <= k <= count:
        raise ValueError(
            f"k is {k}; it must be from 1 to the {count} examples there are"
        )
    queries = queries.reshape(queries.shape[0], -1).astype(jnp.float32)
    data = jnp.asarray(data).reshape(count, -1)

    def closeness(rows):  # up to |q|^2, which changes no order
        rows = rows.astype(jnp.float32)
        return 2 * queries @ rows.T - jnp.square(rows).sum(1)[None, :]

    blocks = jnp.split(data, list(range(block, count, block)))
    scores = jnp.concatenate([closeness(rows) for rows in blocks], axis=1)
    _, candidates = lax.top_k(scores, min(k + _SPARE, count))

    def distances(pair):
        query, rows = pair
        difference = data[rows].astype(jnp.float32) - query[None, :]
        return jnp.sqrt(jnp.square(difference).sum(1))

    negative, order = lax.top_k(-lax.map(distances, (queries, candidates)), k)
    return jnp.take_along_axis(candidates, order, axis=1), -negative
