"""Draws digits, the pixels of capsules, and poses."""

import pathlib

import numpy as np

from experiments.transforming_autoencoder.measuring import MOVED
from experiments.transforming_autoencoder.shifting import SHOWN
from jaxgan.lab import figures


def draw(out: pathlib.Path, rows: np.ndarray, kernel: np.ndarray, seen: tuple) -> dict:
    """Draws digits `[N, 3, H, W, C]`, kernels `[n, g, H, W, C]`, and poses."""
    active, best, shifts, changes, points = seen
    figure = figures.new(11, 2.7)
    blank = [""] * len(rows)
    figures.tiles(
        figure.subplots(), rows.swapaxes(0, 1), ("input", "target", "output"), blank
    )
    figures.save(out / "rows.png", figure, "input, target and output")

    figure = figures.new(13, 7)
    axes = figure.subplots(2, 3).ravel()
    for ax, change, name in zip(axes, changes, ("rows", "columns"), strict=False):
        ax.plot(shifts, change, color="0.75", lw=1)
        ax.plot(shifts, np.median(change, 1), "k.-", label="median capsule")
        ax.plot(shifts, shifts, "r--", lw=1, label="slope 1")
        ax.set(xlabel=f"shift in {name}", ylabel="change of the pose")
        ax.legend()
    for ax, capsule in zip(axes[2:], best, strict=False):
        for (x, y, weight), s in zip(points, (MOVED, -MOVED), strict=True):
            shown = weight[:, capsule] / weight[:, capsule].max()
            x, y = x[:, capsule], y[:, capsule]
            ax.scatter(x, y, 6, alpha=shown, label=f"moved by {s:+d}")
            ends = np.array([x[shown > 0.1].min(), x[shown > 0.1].max()])
            ax.plot(ends, ends + s, "k--", lw=1)
        ax.set(xlabel=f"column, capsule {active[capsule]}", ylabel="after the shift")
        ax.legend()
    figures.save(out / "poses.png", figure, "poses against shifts")

    some = kernel[active[: SHOWN // 2]]
    some = 0.5 + 0.5 * some / np.abs(some).max((1, 2, 3, 4), keepdims=True)
    figure = figures.new(11, 3.4)
    left, above = [str(c) for c in active[: len(some)]], [""] * some.shape[1]
    figures.tiles(figure.subplots(), some, left, above)
    figures.save(out / "fields.png", figure, "the drawings of generation units")
    return {
        "Input, target and output": out / "rows.png",
        "Poses: how far they move for a shift, and one capsule's columns before and"
        " after a shift (dashed: the shift itself)": out / "poses.png",
        "Drawings of generation units, a row for each capsule": out / "fields.png",
    }
