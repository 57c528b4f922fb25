"""The networks of VAE/GAN: an encoder, a decoder, and a critic with a named layer.

Larsen et al., arXiv:1512.09300, table 1 of the appendix for 64x64 images. Three
convolutions at stride 2 end, and three transposed ones begin, at an eighth of the
side. Layers in front of a batch norm have no biases.
"""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax import linen

from jaxgan import nn
from jaxgan.models.parts.bottleneck_nets import Statistics

MARGIN = 1e-6  # what the batch norms of the authors' code add to variances


def _norm(statistics: Statistics, dtype: Any) -> Any:
    return functools.partial(
        nn.BatchNorm,
        use_running_average=nn.use_running(statistics),
        epsilon=MARGIN,
        dtype=dtype,
    )


def _odd(kernel: int) -> int:
    """Side of the kernels that keep the size of their maps: 3 beside those of 4."""
    return kernel - 1 + kernel % 2


class Encoder(linen.Module):
    """Images `[B, R, R, C]` to vectors `[B, out]`.

    Attributes:
        width: channels of the first maps; they double at each halving.
        out: numbers for each image.
        kernel: side of the kernels.
        dtype: of the computation.
    """

    width: int = 64
    out: int = 256
    kernel: int = 5
    dtype: Any = "float32"

    @linen.compact
    def __call__(self, image: jax.Array, statistics: Statistics = "batch") -> jax.Array:
        """Normalises with the statistics of the batch, or with the running averages."""
        norm, dtype, x = _norm(statistics, self.dtype), self.dtype, image
        for times in (1, 2, 4):
            conv = nn.Conv(times * self.width, self.kernel, 2, False, dtype=dtype)
            x = linen.relu(norm()(conv(x)))
        x = x.reshape(len(x), -1)
        x = linen.Dense(16 * self.width, use_bias=False, dtype=dtype)(x)
        x = linen.relu(norm()(x)).astype(jnp.float32)
        return linen.Dense(self.out, name="to_code")(x)


class Decoder(linen.Module):
    """Codes `[B, Z]` to images `[B, R, R, channels]` in [-1, 1].

    Attributes:
        width: half the channels of the largest hidden maps, twice over.
        resolution: R, a multiple of 8.
        channels: of the images.
        kernel: side of the kernels.
        dtype: of the computation.
    """

    width: int = 64
    resolution: int = 64
    channels: int = 3
    kernel: int = 5
    dtype: Any = "float32"

    @linen.compact
    def __call__(self, code: jax.Array, statistics: Statistics = "batch") -> jax.Array:
        """Normalises with the statistics of the batch, or with the running averages."""
        norm, dtype = _norm(statistics, self.dtype), self.dtype
        side, deepest = self.resolution // 8, 4 * self.width
        x = linen.Dense(side * side * deepest, use_bias=False, dtype=dtype)(code)
        x = linen.relu(norm()(x)).reshape(-1, side, side, deepest)
        for features in (deepest, 2 * self.width, self.width // 2):
            up = nn.ConvTranspose(features, self.kernel, use_bias=False, dtype=dtype)
            x = linen.relu(norm()(up(x)))
        flat = _odd(self.kernel)
        x = nn.Conv(self.channels, flat, dtype=dtype, name="to_image")(x)
        return jnp.tanh(x.astype(jnp.float32))


class Judged(NamedTuple):
    """What a critic makes of images.

    Attributes:
        logits: `[B]`.
        features: `[B, R/8, R/8, 4 * width]`: of the last convolution, in front of its
            norm.
    """

    logits: jax.Array
    features: jax.Array


class Critic(linen.Module):
    """Images `[B, R, R, C]` to logits, and to the features that images are compared in.

    Attributes:
        width: channels of the first maps, twice over.
        kernel: side of the kernels.
        spectral: whether layers have spectral norms and biases, and leaky rectifiers
            behind them, in place of batch norms and rectifiers.
        dtype: of the computation.
    """

    width: int = 64
    kernel: int = 5
    spectral: bool = False
    dtype: Any = "float32"

    @linen.compact
    def __call__(self, image: jax.Array) -> Judged:
        """Judges a batch; batch norms have its own statistics."""
        dtype, spectral = self.dtype, self.spectral
        norm = _norm("batch", dtype)
        same = {"use_bias": spectral, "spectral": spectral, "dtype": dtype}
        conv = functools.partial(nn.Conv, kernel_size=self.kernel, strides=2, **same)

        def activated(x):
            return linen.leaky_relu(x, 0.2) if spectral else linen.relu(norm()(x))

        first = nn.Conv(
            self.width // 2, _odd(self.kernel), spectral=spectral, dtype=dtype
        )
        x = first(image)
        x = linen.leaky_relu(x, 0.2) if spectral else linen.relu(x)
        for features in (2 * self.width, 4 * self.width):
            x = activated(conv(features)(x))
        compared = conv(4 * self.width, name="similarity")(x)
        x = activated(compared).reshape(len(x), -1)
        dense = functools.partial(
            nn.Dense, kernel_init=linen.initializers.lecun_normal()
        )
        x = activated(dense(8 * self.width, **same)(x)).astype(jnp.float32)
        logits = dense(1, spectral=spectral, name="to_logit")(x)[:, 0]
        return Judged(logits, compared.astype(jnp.float32))
