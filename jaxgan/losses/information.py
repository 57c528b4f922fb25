"""Losses that tie images to labels, codes and feature statistics.

Labels and codes come after the logits that judge them, as in optax. Classes are
integers `[B]`; a label outside `0..K-1` is refused where its value is known and gives
NaN in a compiled function.
"""

import math

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from jaxgan.losses import _checks


def auxiliary_classification_loss(logits: ArrayLike, labels: ArrayLike) -> jax.Array:
    """The classification term of an auxiliary classifier GAN.

    −log softmax(l)_c. The discriminator adds it on reals and on fakes, the generator on
    fakes.

    Args:
      logits: class logits l, `[B, K]`.
      labels: classes c, integers `[B]`.

    Returns:
      `[B]`.

    References:
      Odena et al., 2016, https://arxiv.org/abs/1610.09585, equation 3.

    >>> auxiliary_classification_loss(jnp.zeros((2, 4)), jnp.array([0, 3]))  # log 4
    Array([1.3862944, 1.3862944], dtype=float32)
    """
    return _checks.cross_entropy(
        "labels", _checks.floating("logits", logits, rank=2), labels
    )


def categorical_mutual_information_loss(
    logits: ArrayLike, codes: ArrayLike
) -> jax.Array:
    """Minus InfoGAN's mutual-information bound, for a categorical code.

    −log Q(c | x), without the constant entropy: the bound is L_I = H(c) − mean loss,
    with H(c) = log K for a uniform code. Generator and Q both minimise it.

    Args:
      logits: Q's logits, `[B, K]`.
      codes: the codes c that the images were made from, integers `[B]`.

    Returns:
      `[B]`.

    References:
      Chen et al., 2016, https://arxiv.org/abs/1606.03657, equation 5.

    >>> categorical_mutual_information_loss(jnp.zeros((1, 10)), jnp.array([7]))
    Array([2.3025851], dtype=float32)
    """
    return _checks.cross_entropy(
        "codes", _checks.floating("logits", logits, rank=2), codes
    )


def gaussian_mutual_information_loss(
    mean: ArrayLike, codes: ArrayLike, *, log_variance: ArrayLike | None = None
) -> jax.Array:
    """Minus InfoGAN's mutual-information bound, for continuous codes.

    −log N(c; μ, σ²) = ½ Σ_d [(c − μ)²/σ² + log σ² + log 2π], without the constant
    entropy H(c). For uniform codes the official code fixes σ = 1: a learned variance
    lets the bound run away.

    Args:
      mean: Q's means μ, `[B, D]`.
      codes: the codes c that the images were made from, floating, the same shape.
      log_variance: Q's log σ², the same shape; None fixes σ = 1.

    Returns:
      `[B]`.

    References:
      Chen et al., 2016, https://arxiv.org/abs/1606.03657, equation 5.

    >>> gaussian_mutual_information_loss(jnp.zeros((1, 1)), jnp.ones((1, 1)))
    Array([1.4189385], dtype=float32)
    """
    if log_variance is None:
        mu, c = _checks.same_shape(rank=2, mean=mean, codes=codes)
        terms = jnp.square(c - mu)
    else:
        mu, c, log_var = _checks.same_shape(
            rank=2, mean=mean, codes=codes, log_variance=log_variance
        )
        terms = jnp.square(c - mu) * jnp.exp(-log_var) + log_var
    return 0.5 * (terms + math.log(2.0 * math.pi)).sum(axis=1)


def feature_matching_loss(
    real_features: ArrayLike, fake_features: ArrayLike, *, absolute: bool = False
) -> jax.Array:
    """The distance between the mean features of reals and of fakes.

    ‖mean f(x) − mean f(y)‖²₂: first the means over each batch, then the difference; the
    order of the examples does not matter and the batches may differ in size.

    Args:
      real_features: features of real examples, `[B, ...]`.
      fake_features: features of generated examples, `[N, ...]`.
      absolute: the sum of absolute differences, as the authors' CIFAR-10 and SVHN code
        (whose mean over features it is times their number).

    Returns:
      One number, `[]`: a statistic of batches has no value per example.

    References:
      Salimans et al., 2016, https://arxiv.org/abs/1606.03498, section 3.1.

    >>> feature_matching_loss(jnp.array([[0.0], [2.0]]), jnp.array([[4.0]]))
    Array(9., dtype=float32)
    """
    real = _checks.floating("real_features", real_features, min_rank=2)
    fake = _checks.floating("fake_features", fake_features, min_rank=2)
    if real.shape[1:] != fake.shape[1:]:
        raise ValueError(
            f"expected equal shapes after the first axis, got real_features "
            f"{real.shape}, fake_features {fake.shape}"
        )
    gap = real.mean(axis=0) - fake.mean(axis=0)
    return (jnp.abs(gap) if absolute else jnp.square(gap)).sum()
