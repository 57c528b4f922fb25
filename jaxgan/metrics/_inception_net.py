"""The layers of the Inception-v3 behind published scores; see `inception`.

TensorFlow's graph of 2015-12-05: 1008 classes, average pools that do not count the
padding, and a last block that pools by the maximum.

References:
    Szegedy et al., 2015, https://arxiv.org/abs/1512.00567.
"""

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen
from jax import lax

CLASSES = 1008


def average_pool(x: jax.Array) -> jax.Array:
    """The mean over 3 x 3 pixels, without those beyond the border.

    Args:
        x: `[N, H, W, C]`.

    Returns:
        The same shape.
    """
    total = _over_windows(jnp.add, _framed(x, 0.0), 1)
    rows, columns = (np.convolve(np.ones(n), np.ones(3), "same") for n in x.shape[1:3])
    share = (1 / np.outer(rows, columns)).astype(np.float32)
    return total * share[None, :, :, None]


def max_pool(x: jax.Array, stride: int) -> jax.Array:
    """The maximum over 3 x 3 pixels, around every pixel at stride 1, inside at 2.

    Args:
        x: `[N, H, W, C]`.
        stride: 1 or 2.

    Returns:
        `[N, H, W, C]` at stride 1, `[N, (H - 1) // 2, (W - 1) // 2, C]` at stride 2.
    """
    return _over_windows(jnp.maximum, _framed(x, -np.inf) if stride == 1 else x, stride)


def _framed(x: jax.Array, value: float) -> jax.Array:
    return jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)), constant_values=value)


def _over_windows(combine: Callable, x: jax.Array, stride: int) -> jax.Array:
    """Combines shifted images, rows first: faster on CPU than `lax.reduce_window`."""
    for axis in (1, 2):
        last = x.shape[axis] - 3
        shifted = (
            lax.slice_in_dim(x, i, i + last + 1, stride, axis=axis) for i in range(3)
        )
        x = functools.reduce(combine, shifted)
    return x


class Unit(linen.Module):
    """Convolution without bias, batch norm by running averages, ReLU.

    Attributes:
        features: output channels.
        kernel: rows and columns.
        stride: the stride along both axes.
        padding: "SAME" or "VALID".
    """

    features: int
    kernel: tuple[int, int] = (1, 1)
    stride: int = 1
    padding: str = "SAME"

    @linen.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Maps `[N, H, W, C]` to `[N, h, w, features]`."""
        x = linen.Conv(
            self.features,
            self.kernel,
            self.stride,
            self.padding,
            use_bias=False,
            precision=lax.Precision.HIGHEST,  # float32 where a GPU would take less
            name="conv",
        )(x)
        norm = linen.BatchNorm(use_running_average=True, epsilon=1e-3, name="bn")
        return linen.relu(norm(x))


class BlockA(linen.Module):
    """35 x 35 pixels: 1x1, 5x5, twice 3x3, average pool.

    Attributes:
        pool_features: channels of the branch that pools.
    """

    pool_features: int

    @linen.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Maps `[N, H, W, C]` to `[N, H, W, 224 + pool_features]`."""
        one = Unit(64, name="branch1x1")(x)
        five = Unit(48, name="branch5x5_1")(x)
        five = Unit(64, (5, 5), name="branch5x5_2")(five)
        three = Unit(64, name="branch3x3dbl_1")(x)
        three = Unit(96, (3, 3), name="branch3x3dbl_2")(three)
        three = Unit(96, (3, 3), name="branch3x3dbl_3")(three)
        pool = Unit(self.pool_features, name="branch_pool")(average_pool(x))
        return jnp.concatenate([one, five, three, pool], -1)


class BlockB(linen.Module):
    """35 x 35 pixels to 17 x 17."""

    @linen.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Maps `[N, H, W, C]` to `[N, H / 2, W / 2, 480 + C]`."""
        three = Unit(384, (3, 3), 2, "VALID", name="branch3x3")(x)
        double = Unit(64, name="branch3x3dbl_1")(x)
        double = Unit(96, (3, 3), name="branch3x3dbl_2")(double)
        double = Unit(96, (3, 3), 2, "VALID", name="branch3x3dbl_3")(double)
        return jnp.concatenate([three, double, max_pool(x, 2)], -1)


class BlockC(linen.Module):
    """17 x 17 pixels: 1x1, 7x7 and twice 7x7 as rows and columns, average pool.

    Attributes:
        features: channels between the rows and the columns.
    """

    features: int

    @linen.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Maps `[N, H, W, C]` to `[N, H, W, 768]`."""
        row, column = (1, 7), (7, 1)
        one = Unit(192, name="branch1x1")(x)
        seven = Unit(self.features, name="branch7x7_1")(x)
        seven = Unit(self.features, row, name="branch7x7_2")(seven)
        seven = Unit(192, column, name="branch7x7_3")(seven)
        double = Unit(self.features, name="branch7x7dbl_1")(x)
        double = Unit(self.features, column, name="branch7x7dbl_2")(double)
        double = Unit(self.features, row, name="branch7x7dbl_3")(double)
        double = Unit(self.features, column, name="branch7x7dbl_4")(double)
        double = Unit(192, row, name="branch7x7dbl_5")(double)
        pool = Unit(192, name="branch_pool")(average_pool(x))
        return jnp.concatenate([one, seven, double, pool], -1)


class BlockD(linen.Module):
    """17 x 17 pixels to 8 x 8."""

    @linen.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Maps `[N, H, W, C]` to `[N, H / 2, W / 2, 512 + C]`."""
        three = Unit(192, name="branch3x3_1")(x)
        three = Unit(320, (3, 3), 2, "VALID", name="branch3x3_2")(three)
        seven = Unit(192, name="branch7x7x3_1")(x)
        seven = Unit(192, (1, 7), name="branch7x7x3_2")(seven)
        seven = Unit(192, (7, 1), name="branch7x7x3_3")(seven)
        seven = Unit(192, (3, 3), 2, "VALID", name="branch7x7x3_4")(seven)
        return jnp.concatenate([three, seven, max_pool(x, 2)], -1)


class BlockE(linen.Module):
    """8 x 8 pixels: 1x1, 3x3 as rows beside columns, 3x3 and the same, a pool.

    Attributes:
        last: whether it pools by the maximum, as the last block of the graph does;
            the one before pools by the average.
    """

    last: bool

    @linen.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Maps `[N, H, W, C]` to `[N, H, W, 2048]`."""
        row, column = (1, 3), (3, 1)
        one = Unit(320, name="branch1x1")(x)
        three = Unit(384, name="branch3x3_1")(x)
        double = Unit(448, name="branch3x3dbl_1")(x)
        double = Unit(384, (3, 3), name="branch3x3dbl_2")(double)
        pool = max_pool(x, 1) if self.last else average_pool(x)
        return jnp.concatenate(
            [
                one,
                Unit(384, row, name="branch3x3_2a")(three),
                Unit(384, column, name="branch3x3_2b")(three),
                Unit(384, row, name="branch3x3dbl_3a")(double),
                Unit(384, column, name="branch3x3dbl_3b")(double),
                Unit(192, name="branch_pool")(pool),
            ],
            -1,
        )


class Classes(linen.Module):
    """The last layer; its bias is stored but not added.

    Attributes:
        classes: the number of classes.
    """

    classes: int

    @linen.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Maps `[N, F]` to `[N, classes]`."""
        init = linen.initializers.zeros_init()
        kernel = self.param("kernel", init, (x.shape[-1], self.classes))
        self.param("bias", init, (self.classes,))
        return jnp.matmul(x, kernel, precision=lax.Precision.HIGHEST)


class Inception(linen.Module):
    """The network, from normalised images to features and logits.

    Parameters have the names of the published PyTorch file.
    """

    @linen.compact
    def __call__(self, x: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Maps `[N, 299, 299, 3]` to pool3 `[N, 2048]` and logits `[N, 1008]`."""
        x = Unit(32, (3, 3), 2, "VALID", name="Conv2d_1a_3x3")(x)
        x = Unit(32, (3, 3), 1, "VALID", name="Conv2d_2a_3x3")(x)
        x = Unit(64, (3, 3), name="Conv2d_2b_3x3")(x)
        x = max_pool(x, 2)
        x = Unit(80, name="Conv2d_3b_1x1")(x)
        x = Unit(192, (3, 3), 1, "VALID", name="Conv2d_4a_3x3")(x)
        x = max_pool(x, 2)
        for part, pool_features in (("b", 32), ("c", 64), ("d", 64)):
            x = BlockA(pool_features, name=f"Mixed_5{part}")(x)
        x = BlockB(name="Mixed_6a")(x)
        for part, between in (("b", 128), ("c", 160), ("d", 160), ("e", 192)):
            x = BlockC(between, name=f"Mixed_6{part}")(x)
        x = BlockD(name="Mixed_7a")(x)
        x = BlockE(last=False, name="Mixed_7b")(x)
        x = BlockE(last=True, name="Mixed_7c")(x)
        pool3 = x.mean((1, 2))
        return pool3, Classes(CLASSES, name="fc")(pool3)
