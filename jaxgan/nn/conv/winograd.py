"""Convolutions of few taps with fewer multiplications.

Two neighbouring results of a convolution take three products instead of four if it has
two taps (Karatsuba), and four instead of six if it has three (Toom-Cook, at the points
0, 1, -1 and infinity):

    y = A ((G w) * (B x))

with matrices A, G, B of small whole numbers and halves. In two dimensions with
channels, `*` is one matrix product for each pair of points: 9 instead of 16, or 16
instead of 36. Longer kernels are sums of such runs of taps. More points would save more
products but lose precision; with these, rounding errors in float32 are at most about
twice those of the plain sum.

`conv`, `conv_transpose` and `filter_gradient` are adjoints of each other: they apply
the same matrices from either side. None of them pads.

References:
    Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks",
    arXiv:1509.09308, equations 5, 8 and 9.
"""

import functools
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

Matrix = Sequence[Sequence[float]]
Grid = list[list[jax.Array]]
Odd = tuple[bool, bool]
Parts = list[slice]  # of channels


class Run(NamedTuple):
    """Neighbouring taps along one axis, and the matrices for two results."""

    first: int
    results: Matrix  # A [2, n]
    kernel: Matrix  # G [n, taps]
    image: Matrix  # B [n, n], of n neighbouring pixels

    @property
    def taps(self) -> int:
        """The number of taps."""
        return len(self.kernel[0])


_TWO = Run(
    first=0,
    results=((1, 1, 0), (0, 1, 1)),
    kernel=((1, 0), (1, 1), (0, 1)),
    image=((1, -1, 0), (0, 1, 0), (0, -1, 1)),
)
_THREE = Run(
    first=0,
    results=((1, 1, 1, 0), (0, 1, -1, -1)),
    kernel=((1, 0, 0), (0.5, 0.5, 0.5), (0.5, -0.5, 0.5), (0, 0, 1)),
    image=((1, 0, -1, 0), (0, 1, 1, 0), (0, -1, 1, 0), (0, 1, 0, -1)),
)


def runs(taps: int) -> list[Run]:
    """Splits `taps`, at least 2, into runs of two or three."""
    lengths = [3] * (taps % 2) + [2] * ((taps - 3 * (taps % 2)) // 2)
    starts = itertools.accumulate(lengths, initial=0)
    kinds = {2: _TWO, 3: _THREE}
    return [
        kinds[length]._replace(first=start)
        for length, start in zip(lengths, starts, strict=False)
    ]


def products(taps: int) -> int:
    """The number of products along one axis for two results, instead of 2 * `taps`."""
    return sum(len(run.image) for run in runs(taps))


def conv(x: jax.Array, w: jax.Array, odd: Odd = (False, False)) -> jax.Array:
    """Convolution: [B, H, W, C] by [kh, kw, C, O] to [B, H - kh + 1, W - kw + 1, O].

    Args:
        x: Image.
        w: Kernel of two or more taps along each side.
        odd: For channels that are blocks of 2 x 2 pixels, whether the last taps along
            rows, or along columns, are zero for the second pixels of a block. These are
            then left out of the products.

    Returns:
        Image.
    """
    size = x.shape[1] - w.shape[0] + 1, x.shape[2] - w.shape[1] + 1
    tiles = _tiles(size)
    x = _room(x, tiles, w.shape[:2])

    def corners(rows: Run, columns: Run) -> Grid:
        def product(image: jax.Array, kernel: jax.Array, parts: Parts) -> jax.Array:
            return _total(jnp.matmul(image[..., p], kernel[p]) for p in parts)

        products = _each(
            product,
            _image(x, rows, columns, tiles),
            _kernel(w, rows, columns),
            _parts(w.shape, rows, columns, odd),
        )
        return _transform(rows.results, columns.results, products)

    found = [corners(rows, columns) for rows, columns in _pairs(w.shape[:2])]
    y = _interleave(_each(lambda *entries: _total(entries), *found))
    return y[:, : size[0], : size[1]]


def conv_transpose(y: jax.Array, w: jax.Array) -> jax.Array:
    """Adjoint of `conv` in x: [B, h, w, O] to [B, h + kh - 1, w + kw - 1, C]."""
    size = y.shape[1] + w.shape[0] - 1, y.shape[2] + w.shape[1] - 1
    tiles = _tiles(y.shape[1:3])
    corners = _corners(y)

    def image(rows: Run, columns: Run) -> jax.Array:
        products = _each(
            lambda results, kernel: jnp.matmul(results, kernel.T),
            _transform(_t(rows.results), _t(columns.results), corners),
            _kernel(w, rows, columns),
        )
        pixels = _transform(_t(rows.image), _t(columns.image), products)
        return _overlap(pixels, rows, columns, tiles, w.shape[:2])

    x = _total(image(rows, columns) for rows, columns in _pairs(w.shape[:2]))
    return x[:, : size[0], : size[1]]


def filter_gradient(x: jax.Array, y: jax.Array, odd: Odd = (False, False)) -> jax.Array:
    """Adjoint of `conv` in w: [B, H, W, C] by [B, h, w, O] to [kh, kw, C, O]."""
    taps = x.shape[1] - y.shape[1] + 1, x.shape[2] - y.shape[2] + 1
    shape = (*taps, x.shape[3], y.shape[3])
    tiles = _tiles(y.shape[1:3])
    x, corners = _room(x, tiles, taps), _corners(y)

    def kernel(rows: Run, columns: Run) -> jax.Array:
        def product(image: jax.Array, results: jax.Array, parts: Parts) -> jax.Array:
            return _total(
                _widen(jnp.matmul(_flat(image[..., p]).T, _flat(results)), p, shape[2])
                for p in parts
            )

        products = _each(
            product,
            _image(x, rows, columns, tiles),
            _transform(_t(rows.results), _t(columns.results), corners),
            _parts(shape, rows, columns, odd),
        )
        w = _transform(_t(rows.kernel), _t(columns.kernel), products)
        return jnp.stack([jnp.stack(row) for row in w])

    return jnp.concatenate(
        [
            jnp.concatenate([kernel(rows, columns) for columns in runs(taps[1])], 1)
            for rows in runs(taps[0])
        ]
    )


# --- the pieces ----------------------------------------------------------------------


def _tiles(size: Sequence[int]) -> tuple[int, int]:
    """The numbers of tiles of 2 x 2 results along rows and along columns."""
    return (size[0] + 1) // 2, (size[1] + 1) // 2


def _pairs(taps: Sequence[int]) -> Iterator[tuple[Run, Run]]:
    return itertools.product(runs(taps[0]), runs(taps[1]))


def _room(x: jax.Array, tiles: Sequence[int], taps: Sequence[int]) -> jax.Array:
    """Adds zeros below and on the right for the last tiles."""
    more = (
        2 * t + k - 1 - n for t, k, n in zip(tiles, taps, x.shape[1:3], strict=True)
    )
    return lax.pad(
        x, jnp.zeros((), x.dtype), [(0, 0, 0), *((0, m, 0) for m in more), (0, 0, 0)]
    )


def _image(x: jax.Array, rows: Run, columns: Run, tiles: Sequence[int]) -> Grid:
    """The transformed tiles: for each pair of points, [B, *tiles, C]."""

    def pixels(i: int, j: int) -> jax.Array:
        i, j = i + rows.first, j + columns.first
        return x[:, i : i + 2 * tiles[0] - 1 : 2, j : j + 2 * tiles[1] - 1 : 2]

    grid = [
        [pixels(i, j) for j in range(len(columns.image))]
        for i in range(len(rows.image))
    ]
    return _transform(rows.image, columns.image, grid)


def _overlap(
    image: Grid,
    rows: Run,
    columns: Run,
    tiles: Sequence[int],
    taps: Sequence[int],
) -> jax.Array:
    """The adjoint of `_image`, but for its matrices: adds tiles where they overlap."""
    zero = jnp.zeros((), image[0][0].dtype)
    height, width = (t + (k + 1) // 2 for t, k in zip(tiles, taps, strict=True))

    def corner(e: int, f: int) -> jax.Array:
        total = None
        for i, row in enumerate(image):
            for j, part in enumerate(row):
                down, right = rows.first + i - e, columns.first + j - f
                if down % 2 or right % 2:
                    continue
                down, right = down // 2, right // 2
                pads = [
                    (0, 0, 0),
                    (down, height - tiles[0] - down, 0),
                    (right, width - tiles[1] - right, 0),
                    (0, 0, 0),
                ]
                part = lax.pad(part, zero, pads)
                total = part if total is None else total + part
        assert total is not None
        return total

    return _interleave([[corner(e, f) for f in range(2)] for e in range(2)])


def _kernel(w: jax.Array, rows: Run, columns: Run) -> Grid:
    """The transformed kernel: for each pair of points, [C, O]."""
    taps = [
        [w[rows.first + i, columns.first + j] for j in range(columns.taps)]
        for i in range(rows.taps)
    ]
    return _transform(rows.kernel, columns.kernel, taps)


def _parts(
    shape: Sequence[int], rows: Run, columns: Run, odd: Odd
) -> list[list[Parts]]:
    """Selects the channels to multiply, for each pair of points.

    The point at infinity sees only the last tap. Where that is zero for the second
    pixels of a block, only the channels of the first pixels remain.
    """
    quarter = shape[2] // 4

    def half(run: Run, taps: int, odd: bool) -> list[bool]:
        last = odd and run.first + run.taps == taps
        return [last and i == len(run.image) - 1 for i in range(len(run.image))]

    def channels(one_row: bool, one_column: bool) -> Parts:
        if not one_column:
            return [slice(0, 2 * quarter)] if one_row else [slice(0, shape[2])]
        starts = [0] if one_row else [0, 2 * quarter]
        return [slice(start, start + quarter) for start in starts]

    return [
        [channels(i, j) for j in half(columns, shape[1], odd[1])]
        for i in half(rows, shape[0], odd[0])
    ]


def _widen(w: jax.Array, part: slice, channels: int) -> jax.Array:
    """Adds zeros for the channels of a kernel that are not in the part."""
    return jnp.pad(w, ((part.start, channels - part.stop), (0, 0)))


def _corners(y: jax.Array) -> Grid:
    """[B, h, w, O] -> [2][2] of [B, *tiles, O]."""
    height, width = y.shape[1:3]
    y = jnp.pad(y, ((0, 0), (0, height % 2), (0, width % 2), (0, 0)))
    return [[y[:, i::2, j::2] for j in range(2)] for i in range(2)]


def _interleave(corners: Grid) -> jax.Array:
    """The inverse of `_corners`."""
    y = jnp.stack([jnp.stack(row, 3) for row in corners], 2)
    b, h, _, w, _, c = y.shape
    return y.reshape(b, 2 * h, 2 * w, c)


def _transform(rows: Matrix, columns: Matrix, grid: Grid) -> Grid:
    """Computes `rows @ grid @ columns.T` for a grid whose entries are arrays."""
    half = [[_sum(row, above) for above in zip(*grid, strict=True)] for row in rows]
    return [[_sum(column, left) for column in columns] for left in half]


def _sum(weights: Sequence[float], arrays: Sequence[jax.Array]) -> jax.Array:
    """The weighted sum; weights of 0 or 1 cost nothing."""
    total = None
    for weight, array in zip(weights, arrays, strict=True):
        if weight == 0:
            continue
        term = array if abs(weight) == 1 else abs(weight) * array
        if total is None:
            total = term if weight > 0 else -term
        else:
            total = total + term if weight > 0 else total - term
    assert total is not None
    return total


def _flat(x: jax.Array) -> jax.Array:
    return x.reshape(-1, x.shape[-1])


def _t(matrix: Matrix) -> Matrix:
    return list(zip(*matrix, strict=True))


def _each(function: Callable, *grids: Sequence[Sequence]) -> list[list]:
    return [
        [function(*entries) for entries in zip(*rows, strict=True)]
        for rows in zip(*grids, strict=True)
    ]


def _total(arrays: Iterable[jax.Array]) -> jax.Array:
    return functools.reduce(jnp.add, arrays)
