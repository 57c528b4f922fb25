"""Capsules: vectors whose length says whether a thing is there, and direction how.

`routing` and `em` are functions of arrays; `layers` has flax modules that use them.
"""

from jaxgan.capsules.em import em_routing
from jaxgan.capsules.layers import (
    ClassCaps,
    Decoder,
    PrimaryCaps,
    lengths,
    longest,
    mask,
)
from jaxgan.capsules.routing import dynamic_routing, predict, route, squash

__all__ = [
    "ClassCaps",
    "Decoder",
    "PrimaryCaps",
    "dynamic_routing",
    "em_routing",
    "lengths",
    "longest",
    "mask",
    "predict",
    "route",
    "squash",
]
