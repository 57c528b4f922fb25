"""Convolutional networks for 28x28 images, which several models share.

They are those of InfoGAN (Chen et al., arXiv:1606.03657, table 1): two dense layers and
two strided convolutions, in opposite order in the two nets. Models that differ only in
their losses share `Config`, `nets`, `latent` and `sample` too.

Kernels of nets with batch norm start as N(0, 0.02), as in DCGAN. Without batch norm,
each layer would pass on only a small part of the signal, so that kernels start with the
variance of He et al., arXiv:1502.01852, which keeps the mean square of a layer's units.
"""

import dataclasses
from typing import ClassVar, Literal

import jax
import jax.numpy as jnp
from flax import linen

from jaxgan import bounds, nn
from jaxgan.game import Variables, pure


@dataclasses.dataclass(frozen=True)
class Config:
    """Sizes of a generator and a discriminator."""

    generator_norm: ClassVar[bool] = True
    discriminator_norm: ClassVar[bool] = True

    width: bounds.Count = 64
    """Channels of the wide maps; the narrow ones have twice as many."""
    hidden: bounds.Count = 1024
    """Units of the dense layers."""
    latent: bounds.Count = 100
    """Size of the latent vector, drawn from a standard normal."""
    ema: bounds.Decay = 0.0
    """Decay of the moving average of the generator's weights; 0 averages nothing."""
    dtype: Literal["float32", "bfloat16"] = "float32"
    """Dtype of the networks."""

    def __post_init__(self):
        bounds.check(self)


def nets(config: Config) -> tuple["Generator", "Discriminator"]:
    """Makes the two networks."""
    c = config
    return (
        Generator(c.width, c.hidden, norm=c.generator_norm, dtype=c.dtype),
        Discriminator(c.width, c.hidden, norm=c.discriminator_norm, dtype=c.dtype),
    )


def latent(config: Config, key: jax.Array, count: int) -> jax.Array:
    """Latents `[count, Z]`."""
    return nn.sample_latent(key, count, config.latent)


def sample(config: Config, variables: Variables, latent: jax.Array) -> jax.Array:
    """Images `[B, 28, 28, 1]` in [0, 1] from latents `[B, Z]`."""
    return pure(nets(config)[0], "generator")(variables, latent)[0]


class Generator(linen.Module):
    """Latents `[B, Z]` to images `[B, R, R, C]` in [0, 1].

    Attributes:
        width: channels of the second widest maps; the widest have twice as many.
        hidden: units of the first layer.
        size: R, a multiple of four.
        channels: C.
        norm: whether layers are batch-normalised.
        logits: whether to leave out the sigmoid.
        dtype: the dtype of all layers but the last.
    """

    width: int = 64
    hidden: int = 1024
    size: int = 28
    channels: int = 1
    norm: bool = True
    logits: bool = False
    dtype: str = "float32"

    @linen.compact
    def __call__(self, latent: jax.Array, statistics: str = "batch") -> jax.Array:
        """Draws one image for each latent.

        Args:
            latent: `[B, Z]`.
            statistics: the statistics to normalise with: those of this "batch", or the
                "running" averages of training. What all latents of a batch share, such
                as a class, is normalised away with "batch".
        """
        running = nn.use_running(statistics)
        dtype, side = jnp.dtype(self.dtype), self.size // 4
        init, init_up = _kernel(self.norm, 0.0), _kernel(self.norm, 0.0, up=True)
        last = _kernel(self.norm, up=True)

        def layer(x, make):
            x = make(x)
            return linen.relu(_norm(dtype, running)(x) if self.norm else x)

        def dense(units):
            return linen.Dense(
                units, use_bias=not self.norm, dtype=dtype, kernel_init=init
            )

        x = layer(latent, dense(self.hidden))
        x = layer(x, dense(side * side * 2 * self.width))
        x = x.reshape(-1, side, side, 2 * self.width)
        up = nn.ConvTranspose(
            self.width, 4, use_bias=not self.norm, dtype=dtype, kernel_init=init_up
        )
        x = layer(x, up)
        x = nn.ConvTranspose(
            self.channels, 4, dtype=dtype, kernel_init=last, name="to_image"
        )(x)
        x = x.astype(jnp.float32)
        return x if self.logits else linen.sigmoid(x)


class Trunk(linen.Module):
    """Images `[B, R, R, C]` to features `[B, hidden]`, float32.

    Attributes:
        width: channels of the first maps; the second have twice as many.
        hidden: units of the dense layer.
        norm: whether layers but the first are batch-normalised.
        slope: the slope of the leaky ReLU.
        dtype: the dtype of the arithmetic.
    """

    width: int = 64
    hidden: int = 1024
    norm: bool = True
    slope: float = 0.2
    dtype: str = "float32"

    @linen.compact
    def __call__(self, image: jax.Array) -> jax.Array:
        """Computes the features of images."""
        dtype, init = jnp.dtype(self.dtype), _kernel(self.norm, self.slope)
        x = nn.Conv(self.width, 4, 2, dtype=dtype, kernel_init=init)(image)
        x = linen.leaky_relu(x, self.slope)
        x = nn.Conv(
            2 * self.width,
            4,
            2,
            use_bias=not self.norm,
            dtype=dtype,
            kernel_init=init,
        )(x)
        x = linen.leaky_relu(_norm(dtype)(x) if self.norm else x, self.slope)
        x = linen.Dense(
            self.hidden,
            use_bias=not self.norm,
            dtype=dtype,
            kernel_init=init,
        )(x.reshape(x.shape[0], -1))
        x = linen.leaky_relu(_norm(dtype)(x) if self.norm else x, self.slope)
        return x.astype(jnp.float32)


class Discriminator(linen.Module):
    """Images `[B, R, R, C]` to logits `[B]`, or `[B, out]` where `out` is above one.

    Attributes:
        width: as in `Trunk`.
        hidden: as in `Trunk`.
        out: the number of outputs for each image.
        norm: as in `Trunk`.
        slope: as in `Trunk`.
        dtype: as in `Trunk`.
    """

    width: int = 64
    hidden: int = 1024
    out: int = 1
    norm: bool = True
    slope: float = 0.2
    dtype: str = "float32"

    @linen.compact
    def __call__(self, image: jax.Array) -> jax.Array:
        """Judges images."""
        x = Trunk(self.width, self.hidden, self.norm, self.slope, self.dtype)(image)
        x = linen.Dense(self.out, kernel_init=_kernel(self.norm))(x)
        return x[:, 0] if self.out == 1 else x


def _norm(dtype, running=False):
    return nn.BatchNorm(use_running_average=running, dtype=dtype)


def _kernel(norm, slope=None, *, up=False):
    """Initialises the kernels of a net.

    Args:
        norm: whether the net is batch-normalised.
        slope: that of the leaky ReLU behind the layer; None where there is none.
        up: whether the layer is a transposed convolution of stride 2, each of whose
            pixels sees a quarter of the kernel.
    """
    if norm:
        return linen.initializers.normal(0.02)
    gain = 1.0 if slope is None else 2 / (1 + slope**2)
    scale, axes = (4 * gain, (3, 2)) if up else (gain, (-2, -1))
    return linen.initializers.variance_scaling(scale, "fan_in", "normal", *axes)
