"""Schedules of the moves of a game's players, and updates that damp rotation.

Simultaneous gradient steps on min_x max_y x·y spiral outwards; alternating ones circle
for ever. A player who looks ahead converges: by a trial step (extragradient), or by
taking the last gradient for a forecast (optimism, which is
`optax.optimistic_gradient_descent` and `optax.optimistic_adam_v2` with either
schedule).
"""

from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import optax

from jaxgan.game import Move

Order = Literal["alternating", "simultaneous", "extragradient"]


def schedule(
    first: str, second: str, order: Order, repeats: int = 1
) -> tuple[Move, ...]:
    """Makes the moves of two players.

    Args:
        first: the player who moves first, where they take turns.
        second: the other player.
        order: "alternating"; "simultaneous", which moves both from the same state; or
            "extragradient", a simultaneous move played twice, for optimisers made by
            `extragradient`.
        repeats: the number of moves of `first` for each move of `second`; the order
            must be alternating.

    Raises:
        ValueError: an unknown order, `repeats` below 1, or repeats of players who move
            together.
    """
    if repeats < 1:
        raise ValueError(f"{first} moves {repeats} times a step; it must be at least 1")
    if order == "alternating":
        return (Move(first, repeat=repeats), Move(second))
    if repeats > 1:
        raise ValueError(
            f"{first} moves {repeats} times a step, but in the {order} order both move"
            " together; use 1, or the alternating order"
        )
    if order == "simultaneous":
        return (Move(first, second),)
    if order == "extragradient":
        return (Move(first, second, repeat=2),)
    raise ValueError(
        f"unknown order {order!r}; choose from alternating, simultaneous, extragradient"
    )


class ExtragradientState(NamedTuple):
    """The state of `extragradient`.

    Attributes:
        extrapolated: whether the next update is the real one, bool `[]`.
        anchor: the parameters from which that update starts.
        inner: the state of the inner optimiser.
    """

    extrapolated: jax.Array
    anchor: Any
    inner: Any


def extragradient(
    optimizer: optax.GradientTransformation,
) -> optax.GradientTransformation:
    """Makes every second update start where the one before it did.

    The first update is a trial step, θ' = θ + u(∇(θ)). The second returns to θ and
    steps with the gradient found at θ': θ + u(∇(θ')). All players must be on their
    trial step together: play them in one move with `repeat=2`, as the "extragradient"
    order of `schedule` does. The inner optimiser sees both gradients, so its moments
    and its schedule of learning rates advance twice a step, as in ExtraAdam.

    Args:
        optimizer: the inner optimiser u, which turns a gradient into an update.

    Returns:
        An `optax.GradientTransformation`; its update needs the parameters.

    References:
        Korpelevich, "The extragradient method for finding saddle points and other
        problems", 1976; Gidel et al., "A Variational Inequality Perspective on
        Generative Adversarial Networks", arXiv:1802.10551, algorithms 1 and 4.
    """

    def init(params: Any) -> ExtragradientState:
        return ExtragradientState(
            extrapolated=jnp.zeros((), bool),
            anchor=jax.tree.map(jnp.copy, params),
            inner=optimizer.init(params),
        )

    def update(updates: Any, state: Any, params: Any = None) -> Any:
        if params is None:
            raise ValueError("params is None, expected the parameters")
        back = state.extrapolated
        anchor = jax.tree.map(
            lambda old, new: jnp.where(back, old, new), state.anchor, params
        )
        # An optimiser with decay should see the parameters from which the update
        # starts.
        updates, inner = optimizer.update(updates, state.inner, anchor)
        updates = jax.tree.map(
            lambda u, old, new: u + (old - new), updates, anchor, params
        )
        return updates, ExtragradientState(~back, anchor, inner)

    return optax.GradientTransformation(init, update)
