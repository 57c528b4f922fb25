"""What is in drawn faces: shares and means of their factors, beside those of the data.

Distances and precision do not say whether faces have eyes where eyes belong. What a
regressor reads off pictures says at least how many have glasses, beards or long hair,
and whether heads turn as far as those of the data.
"""

from typing import Any

import numpy as np

from jaxgan.lab.judges import factors
from jaxgan.lab.measure.moments import Seen

BINS = 10  # of a number, each with a tenth of the data


def possible(spec: str, shape: tuple[int, ...]) -> bool:
    """Whether images are drawn faces of a size at which their factors are read."""
    return factors.readable(spec) and shape in [
        (size, size, 3) for size in factors.SIZES
    ]


def ready(size: int) -> bool:
    """Whether the regressor that reads factors was trained before."""
    path = factors.file(factors.recipe(size))
    return path is not None and path.is_file()


def taken(real: Seen, fake: Seen, regressor: factors.Factors) -> list[dict[str, Any]]:
    """The factors of both sets, as far as their images were kept.

    Args:
        real: faces of the data.
        fake: samples.
        regressor: of `factors.trained`.

    Returns:
        A row a factor: its name; of glasses, beards and long hair the share of faces
        that have them, of the others the mean; the total variation between the two
        sets, 0 if alike and 1 at most; and how well the regressor reads it off faces it
        has not seen: the share it is right on, or R².
    """
    seen = [regressor.read(x.images) for x in (real, fake)]
    rows = []
    for name in (*factors.BINARIES, *factors.NUMBERS):
        had = name in factors.BINARIES
        one, other = (np.where(x[name] > 0.5, 1, 0) if had else x[name] for x in seen)
        means = float(one.mean()), float(other.mean())
        apart = abs(means[0] - means[1]) if had else total_variation(one, other)
        about = f"share with {name}" if had else f"mean {name}"
        rows.append(
            {
                "factor": about.replace("_", " "),
                "real": means[0],
                "fake": means[1],
                "distance": apart,
                "read": regressor.quality[name],
            }
        )
    return rows


def total_variation(real: np.ndarray, fake: np.ndarray) -> float:
    """Half of the summed differences of two histograms: 0 if alike, 1 if disjoint.

    Args:
        real: numbers `[N]`; a tenth of them is in each bin.
        fake: numbers `[M]`.
    """
    edges = np.unique(np.quantile(real, np.arange(1, BINS) / BINS))
    shares = [
        np.bincount(np.searchsorted(edges, x, "left"), minlength=len(edges) + 1)
        / len(x)
        for x in (real, fake)
    ]
    return float(np.abs(shares[0] - shares[1]).sum() / 2)
