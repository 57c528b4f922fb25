"""Small random affine maps of digits, on the device, as in affNIST.

Tieleman's affNIST (https://www.cs.toronto.edu/~tijmen/affNIST/) tests whether a network
that was trained on centred digits recognises digits that are turned, sheared, scaled
and moved. Here each such example is a pure function of a key, made where it is needed.

Images are `[H, W, C]` on black, uint8 from 0 to 255 or floats from 0 to 1; results have
the type of the input. Coordinates are (row, column).
"""

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from jaxgan.data.synthetic.digits import check_image


def affine_matrix(
    key: jax.Array,
    *,
    degrees: float = 20.0,
    shear: float = 0.2,
    scale: tuple[float, float] = (0.8, 1.2),
) -> jax.Array:
    """Draws a small random affine map about the centre of an image, for `warp`.

    Height and width are scaled independently, then columns are sheared along the rows,
    then the image is rotated. All amounts are uniform. The default ranges and the order
    of the three operations are a choice of ours, made to resemble affNIST, without a
    comparison with its files.

    Args:
        key: a random key.
        degrees: the largest rotation, to either side.
        shear: the largest shear, in columns per row.
        scale: the smallest and the largest scale.

    Returns:
        float32 `[2, 3]`, without a translation.

    Raises:
        ValueError: the scales are not positive and in order.

    References:
        Tieleman, 2013, affNIST, https://www.cs.toronto.edu/~tijmen/affNIST/
    """
    low, high = scale
    if not 0 < low <= high:
        raise ValueError(
            f"scale is {scale}: give the smallest and the largest, both above 0"
        )
    for_angle, for_shear, for_scale = jax.random.split(key, 3)
    angle = jnp.deg2rad(degrees) * jax.random.uniform(for_angle, minval=-1, maxval=1)
    slope = shear * jax.random.uniform(for_shear, minval=-1, maxval=1)
    down, right = jax.random.uniform(for_scale, (2,), minval=low, maxval=high)
    sine, cosine = jnp.sin(angle), jnp.cos(angle)
    # The product is written out, since accelerators may round matrix products to
    # bfloat16.
    zero = jnp.zeros_like(sine)
    rows = [(cosine - sine * slope) * down, -sine * right, zero]
    columns = [(sine + cosine * slope) * down, cosine * right, zero]
    return jnp.stack([jnp.stack(rows), jnp.stack(columns)])


def translate_inside(
    key: jax.Array, image: ArrayLike, matrix: ArrayLike, size: int
) -> jax.Array:
    """Adds a random translation that keeps everything that is not black on the canvas.

    Args:
        key: a random key.
        image: `[H, W, C]`.
        matrix: an affine map for `warp`, `[2, 3]`.
        size: height and width of the canvas.

    Returns:
        The matrix, `[2, 3]`, with a translation that is uniform over those that keep
        all content on the canvas. Content that is too high or wide is centred in that
        direction.

    Raises:
        ValueError: a shape or type is not as above.
    """
    image, matrix = check_image("image", image), _matrix(matrix, size)
    rows, columns, _ = image.shape
    ink = (image > 0).any(-1)
    ink = ink | ~ink.any()  # a black image may go anywhere
    y = jnp.arange(rows)[:, None] - (rows - 1) / 2
    x = jnp.arange(columns)[None, :] - (columns - 1) / 2
    chance = jax.random.uniform(key, (2,))
    offsets = []
    for axis, length in enumerate((rows, columns)):
        across, down = matrix[axis, 1], matrix[axis, 0]
        at = down * y + across * x + matrix[axis, 2]
        # Bilinear sampling spreads a pixel over its neighbours, which are mapped as
        # well.
        reach = jnp.abs(down) + jnp.abs(across)
        # Pixels -1 and `size` are the first outside the canvas, and must stay empty.
        origin = (size - length) // 2 + (length - 1) / 2
        least = -1 - origin - (jnp.min(at, initial=jnp.inf, where=ink) - reach)
        most = size - origin - (jnp.max(at, initial=-jnp.inf, where=ink) + reach)
        free = least + chance[axis] * (most - least)
        offsets.append(jnp.where(least <= most, free, (least + most) / 2))
    return matrix.at[:, 2].add(jnp.stack(offsets))


def warp(image: ArrayLike, matrix: ArrayLike, size: int) -> jax.Array:
    """Applies an affine map to an image, on a canvas of another size.

    The content at p moves to A·p + t, for the matrix [A t] and positions (row, column)
    relative to the centre of the image, which lies where `place` puts it. So the
    identity is the same as `place` without an offset, and [[0, -1], [1, 0]] is a
    quarter turn to the left. Values between pixels are interpolated bilinearly;
    everything outside the image is black. Translations by whole pixels and quarter
    turns are exact.

    Args:
        image: `[H, W, C]`.
        matrix: floats `[2, 3]`; A must have an inverse.
        size: height and width of the canvas.

    Returns:
        `[size, size, C]`, in the type of `image`; uint8 is rounded.

    Raises:
        ValueError: a shape or type is not as above.
    """
    image, matrix = check_image("image", image), _matrix(matrix, size)
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
    """Turns, shears and scales a digit and puts it anywhere on a canvas, as in affNIST.

    Args:
        key: a random key.
        image: `[H, W, C]`.
        size: height and width of the canvas.
        degrees: the largest rotation, to either side.
        shear: the largest shear, in columns per row.
        scale: the smallest and the largest scale of height and of width.

    Returns:
        `[size, size, C]`, in the type of `image`.

    Raises:
        ValueError: a shape, type or range is not as above.

    References:
        Tieleman, 2013, affNIST, https://www.cs.toronto.edu/~tijmen/affNIST/
    """
    for_map, for_place = jax.random.split(key)
    matrix = affine_matrix(for_map, degrees=degrees, shear=shear, scale=scale)
    return warp(image, translate_inside(for_place, image, matrix, size), size)


def _tap(position: jax.Array, length: int) -> tuple[jax.Array, jax.Array]:
    """The pixel before a position, plus 1 for a margin of zeros, and the remainder."""
    position = jnp.clip(position, -1, length)
    before = jnp.minimum(jnp.floor(position), length - 1)
    return before.astype(jnp.int32) + 1, position - before


def _matrix(matrix: ArrayLike, size: int) -> jax.Array:
    """Checks the shape of an affine map and the canvas; returns the map as float32."""
    if jnp.shape(matrix) != (2, 3):
        raise ValueError(f"matrix has shape {jnp.shape(matrix)}, expected (2, 3)")
    if size < 1:
        raise ValueError(f"size is {size}: give a canvas of 1 pixel or more")
    return jnp.asarray(matrix, jnp.float32)
