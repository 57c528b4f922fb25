"""Regularisers that act on parameters, as optax gradient transformations.

They fit into `optax.chain`: put historical averaging before the optimiser, because it
adds to the gradient, and weight clipping after it, because it must see the final
update. optax is imported only when one of them is made.
"""

from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from jaxgan.losses import _checks

if TYPE_CHECKING:
    import optax


def weight_clipping(limit: float = 0.01) -> "optax.GradientTransformation":
    """Keeps every parameter within ±limit after the update, as in WGAN.

    update ← clip(θ + update, −c, c) − θ. Put it last in the chain.

    Args:
      limit: c, positive.

    Returns:
      An `optax.GradientTransformation`; its update needs the parameters.

    References:
      Arjovsky et al., 2017, https://arxiv.org/abs/1701.07875, algorithm 1.

    >>> import optax
    >>> transform = optax.chain(optax.sgd(1.0), weight_clipping(0.5))
    >>> params = jnp.array([0.25, -0.25])
    >>> updates, _ = transform.update(params * 8, transform.init(params), params)
    >>> optax.apply_updates(params, updates)
    Array([-0.5,  0.5], dtype=float32)
    """
    import optax

    _checks.number("limit", limit, "more than 0", lambda value: value > 0)

    def init(params: Any) -> optax.EmptyState:
        del params
        return optax.EmptyState()

    def update(updates: Any, state: Any, params: Any = None) -> Any:
        if params is None:
            raise ValueError("params is None, expected the parameters")

        def clip(step: jax.Array, param: jax.Array) -> jax.Array:
            return jnp.clip(param + step, -limit, limit) - param

        return jax.tree.map(clip, updates, params), state

    return optax.GradientTransformation(init, update)


def historical_average_penalty(params: Any, mean: Any) -> jax.Array:
    """The squared distance of parameters to their past mean.

    ‖θ − (1/t) Σᵢ θ[i]‖², summed over every leaf.

    Args:
      params: θ, a pytree of arrays.
      mean: the mean of the parameters of the past steps, the same structure.

    Returns:
      One number, `[]`.

    References:
      Salimans et al., 2016, https://arxiv.org/abs/1606.03498, section 3.3.

    >>> historical_average_penalty({"w": jnp.ones(3)}, {"w": jnp.zeros(3)})
    Array(3., dtype=float32)
    """

    def distance(param: ArrayLike, past: ArrayLike) -> jax.Array:
        here, there = _checks.same_shape(min_rank=0, params=param, mean=past)
        return jnp.square(here - there).sum()

    return sum(jax.tree.leaves(jax.tree.map(distance, params, mean)), jnp.zeros(()))


class HistoricalAverageState(NamedTuple):
    """The memory of `historical_averaging`.

    Attributes:
      steps: the number of steps in the mean, `[]`.
      mean: the mean of the parameters seen so far, in at least float32.
    """

    steps: jax.Array
    mean: Any


def historical_averaging(strength: float = 1.0) -> "optax.GradientTransformation":
    """Adds the gradient of `historical_average_penalty` to the updates.

    gradient ← gradient + strength·2(θ − m), where m = (1/t) Σ_{i≤t} θ[i] is the mean of
    the parameters up to now, kept online and taken as a constant. Put it first in the
    chain.

    Args:
      strength: the penalty's weight.

    Returns:
      An `optax.GradientTransformation`; its update needs the parameters.

    References:
      Salimans et al., 2016, https://arxiv.org/abs/1606.03498, section 3.3.

    >>> transform = historical_averaging(1.0)
    >>> state = transform.init(jnp.zeros(1))
    >>> _, state = transform.update(jnp.zeros(1), state, jnp.zeros(1))
    >>> transform.update(jnp.zeros(1), state, jnp.ones(1))[0]  # 2 (1 - 1/2)
    Array([1.], dtype=float32)
    """
    import optax

    def init(params: Any) -> HistoricalAverageState:
        def zeros(param: jax.Array) -> jax.Array:
            return jnp.zeros_like(_checks.floating("params", param, min_rank=0))

        return HistoricalAverageState(
            jnp.zeros((), jnp.int32), jax.tree.map(zeros, params)
        )

    def update(updates: Any, state: Any, params: Any = None) -> Any:
        if params is None:
            raise ValueError("params is None, expected the parameters")
        steps = state.steps + 1
        mean = jax.tree.map(
            lambda m, p: m + (p.astype(m.dtype) - m) / steps, state.mean, params
        )
        updates = jax.tree.map(
            lambda u, p, m: (u + strength * 2.0 * (p - m)).astype(u.dtype),
            updates,
            params,
            mean,
        )
        return updates, HistoricalAverageState(steps, mean)

    return optax.GradientTransformation(init, update)
