"""Drawn faces, which are kept between runs: drawing them takes longer than reading.

    source = open_source("faces:8192", size=64)

The first call draws, the next ones read what was drawn by the same code, version of JAX
and settings of its compiler, all of which may change roundings.
"""

import inspect
import os
import sys
from typing import Any

import jax

from jaxgan import data
from jaxgan.data import ArraySource, Source
from jaxgan.data.transforms import Size, height_width
from jaxgan.lab import kept
from jaxgan.train.terminal import say

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
    path = _place(spec, split, max(height_width(size)))
    if path is not None and path.is_file():
        try:
            title = spec.partition("#")[0].partition(":")[0]
            return ArraySource({"image": kept.load(path)["image"]}, title)
        except Exception:  # of a damaged file, a dozen kinds
            say(f"{path} is damaged: drawing the faces again")
    source = data.open_source(spec, split=split, size=size, **options)
    if path is None or not isinstance(source, ArraySource):
        return source
    if source.arrays["image"].nbytes <= LIMIT_BYTES:
        try:
            kept.save(path, source.arrays)
        except OSError as error:
            say(f"cannot keep the faces in {path.parent} ({error.strerror}): they will")
            say("be drawn again next time; set XDG_CACHE_HOME to a writable directory")
    return source


def code() -> list[str]:
    """The code that draws faces."""
    from jaxgan.data.synthetic import faces  # imports the rest of it

    return [
        inspect.getsource(module)
        for name, module in sorted(sys.modules.items())
        if name.startswith(faces.__name__)
    ]


def _place(spec, split, size):
    """Where drawn faces are kept; None for other sets, and without a home."""
    if not data.drawn(spec):
        return None
    quick = jax.config.read("jax_disable_most_optimizations")
    compiler = jax.__version__, os.environ.get("XLA_FLAGS"), quick
    roundings = code(), jax.default_backend(), *compiler
    return kept.place("faces", repr((spec, split, size, roundings)))
