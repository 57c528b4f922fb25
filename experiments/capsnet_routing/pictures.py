"""Draws the coefficients of a digit, and means over digits."""

import numpy as np
from matplotlib.colors import TwoSlopeNorm

from jaxgan.lab import figures

TRUE, OTHER, PALE = "#1f6f8b", "#d1495b", "#777777"
SHOWN = 4  # iterations whose coefficients are drawn


def spread_out(iterations: int) -> np.ndarray:
    """Chooses the iterations to draw, from 0: the first, the last, and some between."""
    return np.unique(np.linspace(0, iterations - 1, SHOWN).round().astype(int))


def draw_digit(image, label, coupling, weight, share, names):
    """Draws all coefficients of an image, those to its class on the grid, and means."""
    classes, shown = coupling.shape[-1], spread_out(len(coupling))
    coupling = coupling[shown]
    figure = figures.new(12, 4.3 + 1.25 * len(shown))
    figure.suptitle(
        f"Coupling from {weight.size} primary capsules to {classes} classes:"
        f" a digit {names[label]}"
    )
    heights = (0.9 + 1.25 * len(shown), 2.8)
    top, bottom = figure.subfigures(2, 1, height_ratios=heights, squeeze=False)[:, 0]
    # The colours are centred on an even share, as three iterations do not lead far from
    # it.
    reach = max(1e-4, float(np.quantile(np.abs(coupling - 1 / classes), 0.999)))
    norm = TwoSlopeNorm(1 / classes, max(0, 1 / classes - reach), 1 / classes + reach)
    scale = {"norm": norm, "cmap": "RdBu_r"}
    draw_all(top, coupling, weight, label, shown, scale, names)

    axes = bottom.subplots(1, len(shown) + 2, width_ratios=(*[1] * (len(shown) + 1), 2))
    axes[0].imshow(image.squeeze(), cmap="gray", vmin=0, vmax=1)
    axes[0].set_title("input", size=10)
    own = coupling[..., label].reshape(-1, *weight.shape)
    on_grid = (own * weight).sum(-1) / np.maximum(weight.sum(-1), 1e-9)
    for n, ax in enumerate(axes[1:-1]):
        ax.imshow(on_grid[n], aspect="equal", **scale)
        ax.set_title(f"to class {names[label]},\niteration {shown[n] + 1}", size=10)
    for ax in axes[:-1]:
        ax.set(xticks=(), yticks=())
    draw_share(axes[-1], share, label, names[label])
    return figure


def draw_all(figure, coupling, weight, label, shown, scale, names):
    """Draws all coefficients under the lengths, one iteration below the other."""
    classes, (height, width, types) = coupling.shape[-1], weight.shape
    axes = figure.subplots(
        len(shown) + 1, 1, sharex=True, height_ratios=(0.45, *[1] * len(shown))
    )
    # Ordered by type, then by place, since capsules of a type detect the same thing.
    ordered = coupling.reshape(len(shown), height * width, types, classes)
    ordered = ordered.transpose(0, 3, 2, 1).reshape(len(shown), classes, -1)
    lengths = weight.reshape(-1, types).T.ravel()
    axes[0].fill_between(np.arange(len(lengths)), lengths, step="mid", color=PALE, lw=0)
    axes[0].set(ylim=(0, 1), yticks=(0, 1), ylabel="length")
    ticks = (np.arange(types) + 0.5) * height * width - 0.5
    every = -(-types // 16)
    for n, ax in enumerate(axes[1:]):
        ax.imshow(ordered[n], interpolation="nearest", aspect="auto", **scale)
        ax.set_ylabel(f"iteration {shown[n] + 1}\nclass")
        ax.set_yticks(range(classes), names, size=7)
        ax.get_yticklabels()[label].set_color(OTHER)
        ax.get_yticklabels()[label].set_weight("bold")
        for edge in np.arange(1, types) * height * width - 0.5:
            ax.axvline(edge, color=PALE, lw=0.6)
    axes[-1].set_xticks(ticks[::every], [f"type {t}" for t in range(0, types, every)])
    axes[-1].tick_params(axis="x", length=0)
    figure.colorbar(axes[1].images[0], ax=axes[1:], label=r"$c_{ij}$", pad=0.01)


def draw_share(axes, share, label, name):
    """Draws the mean coupling to each class over the iterations."""
    at = np.arange(1, len(share) + 1)
    for c in np.argsort(np.arange(share.shape[1]) == label):
        colour = TRUE if c == label else PALE
        axes.plot(at, share[:, c], "o-", color=colour, lw=1, ms=4)
    side = {"va": "top", "color": TRUE}
    axes.text(0.05, 0.93, f"class {name}", transform=axes.transAxes, **side)
    axes.set(xlabel="iteration", title="mean coupling to each class", xticks=at)
    axes.yaxis.get_major_formatter().set_useOffset(False)
    axes.spines[["top", "right"]].set_visible(False)


def draw_mean(means, stopped, count, classes):
    """Draws four panels over the iteration: coupling, entropy, lengths and error.

    Args:
        means: of the coupling, for all capsules and for those at ink.
        stopped: what fewer iterations would give.
        count: test images.
        classes: how many there are.
    """
    figure = figures.new(15, 3.9, space=0.06)
    figure.suptitle(f"Routing, mean of {count} test images")
    names = {
        "true_class": ("the true class", TRUE, "o-"),
        "largest_other": ("the strongest other class", OTHER, "o-"),
        "mean_other": ("the other classes, on average", PALE, "o--"),
    }
    at = np.arange(1, len(stopped["error"]) + 1)
    share, entropy, before, length = figure.subplots(1, 4)
    for name, (text, colour, line) in names.items():
        share.plot(at, means["inked"][name], line, color=colour, label=text)
        before.plot(at, stopped["before_squash"][name], line, color=colour, label=text)
        length.plot(at, stopped["length"][name], line, color=colour, label=text)
    all_true = means["all"]["true_class"]
    share.plot(at, all_true, "s:", color=TRUE, mfc="w", label="the true class, of all")
    share.set_title("coupling of capsules at ink towards")
    share.axhline(1 / classes, color=PALE, lw=0.8, ls=":")
    share.legend(frameon=False, fontsize=8)
    for name, line, text in (("inked", "o-", "at ink"), ("all", "s:", "all capsules")):
        entropy.plot(at, means[name]["entropy"], line, color=TRUE, label=text)
    entropy.set_title("entropy of the coupling (1: even)")
    entropy.legend(frameon=False, fontsize=9)
    before.set(
        title=r"$\Vert s\Vert$, the sum of votes (colours as left)", ylim=(0, None)
    )
    length.set(title=r"$\Vert v\Vert$, after the squash", ylim=(0, 1.05))
    for i in spread_out(len(at)):
        place = (at[i], stopped["length"]["true_class"][i] - 0.05)
        text = f"error\n{stopped['error'][i]:.1%}"
        length.text(*place, text, ha="center", va="top", size=8)
    for ax in (share, entropy, before, length):
        ax.set_xticks(at)
        ax.set_xlabel("iterations of routing")
        ax.margins(x=0.15)
        ax.yaxis.get_major_formatter().set_useOffset(False)
        ax.spines[["top", "right"]].set_visible(False)
    return figure
