"""The protocol of a source: examples in a fixed order, read one at a time."""

from typing import Protocol

import numpy as np

Example = dict[str, np.ndarray]
"""`"image"` uint8 `[H, W, 1 to 4]`; `"label"` int32 `[]` where the set has classes.

Other keys may stand beside them. Of 2 or 4 channels the last is opacity."""


class Source(Protocol):
    """A set of examples in a fixed order."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> Example: ...


def name_of(source: Source, index: int) -> str:
    """What to call an example in an error: its file's name where there is one."""
    name = getattr(source, "name", None)
    return str(name(index)) if callable(name) else f"image {index}"


def classes_of(source: Source) -> tuple[str, ...]:
    """The names of a source's labels in the order of their numbers.

    Two sets agree on a class by its name; its number may differ between them.

    Returns:
        The names, or `()` where the set has no classes or nobody knows them.
    """
    return tuple(map(str, getattr(source, "classes", ())))


def labels_of(source: Source) -> np.ndarray | None:
    """The label of every example, as far as it is known without reading images.

    Returns:
        Integers `[N]`, or None where they are not known.
    """
    return getattr(source, "labels", None)
