"""The games of binary cross-entropy: minimax, non-saturating and boundary-seeking.

Every adversarial loss, here and in `scores` and `relativistic`, maps logits of rank one
or more to values of the same shape: `[B]` gives one loss per example, `[B, H, W]` (a
patch discriminator) one per patch. Nothing is reduced and nothing is broadcast: `[B]`
against `[B, 1]` is refused.

`x` is a logit of a real example, `y` of a generated one, σ the logistic function and
softplus(a) = log(1 + eᵃ) = −log σ(−a). A `_terms` function returns the two halves of a
discriminator loss separately, for logging and for batches of unequal size.
"""

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from jaxgan.losses import _checks


def minimax_discriminator_terms(
    real_logits: ArrayLike,
    fake_logits: ArrayLike,
    *,
    label_smoothing: _checks.Number = 0.0,
) -> tuple[jax.Array, jax.Array]:
    """The real and the fake term of `minimax_discriminator_loss`, separately.

    Args:
      real_logits: logits of real examples, `[B, ...]`.
      fake_logits: logits of generated examples, `[N, ...]`.
      label_smoothing: as in `minimax_discriminator_loss`.

    Returns:
      `([B, ...], [N, ...])`.

    References:
      Goodfellow et al., 2014, https://arxiv.org/abs/1406.2661, equation 1.

    >>> minimax_discriminator_terms(jnp.zeros(2), jnp.zeros(1))
    (Array([0.6931472, 0.6931472], dtype=float32), Array([0.6931472], dtype=float32))
    """
    real = _checks.floating("real_logits", real_logits)
    fake = _checks.floating("fake_logits", fake_logits)
    _checks.number(
        "label_smoothing", label_smoothing, "0 <= s < 1", lambda s: 0 <= s < 1
    )
    real_term = jax.nn.softplus(-real)
    if not (isinstance(label_smoothing, int | float) and label_smoothing == 0):
        real_term = real_term + label_smoothing * real
    return real_term, jax.nn.softplus(fake)


def minimax_discriminator_loss(
    real_logits: ArrayLike,
    fake_logits: ArrayLike,
    *,
    label_smoothing: _checks.Number = 0.0,
) -> jax.Array:
    """Binary cross-entropy of telling real from fake.

    softplus(−x) + softplus(y) = −log σ(x) − log(1 − σ(y)); with smoothing s the real
    target is 1 − s (one-sided: the fake target stays 0), which adds s·x.
    Its minimum over the logits is where σ(x) = p/(p + q). It is not halved.

    Args:
      real_logits: logits of real examples, `[B, ...]`.
      fake_logits: logits of generated examples, the same shape.
      label_smoothing: s, at least 0 and below 1.

    Returns:
      One loss per logit, the same shape.

    References:
      Goodfellow et al., 2014, https://arxiv.org/abs/1406.2661, equation 1; one-sided
      smoothing: Salimans et al., 2016, https://arxiv.org/abs/1606.03498, section 3.4.

    >>> minimax_discriminator_loss(jnp.zeros(2), jnp.zeros(2))  # 2 log 2
    Array([1.3862944, 1.3862944], dtype=float32)
    """
    real, fake = _checks.same_shape(real_logits=real_logits, fake_logits=fake_logits)
    real_term, fake_term = minimax_discriminator_terms(
        real, fake, label_smoothing=label_smoothing
    )
    return real_term + fake_term


def minimax_generator_loss(fake_logits: ArrayLike) -> jax.Array:
    """The generator's side of the zero-sum game, which saturates.

    log(1 − σ(y)) = −softplus(y). Its slope −σ(y) vanishes when the discriminator
    is sure of a fake (y ≪ 0); `non_saturating_generator_loss` is what is trained.

    Args:
      fake_logits: logits of generated examples, `[B, ...]`.

    Returns:
      One loss per logit, the same shape.

    References:
      Goodfellow et al., 2014, https://arxiv.org/abs/1406.2661, equation 1.

    >>> minimax_generator_loss(jnp.zeros(2))
    Array([-0.6931472, -0.6931472], dtype=float32)
    """
    return -jax.nn.softplus(_checks.floating("fake_logits", fake_logits))


def non_saturating_discriminator_terms(
    real_logits: ArrayLike,
    fake_logits: ArrayLike,
    *,
    label_smoothing: _checks.Number = 0.0,
) -> tuple[jax.Array, jax.Array]:
    """The real and the fake term of `non_saturating_discriminator_loss`, separately.

    The same as `minimax_discriminator_terms`.

    Args:
      real_logits: logits of real examples, `[B, ...]`.
      fake_logits: logits of generated examples, `[N, ...]`.
      label_smoothing: s, at least 0 and below 1.

    Returns:
      `([B, ...], [N, ...])`.

    References:
      Goodfellow et al., 2014, https://arxiv.org/abs/1406.2661, section 3.

    >>> non_saturating_discriminator_terms(jnp.zeros(1), jnp.zeros(1))
    (Array([0.6931472], dtype=float32), Array([0.6931472], dtype=float32))
    """
    return minimax_discriminator_terms(
        real_logits, fake_logits, label_smoothing=label_smoothing
    )


def non_saturating_discriminator_loss(
    real_logits: ArrayLike,
    fake_logits: ArrayLike,
    *,
    label_smoothing: _checks.Number = 0.0,
) -> jax.Array:
    """The discriminator's side of the non-saturating game: the minimax loss.

    softplus(−x) + softplus(y), see `minimax_discriminator_loss`; only the generator
    differs between the two games.

    Args:
      real_logits: logits of real examples, `[B, ...]`.
      fake_logits: logits of generated examples, the same shape.
      label_smoothing: s, at least 0 and below 1.

    Returns:
      One loss per logit, the same shape.

    References:
      Goodfellow et al., 2014, https://arxiv.org/abs/1406.2661, section 3.

    >>> non_saturating_discriminator_loss(jnp.zeros(1), jnp.zeros(1))
    Array([1.3862944], dtype=float32)
    """
    return minimax_discriminator_loss(
        real_logits, fake_logits, label_smoothing=label_smoothing
    )


def non_saturating_generator_loss(fake_logits: ArrayLike) -> jax.Array:
    """The generator maximises the discriminator's mistake.

    −log σ(y) = softplus(−y). Its slope −(1 − σ(y)) is largest when the discriminator
    is sure of a fake.

    Args:
      fake_logits: logits of generated examples, `[B, ...]`.

    Returns:
      One loss per logit, the same shape.

    References:
      Goodfellow et al., 2014, https://arxiv.org/abs/1406.2661, section 3.

    >>> non_saturating_generator_loss(jnp.zeros(2))
    Array([0.6931472, 0.6931472], dtype=float32)
    """
    return jax.nn.softplus(-_checks.floating("fake_logits", fake_logits))


def boundary_seeking_discriminator_loss(
    real_logits: ArrayLike, fake_logits: ArrayLike
) -> jax.Array:
    """The discriminator of a boundary-seeking GAN is the minimax one.

    softplus(−x) + softplus(y), see `minimax_discriminator_loss`.

    Args:
      real_logits: logits of real examples, `[B, ...]`.
      fake_logits: logits of generated examples, the same shape.

    Returns:
      One loss per logit, the same shape.

    References:
      Hjelm et al., 2017, https://arxiv.org/abs/1702.08431, algorithm 1.

    >>> boundary_seeking_discriminator_loss(jnp.zeros(1), jnp.zeros(1))
    Array([1.3862944], dtype=float32)
    """
    return minimax_discriminator_loss(real_logits, fake_logits)


def boundary_seeking_generator_loss(fake_logits: ArrayLike) -> jax.Array:
    """Boundary-seeking loss for continuous data: fakes go where D = ½.

    ½(log σ(y) − log(1 − σ(y)))² = ½y². Unlike every other generator loss it does not
    reward a fake for looking more than real.

    Args:
      fake_logits: logits of generated examples, `[B, ...]`.

    Returns:
      One loss per logit, the same shape.

    References:
      Hjelm et al., 2017, https://arxiv.org/abs/1702.08431, section on continuous
      variables.

    >>> boundary_seeking_generator_loss(jnp.array([-2.0, 2.0]))
    Array([2., 2.], dtype=float32)
    """
    return 0.5 * jnp.square(_checks.floating("fake_logits", fake_logits))


def boundary_seeking_weights(fake_logits: ArrayLike) -> jax.Array:
    """Normalised importance weights of several samples drawn from one latent.

    w̃ₘ = D/(1 − D) over its sum = softmax over m of the logits; no gradient passes.

    Args:
      fake_logits: logits of M samples for each of B latents, `[B, M]`, M at least 2
        (a single sample has the constant weight 1 and nothing would be learnt).

    Returns:
      `[B, M]`, each row summing to 1.

    References:
      Hjelm et al., 2017, https://arxiv.org/abs/1702.08431, algorithm 1.

    >>> boundary_seeking_weights(jnp.zeros((1, 2)))
    Array([[0.5, 0.5]], dtype=float32)
    """
    fake = _checks.floating("fake_logits", fake_logits, rank=2)
    if fake.shape[1] < 2:
        raise ValueError(
            f"fake_logits has shape {fake.shape}, expected two samples or more for "
            "each latent"
        )
    return jax.lax.stop_gradient(jax.nn.softmax(fake, axis=1))


def boundary_seeking_discrete_generator_loss(
    fake_logits: ArrayLike, log_probs: ArrayLike
) -> jax.Array:
    """Boundary-seeking loss for discrete data: importance-weighted likelihood.

    −Σₘ w̃ₘ log g(xₘ | z), with the weights of `boundary_seeking_weights`. The gradient
    reaches the generator through `log_probs` alone.

    Args:
      fake_logits: logits of M samples for each of B latents, `[B, M]`.
      log_probs: log g(xₘ | z) of the same samples, `[B, M]`, summed over the pixels or
        symbols of a sample.

    Returns:
      `[B]`.

    References:
      Hjelm et al., 2017, https://arxiv.org/abs/1702.08431, algorithm 1.

    >>> log_probs = jnp.log(jnp.array([[0.5, 0.25]]))
    >>> boundary_seeking_discrete_generator_loss(jnp.zeros((1, 2)), log_probs)
    Array([1.0397208], dtype=float32)
    """
    fake, log_prob = _checks.same_shape(
        rank=2, fake_logits=fake_logits, log_probs=log_probs
    )
    return -(boundary_seeking_weights(fake) * log_prob).sum(axis=1)
