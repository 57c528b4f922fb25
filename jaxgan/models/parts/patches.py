"""PatchGAN: a discriminator that judges every patch of an image by itself.

Isola, Zhu, Zhou and Efros, arXiv:1611.07004, sections 3.2.2 and 6.1.2.
"""

from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
from flax import linen

from jaxgan import nn
from jaxgan.models.parts.translation import Norm, normalised

Patch = Literal[1, 16, 70, 286]
_HALVINGS = {16: 1, 70: 3, 286: 5}


class Layer(NamedTuple):
    """A convolution: the side of its kernel, its stride, and the maps that it makes."""

    kernel: int
    stride: int
    features: int


def layers(patch: Patch, width: int = 64) -> tuple[Layer, ...]:
    """The convolutions of a discriminator of patches of this side.

    Args:
        patch: pixels along a patch; 1 judges pixels, 286 whole images of 256x256.
        width: channels of the first maps; they double up to eight times.
    """
    if patch == 1:
        return Layer(1, 1, width), Layer(1, 1, 2 * width), Layer(1, 1, 1)
    count = _HALVINGS[patch]
    widths = [width * min(2**i, 8) for i in range(count + 1)]
    return (
        *(Layer(4, 2, features) for features in widths[:-1]),
        Layer(4, 1, widths[-1]),
        Layer(4, 1, 1),
    )


def receptive_field(layers: tuple[Layer, ...]) -> int:
    """The side of the part of an image that one number of the result depends on."""
    side = 1
    for layer in reversed(layers):
        side = (side - 1) * layer.stride + layer.kernel
    return side


def smallest_side(patch: Patch) -> int:
    """The smallest side of an image that leaves a map of one number or more."""
    return 1 if patch == 1 else 3 * 2 ** _HALVINGS[patch]


class PatchDiscriminator(linen.Module):
    """Images `[B, H, W, C]` to logits `[B, h, w]`, one for each patch.

    Padding is 1, as in the PyTorch release: 30x30 logits at 256x256 with patches of 70.

    Attributes:
        patch: the side of a patch in pixels.
        width: channels of the first maps.
        norm: of all layers but the first and the last.
        dtype: of the layers; logits are float32.
    """

    patch: Patch = 70
    width: int = 64
    norm: Norm = "instance"
    dtype: Any = jnp.float32

    @linen.compact
    def __call__(self, image: jax.Array) -> jax.Array:
        """Judges a batch of images."""
        first, *middle, last = layers(self.patch, self.width)
        padding = int(self.patch > 1)
        x = image
        for layer in (first, *middle):
            normed = layer is not first
            x = nn.Conv(
                layer.features,
                layer.kernel,
                layer.stride,
                use_bias=not normed,
                padding=padding,
                dtype=self.dtype,
            )(x)
            x = normalised(x, self.norm, self.dtype) if normed else x
            x = linen.leaky_relu(x, 0.2)
        # The last layer is in float32: its logits are sums of many values.
        logits = nn.Conv(1, last.kernel, padding=padding, name="to_logit")
        return logits(x.astype(jnp.float32))[..., 0]
