"""EM routing between matrix capsules, as functions of arrays.

Hinton, Sabour and Frosst, "Matrix capsules with EM routing" (ICLR 2018), Procedure 1.
Each capsule above is a Gaussian over the votes for its pose. The M step fits the
Gaussians to the votes, the E step shares each capsule below among them.

Shapes: `B` examples, `I` capsules below, `J` capsules above, `P` numbers in a pose (16
for a 4 × 4 matrix, flattened). Votes are `[B, I, J, P]`.

Two constants keep the procedure from dividing by zero. Elsewhere they do not change its
results by more than the rounding of float32.
"""

import math
from collections.abc import Callable
from typing import Any, Literal, NamedTuple, overload

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from jaxgan.losses import _checks

MIN_VARIANCE = 1e-6
"""The least variance of a Gaussian. Equal votes would have 0, which has no log."""

MIN_ACTIVATION = 1e-8
"""If the activations add up to less, the poses are unweighted means of the votes."""


class Routed(NamedTuple):
    """Capsules above."""

    poses: jax.Array
    """Means μ of the Gaussians, `[B, J, P]`."""
    activations: jax.Array
    """Whether the capsule's thing is there, in [0, 1], `[B, J]`."""


class _Gaussians(NamedTuple):
    mean: jax.Array  # [B, J, P]
    variance: jax.Array  # [B, J, P]
    logit: jax.Array  # [B, J], of the activation


def annealed(iteration: int, final: float = 0.01) -> float:
    """The inverse temperature λ of an iteration: final · (1 − 0.95^(iteration + 1)).

    The paper only says that λ rises by a fixed schedule. This schedule and its final
    value are those of the code that its authors released.

    Args:
      iteration: the number of the iteration, from 0.
      final: the limit of λ.

    >>> print(round(annealed(0), 6))  # 0.01 · 0.05
    0.0005
    """
    return final * (1.0 - 0.95 ** (iteration + 1))


def _weights(log_r: jax.Array, a: jax.Array) -> jax.Array:
    """R·a divided by its sum over the capsules below, `[B, I, J]`.

    Only ratios are needed, so R may underflow for a capsule above that gets no votes.
    """
    nothing = a.sum(axis=1, keepdims=True) < MIN_ACTIVATION
    a = (a + jnp.where(nothing, MIN_ACTIVATION, 0.0))[:, :, None]
    top = (log_r + jnp.log(a)).max(axis=1, keepdims=True)
    # The bound matters where a is below e⁻²⁰: there it avoids zero times infinity.
    ratio = jnp.exp(jnp.minimum(log_r - jax.lax.stop_gradient(top), 20.0))
    return ratio * a / (ratio * a).sum(axis=1, keepdims=True)


def _m_step(
    log_r: jax.Array,
    votes: jax.Array,
    a: jax.Array,
    betas: tuple[jax.Array, jax.Array],
    inverse_temperature: Any,
) -> _Gaussians:
    beta_u, beta_a = betas
    weight = _weights(log_r, a)
    mean = jnp.einsum("bij,bijp->bjp", weight, votes)
    square = jnp.square(votes - mean[:, None])
    variance = jnp.einsum("bij,bijp->bjp", weight, square)
    variance = jnp.maximum(variance, MIN_VARIANCE)
    share = (jnp.exp(log_r) * a[:, :, None]).sum(axis=1)  # Σ R, `[B, J]`
    cost = (beta_u[None, :, None] + 0.5 * jnp.log(variance)).sum(axis=-1) * share
    return _Gaussians(mean, variance, inverse_temperature * (beta_a[None] - cost))


def _e_step(votes: jax.Array, above: _Gaussians) -> jax.Array:
    """Logs of the responsibilities R, `[B, I, J]`."""
    mean, variance = above.mean[:, None], above.variance[:, None]
    # The constant (2π)^(−P/2) is the same for all capsules above, and cancels.
    log_p = -0.5 * (jnp.log(variance) + jnp.square(votes - mean) / variance).sum(-1)
    return jax.nn.log_softmax(log_p + jax.nn.log_sigmoid(above.logit)[:, None])


def _check_shapes(
    votes: jax.Array, a: jax.Array, beta_u: jax.Array, beta_a: jax.Array
) -> None:
    if a.shape != votes.shape[:2]:
        raise ValueError(
            f"activations has shape {a.shape}, expected {votes.shape[:2]}: one for "
            f"each capsule below, as in votes {votes.shape}"
        )
    for name, beta in (("beta_u", beta_u), ("beta_a", beta_a)):
        if beta.shape != votes.shape[2:3]:
            raise ValueError(
                f"{name} has shape {beta.shape}, expected {votes.shape[2:3]}: one for "
                f"each capsule above, as in votes {votes.shape}"
            )


@overload
def em_routing(
    votes: ArrayLike,
    activations: ArrayLike,
    *,
    beta_u: ArrayLike,
    beta_a: ArrayLike,
    iterations: int = ...,
    inverse_temperature: float | jax.Array | Callable[[int], float] = ...,
    return_coupling: Literal[False] = ...,
) -> Routed: ...


@overload
def em_routing(
    votes: ArrayLike,
    activations: ArrayLike,
    *,
    beta_u: ArrayLike,
    beta_a: ArrayLike,
    iterations: int = ...,
    inverse_temperature: float | jax.Array | Callable[[int], float] = ...,
    return_coupling: Literal[True],
) -> tuple[Routed, jax.Array]: ...


def em_routing(
    votes: ArrayLike,
    activations: ArrayLike,
    *,
    beta_u: ArrayLike,
    beta_a: ArrayLike,
    iterations: int = 3,
    inverse_temperature: float | jax.Array | Callable[[int], float] = annealed,
    return_coupling: bool = False,
) -> Routed | tuple[Routed, jax.Array]:
    """Fits the capsules above to the votes of those below, by EM.

    R starts uniform. Each iteration is an M step and, except in the last, an E step:

    M: with weights R·a, μ and σ² are the weighted mean and variance of the votes;
    cost = (β_u + log σ) Σᵢ Rᵢ a, and the activation is sigmoid(λ (β_a − Σ cost)).
    E: Rᵢⱼ ∝ aⱼ N(Vᵢⱼ; μⱼ, σ²ⱼ), over the capsules above; computed in logs.

    The procedure is the paper's. The released code differs from it: it damps the
    means, adds 0.0005 to the variance, and scales the cost and β_a. Arithmetic is in
    at least float32, and gradients flow through all iterations.

    Args:
      votes: V, what each capsule below predicts for the poses above, `[B, I, J, P]`.
      activations: the activations of the capsules below, in [0, 1], `[B, I]`.
      beta_u: β_u, the cost of describing a vote, `[J]`.
      beta_a: β_a, the cost that a capsule must save to be active, `[J]`.
      iterations: the number of iterations; the paper's experiments use 3.
      inverse_temperature: λ, or a function of the iteration (from 0). The values of the
        default are small, since Σ cost grows with `I` and `P`.
      return_coupling: whether to return the R of every M step as well.

    Returns:
      Poses and activations; if asked, also R, `[iterations, B, I, J]`, which adds up
      to 1 over `J`.

    Raises:
      ValueError: a rank or size does not fit the others, or `iterations` is below 1.

    References:
      Hinton, Sabour and Frosst, 2018, https://openreview.net/forum?id=HJWLfGWRb,
      Procedure 1.

    >>> votes = jnp.array([1.0, 3.0])[None, :, None, None]  # two agree on nothing else
    >>> zero = jnp.zeros(1)
    >>> poses, _ = em_routing(votes, jnp.array([[0.3, 0.1]]), beta_u=zero, beta_a=zero)
    >>> print(poses.round(4))  # (0.3 · 1 + 0.1 · 3) / 0.4
    [[[1.5]]]
    """
    if iterations < 1:
        raise ValueError(f"iterations is {iterations}, expected 1 or more")
    v = _checks.floating("votes", votes, rank=4)
    a = _checks.floating("activations", activations, rank=2)
    u = _checks.floating("beta_u", beta_u, rank=1)
    b = _checks.floating("beta_a", beta_a, rank=1)
    _check_shapes(v, a, u, b)
    log_r = jnp.full(v.shape[:3], -math.log(v.shape[2]), jnp.result_type(v, a))
    couplings, above = [], None
    for i in range(iterations):
        log_r = log_r if above is None else _e_step(v, above)
        couplings.append(log_r)
        temperature = inverse_temperature
        temperature = temperature(i) if callable(temperature) else temperature
        above = _m_step(log_r, v, a, (u, b), temperature)
    assert above is not None
    routed = Routed(above.mean, jax.nn.sigmoid(above.logit))
    return (routed, jnp.exp(jnp.stack(couplings))) if return_coupling else routed
