"""The arithmetic of convolutions: sizes, and a convolution as a matrix.

A convolution with kernel k, stride s and padding p takes an image of side i to one of
side o = ⌊(i + 2p - k) / s⌋ + 1. Its transpose takes o back to s (o - 1) + k - 2p, to
which the pixels are added that the division left over (the `output_padding` of
PyTorch). Dumoulin and Visin, "A guide to convolution arithmetic for deep learning",
arXiv:1603.07285, relationships 6 and 14.
"""

import chex
import jax
import jax.numpy as jnp

from jaxgan.nn.conv import conv


def small_side(large: int, kernel: int, stride: int = 1, padding: int = 0) -> int:
    """The side of what a convolution makes of an image.

    Args:
        large: side of the image.
        kernel: side of the kernel.
        stride: pixels from a window to the next, at least 1.
        padding: zeros on each side of the image.

    Raises:
        ValueError: a number is too small, or the kernel larger than the padded image.
    """
    if min(large, kernel, stride) < 1 or padding < 0:
        raise ValueError(
            f"image {large}, kernel {kernel} and stride {stride} must be at least 1,"
            f" and padding {padding} at least 0"
        )
    room = large + 2 * padding - kernel
    if room < 0:
        raise ValueError(
            f"the kernel {kernel} is larger than the image {large} with padding"
            f" {padding}: make it at most {large + 2 * padding}"
        )
    return room // stride + 1


def left_over(large: int, kernel: int, stride: int = 1, padding: int = 0) -> int:
    """The last pixels of the padded image that no window of a convolution reads.

    They are lost to the transposed convolution unless its `output_padding` says how
    many there are. Arguments are those of `small_side`.
    """
    small = small_side(large, kernel, stride, padding)
    return large + 2 * padding - kernel - stride * (small - 1)


def large_side(
    small: int, kernel: int, stride: int = 1, padding: int = 0, output_padding: int = 0
) -> int:
    """The side of what a transposed convolution makes of an image.

    Args:
        small: side of the image.
        kernel: side of the kernel.
        stride: pixels from a stamp of the kernel to the next, at least 1.
        padding: pixels to cut off on each side of the result.
        output_padding: pixels to add at the end, below `stride`.

    Raises:
        ValueError: a number is out of its bounds, or nothing is left.
    """
    if min(small, kernel, stride) < 1 or padding < 0:
        raise ValueError(
            f"image {small}, kernel {kernel} and stride {stride} must be at least 1,"
            f" and padding {padding} at least 0"
        )
    if not 0 <= output_padding < stride:
        raise ValueError(
            f"output_padding is {output_padding}; it must be at least 0 and below the"
            f" stride {stride}"
        )
    large = stride * (small - 1) + kernel - 2 * padding + output_padding
    if large < 1:
        raise ValueError(
            f"a padding of {padding} cuts off all of the result: make it smaller"
        )
    return large


def convolution_matrix(
    kernel: jax.Array, large: int, stride: int = 1, padding: int = 0
) -> jax.Array:
    """The matrix of a convolution, found by giving `jaxgan.nn.conv` every pixel.

    Args:
        kernel: `[k, k]`.
        large: side i of the image.
        stride: as in `small_side`.
        padding: as in `small_side`.

    Returns:
        `[o·o, i·i]`: a row for each pixel of the result. The transposed convolution is
        the transposed matrix.
    """
    chex.assert_rank(kernel, 2)
    small = small_side(large, kernel.shape[0], stride, padding)
    pixels = jnp.eye(large**2, dtype=kernel.dtype).reshape(-1, large, large, 1)
    made = conv(pixels, kernel[:, :, None, None], stride=stride, padding=padding)
    return made.reshape(large**2, small**2).T


def transposed(
    y: jax.Array, kernel: jax.Array, large: int, stride: int = 1, padding: int = 0
) -> jax.Array:
    """The transposed convolution: the derivative of `jaxgan.nn.conv` by its image.

    Args:
        y: image `[o, o]`.
        kernel: `[k, k]`.
        large: side i of the result, one of those that a convolution takes to o.
        stride: as in `small_side`.
        padding: as in `small_side`.

    Returns:
        `[i, i]`.

    Raises:
        ValueError: a convolution of an image of side `large` has another size than y.
    """
    chex.assert_rank([y, kernel], 2)
    small = small_side(large, kernel.shape[0], stride, padding)
    if y.shape != (small, small):
        raise ValueError(
            f"an image of side {large} becomes one of side {small}, and y is {y.shape}"
        )

    def convolve(x):
        w = kernel[:, :, None, None]
        return conv(x, w, stride=stride, padding=padding)

    _, back = jax.vjp(convolve, jnp.zeros((1, large, large, 1), y.dtype))
    return back(y[None, :, :, None])[0][0, :, :, 0]
