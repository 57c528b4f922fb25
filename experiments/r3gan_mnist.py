"""R3GAN on digits: no norm, no tricks, a loss that behaves (arXiv:2501.05441).

    python -m experiments.r3gan_mnist
    python -m experiments.r3gan_mnist --model.gamma 0.1
    python -m experiments.r3gan_mnist --preset wide --data idx:MNIST

Without flags: narrow networks on 4,000 digits, minutes on two CPU cores. At equilibrium
both losses are log 2 = 0.69, and slopes on real and on generated images vanish.
results.json has the scores.
"""

import dataclasses
import pathlib
from typing import Annotated, Literal

import tyro

from jaxgan import train
from jaxgan.lab import cli, mnist
from jaxgan.models import r3gan


@dataclasses.dataclass(frozen=True)
class Config:
    """Training an R3GAN."""

    run: Annotated[train.Run, tyro.conf.arg(name="")]
    data: Annotated[mnist.Data, tyro.conf.arg(name="")]
    model: r3gan.Config
    preset: Literal["laptop", "wide"] = "laptop"
    """laptop: minutes on two cores; wide: wide networks, for an accelerator."""


PRESETS = {
    "laptop": Config(
        run=train.Run(
            workdir=pathlib.Path("runs/r3gan_mnist"),
            steps=2500,
            sample_every=500,
            checkpoint_every=500,
        ),
        data=mnist.Data(),
        model=r3gan.Config(
            width=16, hidden=128, latent=32, learning_rate=1e-3, ema=0.99
        ),
    ),
    "wide": Config(
        run=train.Run(
            workdir=pathlib.Path("runs/r3gan_mnist_wide"),
            steps=50_000,
            batch_size=256,
            sample_every=5000,
            checkpoint_every=5000,
            log_every=100,
        ),
        data=mnist.Data(),
        model=r3gan.Config(),
        preset="wide",
    ),
}


def main(config: Config) -> None:
    """Trains, or goes on training, and scores the samples."""
    mnist.fit("R3GAN", r3gan, config)


if __name__ == "__main__":
    cli.run(main, Config, presets=PRESETS, description=__doc__)
