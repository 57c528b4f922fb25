"""The residual generator of CycleGAN.

Johnson, Alahi and Fei-Fei, arXiv:1603.08155, as changed by Zhu, Park, Isola and Efros,
arXiv:1703.10593, section 7.2.
"""

from typing import Any

import jax
import jax.numpy as jnp
from flax import linen

from jaxgan import nn
from jaxgan.models.parts.translation import Norm, normalised

NEAR_1 = 254 / 255  # the tanh has no inverse at 1


class ResidualGenerator(linen.Module):
    """Images `[B, H, W, C]` to images `[B, H, W, channels]` in [-1, 1].

    Sides must be multiples of 4. Borders are mirrored, so that none shows.

    Attributes:
        channels: of the result.
        width: channels at full resolution.
        blocks: residual blocks at a quarter of it: 6 at 128x128, 9 at 256x256.
        norm: of all layers but the last.
        residual: whether it draws what is added to the image in front of the tanh; it
            needs as many channels as the image has.
        dtype: of the layers.
    """

    channels: int = 3
    width: int = 64
    blocks: int = 9
    norm: Norm = "instance"
    residual: bool = False
    dtype: Any = jnp.float32

    @linen.compact
    def __call__(self, image: jax.Array) -> jax.Array:
        """Translates a batch of images."""

        def layer(x, width, kernel, stride=1, margin=0):
            """Convolution and norm; a margin is mirrored, otherwise it is black."""
            x = nn.reflect_pad(x, margin) if margin else x
            conv = nn.Conv(
                width,
                kernel,
                stride,
                use_bias=False,
                padding=0 if margin else None,
                dtype=self.dtype,
            )
            return normalised(conv(x), self.norm, self.dtype)

        width = self.width
        x = linen.relu(layer(image, width, 7, margin=3))
        x = linen.relu(layer(x, 2 * width, 3, 2))
        x = linen.relu(layer(x, 4 * width, 3, 2))
        for _ in range(self.blocks):
            y = linen.relu(layer(x, 4 * width, 3, margin=1))
            x = x + layer(y, 4 * width, 3, margin=1)
        for features in (2 * width, width):
            up = nn.ConvTranspose(features, 3, use_bias=False, dtype=self.dtype)
            x = linen.relu(normalised(up(x), self.norm, self.dtype))
        to_image = nn.Conv(
            self.channels, 7, padding=0, dtype=self.dtype, name="to_image"
        )
        x = to_image(nn.reflect_pad(x, 3)).astype(jnp.float32)
        if self.residual:
            x += jnp.arctanh(jnp.clip(image.astype(jnp.float32), -NEAR_1, NEAR_1))
        return jnp.tanh(x)
