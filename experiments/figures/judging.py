"""Judges figures by what their runs wrote."""

from typing import Literal, NamedTuple

from experiments.figures.entries import Figure
from experiments.figures.making import Shelf, needed, records

Status = Literal["holds", "fails", "look", "broken", "not made", "missing"]
MEANINGS: dict[Status, str] = {
    "holds": "what must hold, holds",
    "fails": "what must hold does not",
    "look": "nothing to count: for the eye",
    "broken": "a command ended with an error",
    "not made": "its commands were not run yet",
    "missing": "nothing draws it yet",
}


class Verdict(NamedTuple):
    """What is known of a figure.

    Attributes:
        status: one of MEANINGS.
        found: the numbers, or the error.
        seconds: what its runs took, with those that they read.
    """

    status: Status
    found: str
    seconds: float


def judged(shelf: Shelf, figure: Figure) -> Verdict:
    """Says whether a figure was made, and whether what must hold does."""
    if not figure.made:
        return Verdict("missing", "", 0.0)
    names = needed([figure])
    known = records(shelf, names)
    seconds = sum(record.seconds for record in known.values())
    for name, record in known.items():
        if record.code:
            said = f"{name} ended with status {record.code}: {record.said}"
            return Verdict("broken", said, seconds)
    if len(known) < len(names):
        return Verdict("not made", "", seconds)
    if figure.check is None:
        return Verdict("look", "", seconds)
    try:
        outcome = figure.check(shelf.read)
    except (OSError, ArithmeticError, LookupError, TypeError, ValueError) as error:
        said = f"cannot be checked: {type(error).__name__} {error}"
        return Verdict("fails", said, seconds)
    return Verdict("holds" if outcome.holds else "fails", outcome.found, seconds)
