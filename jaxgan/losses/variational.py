"""Terms of variational auto-encoders.

Gaussians are diagonal and given by mean μ and log-variance log σ². Likelihoods and
divergences are summed over every axis but the first, in nats. A log-likelihood is
positive when good: maximise it; everything called loss or KL is minimised.
"""

import math

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from jaxgan.losses import _checks

_LOG_2_PI = math.log(2.0 * math.pi)


def gaussian_kl(mean: ArrayLike, log_variance: ArrayLike) -> jax.Array:
    """Divergence of a diagonal Gaussian from the standard one, the VAE's prior term.

    KL(N(μ, σ²) ‖ N(0, I)) = ½ Σ [μ² + σ² − 1 − log σ²].

    Args:
      mean: μ, `[B, ...]`.
      log_variance: log σ², the same shape.

    Returns:
      `[B]`.

    References:
      Kingma and Welling, 2013, https://arxiv.org/abs/1312.6114, appendix B.

    >>> gaussian_kl(jnp.array([[2.0]]), jnp.array([[0.0]]))
    Array([2.], dtype=float32)
    """
    mu, log_var = _checks.same_shape(mean=mean, log_variance=log_variance)
    terms = jnp.square(mu) + jnp.expm1(log_var) - log_var
    return 0.5 * _checks.per_example(terms, jnp.sum)


def gaussian_reverse_kl(mean: ArrayLike, log_variance: ArrayLike) -> jax.Array:
    """Divergence of the standard Gaussian from a diagonal one.

    KL(N(0, I) ‖ N(μ, σ²)) = ½ Σ [(1 + μ²)/σ² − 1 + log σ²].

    Args:
      mean: μ, `[B, ...]`.
      log_variance: log σ², the same shape.

    Returns:
      `[B]`.

    References:
      The closed form for two Gaussians; see `gaussian_kl_between`.

    >>> gaussian_reverse_kl(jnp.array([[2.0]]), jnp.array([[0.0]]))
    Array([2.], dtype=float32)
    """
    mu, log_var = _checks.same_shape(mean=mean, log_variance=log_variance)
    terms = jnp.square(mu) * jnp.exp(-log_var) + jnp.expm1(-log_var) + log_var
    return 0.5 * _checks.per_example(terms, jnp.sum)


def gaussian_kl_between(
    mean_p: ArrayLike,
    log_variance_p: ArrayLike,
    mean_q: ArrayLike,
    log_variance_q: ArrayLike,
) -> jax.Array:
    """Divergence of one diagonal Gaussian from another.

    KL(P ‖ Q) = ½ Σ [(σ_p² + (μ_p − μ_q)²)/σ_q² − 1 + log σ_q² − log σ_p²].

    Args:
      mean_p: μ_p, `[B, ...]`.
      log_variance_p: log σ_p², the same shape.
      mean_q: μ_q, the same shape.
      log_variance_q: log σ_q², the same shape.

    Returns:
      `[B]`.

    References:
      Kingma and Welling, 2013, https://arxiv.org/abs/1312.6114, appendix B, where Q
      is standard.

    >>> zero = jnp.zeros((1, 1))
    >>> gaussian_kl_between(zero, zero, 2 + zero, zero)
    Array([2.], dtype=float32)
    """
    mu_p, log_p, mu_q, log_q = _checks.same_shape(
        mean_p=mean_p,
        log_variance_p=log_variance_p,
        mean_q=mean_q,
        log_variance_q=log_variance_q,
    )
    ratio = log_p - log_q
    terms = jnp.square(mu_p - mu_q) * jnp.exp(-log_q) + jnp.expm1(ratio) - ratio
    return 0.5 * _checks.per_example(terms, jnp.sum)


def reparameterise(
    mean: ArrayLike, log_variance: ArrayLike, key: jax.Array
) -> jax.Array:
    """A sample through which gradients flow to mean and variance.

    μ + σ·ε, ε ~ N(0, I).

    Args:
      mean: μ, `[B, ...]`.
      log_variance: log σ², the same shape.
      key: a random key.

    Returns:
      A sample of the same shape.

    References:
      Kingma and Welling, 2013, https://arxiv.org/abs/1312.6114, section 2.4.

    >>> certain = jnp.full((1, 2), -jnp.inf)  # no variance
    >>> reparameterise(jnp.ones((1, 2)), certain, jax.random.key(0))
    Array([[1., 1.]], dtype=float32)
    """
    mu, log_var = _checks.same_shape(mean=mean, log_variance=log_variance)
    noise = jax.random.normal(key, mu.shape, mu.dtype)
    return mu + jnp.exp(0.5 * log_var) * noise


def bernoulli_log_likelihood(targets: ArrayLike, logits: ArrayLike) -> jax.Array:
    """Log-likelihood of binary pixels, or minus cross-entropy for grey ones.

    Σ [t·log σ(l) + (1 − t)·log(1 − σ(l))] = Σ [t·l − softplus(l)].

    Args:
      targets: t in [0, 1], `[B, ...]`.
      logits: l, the same shape.

    Returns:
      `[B]`, to be maximised.

    References:
      Kingma and Welling, 2013, https://arxiv.org/abs/1312.6114, equation 11.

    >>> bernoulli_log_likelihood(jnp.ones((1, 2)), jnp.zeros((1, 2)))
    Array([-1.3862944], dtype=float32)
    """
    t, logit = _checks.same_shape(targets=targets, logits=logits)
    terms = t * -jax.nn.softplus(-logit) - (1.0 - t) * jax.nn.softplus(logit)
    return _checks.per_example(terms, jnp.sum)


def gaussian_log_likelihood(
    targets: ArrayLike, mean: ArrayLike, log_variance: ArrayLike = 0.0
) -> jax.Array:
    """Log-density of a diagonal Gaussian.

    −½ Σ [(t − μ)²/σ² + log σ² + log 2π].

    Args:
      targets: t, `[B, ...]`.
      mean: μ, the same shape.
      log_variance: log σ², the same shape or one number.

    Returns:
      `[B]`, to be maximised.

    References:
      Kingma and Welling, 2013, https://arxiv.org/abs/1312.6114, equation 12.

    >>> gaussian_log_likelihood(jnp.ones((1, 1)), jnp.zeros((1, 1)))
    Array([-1.4189385], dtype=float32)
    """
    t, mu = _checks.same_shape(targets=targets, mean=mean)
    if jnp.ndim(log_variance) == 0:
        log_var = jnp.broadcast_to(
            _checks.scalar("log_variance", log_variance), t.shape
        )
    else:
        t, log_var = _checks.same_shape(targets=t, log_variance=log_variance)
    terms = jnp.square(t - mu) * jnp.exp(-log_var) + log_var + _LOG_2_PI
    return -0.5 * _checks.per_example(terms, jnp.sum)
