"""A plain multi-layer perceptron."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from flax import linen as nn


class MLP(nn.Module):
    """Dense layers with ReLU or another function between: `[B, N]` to `[B, out]`.

    Attributes:
        hidden: Units of the hidden layers.
        out: Units of the last, linear layer.
        dtype: The dtype of the hidden layers; the last is float32.
        activation: The function between layers.
    """

    hidden: tuple[int, ...]
    out: int
    dtype: str = "float32"
    activation: Callable[[jax.Array], jax.Array] = nn.relu

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Maps a batch of vectors."""
        for units in self.hidden:
            x = self.activation(nn.Dense(units, dtype=jnp.dtype(self.dtype))(x))
        return nn.Dense(self.out)(x.astype(jnp.float32))
