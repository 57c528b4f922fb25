"""Checks of arguments at trace time, and the arithmetic that the losses share.

Shapes and ranks raise `ValueError`, element types raise `TypeError`; both name the
argument, what came and what is expected. They depend on shapes and dtypes alone, so
they are free in a compiled function. (The assertions of chex name no argument, and can
be switched off.)
"""

import math
from collections.abc import Callable

import jax
import jax.core
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

Number = float | jax.Array


def floating(
    name: str, value: ArrayLike, *, rank: int | None = None, min_rank: int = 1
) -> jax.Array:
    """Checks one floating-point array and returns it in at least float32."""
    array = jnp.asarray(value)
    if not jnp.issubdtype(array.dtype, jnp.floating):
        raise TypeError(f"{name} has dtype {array.dtype}, expected a floating dtype")
    if rank is not None and array.ndim != rank:
        raise ValueError(
            f"{name} has shape {array.shape} (rank {array.ndim}), expected rank {rank}"
        )
    if array.ndim < min_rank:
        raise ValueError(
            f"{name} has shape {array.shape} (rank {array.ndim}), "
            f"expected rank {min_rank} or more"
        )
    if array.size == 0:
        raise ValueError(f"{name} has shape {array.shape}, expected no empty axis")
    return array if jnp.finfo(array.dtype).bits >= 32 else array.astype(jnp.float32)


def same_shape(
    *, rank: int | None = None, min_rank: int = 1, **named: ArrayLike
) -> tuple[jax.Array, ...]:
    """Checks named arrays as `floating` does, and that their shapes are equal."""
    arrays = tuple(
        floating(name, value, rank=rank, min_rank=min_rank)
        for name, value in named.items()
    )
    if len({array.shape for array in arrays}) > 1:
        shapes = ", ".join(
            f"{name} {array.shape}" for name, array in zip(named, arrays, strict=True)
        )
        raise ValueError(f"expected equal shapes (nothing is broadcast), got {shapes}")
    return arrays


def same_batch(**named: jax.Array) -> None:
    """Refuses arrays whose first axes differ in length."""
    if len({len(array) for array in named.values()}) > 1:
        shapes = ", ".join(f"{name} {array.shape}" for name, array in named.items())
        raise ValueError(f"expected batches of equal size, got {shapes}")


def weights(name: str, value: ArrayLike, like: jax.Array) -> jax.Array:
    """Checks weights or a mask whose every axis is as long as that of `like`, or 1."""
    array = jnp.asarray(value)
    if jnp.issubdtype(array.dtype, jnp.bool_) or jnp.issubdtype(
        array.dtype, jnp.integer
    ):
        array = array.astype(like.dtype)
    array = floating(name, array)
    if array.ndim != like.ndim or any(
        n not in (1, m) for n, m in zip(array.shape, like.shape, strict=True)
    ):
        raise ValueError(
            f"{name} has shape {array.shape}, expected rank {like.ndim} with every "
            f"axis 1 or that of {like.shape}"
        )
    return array


def labels(name: str, value: ArrayLike, logits: jax.Array) -> jax.Array:
    """Checks integer class labels `[B]` for logits `[B, K]`.

    Labels outside `0..K-1` are refused where their values are known; in a compiled
    function they are not, and the caller marks them with `out_of_range`.
    """
    dtype = jnp.result_type(value)
    if not jnp.issubdtype(dtype, jnp.integer):
        raise TypeError(f"{name} has dtype {dtype}, expected an integer dtype")
    batch, classes = logits.shape
    if jnp.shape(value) != (batch,):
        raise ValueError(f"{name} has shape {jnp.shape(value)}, expected {(batch,)}")
    concrete = not isinstance(value, jax.core.Tracer)
    if concrete and getattr(value, "is_fully_addressable", True):
        known = np.asarray(value)
        if known.min() < 0 or known.max() >= classes:
            raise ValueError(
                f"{name} holds values from {known.min()} to {known.max()}, "
                f"expected 0 to {classes - 1}"
            )
    return jnp.asarray(value)


def out_of_range(array: jax.Array, labels: jax.Array, classes: int) -> jax.Array:
    """Turns the values of examples with impossible labels into NaN."""
    return jnp.where((labels >= 0) & (labels < classes), array, jnp.nan)


def cross_entropy(name: str, logits: jax.Array, classes: ArrayLike) -> jax.Array:
    """−log softmax(logits) of the integer classes called `name`, `[B]`."""
    checked = labels(name, classes, logits)
    log_probs = jax.nn.log_softmax(logits, axis=1)
    picked = jnp.take_along_axis(log_probs, checked[:, None], axis=1, mode="clip")
    return out_of_range(-picked[:, 0], checked, logits.shape[1])


def scalar(name: str, value: ArrayLike) -> jax.Array:
    """Checks one number, `[]`, in at least float32."""
    if isinstance(value, int):
        value = float(value)
    return floating(name, value, rank=0, min_rank=0)


def number(
    name: str,
    value: Number | None,
    wanted: str,
    accept: Callable[[float], bool],
) -> None:
    """Refuses a Python number that `accept` refuses; traced values pass."""
    if isinstance(value, int | float) and (math.isnan(value) or not accept(value)):
        raise ValueError(f"{name} is {value}, expected {wanted}")


def option(name: str, value: str, known: tuple[str, ...]) -> None:
    """Refuses an option that is not one of the known ones."""
    if value not in known:
        raise ValueError(f"{name} is {value!r}, expected one of {', '.join(known)}")


def critic_scores(scores: jax.Array, batch: int) -> jax.Array:
    """Checks what a critic function returned for a batch."""
    if jnp.shape(scores) != (batch,):
        raise ValueError(
            f"critic_fn returned shape {jnp.shape(scores)}, expected {(batch,)}: "
            "one score per example"
        )
    if not jnp.issubdtype(scores.dtype, jnp.floating):
        raise TypeError(
            f"critic_fn returned dtype {scores.dtype}, expected a floating dtype"
        )
    return scores


def per_example(array: jax.Array, reduce: Callable = jnp.mean) -> jax.Array:
    """Reduces every axis but the first."""
    return reduce(array.reshape(array.shape[0], -1), axis=1)


def safe_sqrt(square: jax.Array) -> jax.Array:
    """Square root whose derivative at zero is zero; NaN and infinity pass through."""
    zero = square == 0
    return jnp.where(zero, 0.0, jnp.sqrt(jnp.where(zero, 1.0, square)))
