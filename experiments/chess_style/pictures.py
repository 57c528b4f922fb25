"""Draws how often moves agree with the player's."""

import pathlib
from collections.abc import Mapping

import numpy as np

from jaxgan.lab import figures
from jaxgan.lab.spread import Spread

SHOWN = {
    "own": ("the player's moves, where it is to move", "#3a6ea5"),
    "transferred": ("the player's moves, where the other is to move", "#d1495b"),
    "other": ("the other's moves, where the other is to move", "#999999"),
}


def draw(
    path: pathlib.Path,
    rules: Mapping[str, Mapping[str, float]],
    nets: Mapping[str, Mapping[str, Spread]],
    player: str,
) -> None:
    """Draws bars: a group a rule or a net."""
    means = {name: {x: row[x].mean for x in SHOWN} for name, row in nets.items()}
    rows = {**rules, **means}
    places = np.arange(len(rows))[::-1]
    figure = figures.new(9, 0.6 * len(rows) + 1)
    axes = figure.subplots()
    for i, (name, (label, colour)) in enumerate(SHOWN.items()):
        values = [100 * row[name] for row in rows.values()]
        bars = axes.barh(
            places + 0.27 * (1 - i), values, 0.25, color=colour, label=label
        )
        axes.bar_label(bars, fmt="%.0f", size=8, padding=2)
    axes.axhline(len(nets) - 0.5, color="black", lw=0.8)
    axes.set_yticks(places, list(rows))
    axes.set(xlabel="agreement on games not trained on, %", xlim=(0, 105))
    axes.set_title(f"The player: {player}", fontsize="medium")
    axes.legend(
        frameon=False, loc="upper center", bbox_to_anchor=(0.4, -0.12), fontsize="small"
    )
    axes.spines[["top", "right"]].set_visible(False)
    figures.save(path, figure, "agreement with the player and the other")
