"""Trains machines of several seeds at once, and measures them."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxgan import game
from jaxgan.models import rbm

CHAINS = 100  # of annealed importance sampling
SHOWN = 64  # samples of the picture


class Fit(NamedTuple):
    """A method's trainings.

    Attributes:
        first: the machine of the first seed.
        epochs: when the curves were measured.
        curves: name -> values `[epochs, seeds]`.
    """

    first: rbm.Machine
    epochs: list[int]
    curves: Mapping[str, np.ndarray]


def binary(images: np.ndarray) -> np.ndarray:
    """Draws binary pixels `[N, V]` with the rates of grey ones, always the same."""
    random = np.random.default_rng(0)
    flat = images.reshape(len(images), -1)
    return (random.random(flat.shape) < flat).astype(np.float32)


def independent(images: np.ndarray) -> np.ndarray:
    """The logits `[V]` of the rates of pixels."""
    rates = (images.reshape(len(images), -1).sum(0) + 1) / (len(images) + 2)
    return (np.log(rates) - np.log1p(-rates)).astype(np.float32)


def pixels_alone(logits: np.ndarray, images: np.ndarray) -> float:
    """The mean log-likelihood of binary images under independent pixels."""
    return float((images @ logits).mean() - np.logaddexp(0, logits).sum())


def fit(
    config: Any,
    model: rbm.Config,
    train: np.ndarray,
    binary: tuple[np.ndarray, np.ndarray],
    base: np.ndarray,
) -> Fit:
    """Trains a method with every seed.

    Args:
        config: of the command.
        model: of the machine.
        train: images `[N, 28, 28, 1]` in [0, 1].
        binary: those to measure on `[M, V]`: of tests, and as many of training.
        base: logits of the rates of pixels `[V]`.
    """
    run = game.algorithm(rbm.game(model))
    images = jnp.asarray(train)
    steps = len(train) // config.batch_size

    def epoch(state, key):
        order = jax.random.permutation(key, len(images))
        order = order[: steps * config.batch_size].reshape(steps, -1)

        def step(state, some):
            return run.step(state, {"image": images[some]})[0], None

        return lax.scan(step, state, order)[0]

    def measure(state, key):
        machine = state.params["machine"]
        unseen, seen = (rbm.free_energy(machine, jnp.asarray(x)) for x in binary)
        if model.hidden <= rbm.MOST_HIDDEN:
            total, spread = rbm.log_partition(machine), jnp.zeros(())
        else:
            total, weights = rbm.annealed_log_partition(
                machine,
                jnp.asarray(base),
                key,
                chains=CHAINS,
                temperatures=config.temperatures,
            )
            spread = weights.std()
        images = jnp.asarray(binary[0])
        error = (rbm.reconstruction(machine, images) - images) ** 2
        return {
            "reconstruction": error.mean(),
            "log_likelihood": -unseen.mean() - total,
            "gap": unseen.mean() - seen.mean(),
            "log_weights_deviation": spread,
        }

    keys = jax.vmap(jax.random.key)(jnp.arange(config.seeds))
    state = jax.vmap(lambda key: run.init(key, {"image": images}))(keys)
    epoch, measure = jax.jit(jax.vmap(epoch)), jax.jit(jax.vmap(measure))
    epochs, found = [], []
    for i in range(config.epochs):
        if i % config.measure_every == 0:
            epochs.append(i)
            found.append(measure(state, keys))
        state = epoch(state, jax.vmap(jax.random.fold_in, (0, None))(keys, i))
    found.append(measure(state, keys))
    curves = {
        name: np.stack([np.asarray(one[name]) for one in found]) for name in found[0]
    }
    first = jax.tree.map(lambda x: x[0], state.params["machine"])
    return Fit(first, [*epochs, config.epochs], curves)


def samples(machine: rbm.Machine, key: jax.Array, steps: int) -> jax.Array:
    """Images `[64, 28, 28, 1]` of chains that start as noise."""
    start, chain = jax.random.split(key)
    v = jax.random.bernoulli(start, 0.5, (SHOWN, len(machine["visible"])))
    end = jax.jit(rbm.gibbs, static_argnums=3)(
        machine, v.astype(jnp.float32), chain, steps
    )
    return rbm.reconstruction(machine, end).reshape(SHOWN, 28, 28, 1)
