"""The forms of a convolution and its two adjoints that `trio.py` chooses from.

All are plain functions of arrays and of two `Axis`. Timings of whole training steps on
a CPU decided which form is used where. XLA's fast CPU kernels take only one layout of
images and kernels. Outside loops XLA converts other layouts to it; inside `lax.scan` it
does not, which makes the convolution a hundred times slower. So the forms for CPU
transpose their arguments themselves.
"""

import functools
import itertools
import operator
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from jaxgan.nn.conv import winograd

Pair = tuple[int, int]

Layout = tuple[str, str, str]

_LAYOUT: Layout = ("NHWC", "HWIO", "NHWC")  # the layout of the fast CPU kernels
_FEW_CHANNELS = 16  # with fewer, a strided convolution wastes its inner loop on CPU
_WIDE = 2**14  # entries of each tap's matrix above which Winograd's forms can pay
_NEAR = 2**17  # the elements of y that fit in a core's own cache
_PIECES = 8  # the largest number of pieces of a batch
_SAVED = 0.75  # Winograd's must need at most this share of the products


class Axis(NamedTuple):
    """A convolution along the rows, or along the columns."""

    stride: int
    large: int  # size of x
    small: int  # size of y
    kernel: int
    low: int  # zeros before the first pixel of x; `high` is the number after the last

    @property
    def taps(self) -> int:
        """The number of taps in units of blocks, which have `stride` pixels."""
        return -(-self.kernel // self.stride)

    @property
    def high(self) -> int:
        """Zeros after the last pixel of x; negative if the last pixels are not used."""
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

    It is a convolution of `y`, with zeros between its pixels, by the flipped kernel.
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

    It is a convolution of `x` by `y` that sums over the batch as if it were channels.
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


# --- faster forms for CPU ------------------------------------------------------------
# With an image cut into blocks of stride x stride pixels, the kernel has stride^2 times
# fewer taps and no stride: each block gives a pixel.


def _blocks(x: jax.Array, axes: Axes) -> jax.Array:
    """Cuts an image, padded with zeros, to blocks: [B, h + th - 1, w + tw - 1, ssC].

    They are written in place, one pixel of every block at a time. XLA would repeat a
    transpose, element by element, inside every operation that reads its result.
    """
    b, _, _, c = x.shape
    s = axes[0].stride
    blocks = jnp.zeros((b, *(a.small + a.taps - 1 for a in axes), s * s * c), x.dtype)
    for i, phases in enumerate(itertools.product(range(s), repeat=2)):
        to, pixels = zip(*map(_phase, axes, phases), strict=True)
        part = x[:, *pixels]
        if part.size:
            blocks = lax.dynamic_update_slice(blocks, part, (0, *to, i * c))
    return blocks


def _phase(axis: Axis, phase: int) -> tuple[int, slice]:
    """The target of a phase's first pixel, and the pixels that it consists of."""
    s = axis.stride
    to = max(0, -((phase - axis.low) // s))
    first = s * to + phase - axis.low
    room = axis.small + axis.taps - 1 - to
    return to, slice(first, min(axis.large, first + s * room), s)


def _unblocks(blocks: jax.Array, axes: Axes) -> jax.Array:
    """The adjoint of `_blocks`."""
    b, h, w, depth = blocks.shape
    s = axes[0].stride
    x = blocks.reshape(b, h, w, s, s, depth // s**2).transpose(0, 1, 3, 2, 4, 5)
    x = x.reshape(b, s * h, s * w, depth // s**2)
    pads = [
        (-a.low, a.large + a.low - s * n) for a, n in zip(axes, (h, w), strict=True)
    ]
    zero = jnp.zeros((), x.dtype)
    return lax.pad(x, zero, [(0, 0, 0), *((*p, 0) for p in pads), (0, 0, 0)])


def _block_kernel(w: jax.Array, axes: Axes) -> jax.Array:
    """Takes [kh, kw, C, O] to [th, tw, ssC, O], padding with zeros."""
    kh, kw, c, o = w.shape
    s, (th, tw) = axes[0].stride, (a.taps for a in axes)
    w = jnp.pad(w, ((0, s * th - kh), (0, s * tw - kw), (0, 0), (0, 0)))
    w = w.reshape(th, s, tw, s, c, o).transpose(0, 2, 1, 3, 4, 5)
    return w.reshape(th, tw, s * s * c, o)


def _unblock_kernel(w: jax.Array, axes: Axes) -> jax.Array:
    """The adjoint of `_block_kernel`."""
    th, tw, depth, o = w.shape
    s = axes[0].stride
    w = w.reshape(th, tw, s, s, depth // s**2, o).transpose(0, 2, 1, 3, 4, 5)
    w = w.reshape(s * th, s * tw, depth // s**2, o)
    return w[: axes[0].kernel, : axes[1].kernel]


def _unit(axes: Axes) -> Axes:
    """The axes of the convolution of blocks."""
    rows, columns = (Axis(1, a.small + a.taps - 1, a.small, a.taps, 0) for a in axes)
    return rows, columns


def _down_blocks(x: jax.Array, w: jax.Array, axes: Axes) -> jax.Array:
    return down_plain(_blocks(x, axes), _block_kernel(w, axes), _unit(axes))


def _up_blocks(y: jax.Array, w: jax.Array, axes: Axes) -> jax.Array:
    return _unblocks(up_plain(y, _block_kernel(w, axes), _unit(axes)), axes)


def _down_winograd(x: jax.Array, w: jax.Array, axes: Axes) -> jax.Array:
    (x, w), dtype = _precise(x, w)
    y = winograd.conv(_blocks(x, axes), _block_kernel(w, axes), _spare(axes))
    return y.astype(dtype)


def _up_winograd(y: jax.Array, w: jax.Array, axes: Axes) -> jax.Array:
    (y, w), dtype = _precise(y, w)
    x = _unblocks(winograd.conv_transpose(y, _block_kernel(w, axes)), axes)
    return x.astype(dtype)


def _filter_winograd(x: jax.Array, y: jax.Array, axes: Axes) -> jax.Array:
    (x, y), dtype = _precise(x, y)
    w = winograd.filter_gradient(_blocks(x, axes), y, _spare(axes))
    return _unblock_kernel(w, axes).astype(dtype)


def _precise(
    a: jax.Array, b: jax.Array
) -> tuple[tuple[jax.Array, jax.Array], jnp.dtype]:
    """Casts both arrays to at least float32; also returns the dtype of the first.

    In a lower precision, the sums taken before the products would be rounded.
    """
    wide = jnp.promote_types(a.dtype, jnp.float32)
    return (a.astype(wide), b.astype(wide)), a.dtype


def _spare(axes: Axes) -> tuple[bool, bool]:
    """Whether the last taps are zero for the second pixels of blocks of two."""
    rows, columns = (a.stride == 2 and a.kernel % 2 == 1 for a in axes)
    return rows, columns


def _filter_columns(x: jax.Array, y: jax.Array, axes: Axes) -> jax.Array:
    """Uses one matrix product, with the pixels of x that a pixel of y sees in a row.

    This pays for the first layer of grey images alone: with three channels, gathering
    the pixels takes up to fifteen times as long as `_filter_pieces` as a whole.
    """
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


def _filter_pieces(x: jax.Array, y: jax.Array, axes: Axes) -> jax.Array:
    """Sums over pieces of the batch, each of which stays in the cache of its core.

    XLA's kernel for the whole batch uses one core and reads all of y for every tap.
    """
    (x, y), dtype = _precise(x, y)
    most = max(1, min(_PIECES, -(-y.size // _NEAR)))
    pieces = zip(_cut(x, most), _cut(y, most), strict=True)
    sums = [filter_plain(*piece, axes) for piece in pieces]
    return functools.reduce(operator.add, sums).astype(dtype)


def _down_halves(
    x: jax.Array, w: jax.Array, axes: Axes, form: Callable[..., jax.Array]
) -> jax.Array:
    """Convolves each half of the batch by itself, as one call may use only one core."""
    y = jnp.stack([form(half, w, axes) for half in _cut(x, 2)], axis=1)
    return y.reshape(-1, *y.shape[2:])


def _cut(x: jax.Array, most: int) -> list[jax.Array]:
    """Cuts a batch into equal pieces, up to `most`.

    Piece i of n holds the images i, i + n, i + 2n, ...: a batch that is split over
    devices is cut within each of them.
    """
    count = max(n for n in range(1, most + 1) if len(x) % n == 0)
    x = x.reshape(-1, count, *x.shape[1:])
    return [x[:, i] for i in range(count)]


def down_cpu(x: jax.Array, w: jax.Array, axes: Axes) -> jax.Array:
    """`down_plain` in the form that is fastest on CPU."""
    if _winograd_pays(axes, *w.shape[2:]):
        return _down_winograd(x, w, axes)
    if not _halves(axes):  # joining halves of a larger result costs more
        return down_plain(x, w, axes)
    form = _down_blocks if w.shape[2] < _FEW_CHANNELS else down_plain
    return _down_halves(x, w, axes, form)


def up_cpu(y: jax.Array, w: jax.Array, axes: Axes) -> jax.Array:
    """`up_plain` in the form that is fastest on CPU."""
    if _winograd_pays(axes, *w.shape[2:]):
        form = _up_winograd
    else:
        form = _up_blocks if _halves(axes) else up_plain
    return form(y, w, axes)


def filter_cpu(x: jax.Array, y: jax.Array, axes: Axes) -> jax.Array:
    """`filter_plain` in the form that is fastest on CPU."""
    if _winograd_pays(axes, x.shape[-1], y.shape[-1]):
        form = _filter_winograd
    elif x.shape[-1] == 1 and all(a.stride == 1 for a in axes):
        form = _filter_columns
    else:
        form = _filter_pieces
    return form(x, y, axes)


def _halves(axes: Axes) -> bool:
    return all(a.stride == 2 and a.kernel > 2 for a in axes)


def _winograd_pays(axes: Axes, c: int, o: int) -> bool:
    """Whether the saved products outweigh the additional sums."""
    rows, columns = axes
    if rows.stride != columns.stride or min(rows.taps, columns.taps) < 2:
        return False
    products = winograd.products(rows.taps) * winograd.products(columns.taps)
    tiles = -(-rows.small // 2) * -(-columns.small // 2)
    plain = rows.small * rows.kernel * columns.small * columns.kernel
    wide = rows.stride**2 * c * o >= _WIDE
    return wide and products * tiles <= _SAVED * plain * rows.stride**-2
