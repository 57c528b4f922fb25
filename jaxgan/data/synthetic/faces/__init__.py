"""Procedural faces: shaded portraits drawn from named factors, as many as wanted.

No set of photographs ships with the library, so this is its default data. A face is a
pure function of its `Factors`: `render` draws it, `caption` describes it, `boxes` says
where its parts are. All of it but the caption works under `jit` and `vmap`. That makes
the set a ground truth too: what a conditional generator, a text-to-image model or
latent arithmetic should do can be looked up.

The head is a curved surface in three dimensions and its features lie on it, so that a
turned head shows shifted, foreshortened and hidden features.

    factors = sample_factors(jax.random.key(0))
    image = jax.jit(render, static_argnums=1)(factors, 64)   # [64, 64, 3] uint8
    images = dataset(seed=0, count=8192, size=64)["image"]   # seconds on two cores
"""

import concurrent.futures
import functools
import os
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.data.synthetic.faces import geometry, portrait
from jaxgan.data.synthetic.faces.factors import (
    CATEGORIES,
    RANGES,
    Factors,
    mirror,
    neutral,
    sample_factors,
)
from jaxgan.data.synthetic.faces.words import caption

__all__ = [
    "CATEGORIES",
    "RANGES",
    "Factors",
    "boxes",
    "caption",
    "dataset",
    "mirror",
    "neutral",
    "render",
    "sample_factors",
]

_TILE = 32  # images drawn together: what a core's cache holds


def render(factors: Factors, size: int) -> jax.Array:
    """Draw one face; `jax.vmap` draws a batch.

    Edges are blended over the width of a pixel, so that sizes agree with each other.

    Args:
        factors: scalars, inside their ranges.
        size: height and width in pixels, 16 to 256; static under `jit`.

    Returns:
        The picture, `[size, size, 3]` uint8, sRGB-like.

    Raises:
        ValueError: if `size` is out of range.
    """
    _check_size(size)
    fine = 2 * size if size < 48 else size  # small features need more samples there
    ticks = (np.arange(fine, dtype=np.float32) + 0.5) / fine
    across, down = np.meshgrid(ticks - 0.5, ticks - geometry.CENTRE)
    canvas = portrait.paint(
        factors,
        jnp.asarray(across / geometry.SCALE, jnp.float32),
        jnp.asarray(down / geometry.SCALE, jnp.float32),
        pixel=1 / (fine * geometry.SCALE),
    )
    canvas = jnp.clip(canvas, 0.0, 1.0)
    if fine != size:
        canvas = canvas.reshape(3, size, 2, size, 2).mean((2, 4))
    levels = jnp.round(255 * jnp.sqrt(canvas)).astype(jnp.uint8)
    return levels.transpose(1, 2, 0)


def boxes(factors: Factors) -> dict[str, jax.Array]:
    """Where the parts of a face are.

    Args:
        factors: scalars.

    Returns:
        For `face` (forehead to chin), `hair`, `left_eye`, `right_eye`, `nose`, `mouth`
        and `glasses` (the lenses) a float32 `[4]`: top, left, bottom, right, in image
        heights from 0 to 1. Parts that are not there have the empty box of zeros.
    """
    return portrait.boxes(factors)


@functools.partial(jax.jit, static_argnames="size")
def _draw(seed: jax.Array, indices: jax.Array, size: int):
    """Faces number `indices` `[N]` of a seed, a tile at a time."""

    def one(index):
        factors = sample_factors(jax.random.fold_in(jax.random.key(seed), index))
        return render(factors, size), factors

    return jax.lax.map(one, indices, batch_size=_TILE)


def dataset(seed: int, count: int, size: int, *, batch: int = 256) -> dict[str, Any]:
    """Many faces with their factors; face `i` depends on `seed` and `i` alone.

    Args:
        seed: which set.
        count: how many faces, 1 or more.
        size: height and width in pixels, 16 to 256.
        batch: faces per compiled call; changes the memory needed and nothing else.

    Returns:
        `image`, uint8 `[count, size, size, 3]`, and `factors`, a dictionary of numpy
        arrays `[count]` with the fields of `Factors`.

    Raises:
        ValueError: if `count`, `size` or `batch` is out of range.
    """
    _check_size(size)
    for name, value in (("count", count), ("batch", batch)):
        if value < 1:
            raise ValueError(f"{name} is {value}; expected 1 or more, such as 256")
    # Whole tiles only, so that every face comes out of the same compiled code.
    batch = -(-min(batch, count) // _TILE) * _TILE
    image = np.empty((count, size, size, 3), np.uint8)
    factors = {
        name: np.empty(count, np.int32 if name in CATEGORIES else np.float32)
        for name in Factors._fields
    }

    def fill(start):
        stop = min(start + batch, count)
        drawn, found = jax.device_get(
            _draw(seed, jnp.arange(start, start + batch), size)
        )
        image[start:stop] = drawn[: stop - start]
        for name, values in found._asdict().items():
            factors[name][start:stop] = values[: stop - start]

    fill(0)  # alone: threads that start together would each compile
    # A tile is small work for many cores, so several calls run side by side.
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(fill, range(batch, count, batch)))
    return {"image": image, "factors": factors}


def _check_size(size: int) -> None:
    if not 16 <= size <= 256:
        raise ValueError(
            f"size is {size}; expected 16 to 256 pixels: render within that and resize"
        )
