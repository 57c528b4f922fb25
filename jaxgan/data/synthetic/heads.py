"""Grey heads of which only shape, pose and light vary, as in a face model's renderings.

    made = heads(seed=0, count=8192, size=32)

The faces of InfoGAN's paper come from a three-dimensional model of scanned people
without hair. These take their place: bald heads before one wall, turned, nodding and
lit at random, whose factors are known. It is no part of `faces`, whose code names the
files of drawn faces that are kept.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.data.synthetic import seeds
from jaxgan.data.synthetic.faces import RANGES, neutral, render

VARIED = ("yaw", "pitch", "head_width", "light_azimuth", "light_elevation")
"""Uniform over their ranges; light elevation from level to high."""
SHAPES = (
    *("jaw", "cheeks", "brow_thickness", "brow_raise", "eye_size", "eye_spacing"),
    *("eye_tilt", "nose_width", "nose_length", "nose_height", "mouth_width"),
    "lip_fullness",
)
"""What makes people differ, uniform over the middle half of the ranges; all have the
same skin, since its brightness alone would be a code's easiest meaning."""
_TILE = 32  # heads drawn together
_GREY = (0.299, 0.587, 0.114)  # the luma of ITU-R BT.601


@functools.partial(jax.jit, static_argnums=2)
def _draw(seed: jax.Array, indices: jax.Array, size: int):
    low, high = jnp.array([RANGES[name] for name in VARIED + SHAPES]).T
    share = jnp.array([1.0] * len(VARIED) + [0.5] * len(SHAPES))
    middle, reach = (high + low) / 2, share * (high - low) / 2
    still = neutral(
        hair_style="bald", beard="none", glasses="none", background="plain",
        background_value=0.35, light_strength=0.8, age=0.1, smile=0.1,
    )  # fmt: skip

    def one(index):
        key = jax.random.fold_in(jax.random.key(seed), index)
        drawn = middle + reach * jax.random.uniform(key, share.shape, minval=-1)
        factors = dict(zip(VARIED + SHAPES, drawn, strict=True))
        image = render(still._replace(**factors), size).astype(jnp.float32)
        grey = (image @ jnp.array(_GREY)).round().astype(jnp.uint8)[..., None]
        return grey, {name: factors[name] for name in VARIED}

    return jax.lax.map(one, indices, batch_size=_TILE)


def heads(seed: int, count: int, size: int) -> dict[str, np.ndarray]:
    """Draws heads; head `i` depends only on `seed` and `i`.

    Args:
        seed: of the set.
        count: heads, 1 or more.
        size: height and width in pixels, 16 to 256.

    Returns:
        `image`, uint8 `[count, size, size, 1]`, and the factors `VARIED`, float32
        `[count]` each, with the meanings and units of `faces.Factors`.

    Raises:
        ValueError: the seed or the size is out of range.
    """
    bits = seeds.checked(seed)
    blocks = []
    for first in range(0, count, 8 * _TILE):  # one program for all blocks
        indices = first + jnp.arange(8 * _TILE)
        image, factors = jax.device_get(_draw(bits, indices, size))
        blocks.append({"image": image, **factors})
    return {
        name: np.concatenate([block[name] for block in blocks])[:count]
        for name in blocks[0]
    }
