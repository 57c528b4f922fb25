"""LSGAN on digits: least squares for both players (Mao et al., arXiv:1611.04076).

    python -m experiments.lsgan_mnist
    python -m experiments.lsgan_mnist --model.fake-label -1 --model.target 0
    python -m experiments.lsgan_mnist --preset paper --data idx:MNIST

Without flags: narrow networks and the 0-1 coding on 4,000 digits, minutes on two CPU
cores; the second command minimises the Pearson chi-squared divergence (the paper's
equation 8). At equilibrium the discriminator says 1/2 to everything: its loss is 1/4,
the generator's 1/8. results.json has the scores.
"""

import dataclasses
import pathlib
from typing import Annotated, Literal

import tyro

from jaxgan import train
from jaxgan.lab import cli, mnist
from jaxgan.models import lsgan


@dataclasses.dataclass(frozen=True)
class Config:
    """Training an LSGAN."""

    run: Annotated[train.Run, tyro.conf.arg(name="")]
    data: Annotated[mnist.Data, tyro.conf.arg(name="")]
    model: lsgan.Config
    preset: Literal["laptop", "paper"] = "laptop"
    """laptop: minutes on two cores; paper: the paper's settings, wide networks."""


PRESETS = {
    "laptop": Config(
        run=train.Run(
            workdir=pathlib.Path("runs/lsgan_mnist"),
            steps=2000,
            sample_every=500,
            checkpoint_every=500,
        ),
        data=mnist.Data(),
        model=lsgan.Config(width=16, hidden=128, latent=32, ema=0.99),
    ),
    "paper": Config(
        run=train.Run(
            workdir=pathlib.Path("runs/lsgan_mnist_paper"),
            steps=50_000,
            sample_every=5000,
            checkpoint_every=5000,
            log_every=100,
        ),
        data=mnist.Data(),
        model=lsgan.Config(ema=0.999),
        preset="paper",
    ),
}


def main(config: Config) -> None:
    """Trains, or goes on training, and scores the samples."""
    mnist.fit("LSGAN", lsgan, config)


if __name__ == "__main__":
    cli.run(main, Config, presets=PRESETS, description=__doc__)
