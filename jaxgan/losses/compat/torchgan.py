"""torchgan's functional losses (`torchgan.losses.functional`), as pure functions.

Names, argument order, reductions and defaults follow torchgan 0.1. What to know:

- a tensor that torchgan differentiates (`d_interpolate`) is here the function that made
  it, `interpolate -> scores`;
- three of torchgan's formulas are not those of the papers, and are not repeated here:
  its penalties take one norm over the gradients of the whole batch, its mutual
  information passes no gradient, its pulling-away term normalises along the batch and
  counts the diagonal. The functions below compute what the papers say.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from jaxgan.losses import _checks, adversarial, energy, information, penalties


def _reduce(values: jax.Array, reduction: str) -> jax.Array:
    _checks.option("reduction", reduction, ("mean", "sum", "none"))
    if reduction == "none":
        return values
    return values.mean() if reduction == "mean" else values.sum()


def minimax_generator_loss(
    dgz: ArrayLike, nonsaturating: bool = True, reduction: str = "mean"
) -> jax.Array:
    """Torchgan's minimax generator loss, non-saturating unless told otherwise.

    Args:
      dgz: logits of generated examples, `[B]` or `[B, ...]`.
      nonsaturating: softplus(−y); else −softplus(y).
      reduction: "mean", "sum" or "none".

    Returns:
      One number, or the unreduced losses.

    References:
      torchgan 0.1; Goodfellow et al., 2014, https://arxiv.org/abs/1406.2661.

    >>> minimax_generator_loss(jnp.zeros(2))
    Array(0.6931472, dtype=float32)
    """
    loss = (
        adversarial.non_saturating_generator_loss
        if nonsaturating
        else adversarial.minimax_generator_loss
    )
    return _reduce(loss(dgz), reduction)


def minimax_discriminator_loss(
    dx: ArrayLike, dgz: ArrayLike, label_smoothing: float = 0.0, reduction: str = "mean"
) -> jax.Array:
    """Torchgan's minimax discriminator loss.

    Args:
      dx: logits of real examples, `[B]` or `[B, ...]`.
      dgz: logits of generated examples, the same shape.
      label_smoothing: s; the real target is 1 − s.
      reduction: "mean", "sum" or "none".

    Returns:
      One number, or the unreduced losses.

    References:
      torchgan 0.1; Goodfellow et al., 2014, https://arxiv.org/abs/1406.2661.

    >>> minimax_discriminator_loss(jnp.zeros(2), jnp.zeros(2))
    Array(1.3862944, dtype=float32)
    """
    loss = adversarial.minimax_discriminator_loss(
        dx, dgz, label_smoothing=label_smoothing
    )
    return _reduce(loss, reduction)


def least_squares_generator_loss(
    dgz: ArrayLike, c: _checks.Number = 1.0, reduction: str = "mean"
) -> jax.Array:
    """Torchgan's least squares generator loss, ½(y − c)².

    Args:
      dgz: outputs for generated examples, `[B]` or `[B, ...]`.
      c: the target.
      reduction: "mean", "sum" or "none".

    Returns:
      One number, or the unreduced losses.

    References:
      torchgan 0.1; Mao et al., 2017, https://arxiv.org/abs/1611.04076.

    >>> least_squares_generator_loss(jnp.zeros(2))
    Array(0.5, dtype=float32)
    """
    return _reduce(adversarial.least_squares_generator_loss(dgz, target=c), reduction)


def least_squares_discriminator_loss(
    dx: ArrayLike,
    dgz: ArrayLike,
    a: _checks.Number = 0.0,
    b: _checks.Number = 1.0,
    reduction: str = "mean",
) -> jax.Array:
    """Torchgan's least squares discriminator loss, ½(x − b)² + ½(y − a)².

    Args:
      dx: outputs for real examples, `[B]` or `[B, ...]`.
      dgz: outputs for generated examples, the same shape.
      a: the target of fakes.
      b: the target of reals.
      reduction: "mean", "sum" or "none".

    Returns:
      One number, or the unreduced losses.

    References:
      torchgan 0.1; Mao et al., 2017, https://arxiv.org/abs/1611.04076.

    >>> least_squares_discriminator_loss(jnp.zeros(2), jnp.ones(2))
    Array(1., dtype=float32)
    """
    loss = adversarial.least_squares_discriminator_loss(
        dx, dgz, real_label=b, fake_label=a
    )
    return _reduce(loss, reduction)


def mutual_information_penalty(
    c_dis: Any, c_cont: Any, dist_dis: Any, dist_cont: Any, reduction: str = "mean"
) -> jax.Array:
    """Torchgan's InfoGAN penalty, with a gradient.

    Args:
      c_dis: the discrete code.
      c_cont: the continuous code.
      dist_dis: its predicted distribution, an object with `log_prob`.
      dist_cont: the predicted distribution of `c_cont`.
      reduction: over the two codes: "mean", "sum" or "none".

    Returns:
      One number, or two.

    References:
      torchgan 0.1; Chen et al., 2016, https://arxiv.org/abs/1606.03657.

    >>> class Uniform:
    ...     def log_prob(self, code):
    ...         return -jnp.log(10.0) * jnp.ones_like(code)
    >>> mutual_information_penalty(jnp.ones(3), jnp.ones(3), Uniform(), Uniform())
    Array(2.3025851, dtype=float32)
    """
    log_probs = (dist_dis.log_prob(c_dis), dist_cont.log_prob(c_cont))
    return _reduce(-jnp.stack([jnp.mean(value) for value in log_probs]), reduction)


def wasserstein_generator_loss(fgz: ArrayLike, reduction: str = "mean") -> jax.Array:
    """Torchgan's Wasserstein generator loss, −y.

    Args:
      fgz: scores of generated examples, `[B]` or `[B, ...]`.
      reduction: "mean", "sum" or "none".

    Returns:
      One number, or the unreduced losses.

    References:
      torchgan 0.1; Arjovsky et al., 2017, https://arxiv.org/abs/1701.07875.

    >>> wasserstein_generator_loss(jnp.array([1.0, 3.0]))
    Array(-2., dtype=float32)
    """
    return _reduce(adversarial.wasserstein_generator_loss(fgz), reduction)


def wasserstein_discriminator_loss(
    fx: ArrayLike, fgz: ArrayLike, reduction: str = "mean"
) -> jax.Array:
    """Torchgan's Wasserstein critic loss, y − x.

    Args:
      fx: scores of real examples, `[B]` or `[B, ...]`.
      fgz: scores of generated examples, the same shape.
      reduction: "mean", "sum" or "none".

    Returns:
      One number, or the unreduced losses.

    References:
      torchgan 0.1; Arjovsky et al., 2017, https://arxiv.org/abs/1701.07875.

    >>> wasserstein_discriminator_loss(jnp.array([1.0]), jnp.array([3.0]))
    Array(2., dtype=float32)
    """
    return _reduce(adversarial.wasserstein_discriminator_loss(fx, fgz), reduction)


def wasserstein_gradient_penalty(
    interpolate: ArrayLike,
    d_interpolate: Callable[[jax.Array], jax.Array],
    reduction: str = "mean",
) -> jax.Array:
    """Torchgan's gradient penalty, (‖∇‖ − 1)², with a norm for each example.

    Args:
      interpolate: points between reals and fakes, `[B, ...]`.
      d_interpolate: the critic, a function of them; its outputs for an example are
        summed.
      reduction: "mean", "sum" or "none".

    Returns:
      One number, or `[B]`.

    References:
      torchgan 0.1; Gulrajani et al., 2017, https://arxiv.org/abs/1704.00028.

    >>> wasserstein_gradient_penalty(jnp.ones((2, 4)), lambda x: 2.0 * x)
    Array(9., dtype=float32)
    """
    return dragan_gradient_penalty(interpolate, d_interpolate, 1.0, reduction)


def dragan_gradient_penalty(
    interpolate: ArrayLike,
    d_interpolate: Callable[[jax.Array], jax.Array],
    k: _checks.Number = 1.0,
    reduction: str = "mean",
) -> jax.Array:
    """Torchgan's DRAGAN penalty, (‖∇‖ − k)², with a norm for each example.

    Args:
      interpolate: perturbed real examples, `[B, ...]`.
      d_interpolate: the critic, a function of them; its outputs for an example are
        summed.
      k: the wanted norm.
      reduction: "mean", "sum" or "none".

    Returns:
      One number, or `[B]`.

    References:
      torchgan 0.1; Kodali et al., 2017, https://arxiv.org/abs/1705.07215.

    >>> dragan_gradient_penalty(jnp.ones((2, 4)), lambda x: 2.0 * x)
    Array(9., dtype=float32)
    """

    def critic(x: jax.Array) -> jax.Array:
        return _checks.per_example(d_interpolate(x), jnp.sum)

    norms = _checks.safe_sqrt(penalties.r1_penalty(critic, interpolate))
    return _reduce(jnp.square(norms - k), reduction)


def auxiliary_classification_loss(
    logits: ArrayLike, labels: ArrayLike, reduction: str = "mean"
) -> jax.Array:
    """Torchgan's classification loss.

    Args:
      logits: class logits, `[B, K]`.
      labels: classes, integers `[B]`.
      reduction: "mean", "sum" or "none".

    Returns:
      One number, or `[B]`.

    References:
      torchgan 0.1; Odena et al., 2016, https://arxiv.org/abs/1610.09585.

    >>> auxiliary_classification_loss(jnp.zeros((2, 4)), jnp.array([0, 3]))
    Array(1.3862944, dtype=float32)
    """
    return _reduce(information.auxiliary_classification_loss(logits, labels), reduction)


def energy_based_generator_loss(dgz: ArrayLike, reduction: str = "mean") -> jax.Array:
    """Torchgan's energy-based generator loss, E(y).

    Args:
      dgz: energies of generated examples, `[B]` or `[B, ...]`.
      reduction: "mean", "sum" or "none".

    Returns:
      One number, or the unreduced losses.

    References:
      torchgan 0.1; Zhao et al., 2016, https://arxiv.org/abs/1609.03126.

    >>> energy_based_generator_loss(jnp.array([1.0, 3.0]))
    Array(2., dtype=float32)
    """
    return _reduce(energy.energy_based_generator_loss(dgz), reduction)


def energy_based_discriminator_loss(
    dx: ArrayLike, dgz: ArrayLike, margin: _checks.Number, reduction: str = "mean"
) -> jax.Array:
    """Torchgan's energy-based discriminator loss, E(x) + max(0, m − E(y)).

    Args:
      dx: energies of real examples, `[B]` or `[B, ...]`.
      dgz: energies of generated examples, the same shape.
      margin: m.
      reduction: "mean", "sum" or "none".

    Returns:
      One number, or the unreduced losses.

    References:
      torchgan 0.1; Zhao et al., 2016, https://arxiv.org/abs/1609.03126.

    >>> energy_based_discriminator_loss(jnp.array([1.0]), jnp.array([4.0]), 10.0)
    Array(7., dtype=float32)
    """
    loss = energy.energy_based_discriminator_loss(dx, dgz, margin=margin)
    return _reduce(loss, reduction)


def energy_based_pulling_away_term(d_hid: ArrayLike) -> jax.Array:
    """Torchgan's pulling-away term, normalised by example and without the diagonal.

    Args:
      d_hid: embeddings of generated examples, `[B, ...]`; all axes but the first are
        flattened.

    Returns:
      One number.

    References:
      torchgan 0.1; Zhao et al., 2016, https://arxiv.org/abs/1609.03126.

    >>> energy_based_pulling_away_term(jnp.ones((3, 4)))
    Array(1., dtype=float32)
    """
    hidden = _checks.floating("d_hid", d_hid, min_rank=2)
    return penalties.pulling_away_term(hidden.reshape(len(hidden), -1)).mean()


def boundary_equilibrium_generator_loss(
    dgz: ArrayLike, reduction: str = "mean"
) -> jax.Array:
    """Torchgan's boundary equilibrium generator loss, L(y).

    Args:
      dgz: energies of generated examples, `[B]` or `[B, ...]`.
      reduction: "mean", "sum" or "none".

    Returns:
      One number, or the unreduced losses.

    References:
      torchgan 0.1; Berthelot et al., 2017, https://arxiv.org/abs/1703.10717.

    >>> boundary_equilibrium_generator_loss(jnp.array([1.0, 3.0]))
    Array(2., dtype=float32)
    """
    return _reduce(energy.boundary_equilibrium_generator_loss(dgz), reduction)


def boundary_equilibrium_discriminator_loss(
    dx: ArrayLike, dgz: ArrayLike, k: _checks.Number, reduction: str = "mean"
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Torchgan's boundary equilibrium discriminator loss, L(x) − k·L(y).

    Args:
      dx: energies of real examples, `[B]` or `[B, ...]`.
      dgz: energies of generated examples, the same shape.
      k: the balance.
      reduction: "mean", "sum" or "none".

    Returns:
      The loss, the reduced `dx` and the reduced `dgz`.

    References:
      torchgan 0.1; Berthelot et al., 2017, https://arxiv.org/abs/1703.10717.

    >>> print(*boundary_equilibrium_discriminator_loss(jnp.ones(2), jnp.ones(2), 0.5))
    0.5 1.0 1.0
    """
    real, fake = _checks.same_shape(dx=dx, dgz=dgz)
    loss = energy.boundary_equilibrium_discriminator_loss(real, fake, k)
    return _reduce(loss, reduction), _reduce(real, reduction), _reduce(fake, reduction)
