"""Measures GANs on points, for every seed."""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from jaxgan import compose, metrics
from jaxgan.data.synthetic.points import SETS
from jaxgan.game import Turn, variables
from jaxgan.lab import clouds
from jaxgan.models.toys import points_gan

SIDE = 96  # side of the lattice on which the discriminator is drawn
PICTURES = ("fake", "scores", "boundary", "real")  # of `measure`, but not results
SHOWN = 1000  # points drawn of each cloud


def measure(config: Any, states: Any, key: jax.Array) -> dict[str, jax.Array]:
    """Measures every seed: numbers `[K]`, divergences `[K, 2]`, points.

    Samples are those of the averaged generator, losses those of the one in training.
    """
    points, model = SETS[config.data], config.model
    game = points_gan.game(model)
    for_real, for_latent, for_loss = jax.random.split(key, 3)
    real = points.sample(for_real, config.points)
    latent = points_gan.latent(model, for_latent, config.points)
    least = max(1, config.points // (10 * len(points.centres)))
    box = clouds.lattice(clouds.window(points), SIDE)

    def one(state):
        fake = points_gan.sample(model, compose.ema_variables(state), latent)
        now, turn = variables(state), Turn(for_loss, state.step)
        score = lambda x: points_gan.score(model, now, x)  # noqa: E731
        loss = {
            f"{name}_loss": player.loss(now, {"data": real}, turn)[0]
            for name, player in game.players.items()
        }
        forward, backward = metrics.histogram_kl(real, fake)
        return loss | {
            "modes": metrics.modes_covered(fake, points.centres, points.sigma),
            "modes_with_a_tenth": metrics.modes_covered(
                fake, points.centres, points.sigma, least=least
            ),
            "high_quality": metrics.high_quality_fraction(
                fake, points.centres, points.sigma
            ),
            "kl_real_fake": forward,
            "kl_fake_real": backward,
            "fake": fake[:SHOWN],
            "scores": score(box),
            "boundary": jax.numpy.median(score(real)),
        }

    return jax.vmap(one)(states) | {"real": real[:SHOWN]}


def measurer(config: Any) -> Callable[[Any], dict[str, np.ndarray]]:
    """Compiles the function from the state of a run to measurements of its seeds."""
    key = jax.random.fold_in(jax.random.key(config.run.seed), 0x6C6F6F6B)
    measured = jax.jit(lambda states: measure(config, states, key))
    return lambda state: jax.tree.map(np.asarray, measured(state.members))
