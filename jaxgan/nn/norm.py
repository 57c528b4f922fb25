"""Batch and instance normalisation with the constants of the GAN papers."""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax import lax

STATISTICS = ("batch", "running")

MAPPED = "data"  # the axis of `jaxgan.parallel.pmap`


def gains(key: jax.Array, shape: tuple, dtype: Any = jnp.float32) -> jax.Array:
    """Draws initial gains from N(1, 0.02)."""
    return 1 + 0.02 * jax.random.normal(key, shape, dtype)


class BatchNorm(nn.BatchNorm):
    """Linen's batch normalisation with the constants of DCGAN (arXiv:1511.06434).

    Momentum is 0.9, not 0.99, and gains start at N(1, 0.02). Statistics are those of
    the global batch: automatically under `jit` over a mesh, and by averaging over a
    mapped axis (`pmap`, `vmap`, `shard_map`), of which one named `data` is found by
    itself. The attributes are those of `flax.linen.BatchNorm`.

    The variance is the mean of squared distances from the mean. Linen's default,
    E[x²] − E[x]², loses it to rounding where the mean is large beside the deviation;
    `use_fast_variance` asks for that form.
    """

    momentum: float = 0.9
    epsilon: float = 1e-5
    scale_init: Any = gains
    use_fast_variance: bool = False

    @nn.compact
    def __call__(
        self,
        x: jax.Array,
        use_running_average: bool | None = None,
        *,
        mask: jax.Array | None = None,
    ) -> jax.Array:
        """Normalises `x`; arguments and result are those of `flax.linen.BatchNorm`."""
        running = nn.merge_param(
            "use_running_average", self.use_running_average, use_running_average
        )
        axis = self.axis if isinstance(self.axis, tuple) else (self.axis,)
        kept = {i % x.ndim for i in axis}
        over = tuple(i for i in range(x.ndim) if i not in kept)
        shape = tuple(n for i, n in enumerate(x.shape) if i in kept)
        wide = jnp.float32 if self.force_float32_reductions else self.param_dtype
        means = self.variable("batch_stats", "mean", jnp.zeros, shape, wide)
        variances = self.variable("batch_stats", "var", jnp.ones, shape, wide)
        if running:
            mean, var = means.value, variances.value
        else:
            mean, var = self._moments(x, over, mask)
            if not self.is_initializing():
                m = self.momentum
                means.value = m * means.value + (1 - m) * mean
                variances.value = m * variances.value + (1 - m) * var
        factor = lax.rsqrt(var + self.epsilon)
        if self.use_scale:
            factor *= self.param("scale", self.scale_init, shape, self.param_dtype)
        # The mean first: products of large numbers would lose a small deviation.
        y = (x - jnp.expand_dims(mean, over)) * jnp.expand_dims(factor, over)
        if self.use_bias:
            bias = self.param("bias", self.bias_init, shape, self.param_dtype)
            y += jnp.expand_dims(bias, over)
        learned = [self.param_dtype] * (self.use_scale or self.use_bias)
        return y.astype(self.dtype or jnp.result_type(x, *learned))

    def _moments(self, x, over, mask):
        """The mean and the variance of the global batch."""
        dtype = self.dtype or x.dtype
        if self.force_float32_reductions:
            dtype = jnp.promote_types(dtype, jnp.float32)
        x = jnp.asarray(x, dtype)
        axis_name = self.axis_name or (MAPPED if _is_mapped(MAPPED) else None)

        def mean(x):
            found = x.mean(over, where=mask)
            if axis_name is None or self.is_initializing():
                return found
            groups = self.axis_index_groups
            return lax.pmean(found, axis_name, axis_index_groups=groups)

        first = mean(x)
        fast = self.use_fast_variance
        centre = jnp.zeros_like(first) if fast else lax.stop_gradient(first)
        second = mean(jnp.square(x - jnp.expand_dims(centre, over)))
        # Where the centre is the mean, what is subtracted is zero, and so is its
        # gradient, but second derivatives need it. The gradient through the centre is
        # zero too; finding that out would take another pass over the batch.
        return first, jnp.maximum(0, second - jnp.square(first - centre))


def _is_mapped(axis_name):
    try:
        lax.axis_index(axis_name)
    except NameError:
        return False
    return True


def use_running(statistics: str) -> bool:
    """Translates "batch" or "running" to whether norms use their running averages.

    Raises:
        ValueError: it is neither of the two.
    """
    if statistics not in STATISTICS:
        raise ValueError(f"unknown statistics {statistics!r}; choose from {STATISTICS}")
    return statistics == "running"


def reestimate(
    apply: Callable[..., tuple[Any, Mapping[str, Any]]],
    variables: Mapping[str, Any],
    net: str,
    inputs: jax.Array,
) -> Mapping[str, Any]:
    """Replaces a net's running averages by plain means over many batches.

    Running averages lag behind the weights, and averaged weights never had any of their
    own. So BigGAN ("standing statistics", arXiv:1809.11096) and DCGAN's feature
    experiments estimate them anew before use.

    Args:
        apply: `apply(variables, inputs) -> (out, variables)`, the net with *momentum
            0*, so that it stores the statistics of the last batch.
        variables: the variables of all nets.
        net: the net whose `batch_stats` to replace.
        inputs: `[N, B, ...]`, N batches.

    Returns:
        The variables, with new `batch_stats` for `net`.
    """

    def statistics(batch):
        return apply(variables, batch)[1][net]["batch_stats"]

    # Unrolled on CPU, where convolutions are slow inside a loop.
    unroll = jax.default_backend() == "cpu"
    _, each = lax.scan(
        lambda carry, batch: (carry, statistics(batch)), None, inputs, unroll=unroll
    )
    mean = jax.tree.map(lambda x: x.mean(0), each)
    return {**variables, net: {**variables[net], "batch_stats": mean}}


class InstanceNorm(nn.Module):
    """Normalises every channel of every image by its own mean and variance.

    Ulyanov, Vedaldi and Lempitsky, arXiv:1607.08022. It is batch norm of one image, so
    nothing is stored, images do not depend on each other, and tests are as training.

    Attributes:
        affine: whether channels have gains, from N(1, 0.02), and biases.
        epsilon: added to variances.
        dtype: of the result, by default that of x; statistics are float32.
    """

    affine: bool = True
    epsilon: float = 1e-5
    dtype: Any = None

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Normalises maps `[B, H, W, C]`."""
        wide = x.astype(jnp.float32)
        centred = wide - wide.mean((1, 2), keepdims=True)
        variance = jnp.square(centred).mean((1, 2), keepdims=True)
        y = centred * lax.rsqrt(variance + self.epsilon)
        if self.affine:
            shape = x.shape[-1:]
            scale = self.param("scale", gains, shape)
            bias = self.param("bias", nn.initializers.zeros, shape)
            y = y * scale[None, None, None] + bias[None, None, None]
        return y.astype(self.dtype or x.dtype)


def pixel_norm(x: jax.Array) -> jax.Array:
    """Divides each pixel's features by their root mean square, `[..., C]`.

    References:
        Karras et al., "Progressive Growing of GANs", arXiv:1710.10196, section 4.2.
    """
    wide = x.astype(jnp.promote_types(x.dtype, jnp.float32))
    scale = lax.rsqrt(jnp.square(wide).mean(-1, keepdims=True) + 1e-8)
    return (wide * scale).astype(x.dtype)
