"""Capsule layers: flax modules that use `routing`.

Sabour, Frosst and Hinton, "Dynamic routing between capsules" (arXiv:1710.09829),
section 4. The initial values are those of the released code: truncated normals, and 0.1
for biases, including those added before the squash of the class capsules.
"""

import functools
import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax.typing import DTypeLike

from jaxgan.capsules import routing
from jaxgan.nn.layers import Conv

weights_init = nn.initializers.truncated_normal(0.1)
bias_init = nn.initializers.constant(0.1)


class PrimaryCaps(nn.Module):
    """The lowest capsules: a convolution whose channels are cut into vectors.

    The squash is the only nonlinearity. In the released code this layer ends in one
    round of routing from a single capsule below to the `types` capsules at a position.
    All coupling coefficients are equal in it, so it divides the convolution by the
    number of types, but not its bias. The paper does not mention the factor, and most
    other implementations leave it out; at the paper's size, the capsules of an
    untrained network then have a median length of 0.98 instead of 0.12.

    Attributes:
        types: The number of capsules at every position.
        dim: The number of elements of a capsule.
        scaling: "released" divides by the number of types; "printed" does not.
        leaky: Whether the division leaves a share to no type, as leaky routing does.
        kernel_size: The side of the convolution's kernel.
        strides: The strides of the convolution.
        padding: As in `jaxgan.nn.Conv`.
        dtype: The dtype of the convolution; by default that of the input.
    """

    types: int = 32
    dim: int = 8
    scaling: str = "released"
    leaky: bool = False
    kernel_size: int = 9
    strides: int = 2
    padding: int | str | Sequence[tuple[int, int]] | None = "VALID"
    dtype: DTypeLike | None = None

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Maps features `[B, H, W, C]` to capsules `[B, H', W', types, dim]`.

        Raises:
            ValueError: If `scaling` is another word.
        """
        if self.scaling not in ("released", "printed"):
            raise ValueError(
                f"scaling is {self.scaling!r}, expected 'released' or 'printed'"
            )
        if self.scaling == "released":
            x = x / (self.types + self.leaky)  # a bias is added to what this becomes
        x = Conv(
            self.types * self.dim,
            self.kernel_size,
            self.strides,
            padding=self.padding,
            dtype=self.dtype,
            kernel_init=weights_init,
            bias_init=bias_init,
        )(x)
        return routing.squash(x.reshape(*x.shape[:3], self.types, self.dim))


class ClassCaps(nn.Module):
    """One capsule for each class; all capsules below route to each.

    Attributes:
        classes: The number of capsules.
        dim: The number of elements of each.
        iterations: The number of rounds of routing.
        shared: Whether capsules of one type vote by the same weights at every position,
            so that the number of weights does not grow with the image.
        leaky: Whether a capsule below may belong to no class.
        dtype: The dtype of the votes; by default that of the input. Logits stay
            float32.
    """

    classes: int = 10
    dim: int = 16
    iterations: int = 3
    shared: bool = False
    leaky: bool = False
    dtype: DTypeLike | None = None

    @nn.compact
    def __call__(self, x: jax.Array, *, return_coupling: bool = False):
        """Routes capsules `[B, H, W, types, K]`.

        Args:
            x: The capsules below.
            return_coupling: Whether to return the coupling coefficients too.

        Returns:
            Capsules `[B, classes, dim]`, or `(capsules, coupling)` with the coupling of
            every iteration, `[iterations, B, H * W * types, classes]`.

        Raises:
            ValueError: If `x` has another rank.
        """
        if x.ndim != 5:
            raise ValueError(
                "ClassCaps takes capsules [B, H, W, types, K], as PrimaryCaps makes"
                f" them, but got the shape {x.shape}"
            )
        height, width, types, below = x.shape[1:]
        dtype = self.dtype or x.dtype
        own = types if self.shared else height * width * types
        shape = (own, below, self.classes, self.dim)
        weights = self.param("weights", weights_init, shape, jnp.float32)
        bias = self.param("bias", bias_init, (self.classes, self.dim), jnp.float32)
        if self.shared:
            weights = jnp.tile(weights, (height * width, 1, 1, 1))
        return routing.route(
            x.reshape(len(x), -1, below).astype(dtype),
            weights.astype(dtype),
            iterations=self.iterations,
            bias=bias,
            leaky=self.leaky,
            return_coupling=return_coupling,
        )


class Decoder(nn.Module):
    """Draws an image from class capsules, of which all but one are masked.

    Attributes:
        shape: The shape of an image, `(H, W, C)`.
        hidden: The units of each hidden layer.
        dtype: The dtype of their arithmetic.
    """

    shape: tuple[int, int, int]
    hidden: tuple[int, ...] = (512, 1024)
    dtype: DTypeLike | None = None

    @nn.compact
    def __call__(self, capsules: jax.Array) -> jax.Array:
        """Maps masked capsules `[B, J, D]` to images `[B, H, W, C]` in [0, 1]."""
        dense = functools.partial(
            nn.Dense, dtype=self.dtype, kernel_init=weights_init, bias_init=bias_init
        )
        x = capsules.reshape(len(capsules), -1)
        for units in self.hidden:
            x = nn.relu(dense(units)(x))
        x = dense(math.prod(self.shape))(x)
        return nn.sigmoid(x.astype(jnp.float32)).reshape(-1, *self.shape)


def lengths(capsules: jax.Array) -> jax.Array:
    """The lengths of capsules: how sure each is that its thing is there.

    Args:
        capsules: `[..., D]`.

    Returns:
        ‖v‖, `[...]`, in at least float32. Its gradient at the zero vector is zero.
    """
    wide = capsules.astype(jnp.promote_types(capsules.dtype, jnp.float32))
    square = jnp.square(wide).sum(-1)
    there = square > 0
    return jnp.where(there, jnp.sqrt(jnp.where(there, square, 1.0)), 0.0)


def longest(capsules: jax.Array, count: int = 1) -> jax.Array:
    """Finds the classes of the longest capsules, the longest first.

    Args:
        capsules: `[B, J, D]`.
        count: How many to find.

    Returns:
        int32 `[B, count]`.

    Raises:
        ValueError: If there are fewer capsules than `count`.
    """
    if not 1 <= count <= capsules.shape[1]:
        raise ValueError(
            f"count is {count}, expected 1 to {capsules.shape[1]}, the number of"
            " capsules"
        )
    return jax.lax.top_k(lengths(capsules), count)[1]


def mask(capsules: jax.Array, classes: jax.Array) -> jax.Array:
    """Keeps one capsule of each example and zeroes the others.

    In training, keep the capsule of the label; afterwards, that of the label or the
    longest one: `mask(v, longest(v)[:, 0])`.

    Args:
        capsules: `[B, J, D]`.
        classes: The capsule to keep, integers `[B]`. Where it is out of range, the
            result is NaN.

    Returns:
        `[B, J, D]`.

    Raises:
        ValueError: If the shapes do not fit.
    """
    if capsules.ndim != 3 or classes.shape != capsules.shape[:1]:
        raise ValueError(
            "expected capsules [B, J, D] and one class for each example [B], got the"
            f" shapes {capsules.shape} and {classes.shape}"
        )
    there = jnp.arange(capsules.shape[1])[None, :] == classes[:, None]
    masked = jnp.where(there[..., None], capsules, 0.0)
    known = there.any(1)[:, None, None]
    return jnp.where(known, masked, jnp.nan)
