"""The networks of StackGAN: two generators and a discriminator, all told of a text.

Convolutions have weights from a truncated N(0, 0.02) and no biases; dense layers have
weights from N(0, 0.02) and biases. A generator's statistics are "batch" or "running".
"""

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
from flax import linen

from jaxgan import nn

Statistics = Literal["batch", "running"]
_init = linen.initializers.normal(0.02)
_truncated = linen.initializers.truncated_normal(0.02)


def _leaky(x):
    return linen.leaky_relu(x, 0.2)


class Condition(NamedTuple):
    """The Gaussian that a text is turned into.

    Attributes:
        mean: `[B, C]`.
        log_deviation: the logarithm of its standard deviation, `[B, C]`.
    """

    mean: jax.Array
    log_deviation: jax.Array


class Layers(NamedTuple):
    """Layers that all networks share.

    Attributes:
        statistics: of batch norms.
        dtype: of the computation.
    """

    statistics: Statistics = "batch"
    dtype: Any = "float32"

    def conv(self, x: jax.Array, width: int, kernel: int = 3, stride: int = 1):
        """A convolution alone."""
        return nn.Conv(
            width,
            kernel,
            stride,
            use_bias=False,
            dtype=self.dtype,
            kernel_init=_truncated,
        )(x)

    def norm(self, x: jax.Array) -> jax.Array:
        """A batch norm."""
        running = nn.use_running(self.statistics)
        return nn.BatchNorm(use_running_average=running, dtype=self.dtype)(x)

    def normed(self, x: jax.Array, width: int, kernel: int = 3, stride: int = 1):
        """A convolution and a batch norm."""
        return self.norm(self.conv(x, width, kernel, stride))

    def dense(self, x: jax.Array, units: int, bias: bool = True) -> jax.Array:
        """A dense layer."""
        return linen.Dense(units, bias, dtype=self.dtype, kernel_init=_init)(x)

    def bottleneck(self, x: jax.Array, active: Callable) -> jax.Array:
        """Adds what a narrow path of three convolutions makes of maps."""
        width = x.shape[-1]
        narrow = max(1, width // 4)
        y = active(self.normed(x, narrow, 1))
        y = active(self.normed(y, narrow))
        return active(x + self.normed(y, width))

    def to_image(self, x: jax.Array, channels: int) -> jax.Array:
        """Images in [-1, 1], in float32."""
        return jnp.tanh(self.conv(x, channels).astype(jnp.float32))


def augmented(
    text: jax.Array, epsilon: jax.Array, *, leaky: bool = False
) -> tuple[jax.Array, Condition]:
    """Draws a condition around what a text is turned into; call it in a compact module.

    Args:
        text: `[B, T]`.
        epsilon: the noise of the draw, `[B, C]`.
        leaky: whether a leaky ReLU follows the dense layer.

    Returns:
        c = mean + deviation * epsilon, `[B, C]`, and the Gaussian it was drawn from.
    """
    dense = linen.Dense(2 * epsilon.shape[-1], kernel_init=_init, name="condition")
    both = dense(text.astype(jnp.float32))
    mean, log_deviation = jnp.split(_leaky(both) if leaky else both, 2, -1)
    drawn = mean + jnp.exp(log_deviation) * epsilon
    return drawn, Condition(mean, log_deviation)


class Sketcher(linen.Module):
    """Stage I: texts `[B, T]` and noise to images `[B, S, S, C]` in [-1, 1].

    Attributes:
        size: S, a power of two of at least 16.
        channels: C.
        width: channels of the last maps; the first have S / 8 times as many.
        leaky: as `augmented` has it.
        dtype: of the layers.
    """

    size: int = 64
    channels: int = 3
    width: int = 128
    leaky: bool = False
    dtype: Any = "float32"

    @linen.compact
    def __call__(
        self,
        text: jax.Array,
        noise: jax.Array,
        epsilon: jax.Array,
        statistics: Statistics = "batch",
    ) -> tuple[jax.Array, Condition]:
        """Draws a batch, and tells what Gaussians its conditions are from."""
        layers = Layers(statistics, self.dtype)
        drawn, condition = augmented(text, epsilon, leaky=self.leaky)
        width = self.width * self.size // 8
        x = layers.dense(jnp.concatenate([drawn, noise], -1), 16 * width)
        x = layers.norm(x).reshape(-1, 4, 4, width)
        x = layers.bottleneck(x, linen.relu)
        while x.shape[1] < self.size // 2:
            width //= 2
            x = layers.normed(nn.double(x), width)
            second = x.shape[1] == 8
            x = layers.bottleneck(x, linen.relu) if second else linen.relu(x)
        return layers.to_image(nn.double(x), self.channels), condition


class Refiner(linen.Module):
    """Stage II: sketches `[B, S, S, C]` and texts to images `[B, size, size, C]`.

    It gets no noise but that of its own condition.

    Attributes:
        size: of its images, S times a power of two.
        width: channels of its first maps.
        blocks: residual blocks.
        leaky: as `augmented` has it.
        dtype: of the layers.
    """

    size: int = 256
    width: int = 128
    blocks: int = 4
    leaky: bool = False
    dtype: Any = "float32"

    @linen.compact
    def __call__(
        self,
        sketch: jax.Array,
        text: jax.Array,
        epsilon: jax.Array,
        statistics: Statistics = "batch",
    ) -> tuple[jax.Array, Condition]:
        """Draws a batch, and tells what Gaussians its conditions are from."""
        layers, width = Layers(statistics, self.dtype), self.width
        drawn, condition = augmented(text, epsilon, leaky=self.leaky)
        x = linen.relu(layers.conv(sketch, width))
        x = linen.relu(layers.normed(x, 2 * width, 4, 2))
        x = linen.relu(layers.normed(x, 4 * width, 4, 2))
        x = jnp.concatenate([x, tiled(drawn, x)], -1)
        x = linen.relu(layers.normed(x, 4 * width))
        for _ in range(self.blocks):
            y = linen.relu(layers.normed(x, 4 * width))
            x = linen.relu(x + layers.normed(y, 4 * width))
        wide = 4 * width
        while x.shape[1] < self.size:
            wide = max(1, wide // 2)
            x = linen.relu(layers.normed(nn.double(x), wide))
        return layers.to_image(x, sketch.shape[-1]), condition


class Discriminator(linen.Module):
    """Images `[B, S, S, C]` and texts `[B, T]` to logits `[B]`.

    It is called with one text or with several, all of which judge the same maps: a
    minibatch of real images with their texts and with those of others is looked at
    once.

    Attributes:
        width: channels of the first maps; they double at each halving.
        text: units that a text is brought to.
        dtype: of the layers.
        text_norm: whether these units have a batch norm, as in GAN-CLS.
    """

    width: int = 64
    text: int = 128
    dtype: Any = "float32"
    text_norm: bool = False

    def setup(self) -> None:
        """Makes both halves."""
        self.look = Look(self.width, self.dtype)
        self.match = Match(self.text, self.dtype, self.text_norm)

    def __call__(self, image: jax.Array, *texts: jax.Array) -> tuple[jax.Array, ...]:
        """Logits of a batch of images with each of the texts."""
        maps = self.look(image)
        return tuple(self.match(maps, text) for text in texts)


class Look(linen.Module):
    """Images to maps of 4x4; attributes as those of `Discriminator`."""

    width: int
    dtype: Any

    @linen.compact
    def __call__(self, image: jax.Array) -> jax.Array:
        """Looks at a batch, normalised with its own statistics."""
        layers, width = Layers("batch", self.dtype), self.width
        x = _leaky(layers.conv(image, width, 4, 2))
        while x.shape[1] > 4:
            width *= 2
            x = layers.normed(x, width, 4, 2)
            # What a residual path begins with has no rectifier.
            ends = x.shape[1] == 4 and width <= 8 * self.width
            x = x if ends else _leaky(x)
        while width > 8 * self.width:
            width //= 2
            x = layers.normed(x, width, 1)
            x = x if width == 8 * self.width else _leaky(x)
        return layers.bottleneck(x, _leaky)


class Match(linen.Module):
    """Maps `[B, 4, 4, W]` and texts to logits; attributes as of `Discriminator`."""

    text: int
    dtype: Any
    text_norm: bool

    @linen.compact
    def __call__(self, maps: jax.Array, text: jax.Array) -> jax.Array:
        """Compares a batch, normalised with its own statistics."""
        layers = Layers("batch", self.dtype)
        text = layers.dense(text, self.text)
        text = _leaky(layers.norm(text) if self.text_norm else text)
        x = jnp.concatenate([maps, tiled(text, maps)], -1)
        x = _leaky(layers.normed(x, maps.shape[-1], 1))
        x = x.astype(jnp.float32).reshape(len(x), -1)
        dense = linen.Dense(1, False, kernel_init=_truncated, name="to_logit")
        return dense(x)[:, 0]


def tiled(vector: jax.Array, maps: jax.Array) -> jax.Array:
    """Vectors `[B, N]` at every place of maps `[B, H, W, C]`: `[B, H, W, N]`."""
    shape = (*maps.shape[:3], vector.shape[-1])
    return jnp.broadcast_to(vector[:, None, None], shape).astype(maps.dtype)
