"""The classes of a set, for models that are told of them: which, how many, what names.

A model's number of classes is None where the data shall say it.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from jaxgan.data import classed
from jaxgan.data.labels import translated
from jaxgan.lab.data import Set
from jaxgan.train.terminal import say


def labelled(opened: Set, others: str = "left out") -> Set:
    """The examples of a set that have a class; how many have none is said.

    Args:
        opened: the set.
        others: what happens to those without a class, in words.

    Raises:
        ValueError: the set has no labels.
    """
    if not opened.classes:
        raise ValueError(
            f"{opened.data.data!r} has no labels; every image needs its class here"
        )
    train, test = _known(opened.train), _known(opened.test)
    dropped = _count(opened.train) - _count(train) + _count(opened.test) - _count(test)
    if train is opened.train and test is opened.test:
        return opened
    if not dropped:  # as far as anybody knows: each is looked at when it is read
        return dataclasses.replace(opened, train=train)
    say(f"{dropped:,} images have no class (a label below 0) and are {others}")
    return dataclasses.replace(
        opened,
        about=f"{opened.about}; {dropped:,} without a class {others}",
        train=train,
        test=test,
    )


def present(opened: Set) -> Set:
    """The same set with its classes numbered anew, without those that have no image.

    Sets larger than memory are not looked through.
    """
    opened = labelled(opened)
    if opened.arrays is None:
        return opened
    there = np.unique(opened.train["label"])
    if len(there) == len(opened.classes):
        return opened
    number = np.full(len(opened.classes), -1, np.int32)
    number[there] = np.arange(len(there))

    def renumbered(part):
        return _known(part | {"label": number[part["label"]]}) if part else part

    return dataclasses.replace(
        opened,
        train=renumbered(opened.train),
        test=renumbered(opened.test),
        classes=tuple(opened.classes[i] for i in there),
    )


def counted(model: Any, opened: Set, others: str = "left out") -> tuple[Any, Set]:
    """A model with as many classes as its data has, and the data that it sees.

    Args:
        model: a configuration with `classes`, None for those of the data.
        opened: the data.
        others: what happens to images without a class, in words.

    Returns:
        The model, its classes a number, and the examples that have one of them.

    Raises:
        ValueError: the set has no labels, or fewer than two classes, or another number
            of them than the model; the message has both numbers.
    """
    opened = labelled(opened, others)
    if model.classes != len(opened.classes):
        opened = present(opened)
    count, spec = len(opened.classes), opened.data.data
    if count < 2:
        raise ValueError(
            f"{spec!r} has one class, {opened.classes[0]!r}; a model of classes needs"
            " two or more"
        )
    if model.classes not in (None, count):
        raise ValueError(
            f"classes is {model.classes}, but {spec!r} has {count} classes: leave the"
            " number out to take that of the data, or give other --data"
        )
    return dataclasses.replace(model, classes=count), opened


def of_run(
    plain: Mapping[str, Any], labels: np.ndarray, names: Sequence[str]
) -> np.ndarray:
    """The labels of a set as a run numbers its classes, by their names.

    Args:
        plain: the configuration of the run.
        labels: integers `[N]`.
        names: of the set's classes.

    Returns:
        `[N]`; -1 for classes that the run has not. Runs that began before names were
        saved take the numbers as they are.
    """
    known = plain.get("class_names")
    return translated(labels, names, known) if known and names else np.asarray(labels)


def _known(part: Any) -> Any:
    """The examples of a part, in memory or streamed, whose labels are not below 0."""
    if not isinstance(part, dict):
        return classed(part)
    if "label" not in part:
        return part
    kept = part["label"] >= 0
    return part if kept.all() else {name: x[kept] for name, x in part.items()}


def _count(part: Any) -> int:
    return len(part.get("image", ())) if isinstance(part, dict) else len(part)
