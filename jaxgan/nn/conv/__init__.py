"""Convolutions and transposed convolutions with fast derivatives of any order.

A convolution, its adjoint in the image (the transposed convolution) and its adjoint in
the kernel (the filter gradient) are three bilinear maps over one kernel tensor
`w [kh, kw, C, O]`, with C channels on the side of the large image `x` and O on that of
the small one `y`. At stride 2:

    down(x, w)                      [B, 2H, 2W, C] -> [B, H, W, O]
    up(y, w)                        [B, H, W, O] -> [B, 2H, 2W, C]
    filter_gradient(x, y, (kh, kw))                -> [kh, kw, C, O]

    <down(x, w), y> = <x, up(y, w)> = <w, filter_gradient(x, y)>

The gradient of each is made of the other two: the trio is closed under differentiation,
so the gradient of a gradient penalty runs on the same forms as the forward pass.

Why not `lax` and automatic differentiation: on a CPU its filter gradient of a
transposed convolution is a hundred times slower than a matrix product, and so is
*every* gradient of a convolution inside `lax.scan`. Hence, on CPU, the forms of
`forms.py`. On accelerators the maps are what automatic differentiation makes,
which is what their compilers look for.

Padding left out is that of Torch with `padding=(k - 1) // 2`, and `output_padding=1`
for odd kernels going up. At stride 2, that is "SAME" for even kernels; for odd ones
"SAME" starts one pixel later: the same result for a kernel shifted by one pixel.

Forward mode works too: the tangents are `linear_call`s, which reverse mode transposes.
"""

import operator
from collections.abc import Callable, Sequence
from functools import partial, reduce

import jax
from jax import lax
from jax.custom_derivatives import SymbolicZero

from jaxgan.linear_call import linear_call
from jaxgan.nn.conv import forms
from jaxgan.nn.conv.forms import Axes, Axis, Pair

# --- the closed trio -----------------------------------------------------------------


# The layouts that automatic differentiation gives the adjoints.
_UP_LAYOUT = ("NHWC", "HWOI", "NHWC")
_FILTER_LAYOUT = ("CHWN", "IHWO", "HWNC")


@partial(jax.custom_jvp, nondiff_argnums=(2,))
def _down(x: jax.Array, w: jax.Array, axes: Axes) -> jax.Array:
    cpu = partial(forms.down_cpu, axes=axes)
    default = partial(forms.down_plain, axes=axes)
    return lax.platform_dependent(x, w, cpu=cpu, default=default)


@partial(jax.custom_jvp, nondiff_argnums=(2,))
def _up(y: jax.Array, w: jax.Array, axes: Axes) -> jax.Array:
    cpu = partial(forms.up_cpu, axes=axes)
    default = partial(forms.up_plain, axes=axes, layout=_UP_LAYOUT)
    return lax.platform_dependent(y, w, cpu=cpu, default=default)


@partial(jax.custom_jvp, nondiff_argnums=(2,))
def _filter(x: jax.Array, y: jax.Array, axes: Axes) -> jax.Array:
    cpu = partial(forms.filter_cpu, axes=axes)
    default = partial(forms.filter_plain, axes=axes, layout=_FILTER_LAYOUT)
    return lax.platform_dependent(x, y, cpu=cpu, default=default)


def _bilinear(
    function: jax.custom_jvp, in_first: Callable, in_second: Callable
) -> None:
    """Gives a bilinear map of `a` and `b` its derivative.

    Args:
        function: The map.
        in_first: Its adjoint in `a`, of `b` and a cotangent.
        in_second: Its adjoint in `b`, of `a` and a cotangent.
    """

    def tangent(axes, primals, tangents):
        (a, b), (da, db) = primals, tangents
        terms = []
        if not isinstance(da, SymbolicZero):
            transpose = partial(in_first, axes=axes)
            terms += [linear_call(lambda b, a: function(a, b, axes), transpose, b, da)]
        if not isinstance(db, SymbolicZero):
            transpose = partial(in_second, axes=axes)
            terms += [linear_call(lambda a, b: function(a, b, axes), transpose, a, db)]
        return function(a, b, axes), reduce(operator.add, terms)

    function.defjvp(tangent, symbolic_zeros=True)


_bilinear(
    _down,
    lambda w, y, axes: _up(y, w, axes),
    lambda x, y, axes: _filter(x, y, axes),
)
_bilinear(
    _up,
    lambda w, x, axes: _down(x, w, axes),
    lambda y, x, axes: _filter(x, y, axes),
)
_bilinear(
    _filter,
    lambda y, w, axes: _up(y, w, axes),
    lambda x, w, axes: _down(x, w, axes),
)


# --- the public functions ------------------------------------------------------------


def _halving(height: int, width: int, size: Sequence[int]) -> Axes:
    """The axes of `down` between [2 height, 2 width] and [height, width]."""
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
    return _filter(x, y, _halving(y.shape[1], y.shape[2], size))


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
        stride: Of rows and columns.
        padding: As in `lax.conv_general_dilated`, or one number for all sides. Left
            out, it is `(k - 1) // 2` on all sides: under stride 1 odd kernels keep the
            size of an image, under stride 2 all kernels halve even sizes.

    Returns:
        Image of the dtype of `x` (bfloat16 is accumulated in float32 by the backends).

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
            f"kernel {size} is larger than the image {x.shape[1:3]} padded by {pads}"
        )
    return _down(*_align(x, kernel), (rows, columns))


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
        ValueError: If ranks or channels do not fit, or `stride` is not 2.
    """
    _check(y, kernel, channels_axis=3)
    if stride != 2:
        raise ValueError(f"conv_transpose doubles an image; stride is {stride}, use 2")
    return _up(*_align(y, kernel), _halving(y.shape[1], y.shape[2], kernel.shape[:2]))


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
    """Gives the second the dtype of the first and, in `shard_map`, both the same axes.

    `linear_call` does not sum the gradient of a replicated kernel over the mesh. An
    operation with both images and kernels as arguments casts them to common axes, and
    the transpose of that cast is the sum. The compiler removes this `select`.
    """
    w = w.astype(x.dtype)
    if jax.sharding.get_abstract_mesh().manual_axes:
        either = (x[0, 0, 0, 0] == 0) & (w[0, 0, 0, 0] == 0)
        x, w = lax.select(either, x, x), lax.select(either, w, w)
    return x, w
