"""Variational divergence minimisation: the f-GAN table.

D_f(P‖Q) = ∫ q f(p/q) ≥ E_P[T] − E_Q[f*(T)], tight at T = f'(p/q). A network's raw
output v becomes T = g(v), with an activation g that keeps T inside the domain of the
conjugate f*. P is the data, Q the generator.

| name | f(u) | g(v) | f*(t) | f*(g(v)) | f'(1) |
|---|---|---|---|---|---|
| kl | u log u | v | exp(t − 1) | exp(v − 1) | 1 |
| reverse_kl | −log u | −exp(−v) | −1 − log(−t) | v − 1 | −1 |
| pearson | (u − 1)² | v | t²/4 + t | v²/4 + v | 0 |
| neyman | (1 − u)²/u | 1 − exp(−v) | 2 − 2√(1 − t) | 2 − 2exp(−v/2) | 0 |
| squared_hellinger | (√u − 1)² | 1 − exp(−v) | t/(1 − t) | exp(v) − 1 | 0 |
| jensen_shannon | u log u − (u+1) log((u+1)/2) | log 2 − softplus(−v) |
  −log(2 − exp(t)) | softplus(v) − log 2 | 0 |
| gan | u log u − (u+1) log(u+1) | −softplus(−v) | −log(1 − exp(t)) | softplus(v) |
  −log 2 |
| total_variation | ½∣u − 1∣ | ½tanh(v) | t, on ∣t∣ ≤ ½ | ½tanh(v) | 0 |

`jensen_shannon` is twice the Jensen-Shannon divergence, as the paper's f makes it, and
`gan` is that minus log 4.

Every activation increases with v, so a higher output always means "more like data",
and T > f'(1) exactly where p > q. The published table prints exp(v) where reverse KL,
Neyman and squared Hellinger need exp(−v) for that; both are consistent, only the sign
of v differs.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from jaxgan.losses import _checks

_LOG_2 = 0.6931471805599453

Elementwise = Callable[[jax.Array], jax.Array]


class Divergence(NamedTuple):
    """One row of the f-GAN table.

    Attributes:
      generator: f(u), of the density ratio u = p/q.
      activation: g(v), from a raw output to the domain of the conjugate.
      conjugate: f*(t) on its domain.
      conjugate_of_activation: f*(g(v)), computed without cancellation.
      threshold: f'(1), the value of T where p = q.
    """

    generator: Elementwise
    activation: Elementwise
    conjugate: Elementwise
    conjugate_of_activation: Elementwise
    threshold: float


def _xlogx(u: jax.Array) -> jax.Array:
    return jax.scipy.special.xlogy(u, u)


DIVERGENCES: Mapping[str, Divergence] = MappingProxyType(
    {
        "kl": Divergence(
            generator=_xlogx,
            activation=lambda v: v,
            conjugate=lambda t: jnp.exp(t - 1.0),
            conjugate_of_activation=lambda v: jnp.exp(v - 1.0),
            threshold=1.0,
        ),
        "reverse_kl": Divergence(
            generator=lambda u: -jnp.log(u),
            activation=lambda v: -jnp.exp(-v),
            conjugate=lambda t: -1.0 - jnp.log(-t),
            conjugate_of_activation=lambda v: v - 1.0,
            threshold=-1.0,
        ),
        "pearson": Divergence(
            generator=lambda u: jnp.square(u - 1.0),
            activation=lambda v: v,
            conjugate=lambda t: 0.25 * jnp.square(t) + t,
            conjugate_of_activation=lambda v: 0.25 * jnp.square(v) + v,
            threshold=0.0,
        ),
        "neyman": Divergence(
            generator=lambda u: jnp.square(1.0 - u) / u,
            activation=lambda v: -jnp.expm1(-v),
            conjugate=lambda t: 2.0 - 2.0 * jnp.sqrt(1.0 - t),
            conjugate_of_activation=lambda v: -2.0 * jnp.expm1(-0.5 * v),
            threshold=0.0,
        ),
        "squared_hellinger": Divergence(
            generator=lambda u: jnp.square(jnp.sqrt(u) - 1.0),
            activation=lambda v: -jnp.expm1(-v),
            conjugate=lambda t: t / (1.0 - t),
            conjugate_of_activation=jnp.expm1,
            threshold=0.0,
        ),
        "jensen_shannon": Divergence(
            generator=lambda u: _xlogx(u) - (u + 1.0) * (jnp.log1p(u) - _LOG_2),
            activation=lambda v: _LOG_2 - jax.nn.softplus(-v),
            conjugate=lambda t: -jnp.log(2.0 - jnp.exp(t)),
            conjugate_of_activation=lambda v: jax.nn.softplus(v) - _LOG_2,
            threshold=0.0,
        ),
        "gan": Divergence(
            generator=lambda u: _xlogx(u) - (u + 1.0) * jnp.log1p(u),
            activation=lambda v: -jax.nn.softplus(-v),
            conjugate=lambda t: -jnp.log(-jnp.expm1(t)),
            conjugate_of_activation=jax.nn.softplus,
            threshold=-_LOG_2,
        ),
        "total_variation": Divergence(
            generator=lambda u: 0.5 * jnp.abs(u - 1.0),
            activation=lambda v: 0.5 * jnp.tanh(v),
            conjugate=lambda t: t,
            conjugate_of_activation=lambda v: 0.5 * jnp.tanh(v),
            threshold=0.0,
        ),
    }
)


def f_divergence(name: str) -> Divergence:
    """Looks up a row of `DIVERGENCES`.

    Args:
      name: one of kl, reverse_kl, pearson, neyman, squared_hellinger, jensen_shannon,
        gan, total_variation.

    Returns:
      The row: f, g, f*, f*∘g and f'(1), as elementwise functions and a number.

    References:
      Nowozin et al., 2016, https://arxiv.org/abs/1606.00709, tables 1 and 2.

    >>> f_divergence("pearson").conjugate(jnp.array(2.0))
    Array(3., dtype=float32, weak_type=True)
    """
    _checks.option("divergence", name, tuple(DIVERGENCES))
    return DIVERGENCES[name]


def f_gan_discriminator_terms(
    real_logits: ArrayLike, fake_logits: ArrayLike, *, divergence: str
) -> tuple[jax.Array, jax.Array]:
    """The real and the fake term of `f_gan_discriminator_loss`, separately.

    Args:
      real_logits: raw outputs for real examples, `[B, ...]`.
      fake_logits: raw outputs for generated examples, `[N, ...]`.
      divergence: a name known to `f_divergence`.

    Returns:
      `(−g(x), f*(g(y)))`, of shapes `([B, ...], [N, ...])`.

    References:
      Nowozin et al., 2016, https://arxiv.org/abs/1606.00709, equation 7.

    >>> f_gan_discriminator_terms(jnp.zeros(1), jnp.zeros(1), divergence="gan")
    (Array([0.6931472], dtype=float32), Array([0.6931472], dtype=float32))
    """
    real = _checks.floating("real_logits", real_logits)
    fake = _checks.floating("fake_logits", fake_logits)
    row = f_divergence(divergence)
    return -row.activation(real), row.conjugate_of_activation(fake)


def f_gan_discriminator_loss(
    real_logits: ArrayLike, fake_logits: ArrayLike, *, divergence: str
) -> jax.Array:
    """Minus the variational lower bound of an f-divergence.

    −g(x) + f*(g(y)); its mean is at least −D_f(P‖Q). Where f*∘g is exponential (kl in
    v, squared_hellinger in v, neyman in −v, reverse_kl's g in −v) it overflows float32
    to infinity beyond |v| of about 88, or 177 for neyman's f*∘g.

    Args:
      real_logits: raw outputs v for real examples, `[B, ...]`.
      fake_logits: raw outputs v for generated examples, the same shape.
      divergence: a name known to `f_divergence`.

    Returns:
      One loss per output, the same shape.

    References:
      Nowozin et al., 2016, https://arxiv.org/abs/1606.00709, equation 7.

    >>> f_gan_discriminator_loss(jnp.ones(1), jnp.ones(1), divergence="pearson")
    Array([0.25], dtype=float32)
    """
    real, fake = _checks.same_shape(real_logits=real_logits, fake_logits=fake_logits)
    real_term, fake_term = f_gan_discriminator_terms(real, fake, divergence=divergence)
    return real_term + fake_term


def f_gan_generator_loss(
    fake_logits: ArrayLike, *, divergence: str, saturating: bool = False
) -> jax.Array:
    """The generator of an f-GAN.

    −g(y), the paper's practical choice (for `gan` the non-saturating loss); with
    `saturating`, −f*(g(y)), the generator's own part of the zero-sum objective.

    Args:
      fake_logits: raw outputs v for generated examples, `[B, ...]`.
      divergence: a name known to `f_divergence`.
      saturating: use the generator's part of the zero-sum game instead.

    Returns:
      One loss per output, the same shape.

    References:
      Nowozin et al., 2016, https://arxiv.org/abs/1606.00709, equation 7 and
      section 3.2.

    >>> f_gan_generator_loss(jnp.zeros(1), divergence="gan")
    Array([0.6931472], dtype=float32)
    """
    fake = _checks.floating("fake_logits", fake_logits)
    row = f_divergence(divergence)
    return -(row.conjugate_of_activation if saturating else row.activation)(fake)
