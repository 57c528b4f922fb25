"""Small random affine maps of digits, on the device, as in affNIST.

Tieleman's affNIST (https://www.cs.toronto.edu/~tijmen/affNIST/) tests whether what was
learned from digits in the middle holds for digits that are turned, sheared, scaled and
moved. Here such an example is a pure function of a key, made where it is needed.

Images are `[H, W, C]` on black, uint8 from 0 to 255 or floats from 0 to 1, and keep
their type. Coordinates are (row, column).
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
    image, matrix = check_image("image", image), _matrix(matrix, size)
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


def _tap(position: jax.Array, length: int) -> tuple[jax.Array, jax.Array]:
    """The pixel before a position, one later for an edge of zeros, and what is left."""
    position = jnp.clip(position, -1, length)
    before = jnp.minimum(jnp.floor(position), length - 1)
    return before.astype(jnp.int32) + 1, position - before


def _matrix(matrix: ArrayLike, size: int) -> jax.Array:
    """An affine map as float32, once its shape and the canvas are right."""
    if jnp.shape(matrix) != (2, 3):
        raise ValueError(f"matrix has shape {jnp.shape(matrix)}, expected (2, 3)")
    if size < 1:
        raise ValueError(f"size is {size}: give a canvas of 1 pixel or more")
    return jnp.asarray(matrix, jnp.float32)
