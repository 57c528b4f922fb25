"""The public convolutions, which check shapes and turn paddings into `Axis`es."""

from collections.abc import Sequence

import jax
from jax import lax

from jaxgan.nn.conv import trio
from jaxgan.nn.conv.forms import Axes, Axis, Pair


def _halving(height: int, width: int, size: Sequence[int]) -> Axes:
    """Makes the axes of `down` between [2 height, 2 width] and [height, width]."""
    rows, columns = (
        Axis(2, 2 * n, n, k, (k - 1) // 2)
        for n, k in zip((height, width), size, strict=True)
    )
    return rows, columns


def down(x: jax.Array, w: jax.Array) -> jax.Array:
    """Halves an image of even sizes: `conv` with stride 2."""
    return conv(x, w, stride=2)


def up(y: jax.Array, w: jax.Array) -> jax.Array:
    """Doubles an image, the adjoint of `down` in the image: `conv_transpose`."""
    return conv_transpose(y, w)


def filter_gradient(x: jax.Array, y: jax.Array, size: Pair) -> jax.Array:
    """The adjoint of `down` in the kernel.

    Args:
        x: Image [B, 2H, 2W, C].
        y: Image [B, H, W, O].
        size: Rows and columns of the kernel.

    Returns:
        Kernel [kh, kw, C, O].
    """
    x, y = _align(x, y)
    return trio.filter_gradient(x, y, _halving(y.shape[1], y.shape[2], size))


def conv(
    x: jax.Array,
    kernel: jax.Array,
    *,
    stride: int = 1,
    padding: int | str | Sequence[Pair] | None = None,
) -> jax.Array:
    """Convolution of an image.

    Args:
        x: Image [B, H, W, C].
        kernel: Kernel [kh, kw, C, O], cast to the dtype of `x`.
        stride: The stride of both rows and columns.
        padding: As in `lax.conv_general_dilated`, or one number for all sides. By
            default it is `(k - 1) // 2` on all sides: with stride 1, odd kernels keep
            the size of an image; with stride 2, all kernels halve even sizes.

    Returns:
        Image in the dtype of `x` (backends accumulate bfloat16 in float32).

    Raises:
        ValueError: If ranks or channels do not fit, or the kernel is larger than the
            padded image.
    """
    _check(x, kernel, channels_axis=2)
    size = kernel.shape[:2]
    if padding is None:
        pads = [((k - 1) // 2, (k - 1) // 2) for k in size]
    elif isinstance(padding, str):
        pads = lax.padtype_to_pads(x.shape[1:3], size, (stride, stride), padding)
    else:
        pads = [(padding, padding)] * 2 if isinstance(padding, int) else padding
    rows, columns = (
        Axis(stride, n, (n + low + high - k) // stride + 1, k, low)
        for n, k, (low, high) in zip(x.shape[1:3], size, pads, strict=True)
    )
    if min(rows.small, columns.small) < 1:
        raise ValueError(
            f"the kernel {size} is larger than the image {x.shape[1:3]} padded by"
            f" {pads}"
        )
    return trio.down(*_align(x, kernel), (rows, columns))


def conv_transpose(y: jax.Array, kernel: jax.Array, *, stride: int = 2) -> jax.Array:
    """Transposed convolution: the adjoint of `conv` with the same kernel.

    Args:
        y: Image [B, H, W, O].
        kernel: Kernel [kh, kw, C, O] where C is the number of channels to *make*;
            cast to the dtype of `y`.
        stride: must be 2; the image is doubled.

    Returns:
        Image [B, 2H, 2W, C] of the dtype of `y`.

    Raises:
        ValueError: If ranks or channels do not fit, or `stride` is not 2.
    """
    _check(y, kernel, channels_axis=3)
    if stride != 2:
        raise ValueError(
            f"stride is {stride}, but conv_transpose can only double an image: use 2"
        )
    return trio.up(
        *_align(y, kernel), _halving(y.shape[1], y.shape[2], kernel.shape[:2])
    )


def _check(image: jax.Array, kernel: jax.Array, channels_axis: int) -> None:
    if image.ndim != 4 or kernel.ndim != 4:
        raise ValueError(
            "expected an image [B, H, W, C] and a kernel [kh, kw, C, O], got shapes "
            f"{image.shape} and {kernel.shape}"
        )
    if image.shape[-1] != kernel.shape[channels_axis]:
        raise ValueError(
            f"the image has {image.shape[-1]} channels, but the kernel {kernel.shape} "
            f"takes {kernel.shape[channels_axis]} (axis {channels_axis})"
        )


def _align(x: jax.Array, w: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Casts `w` to the dtype of `x` and, in `shard_map`, both to the same axes.

    `linear_call` does not sum the gradient of a replicated kernel over the mesh. An
    operation of images and kernels casts them to common axes, and the transpose of that
    cast is the sum. The compiler removes the `select`.
    """
    w = w.astype(x.dtype)
    if jax.sharding.get_abstract_mesh().manual_axes:
        either = (x[0, 0, 0, 0] == 0) & (w[0, 0, 0, 0] == 0)
        x, w = lax.select(either, x, x), lax.select(either, w, w)
    return x, w
