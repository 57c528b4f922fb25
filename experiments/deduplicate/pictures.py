"""Draws duplicates: groups with one hash, and planted copies found and missed."""

from typing import Any

import numpy as np

from experiments.deduplicate import duplicates, planting
from experiments.deduplicate.duplicates import Set, Tried
from jaxgan.lab import figures

ROWS, COLUMNS = 8, 12  # groups shown, and images of each
PAIRS = 12  # images of planted copies in a row


def groups(title: str, images: np.ndarray, final: Tried) -> Any:
    """Draws the largest groups, a row each; the first image is the one that is kept."""
    kept, sizes = np.unique(final.kept, return_counts=True)
    order = np.argsort(-sizes, kind="stable")[:ROWS]
    rows = [k for k, size in zip(kept[order], sizes[order], strict=True) if size > 1]
    figure = figures.new(9.6, 1.2 + 0.72 * max(1, len(rows)))
    axes = figure.subplots()
    most = f"the {len(rows)} largest groups" if len(rows) == ROWS else "all groups"
    figure.suptitle(
        f"{title}: {final.removed:,} of {len(images):,} images removed; {most}"
        if rows
        else f"{title}: no two images have the same hash"
    )
    if not rows:
        axes.axis("off")
        return figure
    columns = int(min(COLUMNS, sizes.max()))
    white = np.full_like(images[0], 255)
    labels, tiles = [], []
    for k in rows:
        members = np.flatnonzero(final.kept == k)
        shown = [images[i] for i in members[:columns]]
        tiles.append(shown + [white] * (columns - len(shown)))
        labels.append(f"{len(members):,} images")
    above = ["kept", "removed", *[""] * (columns - 2)]
    figures.tiles(axes, np.array(tiles) / 255, labels, above)
    return figure


def planted(seen: Set, tested: Tried, trials: list[Tried], most_false: float) -> Any:
    """Draws pairs of every kind, found and missed, and results of other thresholds."""
    copies = np.flatnonzero(seen.kind != "")
    originals = duplicates.originals(seen)
    kinds = [kind for kind in planting.KINDS if (seen.kind == kind).any()]
    figure = figures.new(9.6, 1.0 + 1.15 * len(kinds) + 3.0)
    ratios = (1.15 * len(kinds) + 0.5, 3.0)
    parts: Any = figure.subfigures(2, 1, height_ratios=ratios)
    top, bottom = parts
    white = np.full_like(seen.images[0], 255)
    tiles, labels = [], []
    for kind in kinds:
        of_kind = seen.kind[copies] == kind
        for found in (True, False):
            some = np.flatnonzero(of_kind & (tested.found == found))
            pairs = [
                seen.images[place]
                for i in some[: PAIRS // 2]
                for place in (originals[i], copies[i])
            ]
            tiles.append(pairs + [white] * (PAIRS - len(pairs)))
            share = len(some) / of_kind.sum()
            labels.append(f"{kind}, {'found' if found else 'missed'}: {share:.0%}")
    above = ["original", "copy"] * (PAIRS // 2)
    figures.tiles(top.subplots(), np.array(tiles) / 255, labels, above)
    top.suptitle(
        f"Planted copies: {tested.recall:.1%} found, {tested.false_rate:.1%} of removed"
        " images false"
    )
    ax = bottom.subplots()
    x = [trial.threshold for trial in trials]
    ax.plot(x, [100 * t.recall for t in trials], "o-", label="copies found")
    ax.plot(x, [100 * t.false_rate for t in trials], "s-", label="removed falsely")
    ax.axvline(tested.threshold, color="black", ls=":", label="threshold taken")
    ax.axhline(100 * most_false, color="grey", lw=0.8, ls="--")
    ax.set(xlabel="threshold of the codes (half that it is chosen on)", ylabel="%")
    ax.set_ylim(-3, 103)
    ax.legend(loc="center left", bbox_to_anchor=(1.01, 0.5))
    ax.grid(alpha=0.3)
    return figure
