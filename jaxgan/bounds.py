"""Bounds of settings, written as annotations of dataclass fields.

    @dataclasses.dataclass(frozen=True)
    class Config:
        width: bounds.Count = 64
        learning_rate: bounds.Rate = 1e-3
        moments: Annotated[float, bounds.Within(0, 1)] = 0.5

        def __post_init__(self):
            bounds.check(self)

A tuple's bound applies to each of its elements. None passes where the type allows it.
Choices (`Literal`) are checked too, and no number may be NaN or infinite.
"""

import dataclasses
import math
import numbers
import types
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints


@dataclasses.dataclass(frozen=True)
class Within:
    """Numbers from `least` to `most`; `above` and `below` exclude these ends."""

    least: float = -math.inf
    most: float = math.inf
    above: bool = False
    below: bool = False

    def holds(self, value: float) -> bool:
        """Whether a number lies within."""
        low = value > self.least if self.above else value >= self.least
        high = value < self.most if self.below else value <= self.most
        return low and high and math.isfinite(value)

    def __str__(self) -> str:
        low = f"{'above' if self.above else 'at least'} {self.least:g}"
        high = f"{'below' if self.below else 'at most'} {self.most:g}"
        ends = [low] * (self.least > -math.inf) + [high] * (self.most < math.inf)
        return " and ".join(ends) or "finite"


@dataclasses.dataclass(frozen=True)
class Long:
    """Tuples of at least `least` elements."""

    least: int


Count = Annotated[int, Within(1)]  # layers, units, steps
Depth = Annotated[int, Within(1, 100)]  # layers, each of which takes time to compile
Natural = Annotated[int, Within(0)]  # counts where 0 means none
Seed = Annotated[int, Within(0, 2**32 - 1)]  # random keys take 32 bits of it
Whole = Annotated[int, Within()]  # such as layers counted from the last
Finite = Annotated[float, Within()]  # whatever a user wants
Rate = Annotated[float, Within(0, above=True)]  # step sizes
Weight = Annotated[float, Within(0)]  # weights of terms of a loss
Decay = Annotated[float, Within(0, 1, below=True)]  # of averages, and momenta
Share = Annotated[float, Within(0, 1)]  # parts of a whole
Box = tuple[Natural, Natural, Count, Count]  # top, left, height, width
Layers = Annotated[tuple[Count, ...], Long(1)]  # units of one layer or more


def check(config: Any, *, flags: bool = False) -> None:
    """Checks every field of a dataclass against its annotation.

    Args:
        config: an instance; call it from `__post_init__`.
        flags: whether messages name fields as flags, such as `--batch-size`.

    Raises:
        ValueError: a field is out of bounds; the message tells its name, its value and
            the bound.
    """
    hints = get_type_hints(type(config), include_extras=True)
    for field in dataclasses.fields(config):
        name = "--" + field.name.replace("_", "-") if flags else field.name
        _check(name, getattr(config, field.name), hints[field.name], [])


def _check(name: str, value: Any, kind: Any, bounds: list[Any], told: Any = None):
    """Checks a value, or an element of the tuple `told`; messages show the tuple."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Annotated:
        own = [extra for extra in arguments[1:] if isinstance(extra, Within | Long)]
        _check(name, value, arguments[0], bounds + own, told)
    elif origin is Literal:
        if value not in arguments:
            raise ValueError(f"unknown {name} {value!r}; choose from {arguments}")
    elif origin in (Union, types.UnionType):
        _check_any(name, value, arguments, bounds)
    elif origin is tuple and isinstance(value, tuple | list):
        if any(len(value) < bound.least for bound in bounds if isinstance(bound, Long)):
            raise ValueError(f"{name} is {value}; give at least one number")
        kinds = arguments if arguments[-1:] != (...,) else arguments[:1] * len(value)
        for element, each in zip(value, kinds, strict=False):
            _check(name, element, each, bounds, value)
    elif isinstance(value, numbers.Real) and not isinstance(value, bool):
        if kind is int and not isinstance(value, numbers.Integral):
            raise ValueError(f"{name} is {value}; it must be a whole number")
        for bound in bounds or [Within()]:
            if isinstance(bound, Within) and not bound.holds(float(value)):
                shown, what = (value, "it") if told is None else (told, "each")
                raise ValueError(f"{name} is {shown}; {what} must be {bound}")


def _check_any(name, value, kinds, bounds):
    """Checks a union: a value that is one of the choices, or None, needs no bounds."""
    choices = [choice for kind in kinds for choice in get_args(kind)]
    if value is None or (isinstance(value, str) and value in choices):
        return
    for kind in kinds:
        if get_origin(kind) is not Literal and kind is not type(None):
            _check(name, value, kind, bounds)
