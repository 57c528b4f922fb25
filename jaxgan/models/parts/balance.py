"""Rules by which one of two players rests while it is too strong or too weak.

They are those of the scripts that the authors of LAPGAN (for LSUN) and of VAE/GAN
released: Denton et al., arXiv:1506.05751, and Larsen et al., arXiv:1512.09300.
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
    return _numbers(behind | (real > 0.7), ~behind)


def within_margin(
    real: jax.Array,
    fake: jax.Array,
    equilibria: tuple[float, float],
    margin: float,
) -> tuple[jax.Array, jax.Array]:
    """Tells whether D and G move, as 0 or 1, by the released script of VAE/GAN.

    D rests while either of its errors is below its equilibrium by more than the margin,
    and G while either is above it by more than that. If neither would move, both do.

    Args:
        real: mean cross-entropy of D on real examples.
        fake: mean cross-entropy of D on fakes.
        equilibria: both errors of a D that cannot tell the two apart.
        margin: what errors may differ from these.
    """
    excess = jnp.stack([real - equilibria[0], fake - equilibria[1]])
    d = excess.min() >= -margin
    g = excess.max() <= margin
    neither = ~(d | g)
    return _numbers(d | neither, g | neither)


def _numbers(d, g):
    moves = jax.lax.stop_gradient((d, g))
    return moves[0].astype(jnp.float32), moves[1].astype(jnp.float32)


def resting(optimizer: optax.GradientTransformation) -> optax.GradientTransformation:
    """Makes an optimiser rest, its momentum too, where the whole gradient is 0."""

    def update(updates, state, params=None):
        moved = jnp.stack([jnp.any(x != 0) for x in jax.tree.leaves(updates)]).any()
        updates, new = optimizer.update(updates, state, params)
        updates = jax.tree.map(lambda x: jnp.where(moved, x, 0), updates)
        return updates, jax.tree.map(lambda a, b: jnp.where(moved, a, b), new, state)

    return optax.GradientTransformation(optimizer.init, update)
