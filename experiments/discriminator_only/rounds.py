"""Finds peaks of a landscape, and draws the rounds in the plane."""

import pathlib
from collections.abc import Mapping, Sequence

import jax
import numpy as np

from jaxgan.data.synthetic.points import Points
from jaxgan.lab import figures
from jaxgan.models import discriminator_only as alone

PANELS = 10  # rounds whose landscapes are shown
NEAR = 3.0  # standard deviations from a mode that count as data
DATA, FOUND, WRONG = "white", "#ff9f1c", "#e71d36"


def peaks(landscape: np.ndarray) -> np.ndarray:
    """Finds local maxima of a landscape `[G, G]`: indices `[P, 2]`.

    A maximum counts only if D takes it for data (a logit above 0), and if it stands out
    from its surroundings by a hundredth of the landscape's range. Places at the edge
    have fewer neighbours.
    """
    padded = np.pad(landscape, 2, constant_values=-np.inf)
    size = landscape.shape[0]
    around = np.stack(
        [
            padded[2 + i : 2 + i + size, 2 + j : 2 + j + size]
            for i in range(-2, 3)
            for j in range(-2, 3)
            if (i, j) != (0, 0)
        ]
    )
    ring = np.where(np.isfinite(around), around, np.inf).min(0)
    tall = landscape - ring > 0.01 * np.ptp(landscape)
    return np.argwhere((landscape > around.max(0)) & tall & (landscape > 0))


def draw_plane(
    path: pathlib.Path,
    model: alone.Config,
    ring: Points,
    place: np.ndarray,
    seen: Mapping[int, Mapping[str, np.ndarray]],
) -> None:
    """Draws D's landscape after rounds 1, 2, 4, ..., since it changes most at first.

    Args:
        path: the file of the picture.
        model: the discriminator, whose rounds they are.
        ring: the data.
        place: coordinates of the landscape along an axis.
        seen: step -> the landscape and the negatives found.
    """
    steps = sorted(seen)[1:]
    wanted = np.geomspace(1, len(steps), min(PANELS, len(steps))).round().astype(int)
    for i in range(1, len(wanted)):  # skips repeats among the first
        wanted[i] = max(wanted[i], wanted[i - 1] + 1)
    chosen = [steps[i - 1] for i in wanted]
    some = np.asarray(ring.sample(jax.random.key(0), 300))
    figure = figures.new(13.0, 5.7)
    axes = figure.subplots(2, -(-len(chosen) // 2), squeeze=False)
    for panel in axes.flat[len(chosen) :]:
        panel.set_axis_off()
    for panel, step in zip(axes.flat, chosen, strict=False):
        landscape, found = seen[step]["landscape"], seen[step]["found"]
        d = 1 / (1 + np.exp(-landscape))
        panel.imshow(
            d, extent=[place[0], place[-1]] * 2, origin="lower", cmap="viridis", vmin=0
        )
        panel.scatter(*some.T, s=2, c=DATA, alpha=0.45, lw=0)
        panel.scatter(*found.T, s=16, c=FOUND, marker="o", lw=0.4, edgecolors="black")
        top = peaks(landscape)
        where = np.stack([place[top[:, 1]], place[top[:, 0]]], -1)
        gap = np.linalg.norm(where[:, None] - ring.centres[None], axis=-1).min(1)
        wrong = where[gap > NEAR * ring.sigma]
        panel.scatter(*wrong.T, s=70, c=WRONG, marker="x", lw=2)
        rounds = step // model.round_steps
        panel.set_title(f"round {rounds}: {len(wrong)} without data", size=10)
        panel.set(xticks=[], yticks=[])
    figure.suptitle(
        "D after rounds (bright: real). Dots: the argmax of D, the next negatives;"
        " crosses: peaks above one half without data",
        size=11,
    )
    figures.save(path, figure, "D's landscape after rounds")


def draw_rounds(
    path: pathlib.Path, model: alone.Config, rows: Sequence[Mapping[str, float]]
) -> None:
    """Draws the number of peaks, and the places of negatives, over rounds."""
    figure = figures.new(9.0, 3.2)
    left, right = figure.subplots(1, 2)
    rounds = [row["step"] / model.round_steps for row in rows]
    for name, colour in (("peaks/with data", "#1f6f8b"), ("peaks/without", WRONG)):
        left.plot(rounds, [row[name] for row in rows], color=colour, label=name[6:])
    left.set(xlabel="round", ylabel="peaks of D", ylim=(0, None))
    left.legend(frameon=False, title="peaks")
    near = [row["negatives/near data"] for row in rows]
    edge = [row["negatives/at the edge"] for row in rows]
    right.plot(rounds, near, color="#1f6f8b", label="where data lie")
    right.plot(rounds, edge, color=WRONG, label="at the edge of the box")
    right.set(xlabel="round", ylabel="share of negatives", ylim=(-0.02, 1.02))
    right.legend(frameon=False)
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    figures.save(path, figure, "peaks and negatives by round")
