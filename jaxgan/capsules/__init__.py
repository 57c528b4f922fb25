"""Capsules: vectors whose length says whether a thing is there, and direction how.

`routing`, `em` and `matrix` are functions of arrays; `layers` and `matrix_layers` have
flax modules that use them.
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
from jaxgan.capsules.matrix import Grid, Routing, class_em, conv_em
from jaxgan.capsules.matrix_layers import (
    ConvCaps,
    MatrixClassCaps,
    MatrixPrimaryCaps,
)
from jaxgan.capsules.routing import dynamic_routing, predict, route, squash

__all__ = [
    "ClassCaps",
    "ConvCaps",
    "Decoder",
    "Grid",
    "MatrixClassCaps",
    "MatrixPrimaryCaps",
    "PrimaryCaps",
    "Routing",
    "class_em",
    "conv_em",
    "dynamic_routing",
    "em_routing",
    "lengths",
    "longest",
    "mask",
    "predict",
    "route",
    "squash",
]
