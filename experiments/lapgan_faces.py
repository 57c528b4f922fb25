"""LAPGAN on faces, level by level (Denton et al., arXiv:1506.05751).

    python -m experiments.lapgan_faces
    python -m experiments.lapgan_faces --data folder:PHOTOS --steps 20000
    python -m experiments.lapgan_faces --preset paper --data folder:CIFAR

Trains `level8`, `level16` and so on: each level of the pyramid learns from real images
alone what is missing from an enlarged image, and the last run has the networks of all.
Before the next level, the best of a level's states is taken (`--evaluate-every`): the
one whose drawings come nearest to images that were set aside, by the paper's
approximate Parzen window. coarse_to_fine.png shows how samples are drawn, a column a
sample, a row a level.

Without flags: drawn portraits, 64x64, narrow networks and Adam, minutes on two CPU
cores. With `--model.classes None` the classes are those of the data, and are given to
all networks as planes. `python -m experiments.sample --run runs/lapgan_faces/level64`
draws more.
"""

import dataclasses
import functools
import pathlib
from collections.abc import Callable
from typing import Annotated, Any, Literal

import jax
import numpy as np
import tyro
from jax.sharding import Mesh

from jaxgan import bounds, data, parallel
from jaxgan.compose import ema_variables
from jaxgan.lab import (
    cli,
    figures,
    generator,
    inference,
    pixels,
    restored,
    runs,
    session,
)
from jaxgan.lab.data import Data, Set
from jaxgan.lab.session import Result
from jaxgan.models import lapgan
from jaxgan.train import Run

COLUMNS = 10  # samples of the strip
SHEET = 64  # samples a sheet
STRIP = "coarse_to_fine.png"


@dataclasses.dataclass(frozen=True)
class Parzen:
    """The approximate Parzen window that selects networks."""

    images: bounds.Count = 200
    """Images to compare with, which were not trained on."""
    draws: bounds.Count = 128
    """Drawings for each of them, of which the nearest counts."""

    def __post_init__(self):
        bounds.check(self, flags=True)


@dataclasses.dataclass(frozen=True)
class Config:
    """The training of the levels of a LAPGAN."""

    run: Annotated[Run, tyro.conf.arg(name="")]
    data: Annotated[Data, tyro.conf.arg(name="")]
    model: lapgan.Config
    shares: tuple[bounds.Share, ...] = ()
    """Part of --steps that each level is trained for, from the coarsest; all of it
    where left out."""
    parzen: Parzen = dataclasses.field(default_factory=Parzen)
    preset: Literal["laptop", "paper"] = "laptop"
    """laptop: minutes on two cores; paper: the paper's CIFAR, for an accelerator."""

    def __post_init__(self):
        bounds.check(self, flags=True)
        if self.model.levels:
            raise ValueError(
                f"--model.levels is {self.model.levels}; leave it out, as all levels"
                " are trained in turn"
            )
        if self.shares and len(self.shares) != len(self.model.sizes):
            raise ValueError(
                f"--shares is {self.shares}, but --model.sizes is {self.model.sizes};"
                " give a share for each size"
            )


@dataclasses.dataclass(frozen=True)
class Part(runs.Part):
    """The run of one level."""

    parzen: Parzen


PRESETS = {
    "laptop": Config(
        run=runs.run(
            "lapgan_faces", steps=4000, every=250, batch_size=32, evaluate_every=250
        ),
        data=Data("portraits:8192", flip=True, upscale="auto"),
        model=lapgan.Config(
            sizes=(8, 16, 32, 64),
            classes=0,
            hidden=(400, 400),
            discriminator_hidden=(300, 300),
            kernels=(5, 5, 3),
            width=16,
            optimizer="adam",
            learning_rate=5e-4,
            ema=0.995,
        ),
        shares=(1.0, 0.25, 0.12, 0.04),
        parzen=Parzen(images=50, draws=32),
    ),
    "paper": Config(
        run=runs.run(
            "lapgan_paper",
            steps=70_000,
            every=3510,
            batch_size=128,
            log_every=100,
            evaluate_every=3510,
        ),
        data=Data("folder:CIFAR", crop=(2, 2, 28, 28)),
        model=lapgan.Config(classes=None),
        preset="paper",
    ),
}


def main(config: Config) -> None:
    """Trains the missing levels, then draws."""
    sizes = config.model.sizes
    shares = config.shares or (1.0,) * len(sizes)
    levels = {}
    for size, share in zip(sizes, shares, strict=True):
        model = dataclasses.replace(config.model, levels=(size,))
        steps = max(1, round(config.run.steps * share))
        part = runs.part(config, f"level{size}", model, steps=steps)
        levels[f"level{size}"] = Part(**vars(part), parzen=config.parzen)
    results = runs.in_stages(levels, fit, lapgan.next_level)
    session.only_main()
    last = levels[f"level{sizes[-1]}"]
    path = config.run.workdir / STRIP
    best = bool(config.run.evaluate_every)
    draw(path, inference.open_run(last.run.workdir, best=best))
    numbers = {name: result.numbers for name, result in results.items()}
    figures.write("LAPGAN", config.run.workdir, numbers, {"From coarse to fine": path})


def fit(name: str, part: Part, start: Callable[[Any], Any] | None) -> Result:
    """Trains one level; its state is the best, where states are selected."""
    result = generator.train(
        f"LAPGAN, {name}",
        lapgan.MODEL,
        part,
        sheet=SHEET,
        evaluation=functools.partial(selection, part),
        start=start,
    )
    if not part.run.evaluate_every:
        return result
    return result._replace(state=restored.restore(part.run.workdir, best=True).state)


def selection(
    part: Part, drawing: generator.Drawing, opened: Set, mesh: Mesh
) -> generator.Evaluate | None:
    """Makes the approximate Parzen window of the level that is trained."""
    if not part.run.evaluate_every:
        return None
    if not opened.test:
        raise ValueError(
            f"--evaluate-every needs images to compare with, and {part.data.data} sets"
            " none aside; leave --evaluate-every at 0"
        )
    chosen = data.some(len(opened.test["image"]), part.parzen.images)
    between = drawing.record.range
    batch = {
        name: np.asarray(pixels.floats(value[chosen], between))
        for name, value in opened.test.items()
    }
    (level,) = part.model.levels

    @jax.jit
    def once(variables, key):
        found = lapgan.distances(drawing.model, variables, batch, key)
        return found[f"level{level}"]

    together = parallel.shared(once, mesh)

    def evaluate(state):
        key = jax.random.key(part.run.seed + 2)
        distances = [
            np.asarray(together(ema_variables(state), jax.random.fold_in(key, i)))
            for i in range(part.parzen.draws)
        ]
        return {"evaluation/parzen": float(np.min(distances, 0).mean())}

    return evaluate


def draw(path: pathlib.Path, run: inference.Trained) -> None:
    """Draws samples, a row a level, all as large as at the finest."""
    latent = inference.latents(run, jax.random.key(run.plain["run"]["seed"]), COLUMNS)
    label = np.arange(COLUMNS) % run.classes if run.classes else None
    model, variables = run.config, run.variables
    drawn = jax.jit(functools.partial(lapgan.coarse_to_fine, model))(
        variables, latent, label
    )
    rows = [
        pixels.to_bytes(jax.image.resize(x, drawn[-1].shape, "nearest"), (-1.0, 1.0))
        for x in drawn
    ]
    names = [f"{size}x{size}" for size in model.sizes]
    about = "a column a sample, a row a level"
    figures.save_rows(path, np.stack(rows), names, about)


if __name__ == "__main__":
    cli.run(main, Config, presets=PRESETS, description=__doc__)
