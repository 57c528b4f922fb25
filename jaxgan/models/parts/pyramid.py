"""The Laplacian pyramid: an image as a small one and the residuals of enlarging it.

Burt and Adelson, "The Laplacian Pyramid as a Compact Image Code", 1983; with the
scaling of Denton et al., arXiv:1506.05751.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan import nn

STEPS = 2.0**16  # of a pixel's value between 0 and 1


class Level(NamedTuple):
    """A level of the pyramid, whose image is `low + residual`.

    Attributes:
        low: the enlarged image of the level before it, `[B, S, S, C]`; zeros at the
            coarsest.
        residual: what is missing from it.
    """

    low: jax.Array
    residual: jax.Array


def pyramid(image: jax.Array, sizes: tuple[int, ...]) -> list[Level]:
    """Splits images into levels, from the coarsest.

    Pixels, and all that is made of them, are rounded to multiples of 2^-16, five
    hundred times finer than bytes are in [-1, 1]. So `low + residual` is the image of a
    level bit for bit.

    Args:
        image: `[B, S, S, C]` in [-1, 1], where S is the last size.
        sizes: sides of the levels, from the coarsest.

    Raises:
        ValueError: the images have another side.
    """
    if image.shape[1:3] != (sizes[-1], sizes[-1]):
        raise ValueError(
            f"images have the shape {image.shape[1:]}, but the finest level has a side"
            f" of {sizes[-1]}; give images of that side"
        )
    scaled = [_rounded(image.astype(jnp.float32))]
    for size in reversed(sizes[:-1]):
        scaled.insert(0, shrink(scaled[0], size))
    lows = [jnp.zeros_like(scaled[0])]
    lows += [enlarge(x, size) for x, size in zip(scaled[:-1], sizes[1:], strict=True)]
    return [Level(low, x - low) for low, x in zip(lows, scaled, strict=True)]


def enlarge(image: jax.Array, side: int) -> jax.Array:
    """Enlarges images `[B, S, S, C]` to a side by bilinear interpolation."""
    return _rounded(nn.enlarge(image, side, side))


def shrink(image: jax.Array, side: int) -> jax.Array:
    """Shrinks images `[B, S, S, C]` to a side: pixels are means over areas."""
    large = image.shape[1]
    edges, places = np.arange(side + 1) * (large / side), np.arange(large)
    begin = np.maximum(edges[:-1, None], places)
    end = np.minimum(edges[1:, None], places + 1)
    share = jnp.asarray(np.maximum(end - begin, 0) * (side / large), jnp.float32)
    exact = jax.lax.Precision.HIGHEST
    shrunk = jnp.einsum("ih,bhwc,jw->bijc", share, image, share, precision=exact)
    return _rounded(shrunk)


def _rounded(image: jax.Array) -> jax.Array:
    """The nearest multiples of 2^-16, whose sums and differences float32 has exactly.

    Gradients pass as if nothing were rounded.
    """
    return image + jax.lax.stop_gradient(jnp.round(image * STEPS) / STEPS - image)
