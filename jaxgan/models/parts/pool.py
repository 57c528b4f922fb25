"""A pool of past fakes, so that a discriminator does not forget what it has seen.

Shrivastava et al., arXiv:1612.07828, section 2.3, in the form of CycleGAN's code.
"""

import jax
import jax.numpy as jnp
from flax import linen
from jax import lax


class ImagePool(linen.Module):
    """A memory of `size` images, a net without parameters.

    Images pass one after the other. The first `size` of them are stored and come back
    as they are. Afterwards, an image is exchanged for a random stored one with
    probability one half, and comes back as it is otherwise, and then it is not stored.

    Attributes:
        size: images that are stored; with 0, all pass.
    """

    size: int = 50

    @linen.compact
    def __call__(self, images: jax.Array, key: jax.Array) -> jax.Array:
        """Returns the images to show `[B, ...]`, some of them older ones."""
        if self.size == 0:
            return images
        shape = (self.size, *images.shape[1:])
        stored = self.variable("memory", "images", jnp.zeros, shape, images.dtype)
        filled = self.variable("memory", "filled", jnp.zeros, (self.size,), bool)

        def one(memory, given):
            stored, filled = memory
            image, key = given
            swap_key, place_key = jax.random.split(key)
            full = filled.all()
            swap = full & jax.random.bernoulli(swap_key)
            chosen = jax.random.randint(place_key, (), 0, self.size)
            place = jnp.where(full, chosen, filled.sum())
            old = stored[place]
            kept = jnp.where(swap | ~full, image, old)
            memory = stored.at[place].set(kept), filled.at[place].set(True)
            return memory, jnp.where(swap, old, image)

        keys = jax.random.split(key, len(images))
        memory, shown = lax.scan(one, (stored.value, filled.value), (images, keys))
        if not self.is_initializing():
            stored.value, filled.value = memory
        return shown
