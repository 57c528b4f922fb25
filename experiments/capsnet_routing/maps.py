"""Draws where capsules have decided, and how long they are."""

import numpy as np

from experiments.capsnet_routing.pictures import OTHER, PALE, TRUE
from jaxgan.lab import figures


def draw_entropy(image, maps, mean, names):
    """Draws digits, and how far each place is from an even coupling, by iteration.

    Args:
        image: digits `[N, H, W, C]`.
        maps: their entropies on the grid, `[N, iterations, H, W]`.
        mean: of many digits, `[iterations, H, W]`.
        names: of their classes.
    """
    decided = 100 * (1 - np.concatenate([maps, mean[None]])[:, 1:])  # the first is even
    top = max(1e-3, float(np.quantile(decided, 0.995)))
    rows, columns = decided.shape[:2]
    side = 1.25
    figure = figures.new(side * rows + 1.7, side * (columns + 1) + 0.9)
    figure.suptitle(
        "Where capsules have decided: 100 % less the entropy of the coupling"
    )
    axes = figure.subplots(columns + 1, rows, squeeze=False)
    for n, column in enumerate(axes.T):
        if n < len(image):
            column[0].imshow(image[n].squeeze(), cmap="gray", vmin=0, vmax=1)
            column[0].set_title(names[n], size=10)
        else:
            column[0].set_title("mean of all", size=10, y=0)
            column[0].spines[:].set_visible(False)
        for ax, values in zip(column[1:], decided[n], strict=True):
            ax.imshow(values, cmap="viridis", vmin=0, vmax=top)
        for ax in column:
            ax.set(xticks=(), yticks=())
    for i, ax in enumerate(axes[1:, 0]):
        ax.set_ylabel(f"iteration {i + 2}", size=10)
    if columns:
        colours = axes[1, 0].images[0]
        figure.colorbar(colours, ax=axes[1:], pad=0.02, format="%g %%")
    return figure


def draw_lengths(both, there):
    """Draws the lengths of capsules before and after training, as histograms.

    Args:
        both: name -> what routing made of the images.
        there: the true classes, bool `[B, J]`.
    """
    figure = figures.new(9, 2.3 * len(both) + 0.5, space=0.06)
    figure.suptitle("Lengths of capsules before and after training")
    axes = figure.subplots(len(both), 2, sharex=True)
    for (name, routed), (below, above) in zip(both.items(), axes, strict=True):
        parts = {
            "at ink": (routed.primary[routed.inked], TRUE),
            "elsewhere": (routed.primary[~routed.inked], PALE),
        }
        _histograms(below, parts)
        below.set_title(f"primary capsules, {name}", size=10)
        parts = {
            "true class": (routed.classes[there], TRUE),
            "other classes": (routed.classes[~there], OTHER),
        }
        _histograms(above, parts)
        above.set_title(f"class capsules, {name}", size=10)
    axes[-1, 0].set_xlabel("length")
    axes[-1, 1].set_xlabel("length")
    return figure


def _histograms(axes, parts):
    """Draws the share of values in each of forty bins from 0 to 1."""
    for name, (values, colour) in parts.items():
        share = np.full(values.size, 1 / max(1, values.size))
        axes.hist(
            values.ravel(),
            np.linspace(0, 1, 41),
            weights=share,
            color=colour,
            alpha=0.65,
            label=name,
        )
    axes.set(xlim=(0, 1), ylabel="share")
    axes.legend(frameon=False, fontsize=9)
    axes.spines[["top", "right"]].set_visible(False)
