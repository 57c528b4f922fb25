"""Pictures of a boundary equilibrium GAN: samples, reconstructions, M and k."""

import pathlib

import numpy as np
from PIL import Image

from jaxgan import report
from jaxgan.lab import figures
from jaxgan.lab.session import Numbers
from jaxgan.train import Run

LARGE = 48  # pixels of an image from which the picture is larger


def draw(
    path: pathlib.Path,
    run: Run,
    images: np.ndarray,
    reconstructions: np.ndarray,
    title: str,
    name: str,
) -> Numbers:
    """Draws the last samples, images with their reconstructions, and both curves.

    Args:
        path: of the picture.
        run: the run, whose sheets and scalars are read.
        images: test images `[N, H, W, C]` in [0, 1], N even.
        reconstructions: of the discriminator, likewise.
        title: of the samples.
        name: what the images are, such as "digits".

    Returns:
        The `measure` of convergence and `k` at the end: the means of the last logged
        values.
    """
    larger = 1.5 if images.shape[1] >= LARGE else 1
    figure = figures.new(8 * larger, 5.4 * larger)
    grid = figure.add_gridspec(3, 2, width_ratios=(5, 4))
    with Image.open(figures.last_sheet_file(run, "ema")) as sheet:
        figures.show(figure.add_subplot(grid[:, 0]), np.asarray(sheet), title)
    rows = [x.reshape(2, -1, *x.shape[1:]) for x in (images, reconstructions)]
    rows = np.stack(rows, 1)  # images above their reconstructions
    tiles = (rows * 255 + 0.5).astype(np.uint8).reshape(-1, *images.shape[1:])
    pairs = report.sheet(tiles, len(images) // 2)
    axes = figure.add_subplot(grid[0, 1])
    shown = pairs[..., 0] if pairs.shape[-1] == 1 else pairs
    figures.show(axes, shown, f"test {name}, and the discriminator's version")
    found = {}
    for row, metric, label, color in (
        (1, "measure", "convergence M", "tab:blue"),
        (2, "k", "k", "tab:orange"),
    ):
        axes = figure.add_subplot(grid[row, 1])
        metric_name = f"generator/{metric}"
        _, values = figures.curve(axes, run, metric_name, label, color=color)
        axes.set_ylabel(label)
        axes.set_ylim(bottom=0)
        found[metric] = float(values[-figures.SMOOTHED :].mean())
    figures.save(path, figure, "samples, M and k")
    return found
