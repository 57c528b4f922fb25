"""Models at their first weights for the tests of experiments.explore."""

import jax
import numpy as np

from jaxgan import game
from jaxgan.lab import inference


def untrained(module, config):
    """A model at its first weights."""
    record = module.MODEL
    batch = record.batch(config, jax.random.key(0), 2)
    init = jax.jit(game.algorithm(record.game(config)).init)
    variables = game.variables(init(jax.random.key(0), batch))
    plain = {"data": {"data": "npz:nowhere.npz"}, "run": {"batch_size": 2}}
    name = module.__name__.rpartition(".")[2]
    return inference.Trained(name, record, config, variables, 0, plain)


def painter(model):
    """Latents to bytes, three at a time: one program."""
    draw = inference.drawing(model)
    paint = jax.jit(lambda *x: inference.to_uint8(model, draw(*x)))

    def painted(latent, label=0):
        full = np.resize(latent, (3, np.shape(latent)[1])).astype(np.float32)
        return np.asarray(paint(full, np.full(3, label)))[: len(latent)]

    return painted


def start(model, seed):
    return np.asarray(inference.latents(model, jax.random.key(seed), 1))


def assert_same(images, others):
    """Up to a grey level: programs of other shapes round otherwise."""
    assert images.shape == others.shape
    assert images.dtype == others.dtype == np.uint8
    assert np.abs(images.astype(int) - others.astype(int)).max() <= 1
