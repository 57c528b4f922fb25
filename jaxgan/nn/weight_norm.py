"""Weight normalisation: the length of a unit's weights apart from their direction.

Salimans and Kingma, "Weight Normalization", arXiv:1602.07868.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax.typing import DTypeLike


class WeightNormDense(nn.Module):
    """A dense layer g·(x·v)/‖v‖ + b, `[B, N]` to `[B, features]`.

    The gain g and the bias b have one value a unit, and ‖v‖ is the Euclidean norm of a
    unit's N weights: the output does not depend on the scale of v.

    With `data_init`, the batch that the layer is initialised with decides about g and b
    (section 3 of the paper): every unit starts with mean 0 and variance 1 over it. Each
    layer of a network so sees the already standardised outputs of the one before. A
    unit that does not vary over that batch (one example, an example of zeros to get
    shapes from) starts with gain 1.

    Attributes:
        features: Units.
        learn_gain: Whether g is learnt. If not it is in the collection "gains", and a
            unit can only turn, not grow, so that noise on its output keeps its weight.
        data_init: Whether the first batch sets gain and bias; else 1 and 0.
        direction_init: Initialiser of v, whose length says how fast it will turn.
        dtype: The dtype of the computation, by default that of x. Parameters: float32.
    """

    features: int
    learn_gain: bool = True
    data_init: bool = False
    direction_init: Callable[..., jax.Array] = nn.initializers.normal(0.05)
    dtype: DTypeLike | None = None

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Maps a batch of vectors `[B, N]`."""
        if x.ndim != 2:
            raise ValueError(
                f"WeightNormDense takes [B, N], got {x.shape}; flatten examples first"
            )
        x = x.astype(self.dtype or x.dtype)
        direction = self.param(
            "direction",
            self.direction_init,
            (x.shape[-1], self.features),
            jnp.float32,
        )
        length = jnp.sqrt(jnp.square(direction).sum(0))
        # Dividing the products, not the matrix: B·M numbers in place of N·M.
        x = x @ direction.astype(x.dtype)
        gain, bias = jnp.ones(self.features), jnp.zeros(self.features)
        if self.data_init and self.is_initializing():
            gain, bias = standardising(x / length[None, :].astype(x.dtype))
        start = gain
        if self.learn_gain:
            gain = self.param("gain", lambda key: start)
        else:
            gain = self.variable("gains", "gain", lambda: start).value
        bias = self.param("bias", lambda key: bias)
        scale = (gain / length).astype(x.dtype)
        return x * scale[None, :] + bias.astype(x.dtype)[None, :]


def standardising(x: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Gain and bias, `[M]` each, that give `x` `[B, M]` mean 0 and variance 1.

    Columns that do not vary get gain 1.
    """
    x = x.astype(jnp.float32)
    mean, variance = x.mean(0), x.var(0)
    varies = variance > 1e-10
    gain = jnp.where(varies, 1 / jnp.sqrt(jnp.where(varies, variance, 1)), 1)
    return gain, -mean * gain
