"""What the curves of the page show: a few numbers of every seed over the steps."""

from typing import Any

import numpy as np

from jaxgan.lab import plane

MOST = 480  # rows; at more, every second one is dropped
MARKS = 40  # changes that are remembered
NAMES = ("discriminator", "generator", "modes", "near")


class Curves:
    """Rows `[step, values of D's loss, of G's, modes, near]`, never too many.

    Attributes:
        rows: the rows.
        marks: `[step, what was changed]`.
        edition: grows whenever rows change that were there before.
    """

    def __init__(self, edition: int = 0):
        self.rows: list[list[Any]] = []
        self.marks: list[list[Any]] = []
        self.edition = edition
        self._apart = 1  # steps between rows that are kept, at least

    def add(self, step: int, losses: dict, seen: plane.Seen) -> None:
        """Adds the row of a step, unless the last one is too near."""
        if self.rows and step - self.rows[-1][0] < self._apart:
            return
        values = {**losses, "modes": seen.modes, "near": seen.near}
        self.rows.append([step, *(numbers(values[name]) for name in NAMES)])
        if len(self.rows) > MOST:
            self.rows = self.rows[::2]
            self._apart = max(1, 2 * step // MOST)
            self.edition += 1

    def mark(self, step: int, what: str) -> None:
        """Remembers that something was changed."""
        self.marks = [*self.marks[-MARKS + 1 :], [step, what]]


def numbers(values: Any) -> list[float | None]:
    """Numbers for JSON, which has no NaN and no infinity."""
    return [
        round(float(x), 5) if np.isfinite(x) else None
        for x in np.asarray(values, float)
    ]
