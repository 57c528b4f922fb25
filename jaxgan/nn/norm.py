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

    Momentum 0.9, not 0.99; gains start at N(1, 0.02). Statistics are of the global
    batch: under `jit` over a mesh by themselves, and under a mapped axis (`pmap`,
    `vmap`, `shard_map`) by averaging over it.

    Args:
        axis_name: of the mapped axis; one that is called `data` is found anyway.
        options: of `flax.linen.BatchNorm`.
    """
    constants = {"momentum": 0.9, "epsilon": 1e-5, "scale_init": gains}
    axis_name = axis_name or (MAPPED if _is_mapped(MAPPED) else None)
    return nn.BatchNorm(axis_name=axis_name, **(constants | options))


def gains(key: jax.Array, shape: tuple, dtype: Any = jnp.float32) -> jax.Array:
    """Initial gains: N(1, 0.02)."""
    return 1 + 0.02 * jax.random.normal(key, shape, dtype)


def _is_mapped(axis_name):
    try:
        lax.axis_index(axis_name)
    except NameError:
        return False
    return True


def use_running(statistics: str) -> bool:
    """Whether to normalise with running averages, from "batch" or "running".

    Raises:
        ValueError: neither of the two.
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

    Running averages remember the weights of long ago, and moving-average weights never
    had any: so BigGAN ("standing statistics", arXiv:1809.11096) and DCGAN's feature
    experiments estimate them anew before use.

    Args:
        apply: `apply(variables, inputs) -> (out, variables)`, the net with *momentum
            0*, so that what it stores are the statistics of the batch it saw.
        variables: of all nets.
        net: whose `batch_stats` to replace.
        inputs: `[N, B, ...]`, N batches.

    Returns:
        The variables, with new `batch_stats` for `net`.
    """

    def statistics(batch):
        return apply(variables, batch)[1][net]["batch_stats"]

    # Unrolled on CPU, whose convolutions are slow in a loop body.
    unroll = jax.default_backend() == "cpu"
    _, each = lax.scan(
        lambda carry, batch: (carry, statistics(batch)), None, inputs, unroll=unroll
    )
    mean = jax.tree.map(lambda x: x.mean(0), each)
    return {**variables, net: {**variables[net], "batch_stats": mean}}
