"""Draws pooling, and shifts read off poses."""

import numpy as np
from matplotlib.patches import Rectangle

from experiments.capsnet_equivariance.shifting import BIAS, FILTER, INPUTS, POOL
from jaxgan.lab import figures

POSE, LENGTH, PALE = "#1f6f8b", "#d1495b", "#777777"


def draw_pooling(detected, pooled):
    """Draws numbers in boxes: inputs, detections and their pooled values."""
    figure = figures.new(9.6, 3.9)
    figure.suptitle("A detection moves with its input; pooling loses its place")
    axes = figure.subplots(1, 2)
    texts = (
        "input",
        f"convolution\nwith ({', '.join(map(str, FILTER))}),\nbias {BIAS}, ReLU",
        f"largest of\n{POOL} neighbours",
    )
    for n, (ax, about) in enumerate(
        zip(axes, ("an input", "moved by one"), strict=True)
    ):
        for row, values in enumerate((INPUTS[n], detected[n], pooled[n])):
            colour = (PALE, POSE, LENGTH)[row]
            for i, value in enumerate(values):
                place = (i + (len(INPUTS[n]) - len(values)) / 2, -1.5 * row)
                strength = 0.15 + 0.25 * min(value, 2) if value else 0
                for alpha, fill in ((strength, True), (1, False)):
                    ax.add_patch(
                        Rectangle(
                            place, 0.94, 0.94, color=colour, alpha=alpha, fill=fill
                        )
                    )
                middle = (place[0] + 0.47, place[1] + 0.44)
                ax.text(*middle, str(value), size=15, ha="center", va="center")
            if not n:
                ax.text(-0.4, -1.5 * row + 0.47, texts[row], ha="right", va="center")
        ax.set(xlim=(-0.2, 5.2), ylim=(-3.2, 1.2), aspect="equal")
        ax.set_title(about)
        ax.set_axis_off()
    return figure


def draw_pose(strip, steps, offsets, read, classes, mean, names):
    """Draws a digit that moves, what is read off its capsule, lengths, and R²."""
    figure = figures.new(12, 5.4 + 2.2 * (strip is not None))
    below = figure
    if strip is not None:
        parts = figure.subfigures(2, 1, height_ratios=(1, 2), squeeze=False)
        above, below = parts[:, 0]
        ax = above.subplots()
        offset = [f"{x:+d}" if x else "0" for x in steps]
        figures.tiles(
            ax, strip, ["shifted input", "drawn from its\nclass capsule"], offset
        )
        ax.set_title("pixels to the right", size=10)
    axes = below.subplots(2, 2)
    for ax, axis, about in zip(axes[0], (1, 0), ("to the right", "down"), strict=True):
        still = offsets[:, 1 - axis] == 0
        ax.plot(steps, steps, color=PALE, lw=1, ls="--")
        for values in read:
            shift = values[:, still, axis]
            ax.plot(steps, shift[0], color=POSE, lw=0.9, alpha=0.8)
        ax.set(xlabel=f"pixels shifted {about}", ylabel="read off the pose")
        ax.set_title("one unseen digit of each class (dashed: exact)", size=10)
    draw_presence(axes[1, 0], classes, mean)
    draw_r2(axes[1, 1], classes, names)
    for ax in axes.ravel():
        ax.spines[["top", "right"]].set_visible(False)
    return figure


def draw_presence(axes, classes, mean):
    """Draws lengths, and how often the right capsule is the longest, over the shift."""
    far = np.arange(len(mean["length"]))
    for c in classes:
        axes.plot(far, c["length"], color=PALE, lw=0.9)
    for name, colour, text in (
        ("length", LENGTH, "length of the right capsule (grey: each class)"),
        ("found", POSE, "share classified right"),
    ):
        axes.plot(far, mean[name], "o-", color=colour, label=text)
    axes.set(ylim=(0, 1.05), xticks=far, xlabel="pixels shifted, either way")
    axes.set_title("presence", size=10)
    axes.legend(frameon=False, fontsize=9, loc="lower left")


def draw_r2(axes, classes, names):
    """Draws how well shifts are read off capsules, for every class."""
    place = np.arange(len(classes))
    for side, name, colour, text in (
        (-0.2, "r2_pose", POSE, "from the class's capsule"),
        (0.2, "r2_lengths", LENGTH, "from the lengths of all"),
    ):
        values = [max(0.0, float(np.mean(c[name]))) for c in classes]
        axes.bar(place + side, values, 0.4, color=colour, label=text)
    axes.set_xticks(place, names)
    axes.set(xlabel="class", ylim=(0, 1.35), yticks=(0, 0.5, 1))
    axes.set_title("R² of the shift, on unseen digits (below 0: no bar)", size=10)
    axes.legend(frameon=False, fontsize=9, ncols=2, loc="upper center")
