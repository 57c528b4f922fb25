"""Draws digits whose capsules are changed, dimension by dimension."""

from typing import Any, NamedTuple

import numpy as np

from jaxgan.lab import figures


class Digit(NamedTuple):
    """A digit, and the drawings of its capsule with dimensions changed.

    Attributes:
        number: of the test image.
        name: of its class.
        label: its class.
        found: the class that it is taken for.
        image: the test image, `[H, W, C]`.
        rows: the drawings, `[dimensions, offsets, H, W, C]`.
    """

    number: int
    name: str
    label: int
    found: int
    image: np.ndarray
    rows: np.ndarray

    @property
    def about(self) -> str:
        """Describes the digit."""
        return f"digit {self.name} (test image {self.number})"

    @property
    def change(self) -> np.ndarray:
        """The mean change of a pixel from one end to the other, `[dimensions]`."""
        return np.abs(self.rows[:, -1] - self.rows[:, 0]).mean((1, 2, 3))

    def results(self) -> dict[str, Any]:
        """The numbers of a digit, as plain values."""
        error = np.square(self.rows - self.image).sum((2, 3, 4))
        return {
            "test_image": self.number,
            "label": self.label,
            "predicted": self.found,
            "visible_change": self.change.tolist(),
            "squared_error": float(error[0, error.shape[1] // 2]),
            "squared_error_at_ends": error[:, [0, -1]].tolist(),
        }


def draw(digit: Digit, above: list[str], about: str):
    """Draws one digit and the rows of all its dimensions."""
    rows = digit.rows
    side, (dims, columns) = 0.56, rows.shape[:2]
    figure = figures.new(side * (columns + 3.6), side * dims + 1.3)
    figure.suptitle(f"What each dimension of the class capsule does: {about}")
    left, right = figure.subplots(1, 2, width_ratios=(1.6, columns + 1))
    pair = np.stack([digit.image, rows[0, columns // 2]])[:, None]
    figures.tiles(left, pair, ["", ""], [""])
    left.set_anchor("N")
    left.set_title("input", size=9)
    left.set_xlabel("drawn from\nits capsule", size=9)
    figures.tiles(right, rows, [str(d) for d in range(dims)], above)
    right.set_ylabel("dimension")
    right.set_title("added to the dimension", size=10)
    label_changes(right, digit.change, rows.shape[2])
    return figure


def draw_overview(digits: list[Digit], explained: list[np.ndarray], above: list[str]):
    """Draws digits along principal directions, in two columns.

    Args:
        digits: with a row of drawings for each direction.
        explained: for each digit, the share of variance along each direction.
        above: what stands above the columns.
    """
    side, columns = 0.56, len(above)
    lines = -(-len(digits) // 2)
    across = min(2, len(digits))
    figure = figures.new(
        across * side * (columns + 2.0),
        lines * (side * len(digits[0].rows) + 0.75) + 0.4,
    )
    figure.suptitle(
        "A class capsule moved along one principal direction of its class; places in"
        " standard deviations from its mean"
    )
    axes = figure.subplots(lines, across, squeeze=False).ravel()
    for ax, digit, shares in zip(axes, digits, explained, strict=False):
        left = [f"{share:.0%}" for share in shares]
        figures.tiles(ax, digit.rows, left, above)
        ax.set_ylabel("share of the variance", size=8)
        ax.set_title(digit.about, size=10)
    for ax in axes[len(digits) :]:
        ax.remove()
    return figure


def label_changes(axes, change, height):
    """Writes on the right how much each row changes from one end to the other."""
    right = axes.secondary_yaxis("right")
    labels = [f"{x:.3f}" for x in change]
    right.set_yticks(figures.middles(len(change), height), labels)
    right.set_ylabel("mean change of a pixel, end to end", size=8)
    right.tick_params(length=0, labelsize=8, colors="#777777")
    right.spines[:].set_visible(False)
