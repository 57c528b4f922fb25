"""Differentiable augmentation, which keeps a discriminator from memorising small sets.

Zhao, Liu, Lin, Zhu and Han, "Differentiable Augmentation for Data-Efficient GAN
Training", arXiv:2006.10738. Real and generated images get the same kind of random
change every time that the discriminator sees them, in *both* losses, so that the
generator learns the data and not the changes. The change of each example is drawn
independently.
"""

from collections.abc import Sequence

import chex
import jax
import jax.numpy as jnp

POLICIES = ("colour", "translation", "cutout")


def diff_augment(
    images: jax.Array, key: jax.Array, policy: Sequence[str] = POLICIES
) -> jax.Array:
    """Changes each image at random; gradients pass through to the images.

    Args:
        images: `[B, H, W, C]`, in [-1, 1] (results may leave that range a little).
        key: a random key.
        policy: some of "colour", "translation", "cutout", in the order to apply.

    Returns:
        `[B, H, W, C]`.

    Raises:
        ValueError: the policy has an unknown name.
    """
    chex.assert_rank(images, 4)
    check_policy(policy)
    changes = {"colour": colour, "translation": translation, "cutout": cutout}
    for i, name in enumerate(policy):
        images = changes[name](images, jax.random.fold_in(key, i))
    return images


def check_policy(policy: Sequence[str]) -> None:
    """Raises ValueError for names of unknown augmentations."""
    if unknown := [name for name in policy if name not in POLICIES]:
        raise ValueError(
            f"unknown augmentation {unknown}; choose from {list(POLICIES)}"
        )


def colour(images: jax.Array, key: jax.Array) -> jax.Array:
    """Changes brightness +-0.5, saturation x0..2, contrast x0.5..1.5, per example."""
    shape = (images.shape[0], 1, 1, 1)
    brightness, saturation, contrast = (
        jax.random.uniform(k, shape, images.dtype) for k in jax.random.split(key, 3)
    )
    images = images + (brightness - 0.5)
    grey = images.mean(3, keepdims=True)
    images = (images - grey) * (2 * saturation) + grey
    level = images.mean((1, 2, 3), keepdims=True)
    return (images - level) * (contrast + 0.5) + level


def translation(images: jax.Array, key: jax.Array, ratio: float = 0.125) -> jax.Array:
    """Shifts by whole pixels, up to `ratio` of each side, and fills in 0 (mid-grey)."""
    b, h, w, _ = images.shape
    key_y, key_x = jax.random.split(key)

    def shift(axis_key, size):
        reach = round(size * ratio)
        return jax.random.randint(axis_key, (b,), -reach, reach + 1)

    def rows(image, offset):  # gather, whose gradient is a scatter of whole rows
        index = jnp.arange(image.shape[0]) - offset
        inside = (index >= 0) & (index < image.shape[0])
        moved = jnp.take(image, jnp.clip(index, 0, image.shape[0] - 1), axis=0)
        return jnp.where(inside[:, None, None], moved, jnp.zeros_like(moved))

    images = jax.vmap(rows)(images, shift(key_y, h))
    images = jax.vmap(rows)(images.swapaxes(1, 2), shift(key_x, w))
    return images.swapaxes(1, 2)


def cutout(images: jax.Array, key: jax.Array, ratio: float = 0.5) -> jax.Array:
    """Blanks a rectangle with `ratio` of each side, centred anywhere in the image."""
    b, h, w, _ = images.shape
    key_y, key_x = jax.random.split(key)

    def inside(axis_key, size):
        hole = round(size * ratio)
        start = jax.random.randint(axis_key, (b, 1), 0, size + 1 - hole % 2) - hole // 2
        position = jnp.arange(size)[None, :]
        return (position >= start) & (position < start + hole)

    hole = inside(key_y, h)[:, :, None] & inside(key_x, w)[:, None, :]
    return jnp.where(hole[..., None], jnp.zeros_like(images), images)
