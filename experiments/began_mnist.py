"""BEGAN on digits: samples, convergence and balance (arXiv:1703.10717).

    python -m experiments.began_mnist
    python -m experiments.began_mnist --model.gamma 0.7
    python -m experiments.began_mnist --preset paper --data idx:MNIST

Trains a boundary equilibrium GAN and writes began.png: samples, digits with their
reconstructions by the discriminator, and curves of the measure of convergence M and of
k, the weight of fakes in the discriminator's loss. A low gamma makes sharp samples of
few kinds, a high gamma samples of many kinds. Without flags: narrow batch-normalised
networks on 4,000 digits, minutes on two CPU cores. The other preset has the paper's
networks, which are meant for faces; of digits they drew only strokes.
"""

from typing import Literal

import numpy as np

from jaxgan import data
from jaxgan.compose import ema_variables
from jaxgan.lab import cli, equilibrium, pixels, runs, scored
from jaxgan.lab.data import Data
from jaxgan.lab.generator import Training
from jaxgan.lab.session import Result
from jaxgan.models import began

SHOWN = 20  # digits with their reconstructions


Config = Training[began.Config, Literal["laptop", "paper"]]
PRESETS = {
    "laptop": Config(
        run=runs.run(
            "began_mnist",
            steps=3000,
            every=500,
            batch_size=32,
        ),
        data=Data(),
        # Steps and control are faster than the paper's, since the run is a hundredth as
        # long.
        model=began.Config(
            nets="digits",
            latent=32,
            width=16,
            hidden=128,
            gamma=0.75,
            gain=0.1,
            learning_rate=2e-3,
            ema=0.99,
        ),
    ),
    "paper": Config(
        run=runs.run(
            "began_mnist_paper", steps=200_000, every=5000, batch_size=16, log_every=100
        ),
        data=Data(),
        model=began.Config(ema=0.999),
        preset="paper",
    ),
}


def main(config: Config) -> None:
    """Trains, or resumes training, and draws."""

    def measure(state, opened):
        chosen = data.some(len(opened.test["image"]), SHOWN)
        digits = pixels.floats(opened.test["image"][chosen])
        drawn = began.reconstruct(config.model, ema_variables(state), digits)
        path = config.run.workdir / "began.png"
        title = f"samples, gamma {config.model.gamma:g}"
        both = np.asarray(digits), np.asarray(drawn)
        numbers = equilibrium.draw(path, config.run, *both, title, "digits")
        about = "Samples, reconstructions, and the curves of M and k"
        return Result(numbers, {about: path})

    scored.train("BEGAN", began.MODEL, config, measure=measure)


if __name__ == "__main__":
    cli.run(main, Config, presets=PRESETS, description=__doc__)
