"""Measures the best rates of a device: a large matrix product, a large copy."""

import time
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp

REPEATS = 5
DTYPES = {"float32": "float32", "tf32": "float32", "bfloat16": "bfloat16"}
PRECISIONS = {"float32": "highest", "tf32": "tensorfloat32", "bfloat16": "default"}


def product(precision: str, sizes: Sequence[int], least: float = 0.1) -> float:
    """Measures operations per second of the fastest of a few square matrix products.

    Args:
        precision: "float32", "tf32" (the device's version) or "bfloat16".
        sizes: the sides of the matrices.
        least: seconds of a turn; the best of five turns counts.
    """
    return max(_product(precision, n, least) for n in sizes)


def _product(precision: str, n: int, least: float) -> float:
    a = jax.random.normal(jax.random.key(0), (n, n), DTYPES[precision])
    with jax.default_matmul_precision(PRECISIONS[precision]):
        multiply = jax.jit(lambda a, b: a @ b).lower(a, a).compile()
    return 2 * n**3 / _best(lambda: multiply(a, a), least)


def bandwidth(megabytes: int, least: float = 0.1) -> float:
    """Measures bytes per second, read and written, by a scaling and a sum in place.

    Args:
        megabytes: the size of each array, far more than the caches hold.
        least: seconds of a turn; the best of five turns counts.
    """
    count = megabytes * 2**20 // 4
    x, y = jnp.ones(count), jnp.full(count, 1e-9)
    scale = jax.jit(lambda x: 0.999 * x, donate_argnums=0)
    add = jax.jit(lambda x, y: x + 0.999 * y, donate_argnums=0)

    def scaled():
        nonlocal x
        x = scale(x)
        return x

    def added():
        nonlocal x
        x = add(x, y)
        return x

    return max(8 * count / _best(scaled, least), 12 * count / _best(added, least))


def _best(call: Callable[[], Any], least: float) -> float:
    """Seconds per call in the best of a few turns of at least `least` seconds."""
    call()
    jax.block_until_ready(call())
    count = 1
    times = []
    while len(times) < REPEATS:
        start = time.perf_counter()
        for _ in range(count - 1):
            call()
        jax.block_until_ready(call())
        spent = time.perf_counter() - start
        if spent < least and not times:
            count *= 2
            continue
        times.append(spent / count)
    return min(times)
