"""Adversarial losses on logits, element by element.

Every function here maps logits of any rank of one or more to values of the same
shape: `[B]` gives one loss per example, `[B, H, W]` (a patch discriminator) one per
patch. Nothing is reduced and nothing is broadcast: `[B]` against `[B, 1]` is refused.
Only the relativistic average loss looks across the batch.

`x` is a logit of a real example, `y` of a generated one, σ the logistic function and
softplus(a) = log(1 + eᵃ) = −log σ(−a). A `_terms` function gives the two halves of a
discriminator loss apart, for logging and for batches of unequal size.
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
    """The real and the fake term of `minimax_discriminator_loss`, apart.

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
    """The real and the fake term of `non_saturating_discriminator_loss`, apart.

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


def least_squares_discriminator_terms(
    real_logits: ArrayLike,
    fake_logits: ArrayLike,
    *,
    real_label: _checks.Number = 1.0,
    fake_label: _checks.Number = 0.0,
) -> tuple[jax.Array, jax.Array]:
    """The real and the fake term of `least_squares_discriminator_loss`, apart.

    Args:
      real_logits: outputs (no sigmoid) for real examples, `[B, ...]`.
      fake_logits: outputs for generated examples, `[N, ...]`.
      real_label: b, the target of reals.
      fake_label: a, the target of fakes.

    Returns:
      `([B, ...], [N, ...])`.

    References:
      Mao et al., 2017, https://arxiv.org/abs/1611.04076, equation 2.

    >>> least_squares_discriminator_terms(jnp.zeros(1), jnp.ones(1))
    (Array([0.5], dtype=float32), Array([0.5], dtype=float32))
    """
    real = _checks.floating("real_logits", real_logits)
    fake = _checks.floating("fake_logits", fake_logits)
    return (
        0.5 * jnp.square(real - real_label),
        0.5 * jnp.square(fake - fake_label),
    )


def least_squares_discriminator_loss(
    real_logits: ArrayLike,
    fake_logits: ArrayLike,
    *,
    real_label: _checks.Number = 1.0,
    fake_label: _checks.Number = 0.0,
) -> jax.Array:
    """Least squares: half the squared distance to the targets.

    ½(x − b)² + ½(y − a)².

    Args:
      real_logits: outputs (no sigmoid) for real examples, `[B, ...]`.
      fake_logits: outputs for generated examples, the same shape.
      real_label: b, the target of reals.
      fake_label: a, the target of fakes.

    Returns:
      One loss per output, the same shape.

    References:
      Mao et al., 2017, https://arxiv.org/abs/1611.04076, equation 2.

    >>> least_squares_discriminator_loss(jnp.zeros(1), jnp.ones(1))
    Array([1.], dtype=float32)
    """
    real, fake = _checks.same_shape(real_logits=real_logits, fake_logits=fake_logits)
    real_term, fake_term = least_squares_discriminator_terms(
        real, fake, real_label=real_label, fake_label=fake_label
    )
    return real_term + fake_term


def least_squares_generator_loss(
    fake_logits: ArrayLike, *, target: _checks.Number = 1.0
) -> jax.Array:
    """Least squares for the generator.

    ½(y − c)².

    Args:
      fake_logits: outputs (no sigmoid) for generated examples, `[B, ...]`.
      target: c, what the generator wants the discriminator to say.

    Returns:
      One loss per output, the same shape.

    References:
      Mao et al., 2017, https://arxiv.org/abs/1611.04076, equation 2.

    >>> least_squares_generator_loss(jnp.array([0.0, 3.0]))
    Array([0.5, 2. ], dtype=float32)
    """
    return 0.5 * jnp.square(_checks.floating("fake_logits", fake_logits) - target)


def wasserstein_discriminator_terms(
    real_logits: ArrayLike, fake_logits: ArrayLike
) -> tuple[jax.Array, jax.Array]:
    """The real and the fake term of `wasserstein_discriminator_loss`, apart.

    Args:
      real_logits: critic scores of real examples, `[B, ...]`.
      fake_logits: critic scores of generated examples, `[N, ...]`.

    Returns:
      `(-x, y)`, of shapes `([B, ...], [N, ...])`.

    References:
      Arjovsky et al., 2017, https://arxiv.org/abs/1701.07875, equation 3.

    >>> wasserstein_discriminator_terms(jnp.ones(1), jnp.ones(1))
    (Array([-1.], dtype=float32), Array([1.], dtype=float32))
    """
    real = _checks.floating("real_logits", real_logits)
    fake = _checks.floating("fake_logits", fake_logits)
    return -real, fake


def wasserstein_discriminator_loss(
    real_logits: ArrayLike, fake_logits: ArrayLike
) -> jax.Array:
    """The critic's loss: its mean is minus the estimated Wasserstein-1 distance.

    y − x, for a critic kept Lipschitz by clipping, a penalty or a norm.

    Args:
      real_logits: critic scores of real examples, `[B, ...]`.
      fake_logits: critic scores of generated examples, the same shape.

    Returns:
      One loss per score, the same shape.

    References:
      Arjovsky et al., 2017, https://arxiv.org/abs/1701.07875, equation 3.

    >>> wasserstein_discriminator_loss(jnp.array([3.0]), jnp.array([1.0]))
    Array([-2.], dtype=float32)
    """
    real, fake = _checks.same_shape(real_logits=real_logits, fake_logits=fake_logits)
    return fake - real


def wasserstein_generator_loss(fake_logits: ArrayLike) -> jax.Array:
    """The generator of a Wasserstein GAN raises the critic's score.

    −y.

    Args:
      fake_logits: critic scores of generated examples, `[B, ...]`.

    Returns:
      One loss per score, the same shape.

    References:
      Arjovsky et al., 2017, https://arxiv.org/abs/1701.07875, theorem 3.

    >>> wasserstein_generator_loss(jnp.array([3.0]))
    Array([-3.], dtype=float32)
    """
    return -_checks.floating("fake_logits", fake_logits)


def hinge_discriminator_terms(
    real_logits: ArrayLike, fake_logits: ArrayLike
) -> tuple[jax.Array, jax.Array]:
    """The real and the fake term of `hinge_discriminator_loss`, apart.

    Args:
      real_logits: logits of real examples, `[B, ...]`.
      fake_logits: logits of generated examples, `[N, ...]`.

    Returns:
      `([B, ...], [N, ...])`.

    References:
      Lim and Ye, 2017, https://arxiv.org/abs/1705.02894; Miyato et al., 2018,
      https://arxiv.org/abs/1802.05957, equation 16.

    >>> hinge_discriminator_terms(jnp.zeros(1), jnp.zeros(1))
    (Array([1.], dtype=float32), Array([1.], dtype=float32))
    """
    real = _checks.floating("real_logits", real_logits)
    fake = _checks.floating("fake_logits", fake_logits)
    return jax.nn.relu(1.0 - real), jax.nn.relu(1.0 + fake)


def hinge_discriminator_loss(
    real_logits: ArrayLike, fake_logits: ArrayLike
) -> jax.Array:
    """Hinge loss: no gradient from examples beyond the margin.

    max(0, 1 − x) + max(0, 1 + y).

    Args:
      real_logits: logits of real examples, `[B, ...]`.
      fake_logits: logits of generated examples, the same shape.

    Returns:
      One loss per logit, the same shape.

    References:
      Lim and Ye, 2017, https://arxiv.org/abs/1705.02894; Miyato et al., 2018,
      https://arxiv.org/abs/1802.05957, equation 16.

    >>> hinge_discriminator_loss(jnp.zeros(2), jnp.zeros(2))
    Array([2., 2.], dtype=float32)
    """
    real, fake = _checks.same_shape(real_logits=real_logits, fake_logits=fake_logits)
    real_term, fake_term = hinge_discriminator_terms(real, fake)
    return real_term + fake_term


def hinge_generator_loss(fake_logits: ArrayLike) -> jax.Array:
    """The generator's side of the hinge game is linear.

    −y (no hinge: it would stop the gradient where fakes already pass).

    Args:
      fake_logits: logits of generated examples, `[B, ...]`.

    Returns:
      One loss per logit, the same shape.

    References:
      Miyato et al., 2018, https://arxiv.org/abs/1802.05957, equation 17.

    >>> hinge_generator_loss(jnp.array([3.0]))
    Array([-3.], dtype=float32)
    """
    return -_checks.floating("fake_logits", fake_logits)


def relativistic_discriminator_loss(
    real_logits: ArrayLike, fake_logits: ArrayLike
) -> jax.Array:
    """Paired relativistic loss: is this real more realistic than that fake?

    softplus(−(x − y)) = −log σ(x − y), real i against fake i. Adding a constant to all
    logits changes nothing.

    Args:
      real_logits: logits of real examples, `[B, ...]`.
      fake_logits: logits of generated examples, the same shape.

    Returns:
      One loss per pair, the same shape.

    References:
      Jolicoeur-Martineau, 2018, https://arxiv.org/abs/1807.00734, RSGAN.

    >>> relativistic_discriminator_loss(jnp.ones(2), jnp.ones(2))
    Array([0.6931472, 0.6931472], dtype=float32)
    """
    real, fake = _checks.same_shape(real_logits=real_logits, fake_logits=fake_logits)
    return jax.nn.softplus(fake - real)


def relativistic_generator_loss(
    real_logits: ArrayLike, fake_logits: ArrayLike
) -> jax.Array:
    """The generator's side of the paired relativistic game.

    softplus(−(y − x)) = −log σ(y − x). It has a gradient through both logits.

    Args:
      real_logits: logits of real examples, `[B, ...]`.
      fake_logits: logits of generated examples, the same shape.

    Returns:
      One loss per pair, the same shape.

    References:
      Jolicoeur-Martineau, 2018, https://arxiv.org/abs/1807.00734, RSGAN.

    >>> relativistic_generator_loss(jnp.ones(2), jnp.ones(2))
    Array([0.6931472, 0.6931472], dtype=float32)
    """
    real, fake = _checks.same_shape(real_logits=real_logits, fake_logits=fake_logits)
    return jax.nn.softplus(real - fake)


def relativistic_average_discriminator_terms(
    real_logits: ArrayLike, fake_logits: ArrayLike
) -> tuple[jax.Array, jax.Array]:
    """The real and the fake term of `relativistic_average_discriminator_loss`, apart.

    Args:
      real_logits: logits of real examples, `[B, ...]`.
      fake_logits: logits of generated examples, `[N, ...]`.

    Returns:
      `([B, ...], [N, ...])`.

    References:
      Jolicoeur-Martineau, 2018, https://arxiv.org/abs/1807.00734, RaSGAN.

    >>> relativistic_average_discriminator_terms(jnp.ones(2), jnp.ones(1))
    (Array([0.6931472, 0.6931472], dtype=float32), Array([0.6931472], dtype=float32))
    """
    real = _checks.floating("real_logits", real_logits)
    fake = _checks.floating("fake_logits", fake_logits)
    return jax.nn.softplus(fake.mean() - real), jax.nn.softplus(fake - real.mean())


def relativistic_average_discriminator_loss(
    real_logits: ArrayLike, fake_logits: ArrayLike
) -> jax.Array:
    """Relativistic average loss: is this real more realistic than the average fake?

    softplus(−(x − mean y)) + softplus(y − mean x); the means run over every logit and
    carry gradient. It is not halved (the author's code halves it).

    Args:
      real_logits: logits of real examples, `[B, ...]`.
      fake_logits: logits of generated examples, the same shape.

    Returns:
      One loss per logit, the same shape.

    References:
      Jolicoeur-Martineau, 2018, https://arxiv.org/abs/1807.00734, RaSGAN.

    >>> relativistic_average_discriminator_loss(jnp.ones(2), jnp.ones(2))
    Array([1.3862944, 1.3862944], dtype=float32)
    """
    real, fake = _checks.same_shape(real_logits=real_logits, fake_logits=fake_logits)
    real_term, fake_term = relativistic_average_discriminator_terms(real, fake)
    return real_term + fake_term


def relativistic_average_generator_loss(
    real_logits: ArrayLike, fake_logits: ArrayLike
) -> jax.Array:
    """The generator's side of the relativistic average game: the roles exchanged.

    softplus(−(y − mean x)) + softplus(x − mean y).

    Args:
      real_logits: logits of real examples, `[B, ...]`.
      fake_logits: logits of generated examples, the same shape.

    Returns:
      One loss per logit, the same shape.

    References:
      Jolicoeur-Martineau, 2018, https://arxiv.org/abs/1807.00734, RaSGAN.

    >>> relativistic_average_generator_loss(jnp.ones(2), jnp.ones(2))
    Array([1.3862944, 1.3862944], dtype=float32)
    """
    real, fake = _checks.same_shape(real_logits=real_logits, fake_logits=fake_logits)
    fake_term, real_term = relativistic_average_discriminator_terms(fake, real)
    return fake_term + real_term


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
