"""Draws codes, and the images that they are decoded to."""

import pathlib
from collections.abc import Mapping

import jax
import numpy as np
from matplotlib import colormaps

from experiments.autoencoder_mnist import codes
from experiments.autoencoder_mnist.networks import TITLES, Coder
from jaxgan.lab import figures
from jaxgan.lab.data import Set

SHOWN = 10  # reconstructions
RANDOM = 20  # digits from random codes that are shown
COLOURS = "tab10"
HOW = {
    "autoencoder": "percentiles of its codes",
    "vae": "quantiles of its prior",
}


def draw_grids(
    path: pathlib.Path,
    coders: Mapping[str, Coder],
    of_sets: Mapping[str, Mapping[str, np.ndarray]],
    held: np.ndarray,
    seed: int,
) -> None:
    """Draws decoded images: of a grid of codes, of reconstructions, of random codes.

    Args:
        path: the file of the picture.
        coders: the trained models, by name.
        of_sets: codes of training and test images, by name.
        held: test images in [0, 1].
        seed: of the run.
    """
    figure = figures.new(10.4, 10.4)
    parts = figure.add_gridspec(2, 1, height_ratios=(5.8, 4.6))
    top, bottom = (figure.add_subfigure(part) for part in parts)
    first = np.arange(SHOWN) % len(held)
    rows, labels, random = [held[first]], ["test digits"], []
    for axes, (name, coder) in zip(top.subplots(1, 2), coders.items(), strict=True):
        train = of_sets[name]["train"]
        images = coder.decode(codes.grid(name, train))
        _show_grid(axes, images.reshape(codes.SIDE, codes.SIDE, *held.shape[1:]))
        axes.set_title(f"{TITLES[name]}: {HOW[name]}")
        rows.append(coder.decode(of_sets[name]["test"][first]))
        labels.append(f"{TITLES[name]}, again")
        key = jax.random.key(seed + 3)
        made = coder.decode(codes.random_codes(name, train, key, RANDOM))
        random += list(made.reshape(-1, SHOWN, *held.shape[1:]))
    for name in coders:
        labels += [f"{TITLES[name]},\nrandom codes"] + [""] * (RANDOM // SHOWN - 1)
    figures.tiles(bottom.subplots(), np.stack([*rows, *random]), labels, [""] * SHOWN)
    figures.save(path, figure, "what codes are decoded to")


def draw_codes(
    path: pathlib.Path,
    of_sets: Mapping[str, Mapping[str, np.ndarray]],
    opened: Set,
) -> None:
    """Draws where the codes of test digits lie."""
    figure, names = figures.new(10.4, 4.8), figures.plain(opened.classes)
    for axes, name in zip(figure.subplots(1, 2), of_sets, strict=True):
        _scatter(axes, of_sets[name]["test"], opened.test["label"], names)
        axes.set_title(f"{TITLES[name]}: codes of test digits")
    figures.save(path, figure, "where test digits lie")


def _scatter(axes, points, labels, names) -> None:
    """Draws codes in the colours of their classes, and their names at their medians."""
    most = max(9.5, len(names) - 0.5)
    axes.scatter(*points.T, c=labels, s=5, cmap=COLOURS, vmin=-0.5, vmax=most, lw=0)
    for label in np.unique(labels):
        box = {"fc": "white", "ec": colormaps[COLOURS](int(label)), "pad": 1.5}
        axes.text(
            *np.median(points[labels == label], 0),
            names[label],
            size=13,
            weight="bold",
            ha="center",
            va="center",
            bbox={**box, "alpha": 0.85},
        )
    low, high = np.quantile(points, [0.002, 0.998], axis=0)
    axes.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]))


def _show_grid(axes, images) -> None:
    """Draws images `[R, C, H, W, 1]` edge to edge."""
    rows, columns, height, width, _ = images.shape
    sheet = images[..., 0].transpose(0, 2, 1, 3).reshape(rows * height, columns * width)
    axes.imshow(1 - sheet, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    axes.set(xticks=[], yticks=[])
