"""Sets of images to measure, read block by block from data of any kind."""

import concurrent.futures
import dataclasses
import os
from collections.abc import Callable, Iterator
from typing import Any, Literal, NamedTuple

import numpy as np

from jaxgan import bounds
from jaxgan import data as jaxgan_data
from jaxgan.data import labels as named
from jaxgan.data import transforms
from jaxgan.data.load import read_good
from jaxgan.lab import drawn
from jaxgan.lab.data import Set


class Block(NamedTuple):
    """Images that are looked at together.

    Attributes:
        images: uint8 `[N, H, W, C]`.
        labels: integers `[N]`, or None.
    """

    images: np.ndarray
    labels: np.ndarray | None


@dataclasses.dataclass(frozen=True)
class ImageSet:
    """Images of one shape, read or drawn block by block.

    Attributes:
        about: a line on what it is.
        protocol: plain values that say how to get the same images again.
        count: how many there are.
        shape: of an image, `(H, W, C)`.
        labelled: whether blocks have labels.
        blocks: `blocks(size)` gives all of them, in blocks of at most `size`.
        classes: the names of the labels, in order; empty where nobody knows them.
    """

    about: str
    protocol: dict[str, Any]
    count: int
    shape: tuple[int, ...]
    labelled: bool
    blocks: Callable[[int], Iterator[Block]]
    classes: tuple[str, ...] = ()

    def labelled_as(self, names: tuple[str, ...]) -> "ImageSet":
        """The same images, with the labels of another set's classes, by their names.

        Classes that the other set has not get -1. Where either has no names, labels
        stay as they are.
        """
        if not self.labelled or not names or not self.classes:
            return self

        def blocks(size):
            for images, labels in self.blocks(size):
                yield Block(
                    images, named.translated(np.asarray(labels), self.classes, names)
                )

        return dataclasses.replace(self, blocks=blocks, classes=names)


@dataclasses.dataclass(frozen=True)
class Reading:
    """How images of a data set are read."""

    split: str = "train"
    """Which part of a set that has parts."""
    resolution: bounds.Natural = 0
    """Height and width to crop and resize images to; 0 takes them as they are."""
    width: bounds.Natural = 0
    """Width of images that shall not be square; 0 takes --resolution."""
    channels: Literal[0, 1, 3] = 0
    """1 (grey) or 3 (colour) to convert images to; 0 takes them as they are."""
    crop: bounds.Box | None = None
    """Box to keep before resizing, as top, left, height, width; the central square if
    left out."""
    upscale: bool = False
    """Enlarge images smaller than --resolution instead of refusing them."""
    skip_corrupt: bool = False
    """Leave out images that cannot be read, and count them."""
    download: bool = False
    """Let tfds fetch and prepare a set that is not there."""

    def __post_init__(self):
        bounds.check(self, flags=True)
        if self.crop and not self.resolution:
            raise ValueError("--crop needs --resolution, the size to bring the box to")
        if self.width and not self.resolution:
            raise ValueError("--width needs --resolution, the height to go with it")

    @property
    def size(self) -> tuple[int, int]:
        """Height and width to bring images to; zeros where they stay as they are."""
        return self.resolution, self.width or self.resolution


def open_set(spec: str, reading: Reading, count: int, seed: int) -> ImageSet:
    """Opens a data set.

    Args:
        spec: as `--data` has it.
        reading: which images, and how.
        count: most images to take, drawn by the seed; 0 takes all.
        seed: of the choice, and of the order.

    Raises:
        ValueError: there is no such set, or (while it is read) an image of another
            size or colour, or one that cannot be read.
    """
    size = reading.size if reading.resolution else 64  # of faces, which are drawn
    source = drawn.open_source(
        spec, split=reading.split, download=reading.download, size=size
    )
    order = jaxgan_data.some(len(source), count or len(source), seed)
    skipped: list[str] = []

    def name(index):
        named = getattr(source, "name", None)
        return str(named(index)) if callable(named) else f"image {index} of {spec}"

    def read(index):
        try:
            example = source[int(index)]
        except jaxgan_data.CorruptImage:
            if not reading.skip_corrupt:
                raise
            return name(index), None, None
        image = _fitted(example["image"], reading, name(index))
        if shape and image.shape != shape:
            raise ValueError(
                f"{name(index)} is {size_of(image.shape)}, but the first image of"
                f" {spec} is {size_of(shape)}: bring them together by --resolution and"
                " --channels"
            )
        return name(index), image, example.get("label")

    def blocks(size):
        skipped.clear()
        threads = min(16, os.cpu_count() or 1)
        with concurrent.futures.ThreadPoolExecutor(threads) as pool:
            for start in range(0, len(order), size):
                found = list(pool.map(read, order[start : start + size]))
                skipped.extend(name for name, image, _ in found if image is None)
                good = [x for x in found if x[1] is not None]
                if good:
                    labels = np.asarray([x[2] for x in good]) if labelled else None
                    yield Block(np.stack([x[1] for x in good]), labels)
        protocol["skipped"] = len(skipped)
        if skipped:
            protocol["first_skipped"] = skipped[0]

    shape, labelled = (), False
    for index in order:
        _, image, label = read(index)
        if image is not None:
            shape, labelled = image.shape, label is not None
            break
    if not shape:
        raise ValueError(f"none of the {len(order)} images of {spec} can be read")
    protocol: dict[str, Any] = {
        "data": spec,
        "split": reading.split,
        "images": len(order),
        "of": len(source),
        "chosen_by_seed": seed,
        "resolution": reading.resolution or "as it is",
    }
    return ImageSet(
        about=f"{spec} ({reading.split}): {len(order):,} of {len(source):,} images,"
        f" {size_of(shape)}",
        protocol=protocol,
        count=len(order),
        shape=shape,
        labelled=labelled,
        blocks=blocks,
        classes=jaxgan_data.classes_of(source) if labelled else (),
    )


def held(opened: Set, count: int) -> ImageSet:
    """Some images of a set that a run has open, drawn at random."""
    source = opened.train
    among = len(source["image"]) if isinstance(source, dict) else len(source)
    places = jaxgan_data.some(among, count)
    corrupt: set[int] = set()

    def read(place):
        if isinstance(source, dict):
            return source["image"][place]
        return read_good(source, int(place), opened.data.skip_corrupt, corrupt)["image"]

    def blocks(size):
        for start in range(0, len(places), size):
            some = places[start : start + size]
            yield Block(np.stack([read(place) for place in some]), None)

    return ImageSet(
        about=opened.about,
        protocol={"data": opened.about, "images": len(places)},
        count=len(places),
        shape=read(0).shape,
        labelled=False,
        blocks=blocks,
    )


def _fitted(image, reading, name):
    """An image as it is asked for."""
    channels = reading.channels or image.shape[-1]
    if reading.resolution:
        return transforms.fit(
            image,
            reading.size,
            channels,
            crop=reading.crop or "centre",
            upscale=reading.upscale,
            name=name,
        )
    return transforms.to_channels(image, channels)


def size_of(shape: tuple[int, ...]) -> str:
    """A shape `(H, W, C)` in words."""
    height, width, channels = shape
    return f"{width}x{height} {'grey' if channels == 1 else 'colour'}"
