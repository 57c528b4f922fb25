"""A model tried for two steps, for the requirements that all must meet.

Compiling is what takes the time here, so one trial serves all tests of a model.
"""

import dataclasses
from typing import Any, NamedTuple

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
from settings import watched

from jaxgan import game
from jaxgan.models.model import Model

BATCH = 16


def switched(optimizer: optax.GradientTransformation) -> optax.GradientTransformation:
    """An optimiser that a number in its state turns into plain gradient descent.

    Adam turns rounding noise into whole steps, so layouts of devices are compared under
    gradient descent; one program serves for both.
    """

    def init(params):
        return jnp.zeros((), bool), optimizer.init(params)

    def update(grads, state, params=None):
        gentle, inner = state
        updates, inner = optimizer.update(grads, inner, params)
        chosen = jax.tree.map(
            lambda own, grad: jnp.where(gentle, -0.01 * grad, own), updates, grads
        )
        return chosen, (gentle, inner)

    return optax.GradientTransformation(init, update)


class Trial(NamedTuple):
    """A model, tried for two steps at its size for tests.

    Attributes:
        name: what it is called.
        model: its record.
        game: its game, whose optimisers can be switched.
        run: the algorithm.
        init: the compiled `run.init`.
        step: the compiled `run.step`.
        batch: what the steps took.
        states: the state at the start and after each step.
        metrics: those of each step.
        read: the names of the settings that were read so far.
    """

    name: str
    model: Model
    game: game.Game
    run: game.Algorithm
    init: Any
    step: Any
    batch: Any
    states: list[Any]
    metrics: list[Any]
    read: set[str]


def tried(name: str, model: Model) -> Trial:
    """Compiles a model, and plays two steps."""
    read: set[str] = set()
    as_it_is = model.game(watched(model.tiny, read))
    players = {
        own: dataclasses.replace(player, optimizer=switched(player.optimizer))
        for own, player in as_it_is.players.items()
    }
    switchable = dataclasses.replace(as_it_is, players=players)
    run = game.algorithm(switchable)
    batch = batch_of(model)
    init, step = jax.jit(run.init), jax.jit(run.step)
    states, metrics = [init(jax.random.key(0), batch)], []
    for _ in range(2):
        state, seen = step(states[-1], batch)
        states.append(state)
        metrics.append(seen)
    return Trial(name, model, switchable, run, init, step, batch, states, metrics, read)


def batch_of(model):
    """A batch, with latents where they make a step exact."""
    data_key, latent_key = jax.random.split(jax.random.key(1))
    batch = model.batch(model.tiny, data_key, BATCH)
    if model.exact and model.latent is not None:
        batch = {**batch, "latent": model.latent(model.tiny, latent_key, BATCH)}
    return batch


def gentle(state):
    """The state whose players go on by plain gradient descent."""
    opt_state = {
        name: (jnp.ones((), bool), inner)
        for name, (_, inner) in state.opt_state.items()
    }
    return state.replace(opt_state=opt_state)


def plain(tree):
    """Keys as numbers, so that trees can be compared."""

    def numbers(x):
        key = jnp.issubdtype(x.dtype, jax.dtypes.prng_key)
        return np.asarray(jax.random.key_data(x) if key else x)

    return jax.tree.map(numbers, tree)


def assert_close(a, b, rtol=1e-4, atol=2e-6):
    chex.assert_trees_all_close(plain(a), plain(b), rtol=rtol, atol=atol)


def assert_same_training(a, b):
    """Compares states and metrics; moments of optimisers have the size of gradients."""
    (state, metrics), (expected, told) = a, b
    assert_close(state.opt_state, expected.opt_state, rtol=1e-3, atol=1e-4)
    # Statistics may be whole images, as those that CycleGAN remembers.
    assert_close(state.stats, expected.stats, atol=1e-5)
    trained, rest = (x.replace(opt_state={}, stats={}) for x in (state, expected))
    assert_close((trained, metrics), (rest, told))
