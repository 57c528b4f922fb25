"""Latent vectors: draws them and interpolates between them."""

from collections.abc import Mapping

import chex
import jax
import jax.numpy as jnp

DISTRIBUTIONS = ("normal", "uniform")


def sample_latent(
    key: jax.Array, batch_size: int, size: int, distribution: str = "normal"
) -> jax.Array:
    """Draws `[B, Z]`, standard normal, or uniform on [-1, 1] as in DCGAN.

    Raises:
        ValueError: the distribution is unknown.
    """
    if distribution == "normal":
        return jax.random.normal(key, (batch_size, size))
    if distribution == "uniform":
        return jax.random.uniform(key, (batch_size, size), minval=-1.0, maxval=1.0)
    raise ValueError(
        f"unknown latent distribution {distribution!r}; choose from {DISTRIBUTIONS}"
    )


def batch_latent(
    batch: Mapping[str, jax.Array],
    key: jax.Array,
    batch_size: int,
    size: int,
    distribution: str = "normal",
) -> jax.Array:
    """Takes the batch's `latent` if it has one, for exact tests, or draws latents."""
    if "latent" in batch:
        chex.assert_shape(batch["latent"], (batch_size, size))
        return batch["latent"]
    return sample_latent(key, batch_size, size, distribution)


def truncated(latent: jax.Array, bound: float) -> jax.Array:
    """Standard normal numbers to truncated ones, each by itself and in order.

    x -> F^-1(F(x)), with the distribution functions of both: what comes out is a normal
    distribution cut off at ±bound, as by drawing again what lies outside (Brock,
    Donahue and Simonyan, arXiv:1809.11096, section 3.1).

    Args:
        latent: standard normal numbers of any shape.
        bound: the largest absolute value, above 0.
    """
    cdf = jax.scipy.stats.norm.cdf
    inside = cdf(-bound) + cdf(latent) * (cdf(bound) - cdf(-bound))
    return jnp.clip(jax.scipy.special.ndtri(inside), -bound, bound)


def slerp(a: jax.Array, b: jax.Array, t: jax.Array) -> jax.Array:
    """Interpolates on a great circle from `a` to `b` `[..., Z]`, `t` in [0, 1] `[...]`.

    Between Gaussian latents it keeps their typical norm, which straight lines do not
    (White, "Sampling Generative Networks", arXiv:1609.04468). Parallel ends give a
    line.
    """
    chex.assert_equal_shape((a, b))
    length = lambda x: jnp.linalg.norm(x, axis=-1, keepdims=True)  # noqa: E731
    a_unit, b_unit = a / length(a), b / length(b)
    # The arc cosine would lose angles below 1e-3 because its argument is rounded.
    angle = 2 * jnp.arctan2(length(a_unit - b_unit), length(a_unit + b_unit))
    t = jnp.broadcast_to(t, a.shape[:-1])[..., None]
    parallel = jnp.sin(angle) < 1e-4
    sine = jnp.where(parallel, 1, jnp.sin(angle))
    arc = (jnp.sin((1 - t) * angle) * a + jnp.sin(t * angle) * b) / sine
    return jnp.where(parallel, (1 - t) * a + t * b, arc)
