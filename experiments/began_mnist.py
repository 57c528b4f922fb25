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

from jaxgan import data, report
from jaxgan.compose import ema_variables
from jaxgan.lab import cli, figures, pixels, runs, scored
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
        _draw(path, config, np.asarray(digits), np.asarray(drawn))
        return Result({}, {"Samples, reconstructions, and the curves of M and k": path})

    scored.train("BEGAN", began.MODEL, config, measure=measure)


def _draw(path, config, digits, drawn):
    run = config.run
    figure = figures.new(8, 5.4)
    grid = figure.add_gridspec(5, 2, width_ratios=(5, 4))
    title = f"samples, gamma {config.model.gamma:g}"
    figures.show(figure.add_subplot(grid[:, 0]), figures.last_sheet(run), title)
    rows = np.stack([x.reshape(2, -1, *x.shape[1:]) for x in (digits, drawn)], 1)
    rows = (rows * 255 + 0.5).astype(np.uint8)  # digits above their reconstructions
    pairs = report.sheet(rows.reshape(-1, *digits.shape[1:]), SHOWN // 2)[..., 0]
    axes = figure.add_subplot(grid[0, 1])
    figures.show(axes, pairs, "test digits, and the discriminator's version")
    axes = figure.add_subplot(grid[1:3, 1])
    figures.curve(axes, run, "generator/measure", "M")
    axes.set_ylabel("convergence M")
    axes.set_ylim(bottom=0)
    axes = figure.add_subplot(grid[3:, 1])
    figures.curve(axes, run, "generator/k", "k", color="tab:orange")
    axes.set_ylabel("k")
    figures.save(path, figure, "samples, M and k")


if __name__ == "__main__":
    cli.run(main, Config, presets=PRESETS, description=__doc__)
