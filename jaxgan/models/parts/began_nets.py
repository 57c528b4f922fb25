"""The auto-encoder and the decoder of BEGAN, and a small auto-encoder for digits."""

import math

import jax
import jax.numpy as jnp
from flax import linen

from jaxgan import nn


def _convolutions(x: jax.Array, width: int, count: int) -> jax.Array:
    for _ in range(count):
        x = linen.elu(_conv(width)(x))
    return x


def _conv(width: int, strides: int = 1) -> nn.Conv:
    # There is no norm, so initial weights must keep the scale of signals.
    init = linen.initializers.xavier_uniform()
    return nn.Conv(width, 3, strides, kernel_init=init)


def _scales(resolution: int) -> int:
    """How many sizes there are from 7x7 or 8x8 to the resolution."""
    return (resolution // 7).bit_length()


class Decoder(linen.Module):
    """Codes `[B, Z]` to images `[B, S, S, C]`, meant for a range but not clipped."""

    width: int
    layers: int
    resolution: int = 28
    channels: int = 1
    skip: bool = False

    @linen.compact
    def __call__(self, code: jax.Array) -> jax.Array:
        """Draws images from 7x7 or 8x8 upwards; upsampling repeats pixels."""
        scales = _scales(self.resolution)
        side = self.resolution >> (scales - 1)
        x = linen.Dense(side * side * self.width)(code)
        x = first = x.reshape(-1, side, side, self.width)
        for scale in range(scales):
            if scale:
                x, first = (y.repeat(2, axis=1).repeat(2, axis=2) for y in (x, first))
                x = jnp.concatenate([x, first], -1) if self.skip else x
            x = _convolutions(x, self.width, self.layers)
        return _conv(self.channels)(x)


class AutoEncoder(linen.Module):
    """Images `[B, S, S, C]` to their reconstructions."""

    latent: int
    width: int
    layers: int
    skip: bool = False

    @linen.compact
    def __call__(self, image: jax.Array) -> jax.Array:
        """Encodes to `[B, Z]`, and decodes with the architecture of the generator."""
        resolution, channels = image.shape[-2:]
        scales = _scales(resolution)
        x = linen.elu(_conv(self.width)(image))
        for scale in range(1, scales + 1):
            x = _convolutions(x, scale * self.width, self.layers)
            if scale < scales:
                x = linen.elu(_conv((scale + 1) * self.width, strides=2)(x))
        code = linen.Dense(self.latent)(x.reshape(len(x), -1))
        sizes = (self.width, self.layers, resolution, channels, self.skip)
        return Decoder(*sizes)(code)


class DigitAutoEncoder(linen.Module):
    """Images `[B, 28, 28, 1]` in [0, 1] to their reconstructions, through a small code.

    The code and the layer after it are batch-normalised, with the statistics of the
    batch, and rectified linear.
    """

    latent: int
    width: int

    @linen.compact
    def __call__(self, image: jax.Array) -> jax.Array:
        """Encodes to `[B, Z]`, and decodes."""
        x = linen.relu(nn.Conv(self.width, 4, 2)(image))
        shape = x.shape
        for units in (self.latent, math.prod(shape[1:])):
            x = linen.Dense(units, use_bias=False)(x.reshape(len(x), -1))
            x = linen.relu(nn.BatchNorm(use_running_average=False)(x))
        return linen.sigmoid(nn.ConvTranspose(1, 4)(x.reshape(shape)))
