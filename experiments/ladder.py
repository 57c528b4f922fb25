"""Ranks GANs: the same portraits, as many images seen, the same scores, several seeds.

    python -m experiments.ladder
    python -m experiments.ladder --rungs dcgan sngan san --seeds 0 1 2
    python -m experiments.ladder --images 400000 --data folder:FACES --workdir runs/mine

Each cell, a model with a seed, is a run in a directory of its own, so the command goes
on where it was stopped, and more rungs or seeds can be added later; a cell that ended
keeps its scores. All networks are of 64x64 and sized for two cores. The images seen are
real ones that the discriminator was shown.

Scores are of samples of the moving average against the images trained on: the Fréchet
distance, precision, recall, density and coverage in features of one fixed network, and
for drawn faces the factor census, the total variation between samples and data for each
factor of a face, which says what a model leaves out. The random features of the default
rank these runs among themselves and are no FID; `--extractor inception` gives that.

Without flags: 80,000 images for each of five models and one seed, an hour or two by
the time of a step; no run was finished yet. Writes ladder.png (scores, factors)
and results.json.
"""

import dataclasses
from typing import Annotated, Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import tyro

from jaxgan import bounds, parallel
from jaxgan.compose import ema_variables
from jaxgan.lab import cli, figures, generator, runs, sets, spread
from jaxgan.lab.data import Data, Set, open_set
from jaxgan.lab.judges import factors
from jaxgan.lab.measure import census, extract, moments, statistics
from jaxgan.lab.session import Result
from jaxgan.lab.sets import Block, ImageSet
from jaxgan.models import dcgan, sngan
from jaxgan.models.model import Model
from jaxgan.train import Run, directory
from jaxgan.train.terminal import say

SHAPE = (64, 64, 3)
BATCH = 100  # images looked at together
SCORES = ("frechet_distance", "precision", "recall", "density", "coverage")


class Rung(NamedTuple):
    """A model of the ladder, and its settings."""

    record: Model
    model: Any


_plain = dcgan.Config(
    width=32, kernel=4, latent_distribution="normal", learning_rate=3e-4
)
_residual = sngan.Config(
    resolution=64, width=8, critic_steps=1, learning_rate=1e-3, decay=0, ema=0.999
)
RUNGS = {
    "dcgan": Rung(dcgan.MODEL, _plain),
    "lsgan": Rung(dcgan.MODEL, dataclasses.replace(_plain, loss="least_squares")),
    "spectral": Rung(
        dcgan.MODEL, dataclasses.replace(_plain, loss="hinge", norm="spectral")
    ),
    "sngan": Rung(sngan.MODEL, _residual),
    "san": Rung(sngan.MODEL, dataclasses.replace(_residual, san=True)),
}


@dataclasses.dataclass(frozen=True)
class Config:
    """Which models to train, for how long, and how to score them."""

    run: Annotated[Run, tyro.conf.arg(name="")]
    data: Annotated[Data, tyro.conf.arg(name="")]
    extraction: Annotated[extract.Extraction, tyro.conf.arg(name="")]
    rungs: tuple[Literal["dcgan", "lsgan", "spectral", "sngan", "san"], ...] = (
        *("dcgan", "lsgan", "spectral"),
        *("sngan", "san"),
    )
    """Models to train; spectral is a DCGAN with spectral norms and the hinge loss."""
    seeds: tuple[bounds.Seed, ...] = (0,)
    """Seeds to train each with."""
    images: bounds.Count = 80_000
    """Real images that each discriminator is shown, in place of --steps."""
    samples: Annotated[int, bounds.Within(10)] = 5000
    """Images that are drawn for the scores, and most of the real ones."""
    census: bool = True
    """Count factors in drawn faces; their regressor is trained once, in minutes."""

    def __post_init__(self):
        bounds.check(self, flags=True)
        for name in ("rungs", "seeds"):
            values = getattr(self, name)
            if not values or len(set(values)) < len(values):
                raise ValueError(f"--{name} is {values}; give one or more, each once")


PRESETS = {
    "laptop": Config(
        run=runs.run("ladder", steps=1, every=1000, batch_size=16),
        data=Data("portraits:8192", flip=True, upscale="auto"),
        extraction=extract.Extraction(),
    )
}


def main(config: Config) -> None:
    """Trains and scores the missing cells, then compares."""
    opened = open_set(config.data, SHAPE)
    cells = {
        name: [cell(config, opened, name, seed) for seed in config.seeds]
        for name in config.rungs
    }
    table = {
        name: {
            score: spread.spread([numbers[score] for numbers in found])
            for score in SCORES
        }
        | factor_spreads([numbers["factors"] for numbers in found])
        for name, found in cells.items()
    }
    for name, row in table.items():
        shown = (f"{score} {row[score].text(3)}" for score in SCORES)
        say(f"{name:<9} {'  '.join(shown)}")
    draw(config, table)
    first = cells[config.rungs[0]][0]
    figures.save_results(
        config.run.workdir / directory.RESULTS,
        {
            "data": first["data"],
            "images_seen": config.images,
            "batch_size": config.run.batch_size,
            "seeds": config.seeds,
            "samples": config.samples,
            "extractor": first["extractor"],
            "device": first["device"],
            "rungs": {
                name: {score: value._asdict() for score, value in row.items()}
                for name, row in table.items()
            },
        },
    )


def cell(config: Config, opened: Set, name: str, seed: int) -> dict[str, Any]:
    """Trains a model with a seed and scores it, or reads what was found before."""
    record, model = RUNGS[name]
    shown = config.run.batch_size * record.game(model).repeats
    steps = max(1, config.images // shown)
    part = runs.part(config, f"{name}_{seed}", model, steps=steps, seed=seed)
    say(f"{name}, seed {seed}, {steps:,} steps")

    def measure(state: Any, opened: Set) -> Result:
        drawing = generator.Drawing(record, model)
        return Result(scored(config, drawing, state, opened), {})

    def fit() -> Result:
        return generator.train(
            name, record, part, opened=opened, sheet=64, measure=measure
        )

    return dict(runs.once(part, fit))


def scored(
    config: Config, drawing: generator.Drawing, state: Any, opened: Set
) -> dict[str, Any]:
    """The scores of samples of a state, and the census where faces are drawn ones."""
    key = jax.random.key(config.run.seed + 2)
    images, _ = drawing.many(
        drawing.compiled(), ema_variables(state), key, config.samples
    )
    images = np.asarray(drawing.to_bytes(jnp.asarray(images)))

    def blocks(size: int):
        for start in range(0, len(images), size):
            yield Block(images[start : start + size], None)

    fake = ImageSet("samples", {}, len(images), images.shape[1:], False, blocks)
    real = sets.held(opened, config.samples)
    extractor = extract.extractor(config.extraction, SHAPE)
    seen = [
        moments.look_at(
            pictures,
            extractor,
            parallel.mesh(jax.local_devices()),
            batch_size=BATCH,
            kept=config.samples,
            classes=False,
            title=pictures.about,
        )
        for pictures in (real, fake)
    ]
    found = statistics.compare(seen[0], seen[1], ("frechet", "coverage"))
    rows = []
    if config.census and census.possible(config.data.data, SHAPE):
        rows = census.taken(seen[0], seen[1], factors.trained(SHAPE[0]))
    return {
        **{score: float(found[score]) for score in SCORES},
        "factors": {row["factor"]: row["distance"] for row in rows},
        "extractor": {"name": extractor.name, **extractor.about},
    }


def factor_spreads(found: list[dict[str, float]]) -> dict[str, spread.Spread]:
    """The total variation of each factor, over seeds."""
    return {name: spread.spread([x[name] for x in found]) for name in found[0]}


def draw(config: Config, table: dict[str, dict[str, spread.Spread]]) -> None:
    """Draws the scores of all rungs, and a table of factors where there are any."""
    names = [name for name in next(iter(table.values())) if name not in SCORES]
    figure = figures.new(4 + 5 * bool(names), 4)
    axes = np.atleast_1d(figure.subplots(1, 1 + bool(names)))
    rows = [row["frechet_distance"] for row in table.values()]
    axes[0].errorbar(
        [row.mean for row in rows],
        list(table),
        xerr=[row.standard_deviation or 0 for row in rows],
        fmt="o",
    )
    axes[0].invert_yaxis()
    axes[0].set_xlabel("Fréchet distance, less is better")
    axes[0].grid(alpha=0.3)
    if names:
        values = [[row[name].mean for name in names] for row in table.values()]
        shown = axes[1].imshow(values, cmap="magma_r", vmin=0, aspect="auto")
        axes[1].set_xticks(range(len(names)), names, rotation=60, ha="right")
        axes[1].set_yticks(range(len(table)), list(table))
        figure.colorbar(shown, label="total variation to the data")
    path = config.run.workdir / "ladder.png"
    figures.save(path, figure, "scores of all models, and what they leave out")


if __name__ == "__main__":
    cli.run(main, Config, presets=PRESETS, description=__doc__)
