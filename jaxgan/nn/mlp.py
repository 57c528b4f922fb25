"""The plain multi-layer perceptron."""

import jax
import jax.numpy as jnp
from flax import linen as nn


class MLP(nn.Module):
    """Dense layers with ReLU between: `[B, N]` to `[B, out]`, float32.

    Attributes:
        hidden: Units of the hidden layers.
        out: Units of the last, linear layer.
        dtype: Arithmetic of the hidden layers.
    """

    hidden: tuple[int, ...]
    out: int
    dtype: str = "float32"

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Maps a batch of vectors."""
        for units in self.hidden:
            x = nn.relu(nn.Dense(units, dtype=jnp.dtype(self.dtype))(x))
        return nn.Dense(self.out)(x.astype(jnp.float32))
