"""Capsules: vectors whose length says that a thing is there, and whose direction how.

`routing` and `em` are arrays in, arrays out; `layers` are flax modules over them.
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
