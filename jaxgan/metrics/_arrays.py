"""What the statistics share: numpy in float64 on the host, or JAX in its own precision.

A function takes `xp`, numpy or jax.numpy, and is written once for both.
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
    """Numpy and finite float64 arrays, unless one of the arrays is JAX's.

    Args:
        named: the arrays, by the names an error message is to have.

    Returns:
        `numpy` or `jax.numpy`, and the arrays in order.

    Raises:
        ValueError: if a value is NaN or infinite, of numpy arrays only.
    """
    if any(isinstance(x, jax.Array) for x in named.values()):
        return jnp, [_float(jnp.asarray(x)) for x in named.values()]
    arrays = [np.asarray(x, np.float64) for x in named.values()]
    for name, x in zip(named, arrays, strict=True):
        bad = x.size - np.count_nonzero(np.isfinite(x))
        if bad:
            raise ValueError(
                f"{name} has {bad} NaN or infinite values of {x.size}, expected finite"
                " numbers; look for the first step that made one"
            )
    return np, arrays


def feature_sets(
    real: ArrayLike, fake: ArrayLike, least: int = 1
) -> tuple[Any, Any, Any]:
    """As `library`, of two sets of features of one size.

    Args:
        real: `[N, F]`.
        fake: `[M, F]`.
        least: the fewest samples of each.

    Raises:
        ValueError: if the shapes are others, or values of numpy arrays not finite.
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
            f" [M, F] of one F, with N and M of {least} or more"
        )
    return xp, x, y


def positive(name: str, value: int) -> None:
    """Refuses a count below 1."""
    if value < 1:
        raise ValueError(f"{name} is {value}, expected 1 or more")


def product(xp: Any, a: Any, b: Any) -> Any:
    """The matrix product in full precision, which accelerators do not have unasked."""
    if xp is np:
        return np.matmul(a, b)
    return jnp.matmul(a, b, precision=lax.Precision.HIGHEST)


def by_block(xp: Any, function: Callable[..., Any], rows: Any, block: int) -> Any:
    """`function(index, rows)` of all rows, `block` of them at a time.

    Args:
        xp: numpy or jax.numpy.
        function: of the indices `[b]` of some rows and the rows `[b, F]`; it returns
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
    """Squared Euclidean distances by one matrix product, and how much they may be off.

    |a|² − 2 a·b + |b|² rounds by its largest term. Give centred rows: distances do not
    know where the origin is, and rounding is least around it.

    Args:
        xp: numpy or jax.numpy.
        a: `[N, F]`.
        b: `[M, F]`.

    Returns:
        The squares, 0 or more, and their tolerances, `[N, M]` each.
    """
    largest = xp.square(a).sum(1)[:, None] + xp.square(b).sum(1)[None, :]
    square = xp.maximum(largest - 2 * product(xp, a, b.T), 0)
    # Errors of F terms that are independent grow with the root of F.
    terms = 2 + np.sqrt(a.shape[1])
    return square, largest * float(np.finfo(a.dtype).eps * terms)


def compiled(*static: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorates a function of `xp` and arrays: compiled as one for JAX alone."""

    def decorate(function):
        fast = jax.jit(function, static_argnums=0, static_argnames=static)

        @functools.wraps(function)
        def call(xp, *args, **kwargs):
            return (function if xp is np else fast)(xp, *args, **kwargs)

        return call

    return decorate


def _float(x: jax.Array) -> jax.Array:
    return x.astype(jnp.promote_types(x.dtype, jnp.float32))
