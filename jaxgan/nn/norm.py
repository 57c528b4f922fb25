"""Batch normalisation with the constants of the GAN papers, and its statistics."""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax import lax

STATISTICS = ("batch", "running")

MAPPED = "data"  # the axis of `jaxgan.parallel.pmap`


def BatchNorm(*, axis_name: str | None = None, **options: Any) -> nn.BatchNorm:
    """Linen's batch normalisation with the constants of DCGAN (arXiv:1511.06434).

    Momentum is 0.9, not 0.99, and gains start at N(1, 0.02). Statistics are those of
    the global batch: automatically under `jit` over a mesh, and by averaging over a
    mapped axis (`pmap`, `vmap`, `shard_map`). The variance is the mean of squared
    distances from the mean: Linen's default, E[x²] − E[x]², loses it to rounding where
    the mean is large beside the deviation.

    Args:
        axis_name: the name of the mapped axis; an axis named `data` is found by itself.
        options: options of `flax.linen.BatchNorm`.
    """
    constants = {
        "momentum": 0.9,
        "epsilon": 1e-5,
        "scale_init": gains,
        "use_fast_variance": False,
    }
    axis_name = axis_name or (MAPPED if _is_mapped(MAPPED) else None)
    return nn.BatchNorm(axis_name=axis_name, **(constants | options))


def gains(key: jax.Array, shape: tuple, dtype: Any = jnp.float32) -> jax.Array:
    """Draws initial gains from N(1, 0.02)."""
    return 1 + 0.02 * jax.random.normal(key, shape, dtype)


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
