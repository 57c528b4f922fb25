"""Linen layers: the convolutions of `conv`, and dense layers with spectral norms."""

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax.typing import DTypeLike

from jaxgan.nn import conv as functions
from jaxgan.nn.spectral import spectral_normalise

# The DCGAN family's initialisation (arXiv 1511.06434, section 4).
default_kernel_init = nn.initializers.normal(0.02)


class Conv(nn.Module):
    """Convolution, [B, H, W, C] -> [B, H / strides, W / strides, features].

    Attributes:
        features: The number of channels to make.
        kernel_size: Rows and columns of the kernel, or one number for both.
        strides: 1 or 2 (2 halves even sizes).
        use_bias: Whether to add a bias; leave it out before a norm.
        padding: As in `jaxgan.nn.conv.conv`.
        dtype: The dtype of the computation, by default that of x. Parameters: float32.
        spectral: Whether to divide the kernel by its spectral norm.
        kernel_init: Initialiser of "kernel" [kh, kw, C, features].
        bias_init: Initialiser of "bias" [features].
    """

    features: int
    kernel_size: int | tuple[int, int] = 4
    strides: int = 1
    use_bias: bool = True
    padding: int | str | Sequence[tuple[int, int]] | None = None
    spectral: bool = False
    dtype: DTypeLike | None = None
    kernel_init: Callable[..., jax.Array] = default_kernel_init
    bias_init: Callable[..., jax.Array] = nn.initializers.zeros_init()

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Maps an image [B, H, W, C]."""
        x = x.astype(self.dtype or x.dtype)
        shape = (*_pair(self.kernel_size), x.shape[-1], self.features)
        kernel = self.param("kernel", self.kernel_init, shape, jnp.float32)
        if self.spectral:
            kernel = spectral_normalise(self, kernel)
        x = functions.conv(x, kernel, stride=self.strides, padding=self.padding)
        return _add_bias(self, x, self.bias_init) if self.use_bias else x


class ConvTranspose(nn.Module):
    """Transposed convolution, [B, H, W, C] -> [B, 2H, 2W, features].

    It is the adjoint of a convolution with the same kernel, which can be shared with a
    `Conv` that maps `features` channels to C.

    Attributes:
        features: The number of channels to make.
        kernel_size: Rows and columns of the kernel, or one number for both.
        strides: Must be 2.
        use_bias: Whether to add a bias; leave it out before a norm.
        dtype: The dtype of the computation, by default that of x. Parameters: float32.
        kernel_init: Initialiser of "kernel" [kh, kw, features, C].
    """

    features: int
    kernel_size: int | tuple[int, int] = 4
    strides: int = 2
    use_bias: bool = True
    dtype: DTypeLike | None = None
    kernel_init: Callable[..., jax.Array] = default_kernel_init

    @nn.compact
    def __call__(self, y: jax.Array) -> jax.Array:
        """Maps an image [B, H, W, C]."""
        y = y.astype(self.dtype or y.dtype)
        shape = (*_pair(self.kernel_size), self.features, y.shape[-1])
        kernel = self.param("kernel", self.kernel_init, shape, jnp.float32)
        y = functions.conv_transpose(y, kernel, stride=self.strides)
        return _add_bias(self, y) if self.use_bias else y


class Dense(nn.Module):
    """Dense layer, [..., N] -> [..., features], with spectral normalisation if wanted.

    Attributes:
        features: The number of units.
        use_bias: Whether to add a bias.
        spectral: Whether to divide the kernel by its spectral norm.
        dtype: The dtype of the computation, by default that of x. Parameters: float32.
        kernel_init: Initialiser of "kernel" [N, features].
    """

    features: int
    use_bias: bool = True
    spectral: bool = False
    dtype: DTypeLike | None = None
    kernel_init: Callable[..., jax.Array] = default_kernel_init

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Maps vectors [..., N]."""
        x = x.astype(self.dtype or x.dtype)
        shape = (x.shape[-1], self.features)
        kernel = self.param("kernel", self.kernel_init, shape, jnp.float32)
        if self.spectral:
            kernel = spectral_normalise(self, kernel)
        x = x @ kernel.astype(x.dtype)
        if not self.use_bias:
            return x
        zeros = nn.initializers.zeros_init()
        bias = self.param("bias", zeros, (self.features,), jnp.float32)
        return x + jnp.broadcast_to(bias.astype(x.dtype), x.shape)


def _pair(size: int | tuple[int, int]) -> tuple[int, int]:
    return (size, size) if isinstance(size, int) else size


def _add_bias(
    module: nn.Module,
    x: jax.Array,
    init: Callable[..., jax.Array] = nn.initializers.zeros_init(),  # noqa: B008
) -> jax.Array:
    """Adds the parameter "bias" [C] to an image [B, H, W, C]."""
    bias = module.param("bias", init, (x.shape[-1],), jnp.float32)
    return x + bias.astype(x.dtype)[None, None, None, :]
