"""Numbers by their names, as text, and samples beside their neighbours."""

from typing import Any

import numpy as np

from jaxgan import data, metrics, report
from jaxgan.lab.measure import moments
from jaxgan.metrics import features

SHOWN = 8  # samples with their nearest neighbours
# The usual names of statistics of the published Inception features.
PUBLISHED_NAMES = {
    "frechet_distance": "fid",
    "kernel_distance": "kid",
    "score": "inception_score",
    "class_frechet_distance": "class_fid",
}


def named(numbers: dict[str, Any], extractor: features.Extractor) -> dict[str, Any]:
    """Renames the numbers to their usual names, where the protocol allows it."""
    if not extractor.about.get("published"):
        return numbers

    def called(name):
        for ours, theirs in PUBLISHED_NAMES.items():
            if name == ours or name.startswith(f"{ours}_"):
                return theirs + name.removeprefix(ours)
        return name

    return {called(name): value for name, value in numbers.items()}


def table(numbers: dict[str, Any]) -> str:
    """Writes the numbers as lines, and classes as a table."""
    lines = []
    for name, value in numbers.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            lines.append("  " + "  ".join(f"{column:>18}" for column in value[0]))
            lines += ["  " + "  ".join(f"{_short(v):>18}" for v in r.values())
                      for r in value]  # fmt: skip
        else:
            lines.append(f"{name.replace('_', ' '):>36}  {_short(value)}")
    return "\n".join(lines)


def neighbours(real: moments.Seen, fake: moments.Seen) -> np.ndarray:
    """Draws samples, each beside the three real images nearest to it by features."""
    shown = min(SHOWN, len(fake.images))
    near = min(3, len(real.images))
    chosen = data.some(len(fake.images), shown)
    index, _ = metrics.nearest_neighbours(
        fake.features[fake.pictured][chosen], real.features[real.pictured], near
    )
    rows = np.concatenate(
        [fake.images[chosen, None], real.images[np.asarray(index)]], axis=1
    )
    return report.sheet(rows.reshape(-1, *fake.images.shape[1:]), 2 * (near + 1))


def _short(value: Any) -> str:
    if isinstance(value, list):
        return " ".join(_short(x) for x in value)
    return f"{value:.4g}" if isinstance(value, float) else str(value)
