"""Opens pairs of images for translation, and measures what was translated.

A task says how pairs are made. Some are views of the same drawn people, and some are
derived from any images inside the compiled step; `pairs` and `reversed` take those of
`--data pairs:FOLDER`, from left to right or from right to left. Batches and sets have
the two ends as `"input"` and `"image"`.
"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from jaxgan import nn
from jaxgan.data import drawn
from jaxgan.lab import neighbours
from jaxgan.lab.data import Data, Set, open_set

BLOCK = 64  # images translated together

Task = Literal[
    "labels-to-portrait",
    "portrait-to-labels",
    "edges-to-photo",
    "grey-to-colour",
    "small-to-photo",
    "hole-to-photo",
    "half-to-photo",
    "day-to-night",
    "sketch-to-portrait",
    "young-to-old",
    "dark-to-blond",
    "bare-to-glasses",
    "serious-to-smiling",
    "left-to-right",
    "pairs",
    "reversed",
]


def grey(image: ArrayLike) -> jax.Array:
    """Takes the colour out of bytes `[..., H, W, C]`, and keeps the channels."""
    weights, image = np.array([0.299, 0.587, 0.114], np.float32), jnp.asarray(image)
    if image.shape[-1] != 3:
        return image
    luma = jnp.round(image.astype(jnp.float32) @ weights)
    return jnp.broadcast_to(luma[..., None], image.shape).astype(jnp.uint8)


def edges(image: ArrayLike) -> jax.Array:
    """Draws the edges of bytes `[..., H, W, C]`: dark lines on white.

    The slope by Sobel's filters, above the little that noise and shading have.
    """
    luma = grey(image)[..., 0].astype(jnp.float32) / 255
    wide = jnp.pad(luma, [(0, 0)] * (luma.ndim - 2) + [(1, 1)] * 2, mode="edge")
    height, width = luma.shape[-2:]

    def at(row, column):
        return wide[..., row : row + height, column : column + width]

    across = at(0, 2) + 2 * at(1, 2) + at(2, 2) - at(0, 0) - 2 * at(1, 0) - at(2, 0)
    down = at(2, 0) + 2 * at(2, 1) + at(2, 2) - at(0, 0) - 2 * at(0, 1) - at(0, 2)
    slope = jnp.sqrt(across**2 + down**2)
    paper = jnp.round(255 * jnp.clip(1.15 - 1.5 * slope, 0, 1))
    return jnp.broadcast_to(paper[..., None], jnp.shape(image)).astype(jnp.uint8)


def small(image: ArrayLike) -> jax.Array:
    """Makes bytes `[..., H, W, C]` four times smaller, and enlarges them again.

    Raises:
        ValueError: 4 does not divide height and width.
    """
    image = jnp.asarray(image)
    reduced = nn.reduce(image.astype(jnp.float32), 4).clip(0, 255)
    large = jax.image.resize(reduced, image.shape, "cubic")
    return jnp.round(large.clip(0, 255)).astype(jnp.uint8)


def hole(image: ArrayLike) -> jax.Array:
    """Paints the middle of bytes `[..., H, W, C]` grey, half of each side."""
    height, width = jnp.shape(image)[-3:-1]
    rows, columns = (abs(np.arange(n) - (n - 1) / 2) < n / 4 for n in (height, width))
    return _painted(image, rows[:, None] & columns)


def half(image: ArrayLike) -> jax.Array:
    """Paints the right half of bytes `[..., H, W, C]` grey."""
    height, width = jnp.shape(image)[-3:-1]
    right = np.arange(width) >= width // 2
    return _painted(image, np.broadcast_to(right, (height, width)))


def _painted(image, mask) -> jax.Array:
    return jnp.where(mask[..., None], jnp.uint8(128), image)


DERIVED = {
    "edges-to-photo": edges,
    "grey-to-colour": grey,
    "small-to-photo": small,
    "hole-to-photo": hole,
    "half-to-photo": half,
}
_DAY = {"day": "portrait"}  # a view under another name


class Pairs(NamedTuple):
    """An opened set of pairs.

    Attributes:
        opened: the set: `"image"` and `"input"`, the latter only in its test part where
            it is derived.
        derive: makes inputs of images, both bytes; None where the set has them.
    """

    opened: Set
    derive: Callable[[ArrayLike], jax.Array] | None


def open_pairs(data: Data, task: Task, shape: tuple[int, int, int]) -> Pairs:
    """Opens the pairs of a task, with others to test on.

    Args:
        data: the flags.
        task: how pairs are made.
        shape: height, width and channels of both ends.

    Raises:
        ValueError: the data has no such pairs.
    """
    kind = data.data.partition(":")[0]
    if (kind == "pairs") != (task in ("pairs", "reversed")):
        raise ValueError(
            f"--task {task} does not go with --data {data.data}: pairs and reversed"
            " take pairs:FOLDER, and other tasks images without partners"
        )
    if task in DERIVED:
        opened, derive = open_set(data, shape, test=True), DERIVED[task]
        if opened.test:
            inputs = np.asarray(derive(opened.test["image"]))
            opened = dataclasses.replace(opened, test={**opened.test, "input": inputs})
        return Pairs(opened, derive)
    if kind == "pairs":
        opened = open_set(data, shape, test=True)
        return Pairs(_swapped(opened) if task == "reversed" else opened, None)
    if not drawn(data.data):
        raise ValueError(
            f"--task {task} is of drawn people: give --data faces or faces:COUNT, or"
            f" one of the tasks {', '.join(DERIVED)}, which take any images"
        )
    ends = [_DAY.get(end, end) for end in task.split("-to-")]
    return Pairs(_joined(*(view(data, end, shape) for end in ends)), None)


def view(data: Data, name: str, shape: tuple[int, int, int]) -> Set:
    """Opens a view of drawn people, the same people whatever the view."""
    spec = f"{data.data}#{name}"
    return open_set(dataclasses.replace(data, data=spec), shape, test=True)


def _joined(inputs: Set, images: Set) -> Set:
    """Two views of the same people as one set of pairs."""
    ends = inputs.data.data, images.data.data
    assert isinstance(inputs.train, dict)
    assert isinstance(images.train, dict)
    return dataclasses.replace(
        images,
        about=f"{images.about}, from {ends[0].partition('#')[2]}",
        fingerprint=f"{inputs.fingerprint}{images.fingerprint}",
        train={**images.train, "input": inputs.train["image"]},
        test={**images.test, "input": inputs.test["image"]},
    )


def _swapped(opened: Set) -> Set:
    if not isinstance(opened.train, dict):
        raise ValueError(
            f"--task reversed is for sets that fit in memory, and {opened.data.data}"
            " does not: exchange the two ends in the files"
        )
    parts = [
        {**part, "image": part["input"], "input": part["image"]} if part else part
        for part in (opened.train, opened.test)
    ]
    return dataclasses.replace(opened, train=parts[0], test=parts[1])


def translated(
    translate: Callable[[Any, jax.Array], jax.Array], images: np.ndarray, key: jax.Array
) -> np.ndarray:
    """Translates bytes `[N, H, W, C]` in blocks of one size.

    Args:
        translate: `translate(bytes, key) -> bytes`, compiled.
        images: the inputs.
        key: a random key, another for each block.
    """
    count, parts = len(images), []
    for first in range(0, count, BLOCK):
        block = images[np.arange(first, first + BLOCK) % count]
        parts.append(np.asarray(translate(block, jax.random.fold_in(key, first))))
    return np.concatenate(parts)[:count]


class Error(NamedTuple):
    """How far images are from the truth.

    Attributes:
        l1: mean absolute difference, of the range of a pixel.
        psnr: in decibels, the mean over images.
    """

    l1: float
    psnr: float


def error(truth: np.ndarray, images: np.ndarray) -> Error:
    """Compares bytes `[N, H, W, C]` with the true ones."""
    gap = (truth.astype(np.float32) - images) / 255
    squares = np.square(gap).mean((1, 2, 3)).clip(1e-10)
    return Error(float(np.abs(gap).mean()), float(-10 * np.log10(squares).mean()))


def baselines(pairs: Pairs) -> dict[str, np.ndarray]:
    """Answers to the test's inputs that need no training, bytes `[N, H, W, C]`.

    Returns:
        `"input"`, the input itself; and of a set in memory `"mean"`, the mean of all
        training images, and `"nearest"`, the partner of the training input nearest to
        it.
    """
    test, train = pairs.opened.test, pairs.opened.arrays
    found = {"input": test["input"]}
    if train is None:
        return found
    images = train["image"]
    inputs = train.get("input")
    if inputs is None:
        derive = pairs.derive
        assert derive is not None
        derived = jax.jit(lambda image, key: derive(image))
        inputs = translated(derived, images, jax.random.key(0))
    mean = np.round(images.mean(0, dtype=np.float32)).astype(np.uint8)
    index, _ = neighbours.nearest(test["input"], inputs, 1)
    found["mean"] = np.broadcast_to(mean, (len(test["input"]), *mean.shape))
    found["nearest"] = images[index[:, 0]]
    return found


def tests(opened: Set, most: int) -> Mapping[str, np.ndarray]:
    """The first of the test pairs.

    Raises:
        ValueError: there are none.
    """
    if not opened.test:
        raise ValueError(
            f"{opened.data.data} has no pairs to test on: give more of them"
        )
    return {name: value[:most] for name, value in opened.test.items()}
