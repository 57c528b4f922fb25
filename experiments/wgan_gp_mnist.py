"""WGAN-GP on digits: a critic of slope one (Gulrajani et al., arXiv:1704.00028).

    python -m experiments.wgan_gp_mnist
    python -m experiments.wgan_gp_mnist --model.penalty 1
    python -m experiments.wgan_gp_mnist --preset paper --data idx:MNIST

Without flags: the paper's networks for MNIST at an eighth of their width, on 4,000
digits, minutes on two CPU cores, the first of which compiles. Expect the critic's loss
to climb towards zero as digits get better, and the penalty to stay small. results.json
has the scores.
"""

import dataclasses
import pathlib
from typing import Annotated, Literal

import tyro

from jaxgan import train
from jaxgan.lab import cli, mnist
from jaxgan.models import wgan_gp


@dataclasses.dataclass(frozen=True)
class Config:
    """Training a WGAN-GP."""

    run: Annotated[train.Run, tyro.conf.arg(name="")]
    data: Annotated[mnist.Data, tyro.conf.arg(name="")]
    model: wgan_gp.ImageConfig
    preset: Literal["laptop", "paper"] = "laptop"
    """laptop: minutes on two cores; paper: the paper's width, for an accelerator."""


PRESETS = {
    "laptop": Config(
        run=train.Run(
            workdir=pathlib.Path("runs/wgan_gp_mnist"),
            steps=1500,
            batch_size=32,
            sample_every=250,
            checkpoint_every=250,
        ),
        data=mnist.Data(),
        model=wgan_gp.ImageConfig(width=8, latent=32, learning_rate=1e-3, ema=0.99),
    ),
    "paper": Config(
        run=train.Run(
            workdir=pathlib.Path("runs/wgan_gp_mnist_paper"),
            steps=200_000,
            batch_size=50,
            sample_every=5000,
            checkpoint_every=5000,
            log_every=100,
        ),
        data=mnist.Data(),
        model=wgan_gp.ImageConfig(ema=0.999),
        preset="paper",
    ),
}


def main(config: Config) -> None:
    """Trains, or goes on training, and scores the samples."""
    mnist.fit("WGAN-GP", wgan_gp, config)


if __name__ == "__main__":
    cli.run(main, Config, presets=PRESETS, description=__doc__)
