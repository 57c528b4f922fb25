"""A run to be harmed: two tiny perceptrons on points, which start cheaply.

    python -m experiments.endurance.parts.victim --workdir runs/victim

It is an ordinary run of `train.train`, with numbers shown, evaluations, scalars and
checkpoints. Its flags let it harm itself, in one process or in all.
"""

import dataclasses
import functools
import itertools
import pathlib
import time
from typing import Annotated, Any

import jax
import numpy as np
import tyro
from jax.sharding import Mesh

from jaxgan import bounds, checkpoint, game, train
from jaxgan.lab import cli
from jaxgan.models.toys import points_gan
from jaxgan.train import terminal

POINTS = 64
EVALUATING = "evaluating"  # what it says as an evaluation begins
MODEL = points_gan.Config(
    generator=(16,), discriminator=(16,), loss="non_saturating", penalty="none",
    discriminator_steps=1, learning_rate=1e-3, ema=0.9,
)  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Config:
    """A run, and what goes wrong in it."""

    run: Annotated[train.Run, tyro.conf.arg(name="")]
    pause: bounds.Weight = 0.0
    """Seconds to wait for each batch."""
    at: bounds.Natural = 0
    """The step at which something goes wrong; 0 for never."""
    within: int = -1
    """The process in which it does; -1 for all."""
    stall: bounds.Weight = 0.0
    """Seconds that the batch of that step is late."""
    error: bool = False
    """Whether drawing that batch raises an error."""
    nan: bounds.Natural = 0
    """How often that batch is NaN, each time that it is drawn."""


def main(config: Config) -> None:
    """Trains, or goes on."""
    run, mesh = config.run, train.devices(config.run)
    train.train(
        algorithm(),
        feed(config, mesh),
        run,
        {"run": dataclasses.asdict(run), "model": dataclasses.asdict(MODEL)},
        lambda state: {"shown": distance(state)},
        mesh,
        functools.partial(evaluate, config) if run.evaluate_every else None,
    )


def algorithm() -> game.Algorithm:
    """What is trained."""
    return game.algorithm(points_gan.game(MODEL))


def feed(config: Config, mesh: Mesh) -> train.Feed:
    """Batches of random points; the number of a batch decides which."""
    poisoned = itertools.count()

    def items(start):
        for step in itertools.count(start + 1):
            time.sleep(config.pause)
            batch = points(step, config.run.batch_size)
            if step == config.at and config.within in (-1, jax.process_index()):
                time.sleep(config.stall)
                if config.error:
                    raise RuntimeError(f"the batch of step {step} cannot be drawn")
                if next(poisoned) < config.nan:
                    batch = np.full_like(batch, np.nan)
            yield {"data": batch}

    return train.Feed((), items, lambda _, item: item)


def points(number: int, count: int) -> np.ndarray:
    """Points on a circle, `[count, 2]`."""
    angle = np.random.default_rng(number).uniform(0, 2 * np.pi, count)
    return np.stack([np.cos(angle), np.sin(angle)], 1).astype(np.float32)


def evaluate(config: Config, state: Any) -> dict[str, float]:
    """How far the points that a state draws are from the circle."""
    terminal.say(EVALUATING)
    time.sleep(10 * config.pause)
    return {"distance": distance(state)}


@jax.jit
def _distance(variables):
    latent = points_gan.latent(MODEL, jax.random.key(1), POINTS)
    drawn = points_gan.sample(MODEL, variables, latent)
    return jax.numpy.abs(jax.numpy.linalg.norm(drawn, axis=1) - 1).mean()


def distance(state: Any) -> float:
    """The mean distance of 64 drawn points from the circle."""
    return float(_distance(game.variables(state)))


def saved(folder: pathlib.Path) -> tuple[int, dict[str, np.ndarray]]:
    """The step of the newest state in a folder of checkpoints, and its arrays."""
    batch = {"data": np.zeros((8, 2), np.float32)}
    like = jax.eval_shape(algorithm().init, jax.random.key(0), batch)
    with checkpoint.manager(folder, read_only=True) as checkpoints:
        state = checkpoint.restore(checkpoints, like)
    if state is None:
        raise ValueError(f"{folder} has no checkpoint")
    plain = state.replace(key=jax.random.key_data(state.key))
    return int(state.step), {
        jax.tree_util.keystr(path, simple=True, separator="/"): np.asarray(x)
        for path, x in jax.tree.leaves_with_path(plain)
    }


if __name__ == "__main__":
    cli.run(main, Config, description=__doc__)
