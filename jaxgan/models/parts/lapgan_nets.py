"""The networks of LAPGAN (arXiv:1506.05751): dense at the coarsest level, then conv.

All take noise or a residual first, then the enlarged images of the level before, `low`
`[B, S, S, C]`, and labels `[B]`, which are None where there are no classes.
"""

import jax
import jax.numpy as jnp
from flax import linen

from jaxgan import nn
from jaxgan.models.parts.classes import known, one_hot
from jaxgan.models.parts.translation import Dropout


class CoarseGenerator(linen.Module):
    """Noise `[B, Z]` to images `[B, S, S, C]`, by dense layers."""

    hidden: tuple[int, ...]
    classes: int | None
    dtype: str

    @linen.compact
    def __call__(
        self, noise: jax.Array, low: jax.Array, label: jax.Array | None
    ) -> jax.Array:
        """Draws images; of `low` only the shape matters."""
        x = jnp.concatenate([noise, *_classes(self, label, noise.shape[0])], -1)
        init = linen.initializers.normal(0.05)
        for units in self.hidden:
            dense = linen.Dense(units, dtype=jnp.dtype(self.dtype), kernel_init=init)
            x = linen.relu(dense(x))
        x = linen.Dense(low[0].size, kernel_init=init)(x.astype(jnp.float32))
        return x.reshape(low.shape)


class CoarseDiscriminator(linen.Module):
    """Images `[B, S, S, C]` to logits `[B]`, by dense layers."""

    hidden: tuple[int, ...]
    classes: int | None
    dropout: float
    dtype: str

    @linen.compact
    def __call__(
        self, residual: jax.Array, low: jax.Array, label: jax.Array | None
    ) -> jax.Array:
        """Judges `low + residual`."""
        x = (low + residual).reshape(len(low), -1)
        x = jnp.concatenate([x, *_classes(self, label, len(low))], -1)
        init = linen.initializers.normal(0.005)
        for units in self.hidden:
            dense = linen.Dense(units, dtype=jnp.dtype(self.dtype), kernel_init=init)
            x = Dropout(self.dropout)(linen.relu(dense(x)))
        return linen.Dense(1, kernel_init=init)(x.astype(jnp.float32))[:, 0]


class Generator(linen.Module):
    """A plane of noise `[B, S, S]` and enlarged images to residuals `[B, S, S, C]`."""

    width: int
    kernels: tuple[int, ...]
    classes: int | None
    dtype: str

    @linen.compact
    def __call__(
        self, noise: jax.Array, low: jax.Array, label: jax.Array | None
    ) -> jax.Array:
        """Draws what is missing from the enlarged images."""
        x = jnp.concatenate([noise[..., None], *_plane(self, low, label), low], -1)
        *kernels, last = self.kernels
        for side in kernels:
            x = linen.relu(_conv(self, self.width, side)(x))
        x = _conv(self, low.shape[-1], last)(x)
        return x.astype(jnp.float32)


class Discriminator(linen.Module):
    """Residuals and enlarged images, `[B, S, S, C]` each, to logits `[B]`."""

    width: int
    classes: int | None
    dropout: float
    dtype: str

    @linen.compact
    def __call__(
        self, residual: jax.Array, low: jax.Array, label: jax.Array | None
    ) -> jax.Array:
        """Judges the sum of both: the first layer adds them."""
        x = jnp.concatenate([low + residual, *_plane(self, low, label)], -1)
        for stride in (1, 2):
            conv = _conv(self, self.width, 5, strides=stride, padding=0)
            x = linen.relu(conv(x))
        x = Dropout(self.dropout)(x.reshape(len(x), -1))
        return linen.Dense(1)(x.astype(jnp.float32))[:, 0]


def _conv(net, features, side, **more):
    """A convolution that starts with Torch's weights, U(-n^-1/2, n^-1/2)."""
    init = linen.initializers.variance_scaling(1 / 3, "fan_in", "uniform")
    dtype = jnp.dtype(net.dtype)
    return nn.Conv(features, side, dtype=dtype, kernel_init=init, **more)


def _classes(net, label, count):
    """Labels as vectors `[B, K]`, in a list that is empty without classes."""
    return [] if net.classes == 0 else [one_hot(label, known(net.classes), count)]


def _plane(net, low, label):
    """The class as a plane `[B, S, S, 1]`, in a list that is empty without classes."""
    count, side = low.shape[:2]
    return [
        linen.relu(linen.Dense(side * side, name="class_plane")(vector)).reshape(
            count, side, side, 1
        )
        for vector in _classes(net, label, count)
    ]
