"""How many classes a model is told of: a number, or as many as the data has."""

from typing import Annotated

from jaxgan import bounds

Classes = Annotated[int, bounds.Within(2)] | None
"""None stands for as many as the data has: the laboratory puts the number there before
networks are made."""


def known(classes: int | None) -> int:
    """The number of classes, where it is known.

    Raises:
        ValueError: it is still None.
    """
    if classes is None:
        raise ValueError(
            "the number of classes is None, which stands for that of the data; give a"
            " number before networks are made"
        )
    return classes
