"""WGAN on digits: a critic with clipped weights (Arjovsky et al., arXiv:1701.07875).

    python -m experiments.wgan_mnist
    python -m experiments.wgan_mnist --model.clip 0.1
    python -m experiments.wgan_mnist --preset paper --data idx:MNIST

Without flags: narrow networks on 4,000 digits, minutes on two CPU cores. The report has
the curve that the paper is about: the critic's loss is minus an estimate of the
distance between data and samples, up to a factor that depends on clipping, so it climbs
towards zero while digits get better. results.json has the scores;
`experiments.wgan_gp_mnist` trains with a gradient penalty instead.
"""

from typing import Literal

from jaxgan.lab import cli, runs, scored
from jaxgan.lab.data import Data
from jaxgan.lab.generator import Training
from jaxgan.models import wgan

Config = Training[wgan.Config, Literal["laptop", "paper"]]
PRESETS = {
    "laptop": Config(
        run=runs.run("wgan_mnist", steps=5000, every=1000),
        data=Data(),
        model=wgan.Config(
            width=16, hidden=128, latent=32, learning_rate=5e-4, ema=0.99
        ),
    ),
    "paper": Config(
        run=runs.run("wgan_mnist_paper", steps=50_000, every=5000, log_every=100),
        data=Data(),
        model=wgan.Config(ema=0.999),
        preset="paper",
    ),
}


def main(config: Config) -> None:
    """Trains, or resumes training, and scores the samples."""
    scored.train("WGAN", wgan.MODEL, config)


if __name__ == "__main__":
    cli.run(main, Config, presets=PRESETS, description=__doc__)
