"""The networks of α-GAN: residual blocks, or those of VAE/GAN.

Rosca et al., arXiv:1706.04987, describe none; these are those of the best-known
implementation for CIFAR. Where it only says "residual block", ours is two 3x3
convolutions, each before a batch norm.
"""

import functools
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen

from jaxgan import nn
from jaxgan.models.parts import vaegan_nets
from jaxgan.models.parts.bottleneck_nets import Statistics

lrelu = functools.partial(linen.leaky_relu, negative_slope=0.2)
_xavier = linen.initializers.xavier_uniform()


class Block(linen.Module):
    """A residual block that keeps maps `[B, H, W, F]` as large as they are.

    Attributes:
        statistics: what its norms use.
        activation: after each of them.
        dtype: of the computation.
    """

    statistics: Statistics
    activation: Any = linen.relu
    dtype: Any = "float32"

    @linen.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Adds what two convolutions make of the maps."""
        norm = functools.partial(
            nn.BatchNorm,
            use_running_average=nn.use_running(self.statistics),
            dtype=self.dtype,
        )
        conv = functools.partial(
            nn.Conv, x.shape[-1], 3, use_bias=False, dtype=self.dtype
        )
        y = self.activation(norm()(conv(kernel_init=_xavier)(x)))
        return self.activation(x + norm()(conv(kernel_init=_xavier)(y)))


class Encoder(linen.Module):
    """Images `[B, R, R, C]` to vectors `[B, out]`, through maps down to 4x4.

    Attributes:
        width: channels of all maps.
        out: numbers for each image.
        kernel: side of the first kernel.
        activation: after norms.
        dtype: of the computation.
    """

    width: int = 128
    out: int = 128
    kernel: int = 5
    activation: Any = linen.relu
    dtype: Any = "float32"

    @linen.compact
    def __call__(self, image: jax.Array, statistics: Statistics = "batch") -> jax.Array:
        """Normalises with the statistics of the batch, or with the running averages."""
        conv = nn.Conv(self.width, self.kernel, dtype=self.dtype, kernel_init=_xavier)
        x = self.activation(nn.halve(conv(image)))
        while True:
            x = Block(statistics, self.activation, self.dtype)(x)
            if x.shape[1] == 4:
                break
            x = nn.halve(x)
        x = x.reshape(len(x), -1).astype(jnp.float32)
        return linen.Dense(self.out, kernel_init=_xavier, name="to_code")(x)


class Generator(linen.Module):
    """Codes `[B, Z]` to images `[B, R, R, channels]` in [-1, 1].

    Attributes:
        width: channels of all maps.
        resolution: R.
        channels: of the images.
        dtype: of the computation.
    """

    width: int = 128
    resolution: int = 32
    channels: int = 3
    dtype: Any = "float32"

    @linen.compact
    def __call__(self, code: jax.Array, statistics: Statistics = "batch") -> jax.Array:
        """Normalises with the statistics of the batch, or with the running averages."""
        dense = linen.Dense(16 * self.width, dtype=self.dtype, kernel_init=_xavier)
        x = linen.relu(dense(code)).reshape(-1, 4, 4, self.width)
        x = Block(statistics, dtype=self.dtype)(x)
        while x.shape[1] < self.resolution:
            x = Block(statistics, dtype=self.dtype)(nn.double(x))
        x = x.astype(jnp.float32)
        last = nn.Conv(self.channels, 1, kernel_init=_xavier, name="to_image")
        return jnp.tanh(last(x))


class Discriminator(linen.Module):
    """Images `[B, R, R, C]` to logits `[B]`, as `Encoder`, with leaky ReLU."""

    width: int = 128
    kernel: int = 5
    dtype: Any = "float32"

    @linen.compact
    def __call__(self, image: jax.Array) -> jax.Array:
        """Judges a batch, normalised with its own statistics."""
        return Encoder(self.width, 1, self.kernel, lrelu, self.dtype)(image)[:, 0]


class Critic(linen.Module):
    """The discriminator of VAE/GAN, of which only the logits `[B]` are taken."""

    width: int
    kernel: int
    spectral: bool = False
    dtype: Any = "float32"

    @linen.compact
    def __call__(self, image: jax.Array) -> jax.Array:
        """Judges a batch; batch norms have its own statistics."""
        judge = vaegan_nets.Critic(self.width, self.kernel, self.spectral, self.dtype)
        return judge(image).logits
