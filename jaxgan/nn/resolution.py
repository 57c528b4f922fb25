"""Smaller and larger images: bicubic reduction, and channels made into pixels."""

import chex
import jax
import jax.numpy as jnp
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
    return enlarge(x, 2 * x.shape[1], 2 * x.shape[2])


def enlarge(x: jax.Array, height: int, width: int) -> jax.Array:
    """Enlarges images by bilinear interpolation: `[B, H, W, C]` to a height and width.

    It does what `jax.image.resize` does, but is told which axes are enlarged: exporters
    cannot compare the size of a batch that may be any.
    """
    count, rows, columns, channels = x.shape
    scale = jnp.asarray([height / rows, width / columns], jnp.float32)
    shape = (count, height, width, channels)
    return jax.image.scale_and_translate(
        x, shape, (1, 2), scale, jnp.zeros(2), "linear"
    )


def halve(x: jax.Array) -> jax.Array:
    """Halves height and width by means over 2x2 pixels: `[B, 2H, 2W, C]`."""
    return linen.avg_pool(x, (2, 2), (2, 2))


def double_filtered(x: jax.Array) -> jax.Array:
    """Doubles height and width by the filter [1, 3, 3, 1] / 4: `[B, H, W, C]`.

    It is bilinear interpolation, but for zeros beyond the borders: the filter of Karras
    et al., arXiv:1912.04958, and the transpose of `halve_filtered`, times 4.
    """
    for axis in (1, 2):
        x = _interleaved(x, axis)
    return x


def _interleaved(x: jax.Array, axis: int) -> jax.Array:
    before, after = (_shifted(x, axis, by) for by in (1, -1))
    pairs = jnp.stack([0.75 * x + 0.25 * before, 0.75 * x + 0.25 * after], axis + 1)
    return pairs.reshape(*x.shape[:axis], -1, *x.shape[axis + 1 :])


def halve_filtered(x: jax.Array) -> jax.Array:
    """Halves height and width by the filter [1, 3, 3, 1] / 8: `[B, 2H, 2W, C]`.

    There are zeros beyond the borders, as in Karras et al., arXiv:1912.04958.
    """
    for axis in (1, 2):
        pairs = x.reshape(*x.shape[:axis], -1, 2, *x.shape[axis + 1 :])
        even, odd = (jnp.take(pairs, i, axis + 1) for i in (0, 1))
        near, far = even + odd, _shifted(odd, axis, 1) + _shifted(even, axis, -1)
        x = 0.375 * near + 0.125 * far
    return x


def _shifted(x: jax.Array, axis: int, by: int) -> jax.Array:
    """Moves pixels by one place along an axis, with a zero where none comes from."""
    pads = [(0, 0, 0)] * x.ndim
    pads[axis] = (by, -by, 0)
    return jax.lax.pad(x, jnp.zeros((), x.dtype), pads)
