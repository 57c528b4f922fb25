"""Convolutions of groups of channels, each of which sees its own group alone."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax import lax
from jax.typing import DTypeLike

from jaxgan.nn import conv as functions
from jaxgan.nn.layers import default_kernel_init


class GroupedConv(nn.Module):
    """Convolution of stride 1 within groups: `[B, H, W, C]` to the same shape.

    Attributes:
        group: Channels of a group; it must divide C.
        kernel_size: Side of the kernel; an odd one keeps the size of an image.
        dtype: Dtype of the computation, by default that of the input.
        kernel_init: Initialiser of "kernel" `[k, k, group, C]`.

    There is no bias.
    """

    group: int
    kernel_size: int = 3
    dtype: DTypeLike | None = None
    kernel_init: Callable[..., jax.Array] = default_kernel_init

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Maps an image `[B, H, W, C]`.

        Raises:
            ValueError: the groups do not make up the channels.
        """
        x = x.astype(self.dtype or x.dtype)
        channels = x.shape[-1]
        if channels % self.group:
            raise ValueError(
                f"{channels} channels do not make groups of {self.group}; give a number"
                " that divides them"
            )
        shape = (self.kernel_size, self.kernel_size, self.group, channels)
        kernel = self.param("kernel", self.kernel_init, shape, jnp.float32)
        return grouped(x, kernel.astype(x.dtype))


def grouped(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """The convolution of `GroupedConv`.

    On CPU it is that of a kernel with zeros between different groups: XLA has no fast
    gradients of grouped convolutions there, and they took a hundred times as long.

    Args:
        x: `[B, H, W, C]`.
        kernel: `[k, k, C / groups, C]` in the same dtype.
    """
    k, _, group, channels = kernel.shape
    low = (k - 1) // 2

    def whole(x, kernel):
        parts = kernel.reshape(k, k, group, channels // group, group)
        own = jnp.eye(channels // group, dtype=kernel.dtype)
        spread = jnp.einsum("hwigo,fg->hwfigo", parts, own)
        return functions.conv(x, spread.reshape(k, k, channels, channels), padding=low)

    def native(x, kernel):
        return lax.conv_general_dilated(
            x,
            kernel,
            (1, 1),
            [(low, low)] * 2,
            dimension_numbers=("NHWC", "HWIO", "NHWC"),
            feature_group_count=channels // group,
        )

    if channels == group:
        return functions.conv(x, kernel, padding=low)
    return lax.platform_dependent(x, kernel, cpu=whole, default=native)
