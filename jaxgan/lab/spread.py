"""Means over training seeds, and how far seeds lie apart."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class Spread(NamedTuple):
    """What several seeds reached.

    Attributes:
        mean: of all seeds.
        standard_deviation: of a seed, estimated from all; None where there is one.
    """

    mean: float
    standard_deviation: float | None

    def text(self, digits: int = 2) -> str:
        """The mean, and the deviation behind "±" where there is one."""
        numbers = [x for x in self if x is not None]
        return " ± ".join(f"{x:.{digits}f}" for x in numbers)


def spread(values: Sequence[float] | np.ndarray) -> Spread:
    """The mean of values, one of each seed, and their standard deviation."""
    several = len(values) > 1
    deviation = float(np.std(values, ddof=1)) if several else None
    return Spread(float(np.mean(values)), deviation)
