"""Trains a progressive GAN: a run for each resolution, from 4x4 up."""

import dataclasses
import functools
import itertools
from collections.abc import Callable, Sequence

import numpy as np

from jaxgan.lab import generator, runs
from jaxgan.lab.data import Set, open_set
from jaxgan.lab.session import Result
from jaxgan.models import progan

SHEET = 64  # samples a sheet


def stages(
    config: runs.Part, smallest_batch: int, shares: Sequence[float] = ()
) -> list[runs.Part]:
    """The run of each resolution, from 4x4.

    Args:
        config: of the last one; its `run.steps` are those of a phase at 4x4.
        smallest_batch: images in a step at the highest resolutions.
        shares: the part of these steps that each resolution has, from 4x4; the last
            one goes on. All of them by default, as in the paper.
    """
    found, most = [], config.run.batch_size
    parts = itertools.chain(shares, itertools.repeat([1.0, *shares][-1]))
    for resolution, share in zip(config.model.resolutions, parts, strict=False):
        images = max(1, round(config.run.steps * share)) * most
        size = min(most, max(smallest_batch, most * 16 // resolution))
        steps, fades = -(-images // size), resolution > 4
        model = dataclasses.replace(
            config.model,
            resolution=resolution,
            fade=images if fades else 0,
            batch_size=size,
        )
        name = f"{resolution}x{resolution}"
        found.append(
            runs.part(
                config,
                name,
                model,
                steps=steps * (1 + fades),
                batch_size=size,
                # A fade is shown by a few sheets, however short it is.
                sample_every=min(config.run.sample_every, max(1, steps // 4)),
            )
        )
    return found


def grow(
    stages: list[runs.Part],
    open_: Callable[[], Set],
    measure: generator.Measure | None = None,
) -> dict[str, Result]:
    """Trains the missing stages, by the names of their directories.

    Args:
        stages: of `stages`.
        open_: opens the images of the last one, if any stage needs them.
        measure: of the last stage, as in `generator.train`.
    """
    named = {part.run.workdir.name: part for part in stages}
    opened = functools.cache(open_)

    def fit(name, part, start):
        return generator.train(
            f"Progressive GAN, {name}",
            progan.MODEL,
            part,
            opened=shrunk(opened(), part.model.resolution),
            sheet=SHEET,
            measure=measure if part is stages[-1] else None,
            start=start,
        )

    return runs.in_stages(named, fit, progan.grown)


def shrunk(opened: Set, side: int) -> Set:
    """The same set with smaller images, whose pixels are means over squares."""
    channels = opened.shape[-1]
    if opened.arrays is None:  # too large for memory: each image is shrunk as it comes
        return open_set(opened.data, (side, side, channels), test=True)
    factor = opened.shape[0] // side

    def smaller(images):
        squares = images.reshape(-1, side, factor, side, factor, channels)
        total = squares.sum((2, 4), dtype=np.uint32)
        return ((total + factor**2 // 2) // factor**2).astype(np.uint8)

    train, test = (
        {name: smaller(x) if x.ndim == 4 else x for name, x in arrays.items()}
        for arrays in (opened.arrays, opened.test)
    )
    shape = (side, side, channels)
    return dataclasses.replace(opened, train=train, test=test, shape=shape)
