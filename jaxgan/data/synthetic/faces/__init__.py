"""Procedural faces: shaded portraits drawn from named factors, as many as wanted.

The library ships no photographs, so this is its default data. A face is a pure function
of its `Factors`: `render` draws it, `caption` describes it, `boxes` tells where its
parts are, and `labels` what every pixel shows. All but the caption works under `jit`
and `vmap`. Since the factors are known, the result of a conditional generator, a
text-to-image model or latent arithmetic can be compared with what it should be.
`VIEWS` are other pictures of the same person, such as a sketch, or older: with the
portrait they make pairs whose exact translation is known.

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

from jaxgan.data.synthetic import seeds
from jaxgan.data.synthetic.faces import portrait, views
from jaxgan.data.synthetic.faces.factors import (
    CATEGORIES,
    RANGES,
    Factors,
    mirror,
    neutral,
    sample_factors,
)
from jaxgan.data.synthetic.faces.portrait import LABELS
from jaxgan.data.synthetic.faces.views import (
    CHANGES,
    COLOURS,
    PAINTERS,
    VIEWS,
    labels,
    render,
)
from jaxgan.data.synthetic.faces.words import caption

__all__ = [
    "CATEGORIES",
    "CHANGES",
    "COLOURS",
    "LABELS",
    "PAINTERS",
    "RANGES",
    "VIEWS",
    "Factors",
    "boxes",
    "caption",
    "dataset",
    "labels",
    "level",
    "mirror",
    "neutral",
    "render",
    "sample_factors",
]

_TILE = 32  # the number of images drawn together: as many as a core's cache holds


def boxes(factors: Factors, aligned: bool = False) -> dict[str, jax.Array]:
    """Computes the boxes around the parts of a face.

    Args:
        factors: scalars.
        aligned: as `render` has it.

    Returns:
        A float32 `[4]` (top, left, bottom, right, in image heights from 0 to 1) for
        each of `face` (forehead to chin), `hair`, `left_eye`, `right_eye`, `nose`,
        `mouth` and `glasses` (the lenses). The box of a part that is absent is four
        zeros.
    """
    return portrait.boxes(factors, aligned)


def level(factors: Factors) -> Factors:
    """The factors of the same face, which turns and nods half as far and tilts less.

    Faces that were found and aligned in photographs mostly look at the camera.
    """
    return factors._replace(
        yaw=0.5 * factors.yaw, pitch=0.5 * factors.pitch, roll=0.25 * factors.roll
    )


@functools.partial(jax.jit, static_argnames=("size", "painter", "aligned"))
def _draw(
    seed: jax.Array,
    indices: jax.Array,
    change: jax.Array,
    size: int,
    painter: str,
    aligned: bool,
):
    """Draws the faces of a seed with the numbers `indices` `[N]`, a tile at a time."""
    changes = [lambda factors: factors, *CHANGES.values()]

    def one(index):
        factors = sample_factors(jax.random.fold_in(jax.random.key(seed), index))
        factors = level(factors) if aligned else factors
        shown = jax.lax.switch(change, changes, factors)
        return PAINTERS[painter](shown, size, aligned), factors

    return jax.lax.map(one, indices, batch_size=_TILE)


def dataset(
    seed: int,
    count: int,
    size: int,
    *,
    aligned: bool = False,
    batch: int = 256,
    view: str = "portrait",
) -> dict[str, Any]:
    """Draws many faces and their factors; face `i` depends only on `seed` and `i`.

    Args:
        seed: the seed of the set.
        count: the number of faces, 1 or more.
        size: height and width in pixels, 16 to 256.
        aligned: whether faces are `level` and aligned at the eyes, as those of CelebA
            are; the people are the same.
        batch: faces per compiled call; it changes only the memory needed.
        view: what to draw of each person, one of `VIEWS`. Two calls with other views
            give pairs of pictures.

    Returns:
        `image`, uint8 `[count, size, size, 3]`, and `factors`, a dictionary of numpy
        arrays `[count]` with the fields of `Factors`: those of the portrait.

    Raises:
        ValueError: `seed`, `count`, `size` or `batch` is out of range, or there is no
            such view.
    """
    views.check_size(size)
    bits = seeds.checked(seed)
    views.check_view(view)
    # One compiled program serves all changes of a portrait.
    painter = view if view in PAINTERS else "portrait"
    change = np.int32([None, *CHANGES].index(view) if view in CHANGES else 0)
    for name, value in (("count", count), ("batch", batch)):
        if value < 1:
            raise ValueError(f"{name} is {value}; expected 1 or more, such as 256")
    # Only whole tiles are drawn, so that the same compiled code draws every face.
    batch = -(-min(batch, count) // _TILE) * _TILE
    image = np.empty((count, size, size, 3), np.uint8)
    factors = {
        name: np.empty(count, np.int32 if name in CATEGORIES else np.float32)
        for name in Factors._fields
    }

    def fill(start):
        stop = min(start + batch, count)
        drawn, found = jax.device_get(
            _draw(
                bits, jnp.arange(start, start + batch), change, size, painter, aligned
            )
        )
        image[start:stop] = drawn[: stop - start]
        for name, values in found._asdict().items():
            factors[name][start:stop] = values[: stop - start]

    fill(0)  # first by itself: threads that start together would each compile
    # One tile cannot keep many cores busy, so several calls run side by side.
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(fill, range(batch, count, batch)))
    return {"image": image, "factors": factors}
