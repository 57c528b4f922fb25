"""Ranks GANs: the same portraits, as many images seen, the same scores, several seeds.

    python -m experiments.ladder
    python -m experiments.ladder --rungs dcgan sngan san --seeds 0 1 2 3 4
    python -m experiments.ladder --images 400000 --data folder:CLASSES --workdir runs/my
    python -m experiments.ladder --preset large --workdir runs/ladder_large

Each cell, a model with a seed, is a run in a directory of its own, so the command goes
on where it was stopped, and more rungs or seeds can be added later; a cell that ended
keeps its scores. Networks are sized for two cores. The images seen are real ones that
the discriminator was shown: a model with five updates of it has a fifth of the steps.
Progressive GAN sees most of them shrunk. BigGAN is told of classes, which the data must
have.

Scores are of samples of the moving average against the images trained on: the Fréchet
distance, precision, recall, density and coverage in features of one fixed network, and
for drawn faces the factor census, the total variation between samples and data for each
factor of a face, which says what a model leaves out. The random features of the default
rank these runs among themselves and are no FID; `--extractor inception` gives that.

Without flags: 32,000 images of 32x32 for each of nine models and three seeds, some 45
minutes of one core for each seed. The preset large has images of 64x64 and takes an
accelerator. Writes ladder.png (scores, what they cost, factors) and results.json.
"""

import dataclasses
import json
import pathlib
from typing import Annotated, Any, Literal

import numpy as np
import tyro

from experiments.ladder.rungs import Name, Rung, rungs_for
from experiments.ladder.scores import draw
from jaxgan import bounds
from jaxgan.lab import figures, generator, growing, runs, spread
from jaxgan.lab.data import Data, Set, open_set
from jaxgan.lab.measure import extract
from jaxgan.lab.measure.samples import SCORES, scored
from jaxgan.lab.session import Result
from jaxgan.models import progan
from jaxgan.models.model import Model
from jaxgan.train import Run, directory
from jaxgan.train.terminal import say


@dataclasses.dataclass(frozen=True)
class Config:
    """Which models to train, for how long, and how to score them."""

    run: Annotated[Run, tyro.conf.arg(name="")]
    data: Annotated[Data, tyro.conf.arg(name="")]
    extraction: Annotated[extract.Extraction, tyro.conf.arg(name="")]
    rungs: tuple[Name, ...] = (
        *("dcgan", "lsgan", "spectral", "wgan_gp", "sngan"),
        *("san", "r3gan", "progan", "biggan"),
    )
    """Models to train; spectral is a DCGAN with spectral norms and the hinge loss."""
    resolution: Literal[32, 64] = 32
    """Height and width of the images in pixels."""
    seeds: tuple[bounds.Seed, ...] = (0, 1, 2)
    """Seeds to train each with."""
    images: bounds.Count = 32_000
    """Real images that each discriminator is shown, in place of --steps."""
    samples: Annotated[int, bounds.Within(10)] = 5000
    """Images that are drawn for the scores, and most of the real ones."""
    preset: Literal["laptop", "large"] = "laptop"
    """laptop: 45 minutes of a core a seed; large: 64x64, for an accelerator."""
    census: bool = True
    """Count factors in drawn faces; their regressor is trained once, in minutes."""

    def __post_init__(self):
        bounds.check(self, flags=True)
        for name in ("rungs", "seeds"):
            values = getattr(self, name)
            if not values or len(set(values)) < len(values):
                raise ValueError(f"--{name} is {values}; give one or more, each once")

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of the images."""
        return self.resolution, self.resolution, 3


_data = Data("portraits:8192@hair_style", flip=True, upscale="auto")
PRESETS = {
    "laptop": Config(
        run=runs.run("ladder", steps=1, every=1000, batch_size=16),
        data=_data,
        extraction=extract.Extraction(),
    ),
    "large": Config(
        run=runs.run("ladder_large", steps=1, every=5000, batch_size=64),
        data=dataclasses.replace(_data, data="portraits:60000@hair_style"),
        extraction=extract.Extraction(),
        resolution=64,
        images=4_000_000,
        samples=20_000,
        preset="large",
    ),
}


def main(config: Config) -> None:
    """Trains and scores the missing cells, then compares."""
    opened = open_set(config.data, config.shape)
    known = rungs_for(config.resolution, config.images // config.run.batch_size)
    # All of them before any is trained, so that what does not fit is said at once.
    parts = {
        name: [part(config, opened, name, known[name], seed) for seed in config.seeds]
        for name in config.rungs
    }
    cells = {
        name: [cell(config, opened, name, known[name].record, one) for one in rung]
        for name, rung in parts.items()
    }
    table = {
        name: {
            score: spread.spread([numbers[score] for numbers in found])
            for score in (*SCORES, "minutes")
        }
        | factor_spreads([numbers["factors"] for numbers in found])
        for name, found in cells.items()
    }
    for name, row in table.items():
        shown = (f"{score} {row[score].text(3)}" for score in SCORES)
        say(f"{name:<9} {'  '.join(shown)}")
    draw(config.run.workdir / "ladder.png", table)
    first = cells[config.rungs[0]][0]
    figures.save_results(
        config.run.workdir / directory.RESULTS,
        {
            "data": first["data"],
            "resolution": config.resolution,
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


def part(config: Config, opened: Set, name: str, rung: Rung, seed: int) -> runs.Part:
    """The run of a cell, which shows as many images as all others.

    Raises:
        ValueError: the model needs classes, and the data has none.
    """
    if getattr(rung.model, "classes", 0) is None and not opened.classes:
        raise ValueError(
            f"{config.data.data!r} has no labels, but {name} is told of classes: leave"
            " it out of --rungs, or give class folders"
        )
    run = runs.part(config, f"{name}_{seed}", rung.model, seed=seed)
    run, _ = generator.prepared(rung.record, run, opened)
    shown = config.run.batch_size * rung.record.game(run.model).repeats
    steps = max(1, config.images // shown)
    return dataclasses.replace(run, run=dataclasses.replace(run.run, steps=steps))


def cell(
    config: Config, opened: Set, name: str, record: Model, part: runs.Part
) -> dict[str, Any]:
    """Trains a model with a seed and scores it, or reads what was found before."""
    say(f"{name}, seed {part.run.seed}, {part.run.steps:,} steps")

    def measure(state: Any, opened: Set) -> Result:
        found = scored(
            generator.Drawing(record, part.model),
            state,
            opened,
            config.extraction,
            config.samples,
            faces=config.census,
            seed=config.run.seed + 2,
        )
        return Result(found, {})

    def fit() -> Result:
        return generator.train(
            name, record, part, opened=opened, sheet=64, measure=measure
        )

    if isinstance(part.model, progan.Config):
        folders, numbers = grown(part, opened, measure)
    else:
        folders, numbers = [part.run.workdir], runs.once(part, fit)
    return {**numbers, "minutes": sum(map(minutes, folders))}


def grown(
    part: runs.Part, opened: Set, measure: generator.Measure
) -> tuple[list[pathlib.Path], dict[str, Any]]:
    """Trains a progressive GAN, which has a run for each resolution.

    Returns:
        The directories of the runs, and the numbers of the last one.
    """
    phases = 2 * len(part.model.resolutions) - 1  # all but the first also fade in
    run = dataclasses.replace(part.run, steps=max(1, part.run.steps // phases))
    stages = growing.stages(dataclasses.replace(part, run=run), run.batch_size)
    results = growing.grow(stages, lambda: opened, measure)
    folders = [stage.run.workdir for stage in stages]
    return folders, dict(results[folders[-1].name].numbers)


def minutes(folder: pathlib.Path) -> float:
    """Minutes of the steps of a run, at the median of its speed."""
    rows = directory.scalars(folder)
    speeds = [row["images_per_second"] for row in rows if "images_per_second" in row]
    if not speeds:
        return 0.0
    size = json.loads((folder / directory.CONFIG).read_text())["run"]["batch_size"]
    return rows[-1]["step"] * size / float(np.median(speeds)) / 60


def factor_spreads(found: list[dict[str, float]]) -> dict[str, spread.Spread]:
    """The total variation of each factor, over seeds."""
    return {name: spread.spread([x[name] for x in found]) for name in found[0]}
