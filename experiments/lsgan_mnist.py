"""LSGAN on digits: least squares for both players (Mao et al., arXiv:1611.04076).

    python -m experiments.lsgan_mnist
    python -m experiments.lsgan_mnist --model.fake-label -1 --model.target 0
    python -m experiments.lsgan_mnist --preset paper --data idx:MNIST

Without flags: narrow networks and the 0-1 coding on 4,000 digits, minutes on two CPU
cores. The second command minimises the Pearson chi-squared divergence (equation 8). At
equilibrium D returns 1/2 for everything, so its loss is 1/4 and that of G 1/8.
"""

from typing import Literal

from jaxgan.lab import cli, runs, scored
from jaxgan.lab.data import Data
from jaxgan.lab.generator import Training
from jaxgan.models import lsgan

Config = Training[lsgan.Config, Literal["laptop", "paper"]]
PRESETS = {
    "laptop": Config(
        run=runs.run("lsgan_mnist", steps=2000, every=500),
        data=Data(),
        model=lsgan.Config(width=16, hidden=128, latent=32, ema=0.99),
    ),
    "paper": Config(
        run=runs.run("lsgan_mnist_paper", steps=50_000, every=5000, log_every=100),
        data=Data(),
        model=lsgan.Config(ema=0.999),
        preset="paper",
    ),
}


def main(config: Config) -> None:
    """Trains, or resumes training, and scores the samples."""
    scored.train("LSGAN", lsgan.MODEL, config)


if __name__ == "__main__":
    cli.run(main, Config, presets=PRESETS, description=__doc__)
