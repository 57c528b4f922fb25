"""The forms of a convolution and its two adjoints that `conv.py` chooses from.

Everything here is a plain function of arrays and of the two `Axis`; which form is
fastest where was found by timing whole training steps on a CPU. XLA's fast CPU kernels
take one layout of images and kernels. Outside loops XLA brings other layouts to it;
inside `lax.scan` it does not, and the convolution is a hundred times slower. So the
forms for CPU transpose their arguments themselves.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

Pair = tuple[int, int]

Layout = tuple[str, str, str]

_LAYOUT: Layout = ("NHWC", "HWIO", "NHWC")  # the one of the fast CPU kernels
_FEW_CHANNELS = 16  # fewer leave a strided convolution's inner loop idle on CPU
_MANY_CHANNELS = 128  # from which on one large product is faster than its loops
_PRODUCT_COST = 45  # of storing one product and reading it again, in multiply-adds


class Axis(NamedTuple):
    """A convolution along the rows, or along the columns."""

    stride: int
    large: int  # size of x
    small: int  # size of y
    kernel: int
    low: int  # zeros before the first pixel of x; what follows the last, sizes tell

    @property
    def high(self) -> int:
        """Zeros after the last pixel of x, or minus the pixels never looked at."""
        return self.stride * (self.small - 1) + self.kernel - self.large - self.low


Axes = tuple[Axis, Axis]


# --- the three maps by one `lax` convolution each ------------------------------------


def down_plain(x: jax.Array, w: jax.Array, axes: Axes) -> jax.Array:
    """Convolution: [B, H, W, C] by [kh, kw, C, O] to [B, h, w, O]."""
    return lax.conv_general_dilated(
        x,
        w,
        [a.stride for a in axes],
        [(a.low, a.high) for a in axes],
        dimension_numbers=_LAYOUT,
    )


def up_plain(
    y: jax.Array, w: jax.Array, axes: Axes, layout: Layout = _LAYOUT
) -> jax.Array:
    """Adjoint of `down_plain` in the image: [B, h, w, O] to [B, H, W, C].

    Convolution of `y`, with zeros between its pixels, by the flipped kernel.
    """
    if layout is _LAYOUT:
        w = w.swapaxes(2, 3)
    return lax.conv_general_dilated(
        y,
        jnp.flip(w, (0, 1)),
        (1, 1),
        [(a.kernel - 1 - a.low, a.kernel - 1 - a.high) for a in axes],
        lhs_dilation=[a.stride for a in axes],
        dimension_numbers=layout,
    )


def filter_plain(
    x: jax.Array, y: jax.Array, axes: Axes, layout: Layout = _LAYOUT
) -> jax.Array:
    """Adjoint of `down_plain` in the kernel: [kh, kw, C, O].

    Convolution of `x` by `y`; the batch is summed over as if it were channels.
    """
    if layout is _LAYOUT:
        x, y = x.transpose(3, 1, 2, 0), y.transpose(1, 2, 0, 3)
    w = lax.conv_general_dilated(
        x,
        y,
        (1, 1),
        [(a.low, a.high) for a in axes],
        rhs_dilation=[a.stride for a in axes],
        dimension_numbers=layout,
    )
    return w.transpose(1, 2, 0, 3) if layout is _LAYOUT else w


# --- faster forms for CPU, stride 2 --------------------------------------------------
# With an image cut into blocks of 2 x 2 pixels, the kernel is one of half the size and
# has no stride: a block in, a pixel out.


def _block_pads(axis: Axis) -> tuple[Pair, Pair]:
    """Pixels that complete the outermost blocks, then whole blocks of zeros to add."""
    odd = axis.low % 2
    blocks = (odd + axis.large + 1) // 2
    low = axis.low // 2
    high = axis.small + (axis.kernel + 1) // 2 - 1 - blocks - low
    return (odd, 2 * blocks - axis.large - odd), (low, high)


def _block_kernel(w: jax.Array) -> jax.Array:
    """[kh, kw, C, O] -> [th, tw, 4C, O], an odd size filled up with zeros."""
    kh, kw, c, o = w.shape
    w = jnp.pad(w, ((0, kh % 2), (0, kw % 2), (0, 0), (0, 0)))
    th, tw = (kh + 1) // 2, (kw + 1) // 2
    w = w.reshape(th, 2, tw, 2, c, o).transpose(0, 2, 1, 3, 4, 5)
    return w.reshape(th, tw, 4 * c, o)


def _down_blocks(x: jax.Array, w: jax.Array, axes: Axes) -> jax.Array:
    pixels, blocks = zip(*map(_block_pads, axes), strict=True)
    x = jnp.pad(x, ((0, 0), *pixels, (0, 0)))
    b, h, width, c = x.shape
    x = x.reshape(b, h // 2, 2, width // 2, 2, c).transpose(0, 1, 3, 2, 4, 5)
    x = x.reshape(b, h // 2, width // 2, 4 * c)
    return lax.conv_general_dilated(
        x, _block_kernel(w), (1, 1), blocks, dimension_numbers=_LAYOUT
    )


def _up_blocks(y: jax.Array, w: jax.Array, axes: Axes) -> jax.Array:
    pixels, blocks = zip(*map(_block_pads, axes), strict=True)
    w = jnp.flip(_block_kernel(w), (0, 1)).swapaxes(2, 3)
    pads = [
        (taps - 1 - low, taps - 1 - high)
        for taps, (low, high) in zip(w.shape[:2], blocks, strict=True)
    ]
    x = lax.conv_general_dilated(y, w, (1, 1), pads, dimension_numbers=_LAYOUT)
    b, h, width, depth = x.shape
    x = x.reshape(b, h, width, 2, 2, depth // 4).transpose(0, 1, 3, 2, 4, 5)
    x = x.reshape(b, 2 * h, 2 * width, depth // 4)
    (top, _), (left, _) = pixels
    return x[:, top : top + axes[0].large, left : left + axes[1].large]


def _down_rows(x: jax.Array, w: jax.Array, axes: Axes) -> jax.Array:
    """A matrix product for each row of the kernel.

    What a row of the kernel sees, pixels side by side, [B * h * w, kw * C], by the row
    [kw * C, O].
    """
    rows, columns = axes
    dtype = x.dtype
    x, w = (a.astype(jnp.promote_types(dtype, jnp.float32)) for a in (x, w))
    spare = rows.stride - 1  # so that rows can be cut by strides, and the first kept
    pads = [(0, 0, 0), (rows.low, rows.high + spare, 0), (columns.low, columns.high, 0)]
    x = lax.pad(x, jnp.zeros((), x.dtype), [*pads, (0, 0, 0)])
    ends = [j + columns.stride * (columns.small - 1) + 1 for j in range(columns.kernel)]

    def product(i: jax.Array | int, w: jax.Array) -> jax.Array:
        seen = lax.dynamic_slice_in_dim(x, i, rows.stride * rows.small, axis=1)
        seen = seen.reshape(len(x), rows.small, rows.stride, *x.shape[2:])[:, :, 0]
        runs = [
            lax.slice_in_dim(seen, j, end, columns.stride, axis=2)
            for j, end in enumerate(ends)
        ]
        run = jnp.concatenate(runs, axis=-1)
        return jnp.matmul(run, w.reshape(-1, w.shape[-1]))

    # In a loop, where products stay fast, so that one row's runs exist at a time.
    rest = (jnp.arange(1, rows.kernel), w[1:])
    total, _ = lax.scan(
        lambda total, row: (total + product(*row), None), product(0, w[0]), rest
    )
    return total.astype(dtype)


def _up_rows(y: jax.Array, w: jax.Array, axes: Axes) -> jax.Array:
    """The transpose of `_down_rows`."""
    shape = (len(y), axes[0].large, axes[1].large, w.shape[2])
    down = jax.linear_transpose(
        lambda x: _down_rows(x, w, axes), jax.ShapeDtypeStruct(shape, y.dtype)
    )
    return down(y)[0]


def _filter_columns(x: jax.Array, y: jax.Array, axes: Axes) -> jax.Array:
    """One matrix product, with all that a pixel of y sees of x side by side."""
    pads = [(0, 0, 0), *((a.low, a.high, 0) for a in axes), (0, 0, 0)]
    x = lax.pad(x, jnp.zeros((), x.dtype), pads)
    rows, columns = axes
    seen = [
        x[:, i : i + rows.small, j : j + columns.small]
        for i in range(rows.kernel)
        for j in range(columns.kernel)
    ]
    seen = jnp.concatenate(seen, axis=-1).reshape(-1, len(seen) * x.shape[-1])
    w = jnp.matmul(seen.T, y.reshape(-1, y.shape[-1]))
    return w.reshape(rows.kernel, columns.kernel, x.shape[-1], y.shape[-1])


def down_cpu(x: jax.Array, w: jax.Array, axes: Axes) -> jax.Array:
    """`down_plain` in the form that is fastest on CPU."""
    strided = all(a.stride == 2 and a.kernel > 1 for a in axes)
    if w.shape[2] < _FEW_CHANNELS and _blocks_fit(axes):
        form = _down_blocks
    elif w.shape[2] >= _MANY_CHANNELS and strided:
        form = _down_rows
    else:
        form = down_plain
    return form(x, w, axes)


def up_cpu(y: jax.Array, w: jax.Array, axes: Axes) -> jax.Array:
    """`up_plain` in the form that is fastest on CPU."""
    if any(a.stride != 2 or a.kernel == 1 for a in axes):
        form = up_plain
    elif _blocks_fit(axes) and _block_work(axes) < 1 + _PRODUCT_COST / w.shape[3]:
        form = _up_blocks
    else:
        form = _up_rows
    return form(y, w, axes)


def filter_cpu(x: jax.Array, y: jax.Array, axes: Axes) -> jax.Array:
    """`filter_plain` in the form that is fastest on CPU."""
    few = x.shape[-1] < _FEW_CHANNELS and all(a.stride == 1 for a in axes)
    return (_filter_columns if few else filter_plain)(x, y, axes)


def _block_work(axes: Axes) -> float:
    """Multiply-adds of `_up_blocks`, zeros and border included, for each needed one."""
    work = 1.0
    for a in axes:
        (before, after), _ = _block_pads(a)
        work *= (before + a.large + after) * ((a.kernel + 1) // 2)
        work /= a.small * a.kernel
    return work


def _blocks_fit(axes: Axes) -> bool:
    """Whether stride and sizes are such that whole blocks make the image."""
    return all(a.stride == 2 and min(_block_pads(a)[1]) >= 0 for a in axes)
