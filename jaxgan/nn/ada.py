"""Augmentations with a probability that adapts itself to how much D overfits.

Karras, Aittala, Hellsten, Laine, Lehtinen and Aila, "Training Generative Adversarial
Networks with Limited Data", arXiv:2006.06676, appendix B: geometry and colour. Every
operation is applied to every image with probability p, in both losses. As long as p is
well below 1, a generator cannot draw augmented images without being told from the
data, so that augmentations do not leak into samples. `adapt` moves p such that the
discriminator keeps being sure of 0.6 more of the real images than it is wrong about.

Known difference: images are resampled once, bilinearly, where the released code doubles
them first and filters with wavelets.
"""

import chex
import jax
import jax.numpy as jnp
from flax import linen
from jax import lax

from jaxgan.nn.moved import colour, geometry, recolour, warp

TARGET = 0.6
"""The mean sign of D on real images at which p stays."""
EVERY = 4
"""Minibatches between adjustments."""


def adaptive_augment(
    images: jax.Array, key: jax.Array, probability: jax.Array | float
) -> jax.Array:
    """Changes geometry and colour of each image, each operation with a probability.

    In this order: flips, quarter turns and shifts by whole pixels; scale, rotation,
    stretch, another rotation and a shift by fractions; brightness, contrast, inverted
    luma, hue and saturation. Grey images have no hue, and so no saturation. Gradients
    pass through to the images.

    Args:
        images: `[B, H, W, C]` in [-1, 1], with 1 or 3 channels; results may leave that
            range.
        key: a random key.
        probability: p in 0..1, `[]`. With 0 the images come back bit for bit.

    Returns:
        `[B, H, W, C]`.

    Raises:
        ValueError: images have neither 1 nor 3 channels.
    """
    chex.assert_rank(images, 4)
    count, height, width, channels = images.shape
    if channels not in (1, 3):
        raise ValueError(
            f"images have {channels} channels; colours are changed of 3, or greys of 1"
        )
    geometry_key, colour_key = jax.random.split(key)
    places = geometry(geometry_key, count, (height, width), probability)
    colours = colour(colour_key, count, probability, channels)
    moved = warp(images.astype(jnp.float32), places)
    return recolour(moved, colours).astype(images.dtype)


def adapt(
    probability: jax.Array,
    sign: jax.Array,
    count: jax.Array | int,
    *,
    images: float = 500_000,
    target: float = TARGET,
) -> jax.Array:
    """The probability after an adjustment, in 0..1.

    The paper's equation 1, r_t, with the released code's step: p goes up where the
    discriminator is right about too many real images, and down where about too few.

    Args:
        probability: p, `[]`.
        sign: the mean sign of the discriminator's logits of real images since the last
            adjustment, `[]` in [-1, 1].
        count: real images seen since then.
        images: how many real images take p from 0 to 1, if all adjustments go up.
        target: the sign at which p stays.
    """
    moved = probability + jnp.sign(sign - target) * count / images
    return jnp.clip(moved, 0.0, 1.0)


class Adaptive(linen.Module):
    """Augmentations whose probability is a memory, which starts at 0.

    Attributes:
        images: real images that would take the probability from 0 to 1.
    """

    images: int = 500_000

    @linen.compact
    def __call__(
        self, images: jax.Array | None, logits: jax.Array | None = None
    ) -> jax.Array:
        """Augments images, or learns from what the discriminator made of real ones.

        Args:
            images: `[B, H, W, C]`, to be augmented by the random stream "noise".
            logits: `[B]`, of real images; every fourth time the probability moves.

        Returns:
            The augmented images; or, where none are given, the probability, `[]`.
        """
        p, signs, seen = (
            self.variable("memory", name, jnp.zeros, ())
            for name in ("probability", "signs", "seen")
        )
        if images is not None:
            if self.is_initializing():
                return images
            return adaptive_augment(images, self.make_rng("noise"), p.value)
        if logits is not None:
            found = lax.stop_gradient(logits)
            total = signs.value + jnp.sign(found).sum()
            count = seen.value + len(found)
            due = count >= EVERY * len(found)
            moved = adapt(p.value, total / count, count, images=self.images)
            p.value = jnp.where(due, moved, p.value)
            signs.value = jnp.where(due, 0.0, total)
            seen.value = jnp.where(due, 0.0, count)
        return p.value
