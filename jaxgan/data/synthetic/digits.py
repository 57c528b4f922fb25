"""Digits that are shifted, or laid over each other, on the device.

Capsule networks are trained and tested on shifted digits and on pairs of digits;
`affine.py` has small affine maps of digits. The papers use sets of millions of images.
Here each example is a pure function of a seed and its position in the stream, and is
made where it is needed: inside the compiled training step, under `jit` and `vmap`.

Images are `[H, W, C]` on black, uint8 from 0 to 255 or floats from 0 to 1; results have
the type of the input. Offsets and positions are (rows down, columns right).

    digits = open_source("digits").arrays
    table = by_class(digits["label"])
    pairs = multi_digits(0, digits["image"], digits["label"], table, positions, index)
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from jaxgan.data.synthetic import seeds


class Table(NamedTuple):
    """The places of the examples of each class, as arrays; `by_class` makes it.

    Attributes:
        order: the indices of all examples, class after class, int32 `[N]`.
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
        position: the example's position in the stream, an integer `[]`.

    Raises:
        ValueError: the seed is neither.
    """
    return jax.random.fold_in(seeds.key(seed), position)


def shift(image: ArrayLike, offset: ArrayLike) -> jax.Array:
    """Shifts the content of an image; the pixels that come in are black.

    Args:
        image: `[H, W, C]`.
        offset: (rows down, columns right), integers `[2]` of any size.

    Returns:
        `[H, W, C]`, in the type of `image`.

    Raises:
        ValueError: a shape or type is not as above.
    """
    image = check_image("image", image)
    return _window(image, offset, image.shape[0], image.shape[1])


def place(image: ArrayLike, offset: ArrayLike, size: int) -> jax.Array:
    """Centres an image on a larger black canvas and shifts it there.

    An odd margin has one more pixel below and on the right. The capsule network for
    affNIST was trained on MNIST digits at offsets of up to ±6 on a canvas of 40×40.

    Args:
        image: `[H, W, C]`.
        offset: (rows down, columns right), integers `[2]`; content that leaves the
            canvas is lost.
        size: height and width of the canvas.

    Returns:
        `[size, size, C]`, in the type of `image`.

    Raises:
        ValueError: the canvas is smaller than the image, or a shape or type is not as
            above.

    References:
        Sabour et al., 2017, https://arxiv.org/abs/1710.09829, section 5.2.
    """
    image = check_image("image", image)
    if size < max(image.shape[:2]):
        raise ValueError(
            f"size is {size} for an image of shape {image.shape}: give a canvas of at "
            f"least {max(image.shape[:2])}, or use shift"
        )
    return _window(image, offset, size, size)


def random_offset(key: jax.Array, most: int) -> jax.Array:
    """Draws a shift by up to `most` pixels in each direction.

    Returns:
        int32 `[2]`, uniform in -most..most, both ends included.

    Raises:
        ValueError: `most` is negative.
    """
    if most < 0:
        raise ValueError(f"most is {most}: give the largest shift, 0 or more pixels")
    return jax.random.randint(key, (2,), -most, most + 1, jnp.int32)


def overlay(first: ArrayLike, second: ArrayLike) -> jax.Array:
    """Adds two images and clips at white: 255 for uint8, 1 for floats.

    Args:
        first: `[H, W, C]`.
        second: the same shape and type.

    Returns:
        The same shape and type.

    Raises:
        ValueError: shapes or types differ, or are not those of images.
    """
    first, second = check_image("first", first), check_image("second", second)
    if first.shape != second.shape or first.dtype != second.dtype:
        raise ValueError(
            f"first is {first.dtype} {first.shape} and second is {second.dtype} "
            f"{second.shape}: give two images of one shape and type"
        )
    if first.dtype == jnp.uint8:
        return first + jnp.minimum(second, 255 - first)  # a plain sum would wrap
    return jnp.minimum(first + second, 1)


def by_class(labels: ArrayLike) -> Table:
    """Sorts a set by class, once, on the host, for `other_class`.

    Args:
        labels: integers `[N]`, 0 or more; classes without examples may lie between.

    Returns:
        The table, as NumPy arrays.

    Raises:
        ValueError: the labels are not such integers, or all of one class.
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
    """The example number `rank` among those of all classes but one.

    Args:
        rank: from 0 up to but not including the number of such examples; integer `[]`.
        label: the class to leave out, integer `[]`.
        table: from `by_class`.

    Returns:
        An index into the set, int32 `[]`; a different one for each rank.
    """
    order, start, counts = (jnp.asarray(a) for a in table)
    skip = jnp.where(rank >= start[label], counts[label], 0)
    return order[rank + skip]


def other_class(key: jax.Array, label: ArrayLike, table: Table) -> jax.Array:
    """Draws a random example of another class, uniform over all such examples.

    Args:
        key: a random key.
        label: the class to avoid, integer `[]`.
        table: from `by_class`.

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
    """Makes an example of MultiMNIST: two digits of different classes over each other.

    Each digit is shifted by itself by up to `most` pixels in each direction; then they
    are added and clipped.

    Args:
        key: a random key.
        images: the set both digits come from, `[N, H, W, C]`.
        labels: its classes, integers `[N]`.
        table: `by_class(labels)`.
        index: the index of the first digit, integer `[]`; the second is drawn at
            random.
        size: height and width of the canvas.
        most: the largest shift. Digits of 28×28 shifted by 4 just fit on 36×36.

    Returns:
        `"image"`, `[size, size, C]`; `"label"`, int32 `[2]`, of the first and the
        second digit; `"parts"`, `[2, size, size, C]`, the two digits alone, which are
        the targets of a reconstruction.

    Raises:
        ValueError: a shape or type is not as above, or the canvas is smaller than a
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
    """Makes a batch of `multi_digit`, each from its position and index alone.

    Args:
        seed: an integer, or a key of `jax.random.key`.
        images: the set, `[N, H, W, C]`.
        labels: its classes, integers `[N]`.
        table: `by_class(labels)`.
        positions: positions in the stream, integers `[B]`, such as `step * B` and the
            next.
        index: the indices of the first digits, integers `[B]`.
        size: height and width of the canvas.
        most: the largest shift.

    Returns:
        As `multi_digit`, with a leading axis: `[B, ...]`.

    Raises:
        ValueError: as `multi_digit`, or positions and index are not both `[B]`.
    """
    positions, index = jnp.asarray(positions), jnp.asarray(index)
    if positions.ndim != 1 or positions.shape != index.shape:
        raise ValueError(
            f"positions has shape {positions.shape} and index {index.shape}, expected "
            "[B] for both"
        )
    key = seeds.key(seed)

    def one(position, i):
        inner = example_key(key, position)
        return multi_digit(inner, images, labels, table, i, size=size, most=most)

    return jax.vmap(one)(positions, index)


def _window(image: jax.Array, offset: ArrayLike, height: int, width: int) -> jax.Array:
    """Puts the image, centred and then shifted by `offset`, into a window of zeros."""
    offset = jnp.asarray(offset)
    if offset.shape != (2,) or not jnp.issubdtype(offset.dtype, jnp.integer):
        raise ValueError(
            f"offset is {offset.dtype} {offset.shape}: give two integers, rows down "
            "and columns right"
        )
    rows, columns, channels = image.shape
    # With a whole window of zeros on every side, a clipped start still gives only
    # zeros.
    padded = jnp.pad(image, ((height, height), (width, width), (0, 0)))
    top, left = height - (height - rows) // 2, width - (width - columns) // 2
    start = (
        jnp.clip(top - offset[0], 0, rows + height),
        jnp.clip(left - offset[1], 0, columns + width),
        0,
    )
    return jax.lax.dynamic_slice(padded, start, (height, width, channels))


def check_image(name: str, image: ArrayLike) -> jax.Array:
    """Checks that an image has a shape and type that these functions take."""
    image = jnp.asarray(image)
    known = image.dtype == jnp.uint8 or jnp.issubdtype(image.dtype, jnp.floating)
    if image.ndim != 3 or not known:
        raise ValueError(
            f"{name} is {image.dtype} {image.shape}: give uint8 or floats of shape "
            "[H, W, C], and use jax.vmap for a batch"
        )
    return image
