"""Maxout: a dense layer whose units are the largest of several affine pieces."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax.typing import DTypeLike


class Maxout(nn.Module):
    """Dense layer with a learned convex activation, `[..., N]` to `[..., units]`.

    Unit u is the maximum over p of x · kernel[:, p, u] + bias[p, u]: each unit has its
    own pieces, which it does not share with its neighbours as pooling would.

    Goodfellow et al., "Maxout Networks", arXiv:1302.4389, equations 1 and 2.

    Attributes:
        units: The number of outputs.
        pieces: The affine pieces of each unit, at least 1; with 1 the layer is linear.
        dtype: The dtype of the computation, by default that of x. Parameters: float32.
        kernel_init: Initialiser of "kernel" `[N, pieces, units]`; it is called with
            `[N, pieces · units]`, so that its fan-in is N.
        bias_init: Initialiser of "bias" `[pieces, units]`.
    """

    units: int
    pieces: int
    dtype: DTypeLike | None = None
    kernel_init: Callable[..., jax.Array] = nn.initializers.lecun_normal()
    bias_init: Callable[..., jax.Array] = nn.initializers.zeros_init()

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Maps vectors.

        Raises:
            ValueError: `units` or `pieces` is below 1.
        """
        if self.units < 1 or self.pieces < 1:
            raise ValueError(
                f"units is {self.units} and pieces is {self.pieces}; both must be at"
                " least 1"
            )
        x = x.astype(self.dtype or x.dtype)
        shape = (self.pieces, self.units)
        kernel = self.param("kernel", self._kernel, (x.shape[-1], *shape), jnp.float32)
        bias = self.param("bias", self.bias_init, shape, jnp.float32)
        # One product serves all pieces. Units stay the last axis, so that the maximum
        # is taken element by element along them.
        flat = kernel.reshape(x.shape[-1], -1).astype(x.dtype)
        pieces = (x @ flat).reshape(*x.shape[:-1], *shape)
        leading = (1,) * (x.ndim - 1)
        pieces = pieces + bias.astype(x.dtype).reshape(*leading, *shape)
        return pieces.max(axis=-2)

    def _kernel(self, key, shape, dtype):
        return self.kernel_init(key, (shape[0], shape[1] * shape[2]), dtype).reshape(
            shape
        )
