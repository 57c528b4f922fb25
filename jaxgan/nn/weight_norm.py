"""Weight normalisation: separates the length of a unit's weights from their direction.

Salimans and Kingma, "Weight Normalization", arXiv:1602.07868.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax.typing import DTypeLike

from jaxgan.nn.conv import conv, conv_transpose


class WeightNormDense(nn.Module):
    """A dense layer g·(x·v)/‖v‖ + b, `[B, N]` to `[B, features]`.

    The gain g and the bias b have one value for each unit, and ‖v‖ is the Euclidean
    norm of a unit's N weights, so the output does not depend on the scale of v.

    With `data_init`, the batch that initialises the layer sets g and b (section 3 of
    the paper) such that every unit starts with mean 0 and variance 1 over that batch.
    So each layer of a network sees standardised outputs of the layer before. A unit
    that does not vary over the batch (which may be one example, or zeros given for
    their shape) starts with gain 1.

    Attributes:
        features: The number of units.
        learn_gain: Whether g is learnt. If not, it is in the collection "gains", and a
            unit can only turn, not grow, so that it cannot outgrow noise added to its
            output.
        data_init: Whether the first batch sets gain and bias; otherwise they are 1 and
            0.
        direction_init: Initialiser of v, whose length decides how fast it turns.
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
        # Divides the products, not the matrix: B·M numbers instead of N·M.
        x = x @ direction.astype(x.dtype)
        gain, bias = jnp.ones(self.features), jnp.zeros(self.features)
        if self.data_init and self.is_initializing():
            gain, bias = standardising(x / length[None, :].astype(x.dtype))
        gain, bias = _kept(self, gain, bias)
        scale = (gain / length).astype(x.dtype)
        return x * scale[None, :] + bias.astype(x.dtype)[None, :]


class WeightNormConv(nn.Module):
    """A convolution with a normalised kernel, `[B, H, W, C]` to `[B, h, w, features]`.

    A unit is a channel of the output, and ‖v‖ the norm of all weights that lead to it.
    With `data_init` it starts with mean 0 and variance 1 over batch and positions.
    Gains that are not learnt are in the collection "gains".

    Attributes:
        features: Channels of the output.
        kernel_size: Rows and columns of the kernel.
        strides: 1 or 2.
        padding: As in `jaxgan.nn.Conv`.
        transposed: Whether to double the image instead, with `strides` of 2 and the
            padding of `jaxgan.nn.ConvTranspose`.
        learn_gain: As in `WeightNormDense`.
        data_init: As in `WeightNormDense`.
        direction_init: As in `WeightNormDense`.
        dtype: As in `WeightNormDense`.
    """

    features: int
    kernel_size: int = 3
    strides: int = 1
    padding: int | None = None
    transposed: bool = False
    learn_gain: bool = True
    data_init: bool = False
    direction_init: Callable[..., jax.Array] = nn.initializers.normal(0.05)
    dtype: DTypeLike | None = None

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Maps images `[B, H, W, C]`."""
        x = x.astype(self.dtype or x.dtype)
        channels, unit = (x.shape[-1], self.features), 3
        if self.transposed:  # the kernel is that of the adjoint convolution
            channels, unit = channels[::-1], 2
        shape = (self.kernel_size, self.kernel_size, *channels)
        direction = self.param("direction", self.direction_init, shape, jnp.float32)
        over = tuple(i for i in range(4) if i != unit)
        kernel = direction / jnp.sqrt(jnp.square(direction).sum(over, keepdims=True))
        if self.transposed:
            x = conv_transpose(x, kernel, stride=self.strides)
        else:
            x = conv(x, kernel, stride=self.strides, padding=self.padding)
        gain, bias = jnp.ones(self.features), jnp.zeros(self.features)
        if self.data_init and self.is_initializing():
            gain, bias = standardising(x.reshape(-1, self.features))
        gain, bias = _kept(self, gain, bias)
        gain, bias = (y.astype(x.dtype)[None, None, None, :] for y in (gain, bias))
        return x * gain + bias


def _kept(
    layer: WeightNormDense | WeightNormConv, gain: jax.Array, bias: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """A layer's gain and bias, which start at these values."""
    if layer.learn_gain:
        kept = layer.param("gain", lambda key: gain)
    else:
        kept = layer.variable("gains", "gain", lambda: gain).value
    return kept, layer.param("bias", lambda key: bias)


def standardising(x: jax.Array) -> tuple[jax.Array, jax.Array]:
    """The gain and bias, each `[M]`, that give `x` `[B, M]` mean 0 and variance 1.

    Columns that do not vary get gain 1.
    """
    x = x.astype(jnp.promote_types(x.dtype, jnp.float32))
    mean, variance = x.mean(0), x.var(0)
    varies = variance > 1e-10
    gain = jnp.where(varies, 1 / jnp.sqrt(jnp.where(varies, variance, 1)), 1)
    return gain, -mean * gain
