"""The settings of each study: what to train on, and what to test on."""

import dataclasses
import itertools
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from experiments.capsnet_generalisation import scrambled
from jaxgan import data as jaxgan_data
from jaxgan.data.transforms import fit
from jaxgan.lab import capsules
from jaxgan.lab.data import Data, Set, open_set
from jaxgan.models import capsnet, capsnet_baseline

SIDE = 28
LABELS = (10, 100, 1000)
SHIFTS = {"affine": 4, "labels": 2, "views": 2}  # pixels, in training
ARC = 120  # degrees of the views in training
FAR = (40, 80, 120)  # degrees from those, at most, of the views in the tests


class Setting(NamedTuple):
    """One comparison.

    Attributes:
        name: of the study, and of the setting in it.
        opened: the data.
        models: the capsule network and the CNN.
        steps: to train for.
        tests: more parts to test on, by name.
    """

    name: str
    opened: Set
    models: dict[str, Any]
    steps: int
    tests: Mapping[str, dict[str, np.ndarray]]


def settings(config: Any, seed: int) -> Iterator[Setting]:
    """The settings of the studies that a command asks for; the seed draws labels."""
    few = max(1, config.steps // 3)
    if "affine" in config.studies:
        opened = digits(config.data, SHIFTS["affine"])
        yield Setting("affine", opened, pair(opened, config.steps), config.steps, {})
    if "labels" in config.studies:
        opened = digits(config.data, SHIFTS["labels"])
        for count in LABELS:
            if count <= len(opened.train["label"]):
                some = labelled(opened, count, seed)
                yield Setting(f"labels_{count}", some, pair(some, few), few, {})
    if "views" in config.studies and config.views is not None:
        opened, tests = turntable(config.views)
        yield Setting("views", opened, pair(opened, few), few, tests)
    if "faces" in config.studies:
        opened, tests = scrambled.opened(SIDE)
        yield Setting("faces", opened, pair(opened, few), few, tests)


def pair(opened: Set, steps: int) -> dict[str, Any]:
    """A small capsule network, and a CNN of as many parameters, decoder included.

    The CNN is the paper's for two digits: convolutions with pooling, and one hidden
    layer, here with dropout.
    """
    common: dict[str, Any] = {
        "resolution": opened.shape[0],
        "channels": opened.shape[2],
        "classes": len(opened.classes),
        "learning_rate": 0.003,  # as in the small table: runs are short
        "decay_steps": max(1, steps // 96),
    }
    net = capsnet.Config(features=16, types=4, decoder=(64,), **common)
    if len(opened.classes) > 20:
        net = dataclasses.replace(net, class_dim=8)
    base = capsnet_baseline.Config(
        features=(16, 32), kernels=(5, 5), pool=True, hidden=(1,), **common
    )
    return {"capsules": net, "CNN": capsules.as_large(base, net)}


def digits(data: Data, shift: int) -> Set:
    """The digits that `--data` names, to be shifted in training."""
    data = dataclasses.replace(data, shift=shift)
    return open_set(data, (SIDE, SIDE, 1), test=True)


def labelled(opened: Set, count: int, seed: int) -> Set:
    """The set with few examples to train on, as many of each class as can be."""
    some = jaxgan_data.some_of_each(opened.train["label"], count, seed)
    train = {name: value[some] for name, value in opened.train.items()}
    return dataclasses.replace(
        opened,
        train=train,
        about=f"{opened.about}, {count} of them to train",
        fingerprint=jaxgan_data.fingerprint(train),
    )


def turntable(path: Any) -> tuple[Set, dict[str, dict[str, np.ndarray]]]:
    """Things on a turntable: a set to train on, and views to test on.

    The frames of each variety are one turn, from 0 to 360 degrees. Those of the first
    120 degrees are for training, except for every third, which tests familiar views.

    Args:
        path: an npz of `images` (uint8), `variety` and `frame`.

    Raises:
        ValueError: it has no such arrays.
    """
    with np.load(path, allow_pickle=False) as file:
        if missing := {"images", "variety", "frame"} - set(file.files):
            raise ValueError(
                f"{str(path)!r} has no {', '.join(sorted(missing))}: give an npz of"
                " images, the variety of each, and its frame in the turn"
            )
        images, variety, frame = (file[x] for x in ("images", "variety", "frame"))
    names, label = np.unique(variety, return_inverse=True)
    image = np.stack([fit(x, (SIDE, SIDE), 3) for x in images])
    degrees, place = np.zeros(len(label)), np.zeros(len(label), int)
    for i in range(len(names)):
        there = np.flatnonzero(label == i)
        order = there[np.argsort(frame[there], kind="stable")]
        place[order] = np.arange(len(there))
        degrees[order] = 360 * place[order] / len(there)
    inside = degrees < ARC
    far = np.where(inside, 0, np.minimum(degrees - ARC, 360 - degrees))
    third = (place % 3 == 1) & inside

    def part(chosen):
        return {"image": image[chosen], "label": label[chosen].astype(np.int32)}

    tests = {"familiar views": part(third)}
    for low, high in itertools.pairwise((0, *FAR)):
        between = ~inside & (far > low) & (far <= high)
        tests[f"{low} to {high} degrees away"] = part(between)
    train = part(inside & ~third)
    about = f"{len(train['label']):,} views of {len(names)} things on a turntable"
    opened = Set(
        data=Data(data=f"npz:{path}", shift=SHIFTS["views"]),
        about=f"{about}, {ARC} degrees to train",
        fingerprint=jaxgan_data.fingerprint(train),
        train=train,
        test=part(~inside),
        shape=(SIDE, SIDE, 3),
        classes=tuple(map(str, names)),
    )
    return opened, tests
