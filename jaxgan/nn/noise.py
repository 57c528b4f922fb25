"""Gaussian noise as a layer."""

import jax
from flax import linen as nn


class GaussianNoise(nn.Module):
    """Adds N(0, sigma²) to every number, `[B, ...]` to `[B, ...]`.

    The layer is active where the random stream "noise" is given, as in training, and
    passes its input on unchanged where it is not. While a net is initialised it is
    active too: layers whose first batch decides about their gains then see what they
    will see in training.

    Attributes:
        sigma: Standard deviation, at least 0.

    Raises:
        ValueError: `sigma` is negative.
    """

    sigma: float

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Disturbs a batch of anything."""
        if not self.sigma >= 0:
            raise ValueError(
                f"sigma of GaussianNoise is {self.sigma}; it must be at least 0"
            )
        training = self.has_rng("noise")
        if not self.sigma or not (training or self.is_initializing()):
            return x
        key = self.make_rng("noise" if training else "params")
        return x + self.sigma * jax.random.normal(key, x.shape, x.dtype)
