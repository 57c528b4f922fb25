"""What is in drawn faces: shares and means of their factors, beside those of the data.

Distances and precision do not say whether faces have eyes where eyes belong. What a
regressor reads off pictures says at least how many have glasses, beards or long hair.
"""

from typing import Any

from jaxgan.lab.judges import factors
from jaxgan.lab.measure.moments import Seen


def possible(spec: str, shape: tuple[int, ...]) -> bool:
    """Whether images are drawn faces of a size at which their factors are read."""
    drawn = spec.partition(":")[0] == "faces"
    return drawn and shape in [(size, size, 3) for size in factors.SIZES]


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
        that have them, of the others the mean; and how well the regressor reads it off
        faces it has not seen: the share it is right on, or R².
    """
    seen = [regressor.read(x.images) for x in (real, fake)]
    rows = []
    for name in (*factors.BINARIES, *factors.NUMBERS):
        had = name in factors.BINARIES
        values = [(x[name] > 0.5 if had else x[name]).mean() for x in seen]
        about = f"share with {name}" if had else f"mean {name}"
        rows.append(
            {
                "factor": about.replace("_", " "),
                "real": float(values[0]),
                "fake": float(values[1]),
                "read": regressor.quality[name],
            }
        )
    return rows
