"""Converts pixels between bytes and the range of tanh, and pads, on the device."""

import chex
import jax
import jax.numpy as jnp


def from_uint8(image: jax.Array) -> jax.Array:
    """Converts bytes 0..255 to float32 in [-1, 1]: `image / 127.5 - 1`."""
    chex.assert_type(image, jnp.uint8)
    return image.astype(jnp.float32) / 127.5 - 1


def to_uint8(image: jax.Array) -> jax.Array:
    """Converts floats in [-1, 1] to the nearest byte; others are clipped."""
    scaled = (image.astype(jnp.float32) + 1) * 127.5
    return jnp.clip(jnp.round(scaled), 0, 255).astype(jnp.uint8)


def reflect_pad(image: jax.Array, margin: int) -> jax.Array:
    """Adds a margin of mirrored pixels, without the edge itself, on all four sides.

    Args:
        image: `[B, H, W, C]`.
        margin: pixels on each side, fewer than the height and the width.

    Returns:
        `[B, H + 2 margin, W + 2 margin, C]`.

    Raises:
        ValueError: the image is too small to be mirrored that far.
    """
    chex.assert_rank(image, 4)
    height, width = image.shape[1:3]
    if margin >= min(height, width):
        raise ValueError(
            f"an image of {height}x{width} cannot be padded by {margin} mirrored"
            f" pixels: it needs sides of at least {margin + 1}"
        )
    sides = (margin, margin)
    return jnp.pad(image, ((0, 0), sides, sides, (0, 0)), mode="reflect")
