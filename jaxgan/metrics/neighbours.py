"""Nearest neighbours, a first check for a generator that memorises."""

from typing import NamedTuple

import chex
import jax
import jax.numpy as jnp
from jax import lax
from jax.typing import ArrayLike

from jaxgan.metrics import _arrays

_SPARE = 8  # candidates beyond k, among which rounding may have changed the order


class Memorisation(NamedTuple):
    """The distances of samples to training images, compared with held-out images.

    Attributes:
        ratio: the median distance of samples to their nearest training images over
            that of held-out images: near 1 if they are new, well below if copies.
        copies: the share of samples nearer to a training image than `threshold`.
        threshold: the quantile of the distances of held-out images.
        nearest: the index of the training image nearest to each sample, int32 `[N]`.
        distance: its distance, `[N]`.
    """

    ratio: jax.Array
    copies: jax.Array
    threshold: jax.Array
    nearest: jax.Array
    distance: jax.Array


def memorisation(
    samples: ArrayLike,
    train: ArrayLike,
    held_out: ArrayLike,
    *,
    quantile: float = 0.01,
    query_block: int = 256,
) -> Memorisation:
    """Compares the distances of samples and of new images to the training images.

    New images are below the threshold with a probability of `quantile`. More copies
    than that are memorised, or so simple that the data is full of them. Distances of
    pixels miss copies that are shifted or recoloured; distances of features find more.

    Args:
        samples: images or features, `[N, ...]`, any real dtype.
        train: `[T, ...]`, examples of the same shape.
        held_out: `[H, ...]`, from the distribution of `train` but not in it, at least
            about 1 / `quantile` of them.
        quantile: the quantile of the distances of held-out images, 0 to 1.
        query_block: as in `nearest_neighbours`.

    Raises:
        ValueError: if `quantile` is not from 0 to 1, or a set is empty.

    References:
        Meehan, Chaudhuri and Dasgupta, 2020, https://arxiv.org/abs/2004.05675, compare
        the same distances.
    """
    if not 0 <= quantile <= 1:
        raise ValueError(f"quantile is {quantile}, expected 0 to 1")
    counts = [jnp.shape(x)[0] for x in (samples, train, held_out)]
    if not all(counts):
        raise ValueError(
            f"samples, train and held_out have {counts} examples, expected 1 or more of"
            " each"
        )
    nearest, distance = (
        x[:, 0] for x in nearest_neighbours(samples, train, query_block=query_block)
    )
    _, usual = nearest_neighbours(held_out, train, query_block=query_block)
    threshold = jnp.quantile(usual, quantile)
    found = Memorisation(
        jnp.median(distance) / jnp.median(usual),
        (distance < threshold).mean(dtype=jnp.float32),
        threshold,
        nearest,
        distance,
    )
    return _arrays.unless_nan(found, distance, usual)


def nearest_neighbours(
    queries: ArrayLike,
    data: ArrayLike,
    k: int = 1,
    *,
    block: int = 2048,
    query_block: int = 256,
) -> tuple[jax.Array, jax.Array]:
    """The `k` nearest rows of `data` to each query, by Euclidean distance.

    Candidates come from |q|^2 - 2 q.d + |d|^2, one matrix product a block. That loses
    small distances to rounding, so the distances returned are computed from
    differences.

    Args:
        queries: `[Q, ...]`, any real dtype.
        data: `[N, ...]`, examples of the same shape.
        k: 1 to N.
        block: rows of `data` converted to floating point at a time.
        query_block: queries computed together; `query_block · N` numbers are held at a
            time.

    Returns:
        `(index, distance)`, int32 and float32 `[Q, k]`, nearest first. Distances are
        NaN of a query in a JAX array that has NaN or infinite values, and of all
        queries if the data has.

    Raises:
        ValueError: if `k` is not from 1 to N, a block is below 1, or a NumPy array has
            NaN or infinite values.
    """
    _arrays.check_finite(queries=queries, data=data)
    x, y = jnp.asarray(queries), jnp.asarray(data)
    chex.assert_equal_shape_suffix([x, y], x.ndim - 1)
    count = len(y)
    if not 1 <= k <= count:
        raise ValueError(
            f"k is {k}; it must be from 1 to {count}, the number of examples"
        )
    if min(block, query_block) < 1:
        raise ValueError(
            f"block is {block} and query_block {query_block}; both must be at least 1"
        )
    x, y = x.reshape(len(x), -1).astype(jnp.float32), y.reshape(count, -1)
    blocks = jnp.split(y, list(range(block, count, block)))
    # Distances do not depend on the origin, and rounding is smallest around it.
    sums = [rows.astype(jnp.float32).sum(0) for rows in blocks]
    centre = jnp.stack(sums).sum(0) / count

    def candidates(query):
        query = query - centre

        def closeness(rows):  # up to |q|^2, which changes no order
            rows = rows.astype(jnp.float32) - centre[None, :]
            product = jnp.matmul(rows, query, precision=lax.Precision.HIGHEST)
            return 2 * product - jnp.square(rows).sum(1)

        scores = jnp.concatenate([closeness(rows) for rows in blocks])
        return lax.top_k(scores, min(k + _SPARE, count))[1]

    found = lax.map(candidates, x, batch_size=max(1, min(query_block, len(x))))

    def distances(pair):
        query, rows = pair
        difference = y[rows].astype(jnp.float32) - query[None, :]
        return jnp.sqrt(jnp.square(difference).sum(1))

    negative, order = lax.top_k(-lax.map(distances, (x, found)), k)
    distance = _arrays.unless_nan(-negative, centre)  # of all data
    return jnp.take_along_axis(found, order, axis=1), distance
