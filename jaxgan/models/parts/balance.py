"""The rule by which one of two players moves, from the released LAPGAN script for LSUN.

Denton et al., arXiv:1506.05751.
"""

import jax
import jax.numpy as jnp
import optax


def who_moves(real: jax.Array, fake: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Tells whether D and G move, as 0 or 1, by the released script for LSUN.

    If fakes are judged worse than real examples, by 0.3 or more, D moves, and else G.
    D also moves wherever its error on real examples is above 0.7.

    Args:
        real: mean cross-entropy of D on real examples.
        fake: mean cross-entropy of D on fakes.
    """
    behind = fake > real + 0.3
    moves = jax.lax.stop_gradient((behind | (real > 0.7), ~behind))
    return moves[0].astype(jnp.float32), moves[1].astype(jnp.float32)


def resting(optimizer: optax.GradientTransformation) -> optax.GradientTransformation:
    """Makes an optimiser rest, its momentum too, where the whole gradient is 0."""

    def update(updates, state, params=None):
        moved = jnp.stack([jnp.any(x != 0) for x in jax.tree.leaves(updates)]).any()
        updates, new = optimizer.update(updates, state, params)
        updates = jax.tree.map(lambda x: jnp.where(moved, x, 0), updates)
        return updates, jax.tree.map(lambda a, b: jnp.where(moved, a, b), new, state)

    return optax.GradientTransformation(optimizer.init, update)
