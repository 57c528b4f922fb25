"""What the page sends, checked."""

import dataclasses
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from jaxgan.lab import plane

LARGEST = 10**9  # number of a picture


def read(body: bytes) -> dict[str, Any]:
    """The object of a request.

    Raises:
        ValueError: it is not JSON, or not an object.
    """
    try:
        told = json.loads(body.decode())
    except (ValueError, RecursionError):
        raise ValueError("the request is not JSON") from None
    if not isinstance(told, dict):
        raise ValueError("the request is no JSON object, such as {}")
    return told


def changed(setting: plane.Setting, told: Mapping[str, Any]) -> plane.Setting:
    """The setting with the fields that a page has changed.

    Raises:
        ValueError: there is no such field, its value is of another type or out of
            bounds, or the fields do not fit together.
    """
    held = dataclasses.asdict(setting)
    values = {}
    for name, value in told.items():
        if name not in held:
            raise ValueError(f"there is no setting {name[:40]!r}; there are {[*held]}")
        values[name] = _like(name, held[name], value)
    return dataclasses.replace(setting, **values)


def frame(query: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """The numbers with which a page asks for a picture.

    Raises:
        ValueError: one is not a whole number, or too large.
    """
    found = {}
    for name, texts in query.items():
        text = texts[-1]
        if name not in ("have", "edition", "rows"):
            raise ValueError(f"there is no number {name[:40]!r}; give have and rows")
        digits = text.removeprefix("-")
        if not (digits.isdecimal() and digits.isascii() and len(digits) < 10):
            raise ValueError(
                f"{name} is {text[:40]!r}; it must be a whole number below {LARGEST}"
            )
        found[name] = int(text)
    if found.get("rows", 0) < 0:
        raise ValueError(f"rows is {found['rows']}; it must be at least 0")
    return found


def _like(name: str, held: Any, value: Any) -> Any:
    """A value of JSON, as what it takes the place of."""
    if isinstance(held, tuple):
        return _places(name, value)
    if isinstance(held, str):
        if isinstance(value, str):
            return value[:40]
        raise ValueError(f"{name} is {_short(value)}; it must be a name")
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{name} is {_short(value)}; it must be a number")
    if isinstance(held, int):
        if not (math.isfinite(value) and value == int(value)):
            raise ValueError(f"{name} is {_short(value)}; it must be a whole number")
        return int(value)
    try:
        return float(value)
    except OverflowError:
        raise ValueError(f"{name} is {_short(value)}; it is too large") from None


def _places(name: str, value: Any) -> tuple[tuple[float, ...], ...]:
    if not isinstance(value, list) or not all(isinstance(x, list) for x in value):
        raise ValueError(f"{name} is {_short(value)}; it must be a list of [x, y]")
    if len(value) > plane.PLACES:
        raise ValueError(f"{name} has {len(value)} places; draw at most {plane.PLACES}")
    return tuple(tuple(_like(name, 0.0, x) for x in place) for place in value)


def _short(value: Any) -> str:
    text = str(value) if isinstance(value, int | float) else repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."
