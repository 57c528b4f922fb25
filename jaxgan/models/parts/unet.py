"""The U-Net of pix2pix: an encoder and a decoder joined at every resolution.

Ronneberger, Fischer and Brox, arXiv:1505.04597, as changed by Isola, Zhu, Zhou and
Efros, arXiv:1611.07004, section 6.1.1.
"""

from typing import Any

import jax
import jax.numpy as jnp
from flax import linen

from jaxgan import nn
from jaxgan.models.parts.translation import Dropout, Norm, normalised

DEEPEST = 8  # halvings at most, as at 256x256
DROPPED = 3  # decoder layers with dropout at most


class UNet(linen.Module):
    """Images `[B, H, W, C]` to maps `[B, H, W, channels]` in float32, without a tanh.

    Convolutions 4x4 of stride 2 with activations before them, leaky in the encoder. The
    decoder gets, beside its own maps, those of the encoder before their activation.
    Dropout is on wherever the random stream "dropout" is given.

    Attributes:
        channels: of the result.
        depth: how often images are halved; see `halvings`.
        width: channels of the first maps; they double up to eight times.
        skips: whether the decoder sees the encoder's maps; without them it is the
            paper's encoder-decoder.
        dropout: share of the values that the first layers of the decoder lose: three
            from 128x128 on, fewer in smaller nets.
        norm: of all layers but the first, the innermost and the last.
        dtype: of the layers.
    """

    channels: int
    depth: int = DEEPEST
    width: int = 64
    skips: bool = True
    dropout: float = 0.5
    norm: Norm = "instance"
    dtype: Any = jnp.float32

    @linen.compact
    def __call__(self, image: jax.Array) -> jax.Array:
        """Maps a batch of images."""
        widths = [self.width * min(2**i, 8) for i in range(self.depth)]
        x, levels = image, []
        for i, width in enumerate(widths):
            x = linen.leaky_relu(x, 0.2) if i else x
            x = nn.Conv(width, 4, 2, use_bias=False, dtype=self.dtype)(x)
            if 0 < i < self.depth - 1:
                x = normalised(x, self.norm, self.dtype)
            levels.append(x)
        levels.pop()
        for i, width in enumerate(reversed(widths[:-1])):
            up = nn.ConvTranspose(width, 4, use_bias=False, dtype=self.dtype)
            x = normalised(up(linen.relu(x)), self.norm, self.dtype)
            if i < min(DROPPED, max(1, self.depth - 4)):  # fewer in small nets
                x = Dropout(self.dropout)(x)
            skipped = levels.pop()
            x = jnp.concatenate([x, skipped], -1) if self.skips else x
        x = nn.ConvTranspose(self.channels, 4, dtype=self.dtype)(linen.relu(x))
        return x.astype(jnp.float32)


def halvings(height: int, width: int) -> int:
    """How often both sides can be halved, `DEEPEST` times at most."""
    count = 0
    while count < DEEPEST and height % 2 == width % 2 == 0:
        height, width, count = height // 2, width // 2, count + 1
    return count
