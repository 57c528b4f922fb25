"""Semi-supervised GANs: a classifier whose classes together mean "real"."""

import jax
from jax.typing import ArrayLike

from jaxgan.losses import _checks, adversarial


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
    return _checks.cross_entropy("labels", logits, labels)


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
