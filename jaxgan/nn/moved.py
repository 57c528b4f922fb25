"""Random changes of geometry and colour, each operation with a probability.

Those of StyleGAN2-ADA (Karras et al., arXiv:2006.06676, appendix B), as matrices that
are drawn first and applied at once; `ada` says what they are for.
"""

import math

import chex
import jax
import jax.numpy as jnp
from jax.scipy.ndimage import map_coordinates


def geometry(
    key: jax.Array, count: int, size: tuple[int, int], probability: jax.Array | float
) -> jax.Array:
    """Random maps of places in the result to places in the image.

    Args:
        key: a random key.
        count: B.
        size: height and width in pixels.
        probability: p of each operation.

    Returns:
        `[B, 3, 3]`, of columns (x, y, 1) in pixels from the middle of the image.
    """
    height, width = size
    keys = iter(jax.random.split(key, 32))

    def uniform(low, high, *shape):
        return jax.random.uniform(next(keys), (count, *shape), minval=low, maxval=high)

    def normal(*shape):
        return jax.random.normal(next(keys), (count, *shape))

    def gated(value, still, chance=probability):
        on = jax.random.uniform(next(keys), (count,)) < chance
        return jnp.where(on.reshape(-1, *[1] * (value.ndim - 1)), value, still)

    flip = gated(jnp.floor(uniform(0, 2)), 0.0)
    turns = gated(jnp.floor(uniform(0, 4)), 0.0)
    reach = jnp.array([[width, height]], jnp.float32)
    whole = jnp.round(gated(uniform(-0.125, 0.125, 2), 0.0) * reach)
    scale = gated(2 ** (0.2 * normal()), 1.0)
    # Two rotations, which together are there with probability p.
    once = 1 - jnp.sqrt(jnp.clip(1 - jnp.asarray(probability, jnp.float32), 0, 1))
    before = gated(uniform(-math.pi, math.pi), 0.0, once)
    stretch = gated(2 ** (0.2 * normal()), 1.0)
    after = gated(uniform(-math.pi, math.pi), 0.0, once)
    shift = gated(0.125 * normal(2), 0.0) * reach
    return _chain(
        _scaling(1 - 2 * flip, jnp.ones(count)),
        _quarters(turns),
        _shifting(-whole),
        _scaling(1 / scale, 1 / scale),
        _rotation(before),
        _scaling(1 / stretch, stretch),
        _rotation(after),
        _shifting(-shift),
    )


def random_affine(
    images: jax.Array,
    key: jax.Array,
    *,
    degrees: float = 20.0,
    shear: float = 0.2,
    scale: tuple[float, float] = (0.8, 1.2),
    shift: float = 2.0,
) -> jax.Array:
    """Turns, shears, scales and shifts each image a little, as another hand would.

    All amounts are uniform. Gradients pass through to the images.

    Args:
        images: `[B, H, W, C]`.
        key: a random key.
        degrees: the largest rotation, to either side.
        shear: the largest shear, in columns per row.
        scale: the smallest and the largest scale of height and of width.
        shift: the largest shift along each axis, in pixels.

    Returns:
        `[B, H, W, C]`, interpolated bilinearly; images go on beyond their edges as in
        mirrors.
    """
    chex.assert_rank(images, 4)
    count, keys = len(images), jax.random.split(key, 4)

    def uniform(index, low, high, *shape):
        shape = (count, *shape)
        return jax.random.uniform(keys[index], shape, minval=low, maxval=high)

    angle = uniform(0, -1, 1) * math.radians(degrees)
    slope, sizes = uniform(1, -shear, shear), 1 / uniform(2, *scale, 2)
    zero, one = jnp.zeros(count), jnp.ones(count)
    places = _chain(
        _matrix([[one, slope, zero], [zero, one, zero], [zero, zero, one]]),
        _rotation(angle),
        _scaling(sizes[:, 0], sizes[:, 1]),
        _shifting(uniform(3, -shift, shift, 2)),
    )
    return warp(images, places)


def colour(
    key: jax.Array, count: int, probability: jax.Array | float, channels: int = 3
) -> jax.Array:
    """Random affine maps of colours.

    Args:
        key: a random key.
        count: B.
        probability: p of each operation.
        channels: 3, or 1 for grey images, whose hue and saturation stay.

    Returns:
        `[B, 4, 4]`, of columns (red, green, blue, 1).
    """
    keys = iter(jax.random.split(key, 16))

    def gated(draw, still):
        value = draw(next(keys), (count,))
        on = jax.random.uniform(next(keys), (count,)) < probability
        return jnp.where(on, value, still)

    normal = jax.random.normal
    brightness = gated(lambda k, s: 0.2 * normal(k, s), 0.0)
    contrast = gated(lambda k, s: 2 ** (0.5 * normal(k, s)), 1.0)
    inverted = gated(lambda k, s: jnp.floor(2 * jax.random.uniform(k, s)), 0.0)
    hue = gated(lambda k, s: math.pi * (2 * jax.random.uniform(k, s) - 1), 0.0)
    saturation = gated(lambda k, s: 2 ** normal(k, s), 1.0)
    if channels == 1:
        hue, saturation = jnp.zeros(count), jnp.ones(count)
    eye = jnp.eye(4)[None]
    luma = jnp.array([1.0, 1.0, 1.0, 0.0]) / math.sqrt(3)
    along = jnp.outer(luma, luma)[None]
    across = jnp.diag(jnp.array([1.0, 1.0, 1.0, 0.0]))[None] - along
    # A vector product with the axis of luma turns colours a quarter around it.
    turn = jnp.array(
        [[[0, -1, 1, 0], [1, 0, -1, 0], [-1, 1, 0, 0], [0, 0, 0, 0]]]
    ) / math.sqrt(3)
    place = jnp.zeros((1, 4, 4)).at[:, :3, 3].set(1.0)
    opaque = jnp.zeros((1, 4, 4)).at[:, 3, 3].set(1.0)
    return _chain(
        eye + (_wide(saturation) - 1) * across,
        eye + (_wide(jnp.cos(hue)) - 1) * across + _wide(jnp.sin(hue)) * turn,
        eye - 2 * _wide(inverted) * along,
        _wide(contrast) * (eye - opaque) + opaque,
        eye + _wide(brightness) * place,
    )


def warp(images: jax.Array, places: jax.Array) -> jax.Array:
    """Moves pixels, bilinearly; images go on beyond their edges as in mirrors.

    Args:
        images: `[B, H, W, C]`.
        places: `[B, 3, 3]`, as `geometry` gives them.

    Returns:
        `[B, H, W, C]`.
    """
    chex.assert_rank([images, places], [4, 3])
    height, width = images.shape[1:3]
    middle = jnp.array([(width - 1) / 2, (height - 1) / 2])
    columns, rows = jnp.meshgrid(jnp.arange(width), jnp.arange(height))
    x, y = columns - middle[0], rows - middle[1]

    def one(image, place):
        across, down = (place[i, 0] * x + place[i, 1] * y + place[i, 2] for i in (0, 1))
        spots = [down + middle[1], across + middle[0]]
        flat = jax.vmap(
            lambda channel: map_coordinates(channel, spots, order=1, mode="mirror"),
            in_axes=2, out_axes=2,
        )  # fmt: skip
        return flat(image)

    return jax.vmap(one)(images, places)


def recolour(images: jax.Array, colours: jax.Array) -> jax.Array:
    """Changes colours by an affine map; grey images by what it does to greys.

    Args:
        images: `[B, H, W, C]`, C of 1 or 3.
        colours: `[B, 4, 4]`, as `colour` gives them.

    Returns:
        `[B, H, W, C]`.
    """
    chex.assert_rank([images, colours], [4, 3])
    mixing, added = colours[:, :3, :3], colours[:, :3, 3]
    if images.shape[3] == 1:
        mixing = mixing.sum(2).mean(1)[:, None, None]
        added = added.mean(1, keepdims=True)
    mixed = sum(
        images[..., i, None] * mixing[:, None, None, :, i]
        for i in range(images.shape[3])
    )
    return mixed + added[:, None, None]


def _wide(numbers):
    """Numbers `[B]` in front of matrices."""
    return numbers[:, None, None]


def _chain(first, *others):
    """The product of matrices `[B, n, n]`, in full precision."""
    for other in others:
        first = jnp.einsum("bij,bjk->bik", first, other, precision="highest")
    return first


def _matrix(rows):
    return jnp.stack([jnp.stack(row, axis=-1) for row in rows], axis=1)


def _scaling(x, y):
    zero, one = jnp.zeros_like(x), jnp.ones_like(x)
    return _matrix([[x, zero, zero], [zero, y, zero], [zero, zero, one]])


def _shifting(by):
    zero, one = jnp.zeros_like(by[:, 0]), jnp.ones_like(by[:, 0])
    return _matrix([[one, zero, by[:, 0]], [zero, one, by[:, 1]], [zero, zero, one]])


def _rotation(angle):
    return _turned(jnp.cos(angle), jnp.sin(angle))


def _quarters(turns):
    """Exact, where cosines would be off by roundings."""
    index = turns.astype(int)
    cos, sin = jnp.array([1.0, 0, -1, 0]), jnp.array([0, 1.0, 0, -1])
    return _turned(cos[index], sin[index])


def _turned(cos, sin):
    zero, one = jnp.zeros_like(cos), jnp.ones_like(cos)
    return _matrix([[cos, -sin, zero], [sin, cos, zero], [zero, zero, one]])
