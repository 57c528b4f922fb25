"""Losses on energies and on margins between scores.

An energy is low on data and high elsewhere, the opposite of a logit: in EBGAN and BEGAN
it is the reconstruction error of an auto-encoder, for example `losses.l2_loss` or
`losses.l1_loss` of an image and its reconstruction. The margin ranking losses (GoGAN)
take scores that are high on data.
"""

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from jaxgan.losses import _checks


def energy_based_discriminator_loss(
    real_energy: ArrayLike, fake_energy: ArrayLike, *, margin: _checks.Number
) -> jax.Array:
    """Energy-based GAN: low energy on data, fakes pushed up to the margin.

    E(x) + max(0, m − E(y)). The meaning of m follows that of the energy: a squared
    error summed over pixels needs a margin larger by the number of pixels than a mean.

    Args:
      real_energy: energies of real examples, `[B, ...]`.
      fake_energy: energies of generated examples, the same shape.
      margin: m, not negative.

    Returns:
      One loss per energy, the same shape.

    References:
      Zhao et al., 2016, https://arxiv.org/abs/1609.03126, equation 1.

    >>> real, fake = jnp.array([1.0, 1.0]), jnp.array([4.0, 20.0])
    >>> energy_based_discriminator_loss(real, fake, margin=10.0)
    Array([7., 1.], dtype=float32)
    """
    real, fake = _checks.same_shape(real_energy=real_energy, fake_energy=fake_energy)
    _checks.number("margin", margin, "0 or more", lambda value: value >= 0)
    return real + jax.nn.relu(margin - fake)


def energy_based_generator_loss(fake_energy: ArrayLike) -> jax.Array:
    """The generator of an energy-based GAN lowers the energy of its samples.

    E(y).

    Args:
      fake_energy: energies of generated examples, `[B, ...]`.

    Returns:
      One loss per energy, the same shape.

    References:
      Zhao et al., 2016, https://arxiv.org/abs/1609.03126, equation 2.

    >>> energy_based_generator_loss(jnp.array([4.0]))
    Array([4.], dtype=float32)
    """
    return _checks.floating("fake_energy", fake_energy)


def boundary_equilibrium_discriminator_loss(
    real_energy: ArrayLike, fake_energy: ArrayLike, balance: ArrayLike
) -> jax.Array:
    """Boundary equilibrium GAN: reals against a share k of the fakes.

    L(x) − k·L(y), where L(v) is the mean absolute error of auto-encoding v. No gradient
    passes to k.

    Args:
      real_energy: L(x), `[B, ...]`.
      fake_energy: L(y), the same shape.
      balance: k, a number; start at 0 and carry it with `update_balance`.

    Returns:
      One loss per energy, the same shape.

    References:
      Berthelot et al., 2017, https://arxiv.org/abs/1703.10717, section 3.4.

    >>> boundary_equilibrium_discriminator_loss(jnp.ones(1), jnp.ones(1), 0.25)
    Array([0.75], dtype=float32)
    """
    real, fake = _checks.same_shape(real_energy=real_energy, fake_energy=fake_energy)
    k = _checks.scalar("balance", balance)
    return real - jax.lax.stop_gradient(k) * fake


def boundary_equilibrium_generator_loss(fake_energy: ArrayLike) -> jax.Array:
    """The generator of a boundary equilibrium GAN lowers the energy of its samples.

    L(y).

    Args:
      fake_energy: L(y), `[B, ...]`.

    Returns:
      One loss per energy, the same shape.

    References:
      Berthelot et al., 2017, https://arxiv.org/abs/1703.10717, section 3.4.

    >>> boundary_equilibrium_generator_loss(jnp.array([4.0]))
    Array([4.], dtype=float32)
    """
    return _checks.floating("fake_energy", fake_energy)


def update_balance(
    balance: ArrayLike,
    real_energy: ArrayLike,
    fake_energy: ArrayLike,
    *,
    gamma: _checks.Number = 0.5,
    rate: _checks.Number = 0.001,
) -> jax.Array:
    """Updates the balance of a boundary equilibrium GAN by proportional control.

    k ← clip(k + λ(γ·mean L(x) − mean L(y)), 0, 1).

    Args:
      balance: k, a number.
      real_energy: L(x), `[B, ...]`.
      fake_energy: L(y), `[N, ...]`.
      gamma: γ, the wanted ratio of L(y) to L(x): low for sharp, high for diverse.
      rate: λ, the gain of the control.

    Returns:
      The new k, `[]`, without gradient.

    References:
      Berthelot et al., 2017, https://arxiv.org/abs/1703.10717, section 3.4.

    >>> update_balance(0.0, jnp.full(2, 4.0), jnp.ones(2), gamma=0.5, rate=0.1)
    Array(0.1, dtype=float32)
    """
    k = _checks.scalar("balance", balance)
    real = _checks.floating("real_energy", real_energy).mean()
    fake = _checks.floating("fake_energy", fake_energy).mean()
    new = jnp.clip(k + rate * (gamma * real - fake), 0.0, 1.0)
    return jax.lax.stop_gradient(new)


def convergence_measure(
    real_energy: ArrayLike, fake_energy: ArrayLike, *, gamma: _checks.Number = 0.5
) -> jax.Array:
    """The global measure of convergence of a boundary equilibrium GAN.

    M = mean L(x) + |γ·mean L(x) − mean L(y)|: low when reconstructions are good and the
    balance is kept.

    Args:
      real_energy: L(x), `[B, ...]`.
      fake_energy: L(y), `[N, ...]`.
      gamma: γ, as in `update_balance`.

    Returns:
      M, `[]`.

    References:
      Berthelot et al., 2017, https://arxiv.org/abs/1703.10717, section 3.4.1.

    >>> convergence_measure(jnp.full(2, 4.0), jnp.ones(2), gamma=0.5)
    Array(5., dtype=float32)
    """
    real = _checks.floating("real_energy", real_energy).mean()
    fake = _checks.floating("fake_energy", fake_energy).mean()
    return real + jnp.abs(gamma * real - fake)


def margin_ranking_discriminator_loss(
    real_logits: ArrayLike, fake_logits: ArrayLike, *, margin: _checks.Number
) -> jax.Array:
    """GoGAN's critic loss: each real must outscore its fake by a margin.

    max(0, y + ε − x), pairing real i with fake i.

    Args:
      real_logits: critic scores of real examples, `[B, ...]`.
      fake_logits: critic scores of generated examples, the same shape.
      margin: ε, not negative.

    Returns:
      One loss per pair, the same shape.

    References:
      Juefei-Xu et al., 2017, https://arxiv.org/abs/1704.04865, the margin-based critic.

    >>> real, fake = jnp.array([3.0, 3.0]), jnp.array([0.0, 2.5])
    >>> margin_ranking_discriminator_loss(real, fake, margin=1.0)
    Array([0. , 0.5], dtype=float32)
    """
    real, fake = _checks.same_shape(real_logits=real_logits, fake_logits=fake_logits)
    _checks.number("margin", margin, "0 or more", lambda value: value >= 0)
    return jax.nn.relu(fake + margin - real)


def margin_ranking_generator_loss(
    earlier_fake_logits: ArrayLike, fake_logits: ArrayLike, *, margin: _checks.Number
) -> jax.Array:
    """GoGAN's ranking loss: each stage must outscore the stage before it by a margin.

    max(0, y_before + ε − y_now). The first stage has none before it and is trained by
    `wasserstein_generator_loss`; later stages add that loss to this one.

    Args:
      earlier_fake_logits: critic scores of the earlier stage's samples, `[B, ...]`.
      fake_logits: critic scores of the present stage's samples, the same shape.
      margin: ε, not negative, shrinking from stage to stage.

    Returns:
      One loss per pair, the same shape.

    References:
      Juefei-Xu et al., 2017, https://arxiv.org/abs/1704.04865, the ranking loss.

    >>> earlier, now = jnp.array([0.0, 0.0]), jnp.array([2.0, 0.5])
    >>> margin_ranking_generator_loss(earlier, now, margin=1.0)
    Array([0. , 0.5], dtype=float32)
    """
    earlier, now = _checks.same_shape(
        earlier_fake_logits=earlier_fake_logits, fake_logits=fake_logits
    )
    _checks.number("margin", margin, "0 or more", lambda value: value >= 0)
    return jax.nn.relu(earlier + margin - now)
