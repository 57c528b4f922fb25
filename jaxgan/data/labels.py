"""Labels and the names they stand for: two sets agree on a class by its name."""

import re
from collections.abc import Sequence

import numpy as np


def numbers(wanted: Sequence[str | int], names: Sequence[str]) -> list[int]:
    """The labels of classes that are given by name, or by number.

    Args:
        wanted: names, or numbers where no class has the number for its name.
        names: of all classes, in the order of their labels.

    Raises:
        ValueError: there is no such class.
    """
    label = {name: i for i, name in reversed(list(enumerate(names)))}
    label = {str(i): i for i in range(len(names))} | label
    if missing := [str(one) for one in wanted if str(one) not in label]:
        shown = ", ".join(names[:20]) + ", ..." * (len(names) > 20)
        raise ValueError(
            f"there is no class {', '.join(missing)}; the classes are {shown}"
        )
    return [label[str(one)] for one in wanted]


def translated(
    labels: np.ndarray, names: Sequence[str], into: Sequence[str]
) -> np.ndarray:
    """The labels of one set as another set numbers its classes, by their names.

    Args:
        labels: integers `[N]`.
        names: of the classes that they number.
        into: the names of the other set's classes.

    Returns:
        int32 `[N]`; -1 for classes that the other set has not, and for labels that
        stand for no class.
    """
    label = {name: i for i, name in reversed(list(enumerate(into)))}
    table = np.array([*(label.get(name, -1) for name in names), -1], np.int32)
    labels = np.asarray(labels)
    known = (labels >= 0) & (labels < len(names))
    return table[np.where(known, labels, len(names))]


def in_order(names: Sequence[str]) -> list[int]:
    """The places of names in their order: as text, but numbered ones by their numbers.

    Numbered names differ in nothing but numbers: "2" comes before "10", and "day 2"
    before "day 10".
    """
    parts = [re.split(r"(\d+)", name, flags=re.ASCII) for name in names]
    numbered = len({tuple(part[::2]) for part in parts}) == 1

    def key(place: int) -> tuple[list[int], str]:
        values = [int(digits) for digits in parts[place][1::2]] if numbered else []
        return values, names[place]

    return sorted(range(len(names)), key=key)
