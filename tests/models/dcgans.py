"""Small DCGANs, and what the files of their tests feed them."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.game import algorithm
from jaxgan.models import dcgan

# The smallest with every kind of layer in both nets; 8 pixels have no norm in D.
TINY = dcgan.Config(resolution=16, width=4, kernel=5, latent=6)
TINIER = dataclasses.replace(TINY, resolution=8)
PAPER = dcgan.Config()


def images(config, size=8, seed=0):
    shape = (size, config.resolution, config.resolution, config.channels)
    drawn = np.random.default_rng(seed).uniform(-1, 1, shape)
    return jnp.asarray(drawn, "float32")


def latents(config, size=8, seed=0):
    drawn = np.random.default_rng(seed).normal(size=(size, config.latent))
    return jnp.asarray(drawn, "float32")


@functools.cache
def started(config):
    """The state that training starts with."""
    init = algorithm(dcgan.game(config)).init
    return jax.jit(init)(jax.random.key(0), {"image": images(config)})
