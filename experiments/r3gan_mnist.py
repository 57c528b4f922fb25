"""R3GAN on digits: no norm, no tricks, a well-behaved loss (arXiv:2501.05441).

    python -m experiments.r3gan_mnist
    python -m experiments.r3gan_mnist --model.gamma 0.1
    python -m experiments.r3gan_mnist --preset wide --data idx:MNIST

Without flags: narrow networks on 4,000 digits, minutes on two CPU cores, with twenty
times the paper's step size; step size, gamma and Adam's second momentum reach their
last values in `--model.annealing` steps, here the whole run. At equilibrium
both losses are log 2 = 0.69, and slopes on real and on generated images vanish.
results.json has the scores.
"""

from typing import Literal

from jaxgan.lab import cli, runs, scored
from jaxgan.lab.data import Data
from jaxgan.lab.generator import Training
from jaxgan.models import r3gan

Config = Training[r3gan.Config, Literal["laptop", "wide"]]
PRESETS = {
    "laptop": Config(
        run=runs.run("r3gan_mnist", steps=2500, every=500),
        data=Data(),
        model=r3gan.Config(
            width=16,
            hidden=128,
            latent=32,
            annealing=2500,
            learning_rate=4e-3,
            last_learning_rate=1e-3,
            ema=0.99,
        ),
    ),
    "wide": Config(
        run=runs.run(
            "r3gan_mnist_wide", steps=50_000, every=5000, batch_size=256, log_every=100
        ),
        data=Data(),
        model=r3gan.Config(),
        preset="wide",
    ),
}


def main(config: Config) -> None:
    """Trains, or resumes training, and scores the samples."""
    scored.train("R3GAN", r3gan.MODEL, config)


if __name__ == "__main__":
    cli.run(main, Config, presets=PRESETS, description=__doc__)
