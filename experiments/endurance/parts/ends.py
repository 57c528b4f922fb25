"""Compares what two runs came to, bit by bit."""

import json
import pathlib
from typing import Any

from experiments.endurance.parts import victim
from jaxgan import report
from jaxgan.train import directory

TIMING = ("images_per_second", "waiting_for_data")


def compared(one: pathlib.Path, other: pathlib.Path) -> dict[str, Any]:
    """What differs between two runs: their last states, best states and numbers."""
    last = [victim.saved(folder / directory.LATEST) for folder in (one, other)]
    best = [victim.saved(folder / directory.BEST) for folder in (one, other)]
    return {
        "differing arrays": differing(*last),
        "best differs": bool(differing(*best)),
        "losses differ": numbers(one) != numbers(other),
    }


def differing(one, other) -> list[str]:
    """Paths of arrays that differ in any bit, and `step` where that does."""
    (step, arrays), (other_step, others) = one, other
    if arrays.keys() != others.keys():
        return sorted(arrays.keys() ^ others.keys())
    return ["step"] * (step != other_step) + [
        name for name, x in arrays.items() if x.tobytes() != others[name].tobytes()
    ]


def numbers(folder: pathlib.Path) -> list[str]:
    """The scalars of a run, one text a row, without those of its speed."""
    rows = report.read_scalars(folder / directory.SCALARS)
    return [
        json.dumps({k: x for k, x in row.items() if k not in TIMING}) for row in rows
    ]
