"""Gaussian noise as a layer."""

import jax
from flax import linen as nn


class GaussianNoise(nn.Module):
    """Adds N(0, sigma²) to every number, `[B, ...]` to `[B, ...]`.

    The layer is active where the random stream "noise" is given, as in training, and
    returns its input unchanged where it is not. It is also active while a net is
    initialised, so that layers whose first batch sets their gains see the same inputs
    as in training.

    Attributes:
        sigma: Standard deviation, at least 0.

    Raises:
        ValueError: `sigma` is negative.
    """

    sigma: float

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Adds noise to a batch of any shape."""
        if not self.sigma >= 0:
            raise ValueError(
                f"sigma of GaussianNoise is {self.sigma}; it must be at least 0"
            )
        training = self.has_rng("noise")
        if not self.sigma or not (training or self.is_initializing()):
            return x
        key = self.make_rng("noise" if training else "params")
        return x + self.sigma * jax.random.normal(key, x.shape, x.dtype)
