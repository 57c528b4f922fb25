"""What the book knows of a figure: how it is made, what it shows, what must hold."""

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

from jaxgan.train import directory

Read = Callable[[str], Any]
"""`read("gan_1d/results.json")` gives what a run of the book wrote there; of a file
`.jsonl`, a list of its rows."""


class Made(NamedTuple):
    """A command of this library that a figure is drawn by, or that comes before it.

    Attributes:
        command: its name and flags. `{NAME}` stands for the folder of another run of
            the book, which is made first, and `{digits}` for the set of digits.
        minutes: what it takes on two CPU cores, about.
        small: the flags that the small book adds.
        small_minutes: what it takes with them.
    """

    command: str
    minutes: float
    small: str = ""
    small_minutes: float = 0.5


class Outcome(NamedTuple):
    """Whether what must be true of a figure is true of this one.

    Attributes:
        holds: whether it is.
        found: the numbers that say so.
    """

    holds: bool
    found: str


@dataclasses.dataclass(frozen=True)
class Figure:
    """A figure of the lectures, and how this library draws it."""

    number: int
    """Its place in the lectures, from 1."""
    title: str
    """What it is called here."""
    see: str
    """The statement of the lectures that it stands for, in our words."""
    made: tuple[str, ...] = ()
    """Names of the runs that draw it; none where nothing draws it yet."""
    pictures: tuple[str, ...] = ()
    """Patterns of files, each for the last file that it fits."""
    wanted: str = ""
    """What must hold, in words; empty where it is for the eye to judge."""
    check: Callable[[Read], Outcome] | None = None
    """Whether that holds, by what the runs wrote."""
    lacks: str = ""
    """The part of the figure that nothing draws yet."""


def logged(read: Read, run: str, name: str) -> list[float]:
    """What a run of the book logged under a name while it trained."""
    rows = read(f"{run}/{directory.SCALARS}")
    return [row[name] for row in rows if name in row]


def at_least(name: str, value: float, bound: float) -> Outcome:
    """Sees that a number is not below a bound."""
    return Outcome(value >= bound, f"{name} {value:.3g} (at least {bound:.3g})")


def at_most(name: str, value: float, bound: float) -> Outcome:
    """Sees that a number is not above a bound."""
    return Outcome(value <= bound, f"{name} {value:.3g} (at most {bound:.3g})")


def near(name: str, value: float, goal: float, by: float) -> Outcome:
    """Sees that a number is no farther than `by` from another."""
    there = abs(value - goal) <= by
    return Outcome(there, f"{name} {value:.4g} ({goal:.4g} ± {by:.3g})")


def less(name: str, value: float, other: str, than: float) -> Outcome:
    """Sees that a number is below another one that was measured."""
    return Outcome(value < than, f"{name} {value:.3g}, {other} {than:.3g}")


def every(*outcomes: Outcome) -> Outcome:
    """Sees that all of some outcomes hold."""
    return Outcome(all(x.holds for x in outcomes), "; ".join(x.found for x in outcomes))
