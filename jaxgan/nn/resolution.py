"""Smaller and larger images: bicubic reduction, and channels made into pixels."""

import chex
import jax
from flax import linen


def reduce(image: jax.Array, factor: int) -> jax.Array:
    """Makes images smaller by bicubic interpolation without aliases.

    The kernel is widened by the factor and renormalised at borders, as in Pillow and in
    PyTorch with `antialias=True`. Values may leave the range of the image a little.

    Args:
        image: `[..., H, W, C]`, floats.
        factor: by how much, at least 1.

    Returns:
        `[..., H / factor, W / factor, C]`.

    Raises:
        ValueError: the factor is below 1 or does not divide height and width.
    """
    height, width = image.shape[-3:-1]
    if factor < 1 or height % factor or width % factor:
        larger = tuple(side - side % max(factor, 1) for side in (height, width))
        raise ValueError(
            f"images of {height}x{width} cannot be made {factor} times smaller; crop"
            f" them to {larger[0]}x{larger[1]}, or give a factor that divides both"
        )
    shape = (*image.shape[:-3], height // factor, width // factor, image.shape[-1])
    return jax.image.resize(image, shape, "cubic", antialias=True)


def pixel_shuffle(x: jax.Array, factor: int) -> jax.Array:
    """Makes blocks of `factor`² pixels out of channels, in PyTorch's order.

    Channel c r² + i r + j goes to row i and column j of the block, in channel c.

    Args:
        x: `[B, H, W, C r²]`.
        factor: r.

    Returns:
        `[B, H r, W r, C]`.

    Raises:
        ValueError: the number of channels is not a multiple of r².

    References:
        Shi et al., "Real-Time Single Image and Video Super-Resolution Using an
        Efficient Sub-Pixel Convolutional Neural Network", arXiv:1609.05158.
    """
    chex.assert_rank(x, 4)
    count, height, width, channels = x.shape
    if factor < 1 or channels % factor**2:
        raise ValueError(
            f"{channels} channels do not make blocks of {factor}x{factor} pixels; give"
            f" a multiple of {max(factor, 1) ** 2} channels"
        )
    blocks = x.reshape(count, height, width, -1, factor, factor)
    spread = blocks.transpose(0, 1, 4, 2, 5, 3)
    return spread.reshape(count, height * factor, width * factor, -1)


def double(x: jax.Array) -> jax.Array:
    """Doubles height and width by nearest neighbours: `[B, H, W, C]` in any dtype."""
    return x.repeat(2, 1).repeat(2, 2)


def double_smoothly(x: jax.Array) -> jax.Array:
    """Doubles height and width by bilinear interpolation: `[B, H, W, C]`.

    Corners are not aligned, as in PyTorch with `align_corners=False`.
    """
    count, height, width, channels = x.shape
    return jax.image.resize(x, (count, 2 * height, 2 * width, channels), "bilinear")


def halve(x: jax.Array) -> jax.Array:
    """Halves height and width by means over 2x2 pixels: `[B, 2H, 2W, C]`."""
    return linen.avg_pool(x, (2, 2), (2, 2))
