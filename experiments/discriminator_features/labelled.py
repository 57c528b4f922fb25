"""Labelled images at the size of a run, split into training, validation and test."""

import dataclasses
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from jaxgan import data as jaxgan_data
from jaxgan.lab import inference, sets
from jaxgan.lab.sets import Reading
from jaxgan.train.terminal import say


class Parts(NamedTuple):
    """Labelled images, divided into parts.

    Attributes:
        images: uint8 `[N, H, W, C]`.
        labels: integers `[N]`.
        train: places that labels may be drawn from.
        valid: places to choose the regulariser on.
        test: places to test on.
        about: describes the test images.
        spec: the set.
    """

    images: np.ndarray
    labels: np.ndarray
    train: np.ndarray
    valid: np.ndarray
    test: np.ndarray
    about: str
    spec: str


def opened(
    trained: inference.Trained,
    spec: str | None,
    reading: Reading,
    *,
    valid: int,
    tests: int,
    seed: int,
) -> Parts:
    """Opens labelled images at the size of a run.

    Args:
        trained: the model of the run.
        spec: the set; that of the run if None.
        reading: how to read it, from the flags.
        valid: images to choose on, at most a quarter of those to train on.
        tests: images to test on, at most.
        seed: of the choice.

    Raises:
        ValueError: there is no such set, it has no labels, or too few images.
    """
    shape = inference.image_shape(trained)
    if spec is None:
        spec, reading = inference.trained_on(trained, shape, reading)
    else:
        small = spec == "digits" or spec.startswith("idx:")
        reading = dataclasses.replace(
            reading,
            resolution=reading.resolution or shape[0],
            channels=reading.channels or shape[2],
            upscale=reading.upscale or small,
        )
    images, labels, names = _read(spec, reading)
    if images.shape[1:] != shape:
        raise ValueError(
            f"{spec} is read as {sets.size_of(images.shape[1:])}, but the run is"
            f" on {sets.size_of(shape)}: leave out --resolution"
            " and --channels"
        )
    try:
        others = _read(spec, dataclasses.replace(reading, split="test"), names)
    except jaxgan_data.NoSplit:
        others = images, labels, names
    rng = np.random.default_rng(seed)
    # A single idx file is the same for every split, and must not be its own test set.
    if np.array_equal(others[0], images):
        out = jaxgan_data.held_out(labels)
        train, test = np.flatnonzero(~out), np.flatnonzero(out)
        about = "a sixth of every class, since the set has no test split"
        if spec == trained.plain["data"]["data"]:
            about += "; the discriminator was trained on them too, without labels"
    else:
        train = np.arange(len(images))
        test = np.arange(len(images), len(images) + len(others[0]))
        images = np.concatenate([images, others[0]])
        labels = np.concatenate([labels, others[1]])
        about = "the set's own test split"
    if not len(train) or not len(test):
        raise ValueError(
            f"{spec} has {len(images)} images, too few to train and test on; take a"
            " larger set"
        )
    test = test[jaxgan_data.some(len(test), tests, seed)]
    order = rng.permutation(train)
    first = max(1, min(valid, len(train) // 4))
    return Parts(images, labels, order[first:], order[:first], test, about, spec)


def _read(
    spec: str, reading: Reading, names: tuple[str, ...] = ()
) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """Images that have a class, their labels, and the names of the classes.

    Where names are given, labels are those of classes with these names.
    """
    found = sets.open_set(spec, reading, 0, 0)
    if not found.labelled:
        raise ValueError(
            f"{spec} has no labels to test features with; name a labelled set with"
            " --data"
        )
    found = found.labelled_as(names)
    images = np.empty((found.count, *found.shape), np.uint8)
    labels, filled = np.empty(found.count, np.int64), 0
    bar = tqdm(
        total=found.count, desc=f"reading {reading.split}", unit="img", leave=False,
        delay=2, disable=None,
    )  # fmt: skip
    with bar:
        for block in found.blocks(1000):
            rows = slice(filled, filled + len(block.images))
            images[rows] = block.images
            labels[rows] = np.asarray(block.labels)
            filled = rows.stop
            bar.update(len(block.images))
    images, labels = images[:filled], labels[:filled]
    if not (labels >= 0).all():
        say(f"{(labels < 0).sum():,} images of no class are left out")
        images, labels = images[labels >= 0], labels[labels >= 0]
    return images, labels, found.classes
