"""Residual blocks that double or halve images, of SNGAN and BigGAN.

Miyato, Kataoka, Koyama and Yoshida, arXiv:1802.05957, appendix B.4; Brock, Donahue and
Simonyan, arXiv:1809.11096, appendix B. The 1x1 convolution of a shortcut works on the
smaller images: interpolation and means commute with it, so the results are those of the
papers' order, at a quarter of the cost.
"""

from collections.abc import Callable
from typing import Any

import jax
from flax import linen

from jaxgan.nn.layers import Conv
from jaxgan.nn.norm import BatchNorm
from jaxgan.nn.resolution import double, halve


class UpBlock(linen.Module):
    """Norm, ReLU, double, 3x3, norm, ReLU, 3x3: `[B, H, W, C]` to `[B, 2H, 2W, F]`.

    Attributes:
        features: F, the channels to make.
        conv: makes the convolutions, `conv(features, kernel_size, name=...)`.
        skip: makes the 1x1 convolution of the shortcut; `conv` if None.
        norm: makes the norms, which get the arguments of the block after its image.
        up: doubles images.
    """

    features: int
    conv: Callable[..., Any] = Conv
    skip: Callable[..., Any] | None = None
    norm: Callable[[], Any] = BatchNorm
    up: Callable[[jax.Array], jax.Array] = double

    @linen.compact
    def __call__(self, x: jax.Array, *condition: jax.Array) -> jax.Array:
        """Doubles an image, under what the norms are told."""
        door = (self.skip or self.conv)(self.features, 1, name="skip")
        y = linen.relu(self.norm()(x, *condition))
        y = self.conv(self.features, 3, name="first")(self.up(y))
        y = linen.relu(self.norm()(y, *condition))
        return self.up(door(x)) + self.conv(self.features, 3, name="second")(y)


class DownBlock(linen.Module):
    """ReLU, 3x3, ReLU, 3x3, halve: `[B, H, W, C]` to `[B, H / 2, W / 2, F]`.

    Attributes:
        features: F, the channels to make.
        hidden: channels between the two convolutions; 0 for as many as are made.
        down: whether to halve; without, and with F = C, the shortcut is the identity.
        first: whether it looks at pixels, to which no ReLU is applied.
        conv: makes the convolutions, `conv(features, kernel_size, name=...)`.
        skip: makes the 1x1 convolution of the shortcut; `conv` if None.
    """

    features: int
    hidden: int = 0
    down: bool = True
    first: bool = False
    conv: Callable[..., Any] = Conv
    skip: Callable[..., Any] | None = None

    @linen.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Halves an image, or keeps its size."""
        y = x if self.first else linen.relu(x)
        y = self.conv(self.hidden or self.features, 3, name="first")(y)
        y = self.conv(self.features, 3, name="second")(linen.relu(y))
        changed = self.down or x.shape[-1] != self.features
        if self.down:
            x, y = halve(x), halve(y)
        if changed:
            x = (self.skip or self.conv)(self.features, 1, name="skip")(x)
        return x + y
