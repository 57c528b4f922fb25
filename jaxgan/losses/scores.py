"""Games on scores that are not log-odds: least squares, Wasserstein and hinge.

`x` is the score of a real example and `y` of a generated one. Shapes are those of
`adversarial`: values have the shape of the scores, and nothing is reduced or broadcast.
"""

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from jaxgan.losses import _checks


def least_squares_discriminator_terms(
    real_logits: ArrayLike,
    fake_logits: ArrayLike,
    *,
    real_label: _checks.Number = 1.0,
    fake_label: _checks.Number = 0.0,
) -> tuple[jax.Array, jax.Array]:
    """The real and the fake term of `least_squares_discriminator_loss`, separately.

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
    """The real and the fake term of `wasserstein_discriminator_loss`, separately.

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
    """The real and the fake term of `hinge_discriminator_loss`, separately.

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
