"""Losses that tie images to labels, captions, codes and feature statistics.

Labels and codes come after the logits that judge them, as in optax. Classes are
integers `[B]`; a label outside `0..K-1` is refused where its value is known and gives
NaN in a compiled function.
"""

import math

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from jaxgan.losses import _checks, adversarial


def _cross_entropy(name: str, logits: jax.Array, labels: ArrayLike) -> jax.Array:
    classes = _checks.labels(name, labels, logits)
    log_probs = jax.nn.log_softmax(logits, axis=1)
    picked = jnp.take_along_axis(log_probs, classes[:, None], axis=1, mode="clip")
    return _checks.out_of_range(-picked[:, 0], classes, logits.shape[1])


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
    return _cross_entropy("labels", _checks.floating("logits", logits, rank=2), labels)


def matching_aware_discriminator_loss(
    real_logits: ArrayLike, wrong_logits: ArrayLike, fake_logits: ArrayLike
) -> jax.Array:
    """The matching-aware discriminator of GAN-CLS.

    softplus(−r) + ½(softplus(w) + softplus(y)): a real image with the right caption
    against a real image with a wrong caption and a generated image with the right one,
    which share the negative weight.

    Args:
      real_logits: r, of real images with their captions, `[B, ...]`.
      wrong_logits: w, of real images with captions of other images, the same shape.
      fake_logits: y, of generated images with the captions they were made from, the
        same shape.

    Returns:
      One loss per logit, the same shape.

    References:
      Reed et al., 2016, https://arxiv.org/abs/1605.05396, algorithm 1.

    >>> matching_aware_discriminator_loss(jnp.zeros(1), jnp.zeros(1), jnp.zeros(1))
    Array([1.3862944], dtype=float32)
    """
    real, wrong, fake = _checks.same_shape(
        real_logits=real_logits, wrong_logits=wrong_logits, fake_logits=fake_logits
    )
    negatives = jax.nn.softplus(wrong) + jax.nn.softplus(fake)
    return jax.nn.softplus(-real) + 0.5 * negatives


def matching_aware_generator_loss(fake_logits: ArrayLike) -> jax.Array:
    """The generator of GAN-CLS: non-saturating, on images with their captions.

    softplus(−y).

    Args:
      fake_logits: logits of generated images with their captions, `[B, ...]`.

    Returns:
      One loss per logit, the same shape.

    References:
      Reed et al., 2016, https://arxiv.org/abs/1605.05396, algorithm 1.

    >>> matching_aware_generator_loss(jnp.zeros(1))
    Array([0.6931472], dtype=float32)
    """
    return adversarial.non_saturating_generator_loss(fake_logits)


def interpolate_embeddings(
    first: ArrayLike, second: ArrayLike, *, beta: _checks.Number = 0.5
) -> jax.Array:
    """Captions between captions, for the generator of GAN-INT.

    β·t₁ + (1 − β)·t₂.

    Args:
      first: text embeddings t₁, `[B, D]`.
      second: text embeddings t₂ of other captions, the same shape.
      beta: β.

    Returns:
      `[B, D]`.

    References:
      Reed et al., 2016, https://arxiv.org/abs/1605.05396, equation 5.

    >>> interpolate_embeddings(jnp.zeros((1, 2)), jnp.ones((1, 2)))
    Array([[0.5, 0.5]], dtype=float32)
    """
    t1, t2 = _checks.same_shape(rank=2, first=first, second=second)
    return beta * t1 + (1.0 - beta) * t2


def matching_aware_interpolation_loss(interpolated_logits: ArrayLike) -> jax.Array:
    """The additional generator term of GAN-INT, on interpolated captions.

    softplus(−y) of G(z, βt₁ + (1 − β)t₂) judged with that same embedding. The
    discriminator has no such term: no real image belongs to an interpolated caption.

    Args:
      interpolated_logits: logits of images made from interpolated captions, `[B, ...]`.

    Returns:
      One loss per logit, the same shape.

    References:
      Reed et al., 2016, https://arxiv.org/abs/1605.05396, equation 5.

    >>> matching_aware_interpolation_loss(jnp.zeros(1))
    Array([0.6931472], dtype=float32)
    """
    logits = _checks.floating("interpolated_logits", interpolated_logits)
    return adversarial.non_saturating_generator_loss(logits)


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
    return _cross_entropy("codes", _checks.floating("logits", logits, rank=2), codes)


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


def semi_supervised_real_logit(class_logits: ArrayLike) -> jax.Array:
    """The logit of "real" that K class logits imply, the K+1-th being fixed at 0.

    LSE(l) = log Σₖ exp lₖ, so that D(x) = Z/(Z + 1) = σ(LSE(l)) with Z = Σₖ exp lₖ.

    Args:
      class_logits: l, `[B, K]`.

    Returns:
      `[B]`: any adversarial loss may follow.

    References:
      Salimans et al., 2016, https://arxiv.org/abs/1606.03498, section 5.

    >>> semi_supervised_real_logit(jnp.zeros((1, 10)))
    Array([2.3025851], dtype=float32)
    """
    logits = _checks.floating("class_logits", class_logits, rank=2)
    return jax.nn.logsumexp(logits, axis=1)


def semi_supervised_classification_loss(
    class_logits: ArrayLike, labels: ArrayLike
) -> jax.Array:
    """The labelled part of the semi-supervised discriminator loss.

    −log p(c | x, real) = LSE(l) − l_c.

    Args:
      class_logits: l, `[B, K]`.
      labels: classes c, integers `[B]`.

    Returns:
      `[B]`.

    References:
      Salimans et al., 2016, https://arxiv.org/abs/1606.03498, section 5.

    >>> semi_supervised_classification_loss(jnp.zeros((1, 10)), jnp.array([3]))
    Array([2.3025851], dtype=float32)
    """
    logits = _checks.floating("class_logits", class_logits, rank=2)
    return _cross_entropy("labels", logits, labels)


def semi_supervised_discriminator_loss(
    real_class_logits: ArrayLike, fake_class_logits: ArrayLike
) -> jax.Array:
    """The unlabelled part of the semi-supervised discriminator loss.

    −log D(x) − log(1 − D(y)) = softplus(−LSE(lₓ)) + softplus(LSE(l_y)). The authors'
    code halves it against the labelled part.

    Args:
      real_class_logits: lₓ of unlabelled real examples, `[B, K]`.
      fake_class_logits: l_y of generated examples, the same shape.

    Returns:
      `[B]`.

    References:
      Salimans et al., 2016, https://arxiv.org/abs/1606.03498, section 5.

    >>> semi_supervised_discriminator_loss(jnp.zeros((1, 1)), jnp.zeros((1, 1)))
    Array([1.3862944], dtype=float32)
    """
    real, fake = _checks.same_shape(
        rank=2,
        real_class_logits=real_class_logits,
        fake_class_logits=fake_class_logits,
    )
    return adversarial.minimax_discriminator_loss(
        semi_supervised_real_logit(real), semi_supervised_real_logit(fake)
    )


def semi_supervised_generator_loss(fake_class_logits: ArrayLike) -> jax.Array:
    """The non-saturating generator against K class logits.

    softplus(−LSE(l_y)). The paper's classifiers are trained with
    `feature_matching_loss` instead.

    Args:
      fake_class_logits: l_y of generated examples, `[B, K]`.

    Returns:
      `[B]`.

    References:
      Salimans et al., 2016, https://arxiv.org/abs/1606.03498, section 5.

    >>> semi_supervised_generator_loss(jnp.zeros((1, 1)))
    Array([0.6931472], dtype=float32)
    """
    logits = _checks.floating("fake_class_logits", fake_class_logits, rank=2)
    return adversarial.non_saturating_generator_loss(semi_supervised_real_logit(logits))


def semi_supervised_explicit_discriminator_loss(
    real_class_logits: ArrayLike, fake_class_logits: ArrayLike
) -> jax.Array:
    """The unlabelled part, with an explicit class for "generated".

    −log(1 − p(K+1 | x)) − log p(K+1 | y), p a softmax over K+1 logits. Subtracting the
    last logit from all changes nothing and gives the form of
    `semi_supervised_discriminator_loss`: the extra logit is over-parametrisation.

    Args:
      real_class_logits: of unlabelled real examples, `[B, K+1]`, "generated" last.
      fake_class_logits: of generated examples, the same shape.

    Returns:
      `[B]`.

    References:
      Salimans et al., 2016, https://arxiv.org/abs/1606.03498, section 5.

    >>> zero = jnp.zeros((1, 2))
    >>> semi_supervised_explicit_discriminator_loss(zero, zero)
    Array([1.3862944], dtype=float32)
    """
    real, fake = _checks.same_shape(
        rank=2,
        real_class_logits=real_class_logits,
        fake_class_logits=fake_class_logits,
    )
    if real.shape[1] < 2:
        raise ValueError(
            f"real_class_logits has shape {real.shape}, expected two classes or more, "
            'the last for "generated"'
        )
    real_log_probs = jax.nn.log_softmax(real, axis=1)[:, :-1]
    not_fake = jax.nn.logsumexp(real_log_probs, axis=1)
    return -not_fake - jax.nn.log_softmax(fake, axis=1)[:, -1]


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
