"""Fits a Gaussian to a mixture by the game of an f-divergence."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import linen

from jaxgan.game import Move, algorithm
from jaxgan.models import fgan
from jaxgan.models.parts.two_players import adversarial

# Weight, mean and deviation of the two components of the data.
MIXTURE = ((0.7, -0.8, 0.5), (0.3, 1.4, 0.9))
# Total variation is left out: where the two densities differ much, its T has hardly any
# slope to learn from.
TITLES: dict[fgan.Divergence, str] = {
    "kl": "KL",
    "reverse_kl": "reverse KL",
    "pearson": "Pearson",
    "neyman": "Neyman",
    "squared_hellinger": "Hellinger",
    "jensen_shannon": "JS",
    "gan": "GAN",
}


class Affine(linen.Module):
    """mu + sigma z, `[B, 1]`; starts as a standard normal."""

    @linen.compact
    def __call__(self, latent: jax.Array) -> jax.Array:
        """Numbers from standard normal latents `[B, 1]`."""
        mean = self.param("mean", linen.initializers.zeros, ())
        deviation = self.param("deviation", linen.initializers.ones, ())
        return mean + deviation * latent


class Variational(linen.Module):
    """V: numbers `[B, 1]` to raw outputs `[B]`."""

    hidden: int

    @linen.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Judges numbers."""
        for _ in range(2):
            x = jnp.tanh(linen.Dense(self.hidden)(x))
        return linen.Dense(1)(x)[:, 0]


def draw(key: jax.Array, count: int) -> jax.Array:
    """Numbers of the mixture, `[count, 1]`."""
    which_key, key = jax.random.split(key)
    weight, mean, deviation = jnp.asarray(MIXTURE).T
    which = jax.random.choice(which_key, len(MIXTURE), (count,), p=weight)
    return (mean[which] + deviation[which] * jax.random.normal(key, (count,)))[:, None]


def fit(config: Any, name: fgan.Divergence, key: jax.Array) -> jax.Array:
    """Trains one Gaussian; returns its mean and deviation, averaged over steps: `[2]`.

    The averages are exponential moving averages of the parameters, with less noise.
    """
    run = algorithm(
        adversarial(
            Affine(),
            Variational(config.hidden),
            latent=lambda key, count: jax.random.normal(key, (count, 1)),
            losses=fgan.objective(name, saturating=True),
            optimizer={
                "generator": optax.adam(config.learning_rate, 0.5),
                "discriminator": optax.adam(2 * config.learning_rate, 0.5),
            },
            data="data",
            moves=(Move("discriminator", "generator"),),
            ema=0.999,
        )
    )
    start_key, data_key = jax.random.split(key)

    def batch(step):
        key = jax.random.fold_in(data_key, step)
        return {"data": draw(key, config.batch_size)}

    def step(state, i):
        return run.step(state, batch(i))[0], None

    state = run.init(start_key, batch(0))
    state, _ = jax.lax.scan(step, state, jnp.arange(config.steps))
    ends = state.ema["generator"]
    return jnp.stack([ends["mean"], jnp.abs(ends["deviation"])])


def fit_all(config: Any) -> dict[str, np.ndarray]:
    """Fits by every divergence with every seed, in one call: name -> `[seeds, 2]`."""
    keys = jax.random.split(jax.random.key(0), config.seeds)
    fits = jax.jit(
        lambda keys: {
            name: jax.vmap(functools.partial(fit, config, name))(keys)
            for name in TITLES
        }
    )(keys)
    return {name: np.asarray(found, "float64") for name, found in fits.items()}
