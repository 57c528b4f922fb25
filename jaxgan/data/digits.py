"""Digits moved, laid over each other and warped, on the device.

Capsule networks are trained and tested on digits that are shifted, in pairs, or under
small affine maps. The sets of the papers have millions of images; here an example is a
pure function of a seed and its place in the stream, made where it is needed: inside
the compiled training step, under `jit` and `vmap`.

Images are `[H, W, C]` on black, uint8 from 0 to 255 or floats from 0 to 1, and keep
their type. Offsets and positions are (rows down, columns right).

    digits = open_source("digits").arrays
    table = by_class(digits["label"])
    pairs = multi_digits(0, digits["image"], digits["label"], table, positions, index)
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike


class Table(NamedTuple):
    """Where the examples of each class are: made by `by_class`, passed as arrays.

    Attributes:
        order: indices of all examples, class after class, int32 `[N]`.
        start: where in `order` each class begins, int32 `[K]`.
        counts: how many examples each class has, int32 `[K]`.
    """

    order: ArrayLike
    start: ArrayLike
    counts: ArrayLike


def example_key(seed: ArrayLike, position: ArrayLike) -> jax.Array:
    """The key of one example of a stream: `fold_in(key(seed), position)`.

    Args:
        seed: an integer, or a key of `jax.random.key`.
        position: which example of the stream, an integer `[]`.

    Raises:
        ValueError: if the seed is neither.
    """
    return jax.random.fold_in(_key(seed), position)


def shift(image: ArrayLike, offset: ArrayLike) -> jax.Array:
    """Moves the content of an image; what comes in is black, nothing wraps.

    Args:
        image: `[H, W, C]`.
        offset: (rows down, columns right), integers `[2]` of any size.

    Returns:
        `[H, W, C]`, of the type of `image`.

    Raises:
        ValueError: if a shape or type is another.
    """
    image = _image("image", image)
    return _window(image, offset, image.shape[0], image.shape[1])


def place(image: ArrayLike, offset: ArrayLike, size: int) -> jax.Array:
    """Centres an image on a larger black canvas and shifts it there.

    With an odd margin one pixel more is below and on the right. MNIST at up to ±6 on
    40×40 is what the capsule network for affNIST was trained on.

    Args:
        image: `[H, W, C]`.
        offset: (rows down, columns right), integers `[2]`; content that leaves the
            canvas is lost.
        size: height and width of the canvas.

    Returns:
        `[size, size, C]`, of the type of `image`.

    Raises:
        ValueError: if the canvas is smaller than the image, or a shape or type is
            another.

    References:
        Sabour et al., 2017, https://arxiv.org/abs/1710.09829, section 5.2.
    """
    image = _image("image", image)
    if size < max(image.shape[:2]):
        raise ValueError(
            f"size is {size} for an image of shape {image.shape}: give a canvas of at "
            f"least {max(image.shape[:2])}, or use shift"
        )
    return _window(image, offset, size, size)


def random_offset(key: jax.Array, most: int) -> jax.Array:
    """A shift by up to `most` pixels in each direction.

    Returns:
        int32 `[2]`, uniform in -most..most, both ends included.

    Raises:
        ValueError: if `most` is negative.
    """
    if most < 0:
        raise ValueError(f"most is {most}: give the largest shift, 0 or more pixels")
    return jax.random.randint(key, (2,), -most, most + 1, jnp.int32)


def overlay(first: ArrayLike, second: ArrayLike) -> jax.Array:
    """The sum of two images, clipped at white: 255 for uint8, 1 for floats.

    Args:
        first: `[H, W, C]`.
        second: the same shape and type.

    Returns:
        The same shape and type.

    Raises:
        ValueError: if shapes or types differ, or are not those of images.
    """
    first, second = _image("first", first), _image("second", second)
    if first.shape != second.shape or first.dtype != second.dtype:
        raise ValueError(
            f"first is {first.dtype} {first.shape} and second is {second.dtype} "
            f"{second.shape}: give two images of one shape and type"
        )
    if first.dtype == jnp.uint8:
        return first + jnp.minimum(second, 255 - first)  # a plain sum would wrap
    return jnp.minimum(first + second, 1)


def by_class(labels: ArrayLike) -> Table:
    """Sorts a set by class, on the host, once for `other_class`.

    Args:
        labels: integers `[N]`, 0 or more; classes without examples may lie between.

    Returns:
        The table, of numpy arrays.

    Raises:
        ValueError: if the labels are no such integers or all of one class.
    """
    labels = np.asarray(labels)
    if labels.ndim != 1 or labels.dtype.kind not in "iu":
        raise ValueError(
            f"labels is {labels.dtype} {labels.shape}: give integers of shape [N]"
        )
    if labels.size and labels.min() < 0:
        raise ValueError(f"labels has {labels.min()}: leave out unlabelled examples")
    counts = np.bincount(labels)
    if np.count_nonzero(counts) < 2:
        raise ValueError(
            f"labels has {np.count_nonzero(counts)} classes: a pair of digits needs "
            "examples of at least 2"
        )
    order = np.argsort(labels, kind="stable")
    start = np.cumsum(counts) - counts
    return Table(*(a.astype(np.int32) for a in (order, start, counts)))


def other_at(rank: ArrayLike, label: ArrayLike, table: Table) -> jax.Array:
    """Number `rank` of the examples of all classes but one.

    Args:
        rank: 0 up to, not including, the number of such examples; integer `[]`.
        label: the class left out, integer `[]`.
        table: of `by_class`.

    Returns:
        An index into the set, int32 `[]`. Each rank has one of its own.
    """
    order, start, counts = (jnp.asarray(a) for a in table)
    skip = jnp.where(rank >= start[label], counts[label], 0)
    return order[rank + skip]


def other_class(key: jax.Array, label: ArrayLike, table: Table) -> jax.Array:
    """A random example of another class: uniform over all of them, in one draw.

    Args:
        key: a random key.
        label: the class to avoid, integer `[]`.
        table: of `by_class`.

    Returns:
        An index into the set, int32 `[]`.
    """
    others = jnp.shape(table.order)[0] - jnp.asarray(table.counts)[label]
    rank = jax.random.randint(key, (), 0, others, jnp.int32)
    return other_at(rank, label, table)


def multi_digit(
    key: jax.Array,
    images: ArrayLike,
    labels: ArrayLike,
    table: Table,
    index: ArrayLike,
    *,
    size: int = 36,
    most: int = 4,
) -> dict[str, jax.Array]:
    """An example of MultiMNIST: two digits of different classes over each other.

    Each digit is shifted by itself by up to `most` pixels in each direction; then they
    are added and clipped.

    Args:
        key: a random key.
        images: the set both digits come from, `[N, H, W, C]`.
        labels: its classes, integers `[N]`.
        table: `by_class(labels)`.
        index: which digit is the first, integer `[]`; the second is drawn.
        size: height and width of the canvas.
        most: largest shift. Digits of 28×28 shifted by 4 just fit on 36×36.

    Returns:
        `"image"` `[size, size, C]`; `"label"` int32 `[2]`, of the first digit and the
        second; `"parts"` `[2, size, size, C]`, the two alone, which are the targets of
        a reconstruction.

    Raises:
        ValueError: if a shape or type is another, or the canvas is smaller than a
            digit.

    References:
        Sabour et al., 2017, https://arxiv.org/abs/1710.09829, section 6.1.
    """
    images, labels = jnp.asarray(images), jnp.asarray(labels)
    if images.ndim != 4:
        raise ValueError(f"images has shape {images.shape}, expected [N, H, W, C]")
    if not labels.shape == jnp.shape(table.order) == images.shape[:1]:
        raise ValueError(
            f"images has shape {images.shape}, labels {labels.shape} and the table is "
            f"of {jnp.shape(table.order)}: take all three from one set"
        )
    for_other, for_first, for_second = jax.random.split(key, 3)
    other = other_class(for_other, labels[index], table)
    first = place(images[index], random_offset(for_first, most), size)
    second = place(images[other], random_offset(for_second, most), size)
    return {
        "image": overlay(first, second),
        "label": jnp.stack([labels[index], labels[other]]).astype(jnp.int32),
        "parts": jnp.stack([first, second]),
    }


def multi_digits(
    seed: ArrayLike,
    images: ArrayLike,
    labels: ArrayLike,
    table: Table,
    positions: ArrayLike,
    index: ArrayLike,
    *,
    size: int = 36,
    most: int = 4,
) -> dict[str, jax.Array]:
    """A batch of `multi_digit`; each example depends on its position and index alone.

    Args:
        seed: an integer, or a key of `jax.random.key`.
        images: the set, `[N, H, W, C]`.
        labels: its classes, integers `[N]`.
        table: `by_class(labels)`.
        positions: places in the stream, integers `[B]`: from `step * B` on, say.
        index: which digits are the first ones, integers `[B]`.
        size: height and width of the canvas.
        most: largest shift.

    Returns:
        As `multi_digit`, with `[B, ...]` in front.

    Raises:
        ValueError: as `multi_digit`, or if positions and index are not both `[B]`.
    """
    positions, index = jnp.asarray(positions), jnp.asarray(index)
    if positions.ndim != 1 or positions.shape != index.shape:
        raise ValueError(
            f"positions has shape {positions.shape} and index {index.shape}, expected "
            "[B] for both"
        )
    key = _key(seed)

    def one(position, i):
        inner = example_key(key, position)
        return multi_digit(inner, images, labels, table, i, size=size, most=most)

    return jax.vmap(one)(positions, index)


def affine_matrix(
    key: jax.Array,
    *,
    degrees: float = 20.0,
    shear: float = 0.2,
    scale: tuple[float, float] = (0.8, 1.2),
) -> jax.Array:
    """A small random affine map about the centre of an image, as `warp` takes it.

    Height and width are scaled, each by itself, then columns are sheared along the
    rows, then the image is rotated. All are uniform. The ranges are affNIST's as they
    are remembered, not read off its files; the order of the three is a choice.

    Args:
        key: a random key.
        degrees: largest rotation, to either side.
        shear: largest shear, columns a row.
        scale: smallest and largest scale.

    Returns:
        float32 `[2, 3]`, without a translation.

    Raises:
        ValueError: if the scales are not positive and in order.

    References:
        Tieleman, 2013, affNIST, https://www.cs.toronto.edu/~tijmen/affNIST/
    """
    low, high = scale
    if not 0 < low <= high:
        raise ValueError(f"scale is {scale}: give the smallest and largest, over 0")
    for_angle, for_shear, for_scale = jax.random.split(key, 3)
    angle = jnp.deg2rad(degrees) * jax.random.uniform(for_angle, minval=-1, maxval=1)
    slope = shear * jax.random.uniform(for_shear, minval=-1, maxval=1)
    down, right = jax.random.uniform(for_scale, (2,), minval=low, maxval=high)
    sine, cosine = jnp.sin(angle), jnp.cos(angle)
    # Written out: on accelerators a matrix product may be rounded to bfloat16.
    zero = jnp.zeros_like(sine)
    rows = [(cosine - sine * slope) * down, -sine * right, zero]
    columns = [(sine + cosine * slope) * down, cosine * right, zero]
    return jnp.stack([jnp.stack(rows), jnp.stack(columns)])


def translate_inside(
    key: jax.Array, image: ArrayLike, matrix: ArrayLike, size: int
) -> jax.Array:
    """Adds a random translation that keeps all that is not black on the canvas.

    Args:
        key: a random key.
        image: `[H, W, C]`.
        matrix: for `warp`, `[2, 3]`.
        size: height and width of the canvas.

    Returns:
        The matrix, `[2, 3]`, with a translation uniform over those that lose nothing.
        Where the content is too high or wide, it is centred in that direction.

    Raises:
        ValueError: if a shape or type is another.
    """
    image, matrix = _image("image", image), _matrix(matrix, size)
    rows, columns, _ = image.shape
    ink = (image > 0).any(-1)
    ink = ink | ~ink.any()  # nothing to see may go anywhere
    y = jnp.arange(rows)[:, None] - (rows - 1) / 2
    x = jnp.arange(columns)[None, :] - (columns - 1) / 2
    chance = jax.random.uniform(key, (2,))
    offsets = []
    for axis, length in enumerate((rows, columns)):
        across, down = matrix[axis, 1], matrix[axis, 0]
        at = down * y + across * x + matrix[axis, 2]
        # Bilinear sampling spreads a pixel over its neighbours, as they are mapped.
        reach = jnp.abs(down) + jnp.abs(across)
        # Pixels -1 and `size` are the first outside, and must get nothing.
        origin = (size - length) // 2 + (length - 1) / 2
        least = -1 - origin - (jnp.min(at, initial=jnp.inf, where=ink) - reach)
        most = size - origin - (jnp.max(at, initial=-jnp.inf, where=ink) + reach)
        free = least + chance[axis] * (most - least)
        offsets.append(jnp.where(least <= most, free, (least + most) / 2))
    return matrix.at[:, 2].add(jnp.stack(offsets))


def warp(image: ArrayLike, matrix: ArrayLike, size: int) -> jax.Array:
    """Applies an affine map to an image, on a canvas of another size.

    The content at p goes to A·p + t, for the matrix [A t] and positions (row, column)
    from the centre of the image, which lies where `place` puts it. So the identity is
    `place` without an offset, and [[0, -1], [1, 0]] a quarter turn to the left.
    Values between pixels are bilinear; outside, all is black. Whole translations and
    quarter turns are exact.

    Args:
        image: `[H, W, C]`.
        matrix: floats `[2, 3]`; A has an inverse.
        size: height and width of the canvas.

    Returns:
        `[size, size, C]`, of the type of `image`; uint8 is rounded.

    Raises:
        ValueError: if a shape or type is another.
    """
    image, matrix = _image("image", image), _matrix(matrix, size)
    rows, columns, _ = image.shape
    (a, b, down), (c, d, right) = matrix
    y = jnp.arange(size) - ((size - rows) // 2 + (rows - 1) / 2) - down
    x = jnp.arange(size) - ((size - columns) // 2 + (columns - 1) / 2) - right
    y, x, area = y[:, None], x[None, :], a * d - b * c
    row, above = _tap((d * y - b * x) / area + (rows - 1) / 2, rows)
    column, before = _tap((a * x - c * y) / area + (columns - 1) / 2, columns)
    edge = jnp.pad(image, ((1, 1), (1, 1), (0, 0)))
    pixels = edge.astype(jnp.promote_types(image.dtype, jnp.float32))
    above, before = above[..., None], before[..., None]
    top = (1 - before) * pixels[row, column] + before * pixels[row, column + 1]
    row = row + 1
    bottom = (1 - before) * pixels[row, column] + before * pixels[row, column + 1]
    out = (1 - above) * top + above * bottom
    return (jnp.round(out) if image.dtype == jnp.uint8 else out).astype(image.dtype)


def affine_digit(
    key: jax.Array,
    image: ArrayLike,
    *,
    size: int = 40,
    degrees: float = 20.0,
    shear: float = 0.2,
    scale: tuple[float, float] = (0.8, 1.2),
) -> jax.Array:
    """A digit as in affNIST: turned, sheared, scaled and put anywhere on a canvas.

    Args:
        key: a random key.
        image: `[H, W, C]`.
        size: height and width of the canvas.
        degrees: largest rotation, to either side.
        shear: largest shear, columns a row.
        scale: smallest and largest scale of height and of width.

    Returns:
        `[size, size, C]`, of the type of `image`.

    Raises:
        ValueError: if a shape, type or range is another.

    References:
        Tieleman, 2013, affNIST, https://www.cs.toronto.edu/~tijmen/affNIST/
    """
    for_map, for_place = jax.random.split(key)
    matrix = affine_matrix(for_map, degrees=degrees, shear=shear, scale=scale)
    return warp(image, translate_inside(for_place, image, matrix, size), size)


def _window(image: jax.Array, offset: ArrayLike, height: int, width: int) -> jax.Array:
    """The image, centred and shifted by `offset`, in a window of zeros."""
    offset = jnp.asarray(offset)
    if offset.shape != (2,) or not jnp.issubdtype(offset.dtype, jnp.integer):
        raise ValueError(
            f"offset is {offset.dtype} {offset.shape}: give two integers, rows down "
            "and columns right"
        )
    rows, columns, channels = image.shape
    # With a whole window of zeros on every side, a clipped start is one of zeros.
    padded = jnp.pad(image, ((height, height), (width, width), (0, 0)))
    top, left = height - (height - rows) // 2, width - (width - columns) // 2
    start = (
        jnp.clip(top - offset[0], 0, rows + height),
        jnp.clip(left - offset[1], 0, columns + width),
        0,
    )
    return jax.lax.dynamic_slice(padded, start, (height, width, channels))


def _tap(position: jax.Array, length: int) -> tuple[jax.Array, jax.Array]:
    """The pixel before a position, one later for an edge of zeros, and what is left."""
    position = jnp.clip(position, -1, length)
    before = jnp.minimum(jnp.floor(position), length - 1)
    return before.astype(jnp.int32) + 1, position - before


def _image(name: str, image: ArrayLike) -> jax.Array:
    """An image of a shape and type that these functions know."""
    image = jnp.asarray(image)
    known = image.dtype == jnp.uint8 or jnp.issubdtype(image.dtype, jnp.floating)
    if image.ndim != 3 or not known:
        raise ValueError(
            f"{name} is {image.dtype} {image.shape}: give uint8 or floats of shape "
            "[H, W, C], and use jax.vmap for a batch"
        )
    return image


def _matrix(matrix: ArrayLike, size: int) -> jax.Array:
    """An affine map as float32, once its shape and the canvas are right."""
    if jnp.shape(matrix) != (2, 3):
        raise ValueError(f"matrix has shape {jnp.shape(matrix)}, expected (2, 3)")
    if size < 1:
        raise ValueError(f"size is {size}: give a canvas of 1 pixel or more")
    return jnp.asarray(matrix, jnp.float32)


def _key(seed: ArrayLike) -> jax.Array:
    """A key from a seed; a key is one already."""
    seed = jnp.asarray(seed)
    if seed.ndim == 0 and jnp.issubdtype(seed.dtype, jax.dtypes.prng_key):
        return seed
    if seed.ndim or not jnp.issubdtype(seed.dtype, jnp.integer):
        raise ValueError(
            f"seed is {seed.dtype} {seed.shape}: give an integer or one key of "
            "jax.random.key"
        )
    return jax.random.key(seed)
