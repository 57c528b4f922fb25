"""Clips of digits that move, on the device: bouncing, or turning left or right.

Digits that bounce have one future. A digit that comes down a road to a crossing has
two, and nothing in the past tells which: a guess that is as near as possible to both is
neither (Mathieu et al., arXiv:1511.05440, blame the squared error for that).

Clips are `[T, size, size, C]` on black, in the type of the digits: uint8 from 0 to 255
or floats from 0 to 1. Each is a pure function of a key, made where it is needed.
Positions are rounded to whole pixels, so that digits are equally sharp in all frames.
"""

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from jaxgan.data.synthetic import digits

MARGIN = 2  # empty pixels around a small digit, which may leave the canvas


def bouncing(
    key: jax.Array, images: ArrayLike, *, frames: int, size: int, speed: float = 3.0
) -> jax.Array:
    """Moves digits along straight lines, thrown back by the edges of the canvas.

    Args:
        key: a random key: where each digit begins, and in which direction it goes.
        images: the digits, `[K, H, W, C]`; where they meet, brightness is added up.
        frames: T.
        size: height and width of the canvas.
        speed: pixels a frame.

    Returns:
        `[T, size, size, C]`.

    Raises:
        ValueError: the canvas is smaller than a digit.
    """
    images = jnp.asarray(images)
    room = _room(images.shape[1], size)
    for_start, for_angle = jax.random.split(key)
    start = jax.random.uniform(for_start, (len(images), 2), minval=-room, maxval=room)
    angle = jax.random.uniform(for_angle, (len(images),), maxval=2 * jnp.pi)
    velocity = speed * jnp.stack([jnp.sin(angle), jnp.cos(angle)], -1)
    time = jnp.arange(frames)[:, None, None]
    return _drawn(images, reflected(start[None] + velocity[None] * time, room), size)


def turning(
    key: jax.Array,
    image: ArrayLike,
    *,
    frames: int,
    past: int,
    size: int,
    speed: float = 4.0,
) -> jax.Array:
    """Moves a digit to a crossing, and from there to the left or to the right.

    Args:
        key: a random key: which way the digit comes, and where the crossing is.
        image: `[H, W, C]`.
        frames: T.
        past: the number of frames until the digit is on the crossing; the two futures
            differ after that.
        size: height and width of the canvas.
        speed: pixels a frame.

    Returns:
        Both futures, which have their past in common: `[2, T, size, size, C]`.

    Raises:
        ValueError: the canvas is smaller than the digit.
    """
    image = jnp.asarray(image)
    _room(image.shape[0], size)
    for_way, for_place = jax.random.split(key)
    ways = jnp.array([[1, 0], [0, 1], [-1, 0], [0, -1]])
    ahead = jax.random.randint(for_way, (), 0, 4)
    crossing = jax.random.randint(for_place, (2,), -2, 3)
    time = (jnp.arange(frames) - (past - 1))[:, None]

    def future(turn):
        way = jnp.where(time <= 0, ways[ahead][None], ways[(ahead + turn) % 4][None])
        place = crossing[None] + speed * time * way
        return _drawn(image[None], place[:, None], size)

    return jnp.stack([future(1), future(-1)])


def reflected(position: ArrayLike, room: ArrayLike) -> jax.Array:
    """Folds positions on a line into [-room, room], as walls there throw a ball back.

    Args:
        position: where the ball would be without walls, of any shape.
        room: above 0.
    """
    position, room = jnp.asarray(position), jnp.asarray(room)
    return room - jnp.abs((position + room) % (4 * room) - 2 * room)


def _room(side: int, size: int) -> float:
    """How far from the centre the centre of a digit may be."""
    if size <= side:
        raise ValueError(
            f"size is {size} for digits of {side} pixels: give a larger canvas, or"
            " smaller digits"
        )
    return (size - side) / 2 + MARGIN


def _drawn(images: jax.Array, positions: jax.Array, size: int) -> jax.Array:
    """Digits `[K, H, W, C]` at distances `[T, K, 2]` from the centre of the canvas."""
    offsets = jnp.round(positions).astype(jnp.int32)
    place = jax.vmap(digits.place, (0, 0, None))
    layers = jax.vmap(place, (None, 0, None))(images, offsets, size)
    drawn = layers[:, 0]
    for layer in range(1, layers.shape[1]):
        drawn = jax.vmap(digits.overlay)(drawn, layers[:, layer])
    return drawn
