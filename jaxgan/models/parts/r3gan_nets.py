"""R3GAN's residual networks: no norms, grouped convolutions, scaled initial weights.

Huang et al., arXiv:2501.05441, section 4 and its released code. Every convolution
inside a block starts with a deviation of sqrt(2 / 1.04) L^(-1/4) / sqrt(fan in), where
L is the number of blocks, and the last one of a block with 0, so that all blocks begin
as the identity (Zhang et al., "Fixup Initialization", arXiv:1901.09321).
"""

import functools
import math
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen

from jaxgan import nn
from jaxgan.models.parts.classes import condition

BLOCKS = 2  # at each size
LARGEST = 32  # maps larger than this are narrower in proportion


def sides(resolution: int) -> list[int]:
    """Heights of the maps, from 4 to the resolution."""
    return [2**i for i in range(2, resolution.bit_length())]


def channels(width: int, side: int) -> int:
    """Channels of maps of a height."""
    return width * LARGEST // max(side, LARGEST)


def scaled(gain: float = 1.0) -> Any:
    """Normal initial weights with a deviation of gain / sqrt(fan in)."""
    return linen.initializers.variance_scaling(gain**2, "fan_in", "normal")


class Block(linen.Module):
    """Adds what three convolutions make of maps: `[B, H, W, C]` to the same shape.

    1x1 to twice the channels, 3x3 within groups of them, and 1x1 back; a bias and a
    leaky ReLU of slope 0.2 before the second and the third.

    Attributes:
        group: channels of a group.
        gain: of the first two convolutions.
        dtype: of the computation.
    """

    group: int
    gain: float
    dtype: Any = "float32"

    @linen.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Changes maps."""
        count, init = 2 * x.shape[-1], scaled(self.gain)
        conv = functools.partial(nn.Conv, dtype=self.dtype)
        y = conv(count, 1, kernel_init=init, name="widen")(x)
        group = min(self.group, count)
        y = nn.GroupedConv(group, dtype=self.dtype, kernel_init=init, name="mix")(
            linen.leaky_relu(y, 0.2)
        )
        bias = self.param("bias", linen.initializers.zeros, (count,), jnp.float32)
        y = linen.leaky_relu(y + bias.astype(y.dtype)[None, None, None], 0.2)
        zero = linen.initializers.zeros
        return x + conv(
            x.shape[-1], 1, use_bias=False, kernel_init=zero, name="narrow"
        )(y)


class _Stages(linen.Module):
    """What both networks have: the blocks of a size, and changes of size.

    Attributes:
        width: channels of maps of up to 32x32; larger ones have fewer.
        resolution: height of the images.
        group: channels of a group.
        classes: number of classes, or 0.
        dtype: of the computation.
    """

    width: int
    resolution: int
    group: int = 16
    classes: int = 0
    dtype: Any = "float32"

    def blocks(self, x: jax.Array) -> jax.Array:
        """The blocks of a size."""
        total = BLOCKS * len(sides(self.resolution))
        gain = math.sqrt(2 / 1.04) * total**-0.25
        for _ in range(BLOCKS):
            x = Block(self.group, gain, self.dtype)(x)
        return x

    def changed(self, x: jax.Array, count: int) -> jax.Array:
        """Maps with so many channels."""
        return x if x.shape[-1] == count else self.pointwise(count)(x)

    def pointwise(self, count: int, name: str | None = None) -> nn.Conv:
        """A linear map of channels."""
        return nn.Conv(
            count, 1, use_bias=False, dtype=self.dtype, kernel_init=scaled(), name=name
        )


class Generator(_Stages):
    """Latents `[B, Z]`, and labels `[B]`, to images `[B, R, R, out]`.

    Images are meant to be in [-1, 1], but nothing holds them there.

    Attributes:
        out: channels of the images.
    """

    out: int = 3

    @linen.compact
    def __call__(self, latent: jax.Array, label: jax.Array | None = None) -> jax.Array:
        """Draws one image for each latent."""
        dense = functools.partial(linen.Dense, use_bias=False, kernel_init=scaled())
        y = condition(self.classes, label, len(latent))
        if y is not None:
            code = dense(latent.shape[-1], name="class_code")(y)
            latent = jnp.concatenate([latent, code], -1)
        normal = linen.initializers.normal(1.0)
        basis = self.param("basis", normal, (4, 4, self.width), jnp.float32)
        x = dense(self.width, name="project")(latent)[:, None, None] * basis[None]
        x = x.astype(self.dtype)
        for side in sides(self.resolution):
            if side > 4:
                changed = self.changed(x, channels(self.width, side))
                x = nn.double_filtered(changed)
            x = self.blocks(x)
        return self.pointwise(self.out, "to_image")(x).astype(jnp.float32)


class Discriminator(_Stages):
    """Images `[B, R, R, C]`, and labels `[B]`, to logits `[B]`."""

    @linen.compact
    def __call__(self, image: jax.Array, label: jax.Array | None = None) -> jax.Array:
        """Judges each image by itself."""
        widest = channels(self.width, self.resolution)
        x = self.pointwise(widest, "from_image")(image.astype(self.dtype))
        for side in reversed(sides(self.resolution)):
            x = self.blocks(x)
            if side > 4:
                count = channels(self.width, side // 2)
                x = self.changed(nn.halve_filtered(x), count)
        basis = self.param("basis", scaled_basis, (4, 4, self.width), jnp.float32)
        x = (x.astype(jnp.float32) * basis[None]).sum((1, 2))
        dense = functools.partial(linen.Dense, use_bias=False, kernel_init=scaled())
        y = condition(self.classes, label, len(image))
        if y is None:
            return dense(1, name="to_logit")(x)[:, 0]
        init = scaled(1 / math.sqrt(self.width))
        code = dense(self.width, kernel_init=init, name="class_code")(y)
        return (dense(self.width, name="to_logit")(x) * code).sum(-1)


def scaled_basis(key: jax.Array, shape: tuple[int, ...], dtype: Any) -> jax.Array:
    """Initial weights of a convolution of each channel by itself, 4x4 to 1x1."""
    return jax.random.normal(key, shape, dtype) / math.sqrt(shape[0] * shape[1])
