"""Trains a GAN on the line, and measures the value of the game at every moment."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxgan.data.synthetic.points import Points, density, mixture
from jaxgan.game import algorithm, variables
from jaxgan.models.toys import points_gan

SETS = {
    "gaussian": mixture(np.array([[2.0]]), 0.6),
    "mixture": mixture(np.array([[0.5], [3.5]]), 0.4),
}
GRID = np.linspace(-4.0, 8.0, 1201, dtype=np.float32)
LATENTS = 2048
BANDWIDTH = 0.08
EVERY = 5  # steps between measurements


def evenly(model: points_gan.Config) -> np.ndarray:
    """Latents at equal steps of probability: `[LATENTS, 1]`."""
    u = (np.arange(LATENTS, dtype=np.float32) + 0.5) / LATENTS
    if model.latent_distribution == "uniform":
        return (2 * u - 1)[:, None]
    return np.asarray(jax.scipy.stats.norm.ppf(u))[:, None]


def train(config: Any) -> dict[str, np.ndarray]:
    """Trains; returns logits on the grid and samples every few steps: `[T, ...]`."""
    model, points = config.model, SETS[config.data]
    game = points_gan.game(model)
    run, repeats = algorithm(game), game.repeats
    grid, latent = jnp.asarray(GRID)[:, None], jnp.asarray(evenly(model))
    key = jax.random.key(config.seed)

    def batch(step):
        for_step = jax.random.fold_in(jax.random.fold_in(key, 1), step)
        drawn = points.sample(for_step, repeats * config.batch_size)
        shape = (repeats, -1, 1) if repeats > 1 else (-1, 1)
        return {"data": drawn.reshape(shape)}

    def measured(state):
        now = variables(state)
        return {
            "step": state.step,
            "logits": points_gan.score(model, now, grid),
            "samples": points_gan.sample(model, now, latent)[:, 0],
        }

    def some_steps(state, _):
        seen = measured(state)
        play = lambda state, _: (run.step(state, batch(state.step))[0], None)  # noqa: E731
        return lax.scan(play, state, length=EVERY)[0], seen

    @jax.jit
    def all_of_it(key):
        state = run.init(key, batch(0))
        state, seen = lax.scan(some_steps, state, length=config.steps // EVERY)
        return jax.tree.map(
            lambda x, last: jnp.concatenate([x, last[None]]), seen, measured(state)
        )

    return jax.tree.map(np.asarray, all_of_it(key))


def blurred(points: Points) -> Points:
    """The data, blurred by the kernel."""
    return mixture(points.centres, float(np.hypot(points.sigma, BANDWIDTH)))


def values(points: Points, seen: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Computes C(G), the value V(D, G), and the mean of D on data: `[T]` each."""
    p = density(blurred(points), GRID[:, None])

    def one(moment):
        logits, samples = moment
        q = density_of(samples)
        integral = lambda x: jnp.trapezoid(x, GRID)  # noqa: E731
        # x log x is 0 at 0, to which a kernel estimate soon underflows.
        entropy = lambda x: integral(jax.scipy.special.xlogy(x, x))  # noqa: E731
        middle = (p + q) / 2
        jsd = (entropy(p) + entropy(q)) / 2 - entropy(middle)
        value = integral(p * jax.nn.log_sigmoid(logits))
        value += integral(q * jax.nn.log_sigmoid(-logits))
        return {
            "c": -jnp.log(4.0) + 2 * jsd,
            "v": value,
            "d": integral(p * jax.nn.sigmoid(logits)),
        }

    moments = (seen["logits"], seen["samples"])
    return jax.tree.map(np.asarray, jax.jit(lambda m: lax.map(one, m))(moments))


def density_of(samples) -> jax.Array:
    """The generator's density on the grid, normalised there."""
    # Samples are traced, so this is `density` of a `Points` without its checks.
    kernels = Points(lambda key, count: samples, samples[:, None], BANDWIDTH)
    q = density(kernels, GRID[:, None])
    return q / jnp.maximum(jnp.trapezoid(q, GRID), 1e-6)
