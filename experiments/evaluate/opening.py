"""The sets that are compared: the reference, what is measured, held-out images."""

import dataclasses
import pathlib
from typing import Any

from jaxgan import data
from jaxgan.lab import classes, inference, sets
from jaxgan.lab.data import Data, Set, open_set
from jaxgan.lab.measure import generators
from jaxgan.lab.sets import ImageSet, Reading


def open_sets(config: Any) -> tuple[ImageSet, ImageSet, ImageSet | None]:
    """Opens the reference, the images to measure, and held-out images, if any."""
    reading, spec = config.reading, config.real
    if config.run is None:
        fake = _other(config.fake or "", reading, config.count, config.seed)
    else:
        generator = inference.open_run(config.run, ema=config.ema, best=config.best)
        fake = generators.drawn(
            generator, config.count, config.seed, truncation=config.truncation
        )
        fake.protocol["moving_average"] = config.ema
        fake.protocol["checkpoint"] = "best" if config.best else "latest"
        if spec is None:
            spec, reading = inference.trained_on(generator, fake.shape, reading)
    real = sets.open_set(spec or "", reading, config.real_count, config.seed)
    if config.held_out is None:
        return real, fake, None
    if ":" in config.held_out or pathlib.Path(config.held_out).exists():
        held_out = _other(config.held_out, reading, config.real_count, config.seed)
        return real, fake, held_out
    reading = dataclasses.replace(reading, split=config.held_out)
    held_out = sets.open_set(spec or "", reading, config.real_count, config.seed)
    return real, fake, held_out


def _other(spec: str, reading: Reading, count: int, seed: int) -> ImageSet:
    """Opens another set, which need not have the part that is read of the real one."""
    whole = dataclasses.replace(reading, split="train")
    try:
        return sets.open_set(spec, whole, count, seed)
    except data.NoSplit:
        return sets.open_set(spec, reading, count, seed)


def labelled(spec: str, config: Any, shape: tuple[int, ...]) -> Set:
    """Opens the whole labelled set, on which a classifier is trained and tested."""
    height, width, channels = shape
    flags = Data(data=spec, download=config.reading.download)
    try:
        return classes.labelled(open_set(flags, (height, width, channels), test=True))
    except data.NoSplit:  # the set has only test images
        flags = dataclasses.replace(flags, split=config.reading.split)
        return classes.labelled(open_set(flags, (height, width, channels), test=True))
