"""Bounds by annotation: what is refused, and what the message says."""

import dataclasses
import re
from typing import Annotated, Literal

import numpy as np
import pytest

from jaxgan import bounds


@dataclasses.dataclass(frozen=True)
class Config:
    width: bounds.Count = 4
    skipped: bounds.Natural = 0
    rate: bounds.Rate = 0.1
    weight: bounds.Weight = 0.0
    decay: bounds.Decay = 0.0
    share: bounds.Share = 1.0
    free: float = -3.0
    layers: bounds.Layers = (4, 2)
    pair: tuple[bounds.Count, bounds.Weight] = (1, 0.0)
    kind: Literal["a", "b"] = "a"
    kinds: tuple[Literal["x", "y"], ...] = ()
    often: bounds.Count | None = None
    every: bounds.Count | Literal["auto"] = "auto"
    most: Annotated[int, bounds.Within(most=9)] = 9
    on: bool = True
    path: str = ""

    def __post_init__(self):
        bounds.check(self)


@dataclasses.dataclass(frozen=True)
class Flags:
    batch_size: bounds.Count = 1

    def __post_init__(self):
        bounds.check(self, flags=True)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"width": 0}, "width is 0; it must be at least 1"),
        ({"width": 2.5}, "width is 2.5; it must be a whole number"),
        ({"width": np.int64(0)}, "width is 0; it must be at least 1"),
        ({"skipped": -1}, "skipped is -1; it must be at least 0"),
        ({"rate": 0.0}, "rate is 0.0; it must be above 0"),
        ({"rate": float("nan")}, "rate is nan; it must be above 0"),
        ({"weight": -0.5}, "weight is -0.5; it must be at least 0"),
        ({"weight": float("inf")}, "weight is inf; it must be at least 0"),
        ({"decay": 1.0}, "decay is 1.0; it must be at least 0 and below 1"),
        ({"share": 1.1}, "share is 1.1; it must be at least 0 and at most 1"),
        ({"free": float("-inf")}, "free is -inf; it must be finite"),
        ({"layers": ()}, "layers is (); give at least one number"),
        ({"layers": (4, 0)}, "layers is (4, 0); each must be at least 1"),
        ({"pair": (1, -1.0)}, "pair is (1, -1.0); each must be at least 0"),
        ({"kind": "c"}, "unknown kind 'c'; choose from ('a', 'b')"),
        ({"kinds": ("x", "z")}, "unknown kinds 'z'; choose from ('x', 'y')"),
        ({"often": 0}, "often is 0; it must be at least 1"),
        ({"every": 0}, "every is 0; it must be at least 1"),
        ({"most": 10}, "most is 10; it must be at most 9"),
    ],
)
def test_what_is_out_of_bounds_is_named_with_its_value_and_the_bound(changes, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        Config(**changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"width": 1, "skipped": 3, "rate": 1e-9, "decay": 0.999, "share": 0},
        {"often": 2, "every": 5, "kind": "b", "kinds": ("y", "x"), "layers": [3]},
        {"rate": 1, "weight": np.float32(0.5), "width": np.int32(2), "most": -5},
    ],
)
def test_what_is_within_is_taken(changes):
    Config(**changes)


def test_flags_are_named_as_they_are_typed():
    with pytest.raises(ValueError, match="^--batch-size is 0; it must be at least 1$"):
        Flags(batch_size=0)
