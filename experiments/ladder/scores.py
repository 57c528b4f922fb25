"""The picture of all rungs."""

import pathlib

import numpy as np

from jaxgan.lab import figures, spread
from jaxgan.lab.measure.samples import SCORES


def draw(path: pathlib.Path, table: dict[str, dict[str, spread.Spread]]) -> None:
    """Draws the scores, what they cost, and a table of factors where there are any."""
    scores = (*SCORES, "minutes")
    names = [name for name in next(iter(table.values())) if name not in scores]
    figure = figures.new(9 + 5 * bool(names), 4)
    axes = np.atleast_1d(figure.subplots(1, 2 + bool(names)))
    rows = [row["frechet_distance"] for row in table.values()]
    means = [row.mean for row in rows]
    spreads = [row.standard_deviation or 0 for row in rows]
    axes[0].errorbar(means, list(table), xerr=spreads, fmt="o")
    axes[0].invert_yaxis()
    axes[0].set_xlabel("Fréchet distance, less is better")
    cost = [row["minutes"].mean for row in table.values()]
    axes[1].errorbar(cost, means, yerr=spreads, fmt="o")
    for name, x, y in zip(table, cost, means, strict=True):
        axes[1].annotate(name, (x, y), (4, 4), textcoords="offset points")
    axes[1].set_xlabel("minutes of training")
    axes[1].set_ylabel("Fréchet distance")
    for ax in axes[:2]:
        ax.grid(alpha=0.3)
    if names:
        values = [[row[name].mean for name in names] for row in table.values()]
        shown = axes[2].imshow(values, cmap="magma_r", vmin=0, aspect="auto")
        axes[2].set_xticks(range(len(names)), names, rotation=60, ha="right")
        axes[2].set_yticks(range(len(table)), list(table))
        figure.colorbar(shown, label="total variation to the data")
    figures.save(path, figure, "scores of all models, and what they leave out")
