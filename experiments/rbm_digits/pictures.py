"""Draws filters, samples and curves of the methods."""

import pathlib
from collections.abc import Mapping

import numpy as np

from experiments.rbm_digits.training import SHOWN, Fit
from jaxgan import report
from jaxgan.lab import figures

COLOURS = ("#d1495b", "#e8a33d", "#1f6f8b")
PANELS = {
    "reconstruction": "squared error of reconstructed pixels",
    "log_likelihood": "log-likelihood of test digits, nats",
    "gap": "free energy, test less training digits",
}


def draw(
    path: pathlib.Path,
    runs: Mapping[str, Fit],
    samples: Mapping[str, np.ndarray],
    alone: float,
) -> None:
    """Writes rbm.png: a column a method, and curves below.

    Args:
        path: of the picture.
        runs: the trainings by method.
        samples: images `[64, 28, 28, 1]` of each.
        alone: the log-likelihood of independent pixels.
    """
    figure = figures.new(12.4, 11.6, space=0.02)
    above, below = figure.add_gridspec(2, 1, height_ratios=(2.35, 1))
    tiles, curves = figure.add_subfigure(above), figure.add_subfigure(below)
    grid = tiles.subplots(2, len(runs), squeeze=False)
    for column, (name, run) in enumerate(runs.items()):
        figures.show(grid[0, column], _sheet(_filters(run)), f"{name}: filters")
        figures.show(grid[1, column], _sheet(samples[name]), "samples from noise")
    for axes, (measure, title) in zip(
        curves.subplots(1, len(PANELS)), PANELS.items(), strict=True
    ):
        for colour, (name, run) in zip(COLOURS, runs.items(), strict=True):
            values = run.curves[measure]
            axes.plot(run.epochs, values, color=colour, alpha=0.3, lw=0.8)
            axes.plot(run.epochs, values.mean(1), color=colour, lw=2, label=name)
        if measure == "log_likelihood":
            axes.axhline(alone, color="#999999", ls="--", lw=1, label="pixels alone")
        axes.set_title(title, size=11)
        axes.set_xlabel("epoch")
        axes.spines[["top", "right"]].set_visible(False)
    curves.axes[1].legend(frameon=False)
    figures.save(path, figure, "filters, samples and curves")


def _filters(run: Fit) -> np.ndarray:
    """The first filters, grey where a pixel does not matter."""
    weights = np.asarray(run.first["weight"])[:, :SHOWN].T
    largest = np.abs(weights).max(1, keepdims=True)
    return (0.5 + 0.5 * weights / largest).reshape(-1, 28, 28, 1)


def _sheet(images: np.ndarray) -> np.ndarray:
    return report.sheet(np.rint(255 * images).astype(np.uint8), 8)[..., 0]
