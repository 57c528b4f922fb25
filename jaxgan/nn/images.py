"""Converts pixels between bytes and the range of tanh, on the device."""

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
