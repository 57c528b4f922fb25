"""WGAN-GP on digits: a critic with slope one (Gulrajani et al., arXiv:1704.00028).

    python -m experiments.wgan_gp_mnist
    python -m experiments.wgan_gp_mnist --model.penalty 1
    python -m experiments.wgan_gp_mnist --preset paper --data idx:MNIST

Without flags: the paper's networks for MNIST at an eighth of their width, on 4,000
digits, minutes on two CPU cores, of which compiling takes the first. Expect the
critic's loss to climb towards zero as digits get better, and the penalty to stay small.
results.json has the scores.
"""

from typing import Literal

from jaxgan.lab import cli, runs, scored
from jaxgan.lab.data import Data
from jaxgan.lab.generator import Training
from jaxgan.models import wgan_gp

Config = Training[wgan_gp.ImageConfig, Literal["laptop", "paper"]]
PRESETS = {
    "laptop": Config(
        run=runs.run("wgan_gp_mnist", steps=1500, every=250, batch_size=32),
        data=Data(),
        model=wgan_gp.ImageConfig(width=8, latent=32, learning_rate=1e-3, ema=0.99),
    ),
    "paper": Config(
        run=runs.run(
            "wgan_gp_mnist_paper",
            steps=200_000,
            every=5000,
            batch_size=50,
            log_every=100,
        ),
        data=Data(),
        model=wgan_gp.ImageConfig(ema=0.999),
        preset="paper",
    ),
}


def main(config: Config) -> None:
    """Trains, or resumes training, and scores the samples."""
    scored.train("WGAN-GP", wgan_gp.MODEL, config)


if __name__ == "__main__":
    cli.run(main, Config, presets=PRESETS, description=__doc__)
