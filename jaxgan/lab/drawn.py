"""Drawn faces, which are kept between runs: drawing them takes longer than reading.

    source = open_source("faces:8192", size=64)

The first call draws, the next ones read what was drawn by the same code, version of JAX
and settings of its compiler, all of which may change roundings.
"""

import inspect
import os
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import jax
import numpy as np

from jaxgan import data
from jaxgan.data import ArraySource, Source
from jaxgan.data.sources import DRAWN, factor_of
from jaxgan.data.synthetic import faces
from jaxgan.data.transforms import Size, height_width
from jaxgan.lab import kept

LIMIT_BYTES = 1 << 30  # larger sets are drawn each time: they would fill the disk


def open_source(
    spec: str, *, split: str = "train", size: Size = 64, **options: Any
) -> Source:
    """`jaxgan.data.open_source`, which looks for drawn faces in the user's cache first.

    Args:
        spec: of the set.
        split: which part of it.
        size: height and width, of faces.
        options: the other ones of `jaxgan.data.open_source`.

    Raises:
        ValueError: there is no such set.
    """

    def opened():
        return data.open_source(spec, split=split, size=size, **options)

    def draw():
        source = opened()
        assert isinstance(source, ArraySource)
        return {k: x for k, x in source.arrays.items() if k in ("image", "label")}

    if not data.drawn(spec):
        return opened()
    title = next(kind for kind in DRAWN if spec.startswith(kind))
    factor = factor_of(spec)
    arrays = once((spec, split, max(height_width(size))), draw)
    return ArraySource(arrays, title, faces.CATEGORIES[factor] if factor else ())


def once(
    about: tuple[Any, ...],
    draw: Callable[[], dict[str, np.ndarray]],
    *modules: ModuleType,
) -> dict[str, np.ndarray]:
    """Reads arrays of drawn faces from the user's cache; draws and keeps them if new.

    Args:
        about: all that they depend on, besides the code that draws faces.
        draw: draws them.
        modules: outside of `faces`, on whose code they depend too.
    """
    place = _place((*about, *map(inspect.getsource, modules)))
    return kept.once(place, draw, "faces", limit=LIMIT_BYTES)


def code() -> list[str]:
    """The code that draws faces."""
    return [
        inspect.getsource(module)
        for name, module in sorted(sys.modules.items())
        if name.startswith(faces.__name__)
    ]


def _place(about):
    """Where drawn faces are kept; None without a home."""
    quick = jax.config.read("jax_disable_most_optimizations")
    compiler = jax.__version__, os.environ.get("XLA_FLAGS"), quick
    roundings = code(), jax.default_backend(), *compiler
    return kept.place("faces", repr((*about, roundings)))
