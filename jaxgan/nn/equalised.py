"""Layers with an equalised learning rate: weights that are scaled at every call.

Karras, Aila, Laine and Lehtinen, "Progressive Growing of GANs for Improved Quality,
Stability, and Variation", arXiv:1710.10196, section 4.1. Weights start as N(0, 1) and
are multiplied by gain / sqrt(fan in) whenever they are used. So an optimiser that
scales gradients, such as Adam, changes the weights of all layers at the same rate.
"""

import math

import jax
from flax import linen as nn
from jax.typing import DTypeLike

from jaxgan.nn import conv as functions

GAIN = math.sqrt(2)  # of He et al.'s initialisation, for rectifiers


class EqualisedConv(nn.Module):
    """Convolution of stride 1, `[B, H, W, C]` to `[B, H, W, features]`.

    Attributes:
        features: Channels to make.
        kernel_size: Side of the kernel; an odd one keeps the size of an image.
        gain: Standard deviation of the result, where that of the input is 1.
        dtype: Dtype of the computation, by default that of the input.
    """

    features: int
    kernel_size: int = 3
    gain: float = GAIN
    dtype: DTypeLike | None = None

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Maps an image `[B, H, W, C]`."""
        x = x.astype(self.dtype or x.dtype)
        shape = (self.kernel_size, self.kernel_size, x.shape[-1], self.features)
        kernel = self.param("kernel", nn.initializers.normal(1.0), shape)
        bias = self.param("bias", nn.initializers.zeros, (self.features,))
        kernel *= self.gain / math.sqrt(math.prod(shape[:-1]))
        x = functions.conv(x, kernel.astype(x.dtype))
        return x + bias.astype(x.dtype)[None, None, None, :]


class EqualisedDense(nn.Module):
    """Dense layer, `[B, N]` to `[B, features]`.

    Attributes:
        features: Units.
        gain: Standard deviation of the result, where that of the input is 1.
        use_bias: Whether to add a bias.
        dtype: Dtype of the computation, by default that of the input.
    """

    features: int
    gain: float = GAIN
    use_bias: bool = True
    dtype: DTypeLike | None = None

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Maps a batch of vectors `[B, N]`."""
        x = x.astype(self.dtype or x.dtype)
        shape = (x.shape[-1], self.features)
        kernel = self.param("kernel", nn.initializers.normal(1.0), shape)
        kernel *= self.gain / math.sqrt(x.shape[-1])
        x = x @ kernel.astype(x.dtype)
        if not self.use_bias:
            return x
        bias = self.param("bias", nn.initializers.zeros, (self.features,))
        return x + bias.astype(x.dtype)[None, :]
