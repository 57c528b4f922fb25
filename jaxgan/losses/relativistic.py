"""Relativistic games: how much more realistic is one example than another?

`x` is a logit of a real example and `y` of a generated one, as in `adversarial`. The
paired losses compare real i with fake i; the average losses are the only adversarial
ones that look across the batch.
"""

import jax
from jax.typing import ArrayLike

from jaxgan.losses import _checks


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
    """The two terms of `relativistic_average_discriminator_loss`, separately.

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
