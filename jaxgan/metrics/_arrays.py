"""Helpers of the statistics: NumPy in float64 on the host, or JAX in its own precision.

A function takes `xp`, which is numpy or jax.numpy, and is written once for both.
"""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.typing import ArrayLike


def library(**named: ArrayLike) -> tuple[Any, list[Any]]:
    """Chooses NumPy and float64, or JAX if one of the arrays is JAX's.

    Args:
        named: the arrays, by the names to use in error messages.

    Returns:
        `numpy` or `jax.numpy`, and the arrays in order.

    Raises:
        ValueError: if a NumPy array has a NaN or infinite value.
    """
    if any(isinstance(x, jax.Array) for x in named.values()):
        return jnp, [_float(jnp.asarray(x)) for x in named.values()]
    check_finite(**named)
    return np, [np.asarray(x, np.float64) for x in named.values()]


def check_finite(**named: ArrayLike) -> None:
    """Checks the arrays that are not JAX's, whose values may be known only later.

    Args:
        named: the arrays, by the names to use in error messages.

    Raises:
        ValueError: if one has a NaN or infinite value.
    """
    for name, x in named.items():
        if isinstance(x, jax.Array):
            continue
        x = np.asarray(x)
        if x.dtype.kind in "biu":
            continue
        bad = x.size - np.count_nonzero(np.isfinite(x))
        if bad:
            raise ValueError(
                f"{name} has {bad} NaN or infinite values of {x.size}, expected finite"
                " numbers; look for the first step that produced one"
            )


def unless_nan(result: Any, *inputs: Any) -> Any:
    """The result, and NaN for its floats where an input has a NaN or infinite value.

    A comparison, an index or a random choice would lose them: NaN is less than nothing,
    and lies in the first bin.

    Args:
        result: a tree of numbers and arrays.
        inputs: what it was computed from; NumPy arrays pass, since they were checked.
    """
    checks = [jnp.isfinite(x).all() for x in inputs if isinstance(x, jax.Array)]
    if not checks:
        return result
    good = functools.reduce(jnp.logical_and, checks)

    def one(x):
        floats = jnp.issubdtype(jnp.result_type(x), jnp.floating)
        return jnp.where(good, x, jnp.nan) if floats else x

    return jax.tree.map(one, result)


def feature_sets(
    real: ArrayLike, fake: ArrayLike, least: int = 1
) -> tuple[Any, Any, Any]:
    """Does what `library` does for two sets of features with the same F.

    Args:
        real: `[N, F]`.
        fake: `[M, F]`.
        least: the smallest number of samples in each.

    Raises:
        ValueError: if the shapes are wrong, or a NumPy array has a NaN or infinite
            value.
    """
    xp, (x, y) = library(real=real, fake=fake)
    if (
        x.ndim != 2
        or y.ndim != 2
        or x.shape[1] != y.shape[1]
        or not x.shape[1]
        or min(len(x), len(y)) < least
    ):
        raise ValueError(
            f"real has shape {x.shape} and fake {y.shape}, expected [N, F] and"
            f" [M, F] with the same F, and N and M of {least} or more"
        )
    return xp, x, y


def positive(name: str, value: int) -> None:
    """Refuses a count below 1."""
    if value < 1:
        raise ValueError(f"{name} is {value}, expected 1 or more")


def product(xp: Any, a: Any, b: Any) -> Any:
    """The matrix product in full precision, which accelerators use only when asked."""
    if xp is np:
        return np.matmul(a, b)
    return jnp.matmul(a, b, precision=lax.Precision.HIGHEST)


def by_block(xp: Any, function: Callable[..., Any], rows: Any, block: int) -> Any:
    """Applies `function(index, rows)` to all rows, up to `block` of them at a time.

    Args:
        xp: numpy or jax.numpy.
        function: takes the indices of some rows, `[b]`, and the rows, `[b, F]`; returns
            one number or row for each.
        rows: `[N, F]`.
        block: the largest b.

    Returns:
        The results of all rows, in order.
    """
    count = len(rows)
    index = xp.arange(count)
    if xp is np:
        parts = [
            function(index[start : start + block], rows[start : start + block])
            for start in range(0, count, block)
        ]
        return np.concatenate(parts)

    def one(pair):
        return function(pair[0][None], pair[1][None, :])[0]

    return lax.map(one, (index, rows), batch_size=min(block, count))


def squares(xp: Any, a: Any, b: Any) -> tuple[Any, Any]:
    """Squared Euclidean distances by one matrix product, and their tolerances.

    |a|² − 2 a·b + |b|² has the rounding error of its largest term. Pass centred rows:
    distances do not depend on the origin, and rounding is smallest around it.

    Args:
        xp: numpy or jax.numpy.
        a: `[N, F]`.
        b: `[M, F]`.

    Returns:
        The squares, 0 or more, and their tolerances, `[N, M]` each.
    """
    largest = xp.square(a).sum(1)[:, None] + xp.square(b).sum(1)[None, :]
    square = xp.maximum(largest - 2 * product(xp, a, b.T), 0)
    # Independent errors of F terms grow with the root of F.
    terms = 2 + np.sqrt(a.shape[1])
    return square, largest * float(np.finfo(a.dtype).eps * terms)


def compiled(*static: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorates a function of `xp` and arrays, to compile it for JAX only."""

    def decorate(function):
        fast = jax.jit(function, static_argnums=0, static_argnames=static)

        @functools.wraps(function)
        def call(xp, *args, **kwargs):
            return (function if xp is np else fast)(xp, *args, **kwargs)

        return call

    return decorate


def _float(x: jax.Array) -> jax.Array:
    return x.astype(jnp.promote_types(x.dtype, jnp.float32))
