"""An encoder-decoder through a vector, and its critic: context encoders and GP-GAN.

All convolutions are 4x4 at stride 2 without biases, from N(0, 0.02). A map of 4x4 is
the last; a dense layer takes all of it to the bottleneck, or to a logit (the papers'
code writes this as a convolution without padding, which has the same weights).
"""

import functools
from typing import Any, Literal

import jax
import jax.numpy as jnp
from flax import linen

from jaxgan import nn

Statistics = Literal["batch", "running"]
_init = linen.initializers.normal(0.02)


def check_resolution(name: str, value: int, least: int) -> None:
    """Refuses sides that cannot be halved down to 4.

    Args:
        name: of the setting.
        value: the side of an image in pixels.
        least: the smallest side, a power of two.

    Raises:
        ValueError: it is not a power of two, or smaller.
    """
    if value < least or value & (value - 1):
        below = max(least, 2 ** (max(value, 1).bit_length() - 1))
        raise ValueError(
            f"{name} {value} is not a power of two of at least {least}; use {below} or"
            f" {2 * below}"
        )


def widths(width: int, resolution: int) -> tuple[int, ...]:
    """Channels of the maps at resolution / 2, / 4, ... 4: they double up to 8 times."""
    return tuple(width * min(2**i, 8) for i in range(resolution.bit_length() - 3))


class EncoderDecoder(linen.Module):
    """Images `[B, H, W, C]` to images `[B, 4 * 2**len(up), ...]` in [-1, 1].

    Attributes:
        down: channels of the encoder's maps, the largest first; the last is 4x4.
        bottleneck: units of the vector between encoder and decoder.
        up: channels of the decoder's maps, the smallest, which is 4x4, first.
        channels: of the images.
        residual: whether the decoder draws what is added to the image, which then has
            the size of the result. There is no tanh, so it may go a little beyond
            [-1, 1]; in front of one, pixels near 1 could hardly be moved.
        dtype: of the computation.
    """

    down: tuple[int, ...]
    bottleneck: int
    up: tuple[int, ...]
    channels: int = 3
    residual: bool = False
    dtype: Any = "float32"

    @linen.compact
    def __call__(self, image: jax.Array, statistics: Statistics = "batch") -> jax.Array:
        """Normalises with the statistics of the batch, or with the running averages."""
        norm = functools.partial(
            nn.BatchNorm,
            use_running_average=nn.use_running(statistics),
            dtype=self.dtype,
        )
        dense = functools.partial(
            linen.Dense, use_bias=False, dtype=self.dtype, kernel_init=_init
        )
        up = functools.partial(nn.ConvTranspose, use_bias=False, dtype=self.dtype)
        x = _encoded(image, self.down, norm, self.dtype)
        x = dense(self.bottleneck, name="to_bottleneck")(x)
        x = linen.leaky_relu(norm()(x), 0.2)
        deepest, *rest = self.up
        x = dense(16 * deepest, name="from_bottleneck")(x)
        x = linen.relu(norm()(x.reshape(-1, 4, 4, deepest)))
        for width in rest:
            x = linen.relu(norm()(up(width)(x)))
        x = up(self.channels, name="to_image")(x).astype(jnp.float32)
        return image + x if self.residual else jnp.tanh(x)


class Critic(linen.Module):
    """Images `[B, H, W, C]` to logits `[B]`.

    Attributes:
        down: channels of the maps, the largest first; the last is 4x4.
        dtype: of the computation.
    """

    down: tuple[int, ...]
    dtype: Any = "float32"

    @linen.compact
    def __call__(self, image: jax.Array) -> jax.Array:
        """Judges a batch, normalised with its own statistics."""
        norm = functools.partial(
            nn.BatchNorm, use_running_average=False, dtype=self.dtype
        )
        x = _encoded(image, self.down, norm, self.dtype).astype(jnp.float32)
        return linen.Dense(1, use_bias=False, kernel_init=_init, name="to_logit")(x)[
            :, 0
        ]


def _encoded(image, down, norm, dtype):
    """Maps halved by convolutions, as vectors `[B, 16 * down[-1]]`."""
    x = image
    for i, width in enumerate(down):
        x = nn.Conv(width, strides=2, use_bias=False, dtype=dtype)(x)
        x = linen.leaky_relu(norm()(x) if i else x, 0.2)
    return x.reshape(len(x), -1)
