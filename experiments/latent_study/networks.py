"""Trains one network of the study, and scores it on known and on other noise."""

import dataclasses
import functools
import pathlib
from collections.abc import Callable
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan import game, report
from jaxgan.game import Game
from jaxgan.lab import blocks, feeds, pixels, session
from jaxgan.lab.data import Data, Set
from jaxgan.lab.judges import classifier, scores
from jaxgan.lab.session import Result
from jaxgan.models import cdcgan
from jaxgan.train import Run, directory

LOOKED_AT = 500  # samples that are scored during training
SCORED = 2000  # samples that are scored at the end
SHOWN = 50  # samples of a network or a noise in the picture
COLUMNS = 10
KNOWN = "uniform on [-1, 1]"  # the noise that networks are trained on
SCORE = "mnist_score"  # what a finished run has, whatever its classes
CURVES = (SCORE, "pairwise_distance", "frechet_distance", "greyness")

# Distributions of latents after training on uniform ones: `(key, shape) -> latents`.
NOISES: dict[str, Callable] = {
    KNOWN: lambda key, shape: jax.random.uniform(key, shape, minval=-1),
    "N(0, 1/3), same variance": lambda key, shape: (
        jax.random.normal(key, shape) / 3**0.5
    ),
    "N(0, 1)": lambda key, shape: jax.random.normal(key, shape),
    "exponential": lambda key, shape: jax.random.exponential(key, shape),
    "uniform, shifted by 2": lambda key, shape: (
        2 + jax.random.uniform(key, shape, minval=-1)
    ),
    "uniform, 5 times as wide": lambda key, shape: (
        5 * jax.random.uniform(key, shape, minval=-1)
    ),
}

Order = Literal["D, then G", "G, then D"]


@dataclasses.dataclass(frozen=True)
class Part:
    """One network."""

    run: Run
    data: Data
    model: cdcgan.Config
    order: Order


def ordered_game(part: Part) -> Game:
    """Makes the game of a network, with its players in the order of the part."""
    made = cdcgan.game(part.model)
    moves = made.moves if part.order == "D, then G" else made.moves[::-1]
    return dataclasses.replace(made, moves=moves)


def fit(name: str, part: Part, opened: Set, *, noises: bool) -> Result:
    """Trains a network, or resumes its training, and scores its samples.

    Args:
        name: the name of the network.
        part: its configuration.
        opened: the data.
        noises: whether to give it also latents that it was not trained on.
    """
    work = session.begin(name, part, opened)
    judge = classifier.trained(opened)
    draw = drawer(part.model)

    def score(images, count):
        found = scores.score(judge, images[:count], opened)
        name = scores.score_name(opened)
        return found | {SCORE: found[name], "greyness": greyness(images)}

    def show(state):
        v = game.variables(state)
        images = draw(v, "batch", latents(part, KNOWN, LOOKED_AT))
        found = score(images, LOOKED_AT)
        return {
            "sheet": np.asarray(pixels.to_bytes(images[:SHOWN])),
            **{f"samples/{n.replace('_', ' ')}": found[n] for n in CURVES},
        }

    def measure(state):
        v = game.variables(state)
        images = draw(v, "batch", latents(part, KNOWN, SCORED))
        numbers = score(images, SCORED)
        _save_sheet(part.run.workdir / "final.png", images)
        numbers["over_time"] = over_time(part.run)
        real = pixels.floats(opened.test["image"])
        numbers["greyness_of_test_images"] = greyness(np.asarray(real))
        numbers["set"] = opened.fingerprint
        if noises:
            numbers["noises"] = {
                noise: {
                    statistics: _on_noise(i, noise, statistics, v)
                    for statistics in ("running", "batch")
                }
                for i, noise in enumerate(NOISES)
            }
        return Result(numbers, {"Samples": part.run.workdir / "final.png"})

    def _on_noise(i, noise, statistics, v):
        images = draw(v, statistics, latents(part, noise, SCORED))
        _save_sheet(part.run.workdir / f"noise_{i}_{statistics}.png", images)
        return score(images, SCORED)

    made = ordered_game(part)
    batches = feeds.feed(opened, part.run, work.mesh, made.repeats)
    return session.train(work, made, batches, show=show, measure=measure)


def greyness(images: np.ndarray) -> float:
    """The mean of 4 x (1 - x) over pixels x: 0 for black and white, 1 for grey."""
    return float(np.mean(4 * images * (1 - images)))


def over_time(run: Run) -> list[dict[str, float]]:
    """Scores samples during training, with a row for each sheet."""
    return [
        {key: row[key] for key in row if key == "step" or key.startswith("samples/")}
        for row in directory.scalars(run.workdir)
        if "samples/mnist score" in row
    ]


def drawer(model: cdcgan.Config) -> Callable:
    """Makes `draw(variables, statistics, latents [N, Z]) -> [N, 28, 28, 1]`."""

    @functools.partial(jax.jit, static_argnums=1)
    def compiled(variables, statistics, latents):
        return cdcgan.sample(model, variables, latents, statistics=statistics)

    def draw(variables, statistics, latents):
        one = lambda z: compiled(variables, statistics, z)  # noqa: E731
        return blocks.in_blocks(one, latents, size=min(100, len(latents)))

    return draw


def latents(part: Part, noise: str, count: int) -> np.ndarray:
    """Draws latents `[count, Z]` of a kind of noise, the same for every network."""
    key = jax.random.key(part.run.seed + 1)
    shape = (count, part.model.latent)
    return np.asarray(NOISES[noise](key, shape), jnp.float32)


def _save_sheet(path: pathlib.Path, images: np.ndarray) -> None:
    some = np.asarray(pixels.to_bytes(images[:SHOWN]))
    report.save_png(path, report.sheet(some, COLUMNS))
