"""Faces as generators draw them: moved, blurred, noisy, of other contrast."""

import jax
import jax.numpy as jnp

SHIFT = 1 / 16  # by which training images are moved, of their height
NOISE = 0.04  # the largest standard deviation of a training image's noise
CONTRAST = 0.1  # by which contrast and brightness change at most
STRENGTHS = (SHIFT, NOISE, CONTRAST)


def augmented(
    key: jax.Array, image: jax.Array, moved: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """A face as a generator may draw it: moved, blurred, noisy, of other contrast.

    Args:
        key: a random key.
        image: `[S, S, 3]` in [0, 1].
        moved: a box `[4]` that moves along, in image heights.

    Returns:
        `(image, box)`; what comes in at the border repeats the border.
    """
    keys, side = jax.random.split(key, 5), len(image)
    most = round(SHIFT * side)
    offset = jax.random.randint(keys[0], (2,), 0, 2 * most + 1)
    image = jnp.pad(image, ((most, most), (most, most), (0, 0)), mode="edge")
    image = jax.lax.dynamic_slice(image, (*offset, 0), (side, side, 3))
    moved = moved + jnp.tile(most - offset, 2) / side
    return _worn(keys[1:], image), moved


def worn(key: jax.Array, image: jax.Array) -> jax.Array:
    """The same without moving it: `[S, S, 3]` in [0, 1]."""
    return _worn(jax.random.split(key, 4), image)


def _worn(keys, image):
    image = image + jax.random.uniform(keys[0]) * (_blurred(image) - image)
    contrast, brightness = jax.random.uniform(
        keys[1], (2,), minval=-CONTRAST, maxval=CONTRAST
    )
    image = 0.5 + (1 + contrast) * (image - 0.5) + brightness
    noise = jax.random.normal(keys[3], (*image.shape[:2], 1))
    image = image + NOISE * jax.random.uniform(keys[2]) * noise
    return jnp.clip(image, 0.0, 1.0)


def _blurred(image):
    """By weights of 1, 4, 6, 4, 1 over 16 each way: about a Gaussian of one pixel."""
    side = len(image)
    for axis in (0, 1):
        margin = [(2, 2) if i == axis else (0, 0) for i in range(3)]
        padded = jnp.pad(image, margin, mode="edge")
        image = sum(
            weight / 16 * jax.lax.slice_in_dim(padded, i, i + side, axis=axis)
            for i, weight in enumerate((1, 4, 6, 4, 1))
        )
    return image
