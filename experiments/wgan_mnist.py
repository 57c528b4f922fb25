"""WGAN on digits: a critic of clipped weights (Arjovsky et al., arXiv:1701.07875).

    python -m experiments.wgan_mnist
    python -m experiments.wgan_mnist --model.clip 0.1
    python -m experiments.wgan_mnist --preset paper --data idx:MNIST

Without flags: narrow networks on 4,000 digits, minutes on two CPU cores. The report has
the curve that the paper is about: the critic's loss is minus an estimate of the
distance between data and samples (up to a factor, which clipping sets), so that it
climbs towards zero while digits get better. results.json has the scores;
`experiments.wgan_gp_mnist` trains with a gradient penalty instead.
"""

import dataclasses
import pathlib
from typing import Annotated, Literal

import tyro

from jaxgan import train
from jaxgan.lab import cli, mnist
from jaxgan.models import wgan


@dataclasses.dataclass(frozen=True)
class Config:
    """Training a WGAN."""

    run: Annotated[train.Run, tyro.conf.arg(name="")]
    data: Annotated[mnist.Data, tyro.conf.arg(name="")]
    model: wgan.Config
    preset: Literal["laptop", "paper"] = "laptop"
    """laptop: minutes on two cores; paper: wide networks, for an accelerator."""


PRESETS = {
    "laptop": Config(
        run=train.Run(
            workdir=pathlib.Path("runs/wgan_mnist"),
            steps=5000,
            sample_every=1000,
            checkpoint_every=1000,
        ),
        data=mnist.Data(),
        model=wgan.Config(
            width=16, hidden=128, latent=32, learning_rate=5e-4, ema=0.99
        ),
    ),
    "paper": Config(
        run=train.Run(
            workdir=pathlib.Path("runs/wgan_mnist_paper"),
            steps=50_000,
            sample_every=5000,
            checkpoint_every=5000,
            log_every=100,
        ),
        data=mnist.Data(),
        model=wgan.Config(ema=0.999),
        preset="paper",
    ),
}


def main(config: Config) -> None:
    """Trains, or goes on training, and scores the samples."""
    mnist.fit("WGAN", wgan, config)


if __name__ == "__main__":
    cli.run(main, Config, presets=PRESETS, description=__doc__)
