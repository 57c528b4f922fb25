"""Convolutions that halve and double an image, with fast derivatives of any order.

The stride-2 convolution and its relatives are three bilinear maps over the same
kernel tensor `w [kh, kw, C, O]` (C channels of the large image, O of the small):

    down(x, w)                      [B, 2H, 2W, C] -> [B, H, W, O]   convolution
    up(y, w)                        [B, H, W, O] -> [B, 2H, 2W, C]   its adjoint in x
    filter_gradient(x, y, (kh, kw)) -> [kh, kw, C, O]                its adjoint in w

so that `<down(x, w), y> = <x, up(y, w)> = <w, filter_gradient(x, y)>`. The gradient
of each is made of the other two: the trio is closed under differentiation, and the
gradient of a gradient penalty runs on the same three forms as the forward pass.

Why not plain `lax` and automatic differentiation: on a CPU the filter gradient of a
transposed convolution then runs at a hundredth of the speed of a matrix product. On
CPU the maps are therefore written as the form that is fastest there; on accelerators
they are the plain `lax` operations, which the vendor libraries know.

Padding is that of Torch with `padding=(k - 1) // 2`, and `output_padding=1` for odd
kernels going up. Kernels of even size agree with "SAME"; for odd ones "SAME" puts the
extra row at the other end, so the result is that of a kernel shifted by one pixel.

The maps are `jax.custom_vjp`: reverse mode only (`grad` of `grad`, not `jvp`).
"""

from collections.abc import Sequence
from functools import partial

import jax
import jax.numpy as jnp
from jax import lax

Pair = tuple[int, int]

_LAYOUT = ("NHWC", "HWIO", "NHWC")
# Below this many input channels a convolution is bound by gathering its columns.
_FEW_CHANNELS = 16


def _size(w: jax.Array) -> Pair:
    return w.shape[0], w.shape[1]


def _pads(size: int) -> Pair:
    """Rows of zeros before and after, for a stride-2 kernel of `size` rows."""
    low = (size - 1) // 2
    return low, size - 2 - low


# --- the plain forms -------------------------------------------------------------


def _down_plain(x: jax.Array, w: jax.Array) -> jax.Array:
    pads = [_pads(k) for k in _size(w)]
    return lax.conv_general_dilated(x, w, (2, 2), pads, dimension_numbers=_LAYOUT)


def _up_plain(y: jax.Array, w: jax.Array) -> jax.Array:
    """Convolution of the zero-interleaved image with the flipped kernel."""
    pads = [(k - 1 - low, k - 1 - high) for k in _size(w) for low, high in [_pads(k)]]
    flipped = jnp.flip(w, (0, 1)).swapaxes(2, 3)
    return lax.conv_general_dilated(
        y, flipped, (1, 1), pads, lhs_dilation=(2, 2), dimension_numbers=_LAYOUT
    )


def _filter_plain(x: jax.Array, y: jax.Array, size: Pair) -> jax.Array:
    """Convolution of `x` by `y`, with the batch summed over as if it were channels."""
    pads = [_pads(k) for k in size]
    layout = ("CHWN", "IHWO", "HWNC")
    return lax.conv_general_dilated(
        x, y, (1, 1), pads, rhs_dilation=(2, 2), dimension_numbers=layout
    )


# --- the forms for CPU: one matrix product over columns ---------------------------


def _taps(size: Pair) -> list[Pair]:
    """The taps of a kernel after space-to-depth."""
    rows, columns = ((k + 1) // 2 for k in size)
    return [(i, j) for i in range(rows) for j in range(columns)]


def _columns(x: jax.Array, size: Pair) -> jax.Array:
    """Gathers what each output pixel sees: [B, 2H, 2W, C] -> [B, H, W, taps * 4C].

    Space-to-depth first turns the strided kernel into one of half the size without a
    stride, so a column is a few long runs of memory instead of many short ones.
    """
    b, height, width, c = x.shape
    h, w = height // 2, width // 2
    x = jnp.pad(x, ((0, 0), *map(_outer_pads, size), (0, 0)))
    rows, columns = x.shape[1] // 2, x.shape[2] // 2
    x = x.reshape(b, rows, 2, columns, 2, c).transpose(0, 1, 3, 2, 4, 5)
    x = x.reshape(b, rows, columns, 4 * c)
    runs = [x[:, i : i + h, j : j + w] for i, j in _taps(size)]
    return jnp.concatenate(runs, axis=-1)


def _fold(columns: jax.Array, size: Pair) -> jax.Array:
    """The adjoint of `_columns`: [B, H, W, taps * 4C] -> [B, 2H, 2W, C]."""
    b, h, w, depth = columns.shape
    taps = _taps(size)
    rows, cols = taps[-1]
    c = depth // (4 * len(taps))
    x = jnp.zeros((b, h + rows, w + cols, 4 * c), columns.dtype)
    for run, (i, j) in zip(jnp.split(columns, len(taps), -1), taps, strict=True):
        x += jnp.pad(run, ((0, 0), (i, rows - i), (j, cols - j), (0, 0)))
    x = x.reshape(b, h + rows, w + cols, 2, 2, c).transpose(0, 1, 3, 2, 4, 5)
    x = x.reshape(b, 2 * (h + rows), 2 * (w + cols), c)
    (top, _), (left, _) = map(_outer_pads, size)
    return x[:, top : top + 2 * h, left : left + 2 * w]


def _outer_pads(size: int) -> Pair:
    """The zeros around an image cut into blocks of two for a kernel of `size` rows."""
    low, _ = _pads(size)
    return low, 2 * ((size + 1) // 2 - 1) - low


def _kernel_matrix(w: jax.Array) -> jax.Array:
    """The kernel in the order of `_columns`: [kh, kw, C, O] -> [taps * 4C, O]."""
    kh, kw, c, o = w.shape
    w = jnp.pad(w, ((0, kh % 2), (0, kw % 2), (0, 0), (0, 0)))
    w = w.reshape((kh + 1) // 2, 2, (kw + 1) // 2, 2, c, o)
    return w.transpose(0, 2, 1, 3, 4, 5).reshape(-1, o)


def _kernel_from_matrix(w: jax.Array, size: Pair) -> jax.Array:
    """The adjoint of `_kernel_matrix`: [taps * 4C, O] -> [kh, kw, C, O]."""
    kh, kw = size
    taps, o = len(_taps(size)), w.shape[-1]
    w = w.reshape((kh + 1) // 2, (kw + 1) // 2, 2, 2, w.shape[0] // (4 * taps), o)
    w = w.transpose(0, 2, 1, 3, 4, 5).reshape(kh + kh % 2, kw + kw % 2, -1, o)
    return w[:kh, :kw]


def _down_cpu(x: jax.Array, w: jax.Array) -> jax.Array:
    if w.shape[2] >= _FEW_CHANNELS:
        return _down_plain(x, w)
    return jnp.matmul(_columns(x, _size(w)), _kernel_matrix(w))


def _up_cpu(y: jax.Array, w: jax.Array) -> jax.Array:
    return _fold(jnp.matmul(y, _kernel_matrix(w).T), _size(w))


def _filter_cpu(x: jax.Array, y: jax.Array, size: Pair) -> jax.Array:
    if x.shape[-1] >= _FEW_CHANNELS:
        return _filter_plain(x, y, size)
    columns = _columns(x, size)
    return _kernel_from_matrix(jnp.einsum("bhwi,bhwo->io", columns, y), size)


# --- the closed trio -------------------------------------------------------------


@jax.custom_vjp
def down(x: jax.Array, w: jax.Array) -> jax.Array:
    """Stride-2 convolution: halves an image.

    Args:
        x: Image [B, 2H, 2W, C].
        w: Kernel [kh, kw, C, O].

    Returns:
        Image [B, H, W, O].
    """
    return lax.platform_dependent(x, w, cpu=_down_cpu, default=_down_plain)


@jax.custom_vjp
def up(y: jax.Array, w: jax.Array) -> jax.Array:
    """The adjoint of `down` in the image: the transposed convolution.

    Args:
        y: Image [B, H, W, O].
        w: Kernel [kh, kw, C, O], the same as that of `down`.

    Returns:
        Image [B, 2H, 2W, C].
    """
    return lax.platform_dependent(y, w, cpu=_up_cpu, default=_up_plain)


@partial(jax.custom_vjp, nondiff_argnums=(2,))
def filter_gradient(x: jax.Array, y: jax.Array, size: Pair) -> jax.Array:
    """The adjoint of `down` in the kernel: correlates the two images.

    Args:
        x: Image [B, 2H, 2W, C].
        y: Image [B, H, W, O].
        size: Rows and columns of the kernel.

    Returns:
        Kernel [kh, kw, C, O].
    """
    cpu, default = partial(_filter_cpu, size=size), partial(_filter_plain, size=size)
    return lax.platform_dependent(x, y, cpu=cpu, default=default)


down.defvjp(
    lambda x, w: (down(x, w), (x, w)),
    lambda saved, g: (
        up(g, saved[1]),
        filter_gradient(saved[0], g, _size(saved[1])),
    ),
)
up.defvjp(
    lambda y, w: (up(y, w), (y, w)),
    lambda saved, g: (
        down(g, saved[1]),
        filter_gradient(g, saved[0], _size(saved[1])),
    ),
)
filter_gradient.defvjp(
    lambda x, y, size: (filter_gradient(x, y, size), (x, y)),
    lambda size, saved, g: (up(saved[1], g), down(saved[0], g)),
)


# --- the public functions ----------------------------------------------------------


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
        stride: 1 or more; 2 with the padding left out and even sizes is `down`.
        padding: As in `lax.conv_general_dilated`, or one number for all sides. Left
            out, it is `(k - 1) // 2` on all sides: stride 1 keeps the size of an
            image under odd kernels, stride 2 halves even sizes.

    Returns:
        Image of the dtype of `x`; a bfloat16 image is accumulated in float32 by the
        backends that can.

    Raises:
        ValueError: If the ranks or the channels do not fit.
    """
    _check(x, kernel, channels_axis=2)
    x, kernel = _align(x, kernel)
    if stride == 2 and padding is None and not (x.shape[1] % 2 or x.shape[2] % 2):
        return down(x, kernel)
    if padding is None:
        pads = [((k - 1) // 2, (k - 1) // 2) for k in _size(kernel)]
    else:
        pads = [(padding, padding)] * 2 if isinstance(padding, int) else padding
    return lax.conv_general_dilated(
        x, kernel, (stride, stride), pads, dimension_numbers=_LAYOUT
    )


def conv_transpose(y: jax.Array, kernel: jax.Array, *, stride: int = 2) -> jax.Array:
    """Transposed convolution: the adjoint of `conv` with the same kernel.

    Args:
        y: Image [B, H, W, O].
        kernel: Kernel [kh, kw, C, O] where C is the number of channels to *make*;
            cast to the dtype of `y`.
        stride: 2; the image is doubled.

    Returns:
        Image [B, 2H, 2W, C] of the dtype of `y`.

    Raises:
        ValueError: If the ranks or channels do not fit, or `stride` is not 2.
    """
    _check(y, kernel, channels_axis=3)
    if stride != 2:
        raise ValueError(
            f"conv_transpose doubles an image: stride must be 2, got {stride}"
        )
    return up(*_align(y, kernel))


def _align(x: jax.Array, w: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Gives the kernel the image's dtype and, in `shard_map`, both the same axes.

    `custom_vjp` does not sum the gradient of a replicated kernel over the mesh. An
    operation with both images and kernels as arguments casts them to common axes, and
    the transpose of that cast is the sum. The compiler removes this `select`.
    """
    w = w.astype(x.dtype)
    if jax.sharding.get_abstract_mesh().manual_axes:
        either = (x[0, 0, 0, 0] == 0) & (w[0, 0, 0, 0] == 0)
        x, w = lax.select(either, x, x), lax.select(either, w, w)
    return x, w


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
