"""Trains pix2pix on pairs, and measures what it makes of others."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from jaxgan.compose import ema_variables
from jaxgan.data.synthetic import faces
from jaxgan.lab import feeds, pairs, pixels, rates, session
from jaxgan.lab.judges import segments
from jaxgan.lab.session import Numbers, Result
from jaxgan.models import pix2pix
from jaxgan.train import directory

ROWS, COLUMNS = 6, 3  # pairs on a sheet
TESTED = 1024  # pairs, at most
RANGE = (-1.0, 1.0)


def train(config: Any, task: pairs.Task, *, judge: bool = False) -> Result:
    """Trains, or goes on training, with sheets of unseen pairs and errors at the end.

    Args:
        config: of the command: `run`, `data` and `model`, of pix2pix.
        task: what to translate into what.
        judge: whether to find the labels in portraits drawn from labels, by a
            segmenter; see `judges.segments`.

    Raises:
        ValueError: the data has no such pairs, or the directory is not the run's.
    """
    model, run = config.model, config.run
    if judge and task != "labels-to-portrait":
        raise ValueError(
            f"--judge looks for labels in portraits, but --task is {task}: leave it"
            " out, or translate labels-to-portrait"
        )
    rates.check(run.steps, model.decay, constant=model.constant)
    found = pairs.open_pairs(config.data, task, model.shape)
    test = pairs.tests(found.opened, TESTED)
    work = session.begin("pix2pix", config, found.opened)
    key = jax.random.key(run.seed + 1)

    @jax.jit
    def answer(variables, image, key):
        drawn = pix2pix.translate(model, variables, pixels.floats(image, RANGE), key)
        return pixels.to_bytes(drawn, RANGE)

    def show(state):
        nets, some = ema_variables(state), ROWS * COLUMNS
        drawn = np.asarray(answer(nets, test["input"][:some], key))
        three = np.stack([test["input"][:some], drawn, test["image"][:some]], 1)
        count = len(three) // COLUMNS * COLUMNS or len(three)
        columns = 3 * min(COLUMNS, count)
        return {"pairs": three[:count].reshape(-1, columns, *three.shape[2:])}

    def measure(state):
        nets = ema_variables(state)
        drawn = pairs.translated(
            lambda image, key: answer(nets, image, key), test["input"], key
        )
        answers = {"output": drawn, **untrained(found, test)}
        numbers: Numbers = {"tested": len(drawn), "errors": errors(test, answers)}
        if task == "portrait-to-labels":
            numbers["labels"] = named(test["image"], drawn)
        if judge:
            numbers["labels_found"] = recognised(test, answers)
        sheets = directory.sheets(run.workdir, "pairs")
        caption = f"{task}: input, output, truth, of pairs not trained on"
        return Result(numbers, {caption: sheets[max(sheets)]})

    batches = feeds.feed(
        found.opened, work.run, work.mesh, between=RANGE, derive=found.derive
    )
    return session.train(work, pix2pix.game(model), batches, show=show, measure=measure)


def untrained(found: pairs.Pairs, test: Any) -> dict[str, np.ndarray]:
    """Answers to test pairs that take no training: see `pairs.baselines`."""
    opened = dataclasses.replace(found.opened, test=dict(test))
    return pairs.baselines(found._replace(opened=opened))


def errors(test: Any, answers: Mapping[str, np.ndarray]) -> Numbers:
    """How far each kind of answer is from the truth."""
    return {
        name: pairs.error(test["image"], images)._asdict()
        for name, images in answers.items()
    }


def named(truth: np.ndarray, drawn: np.ndarray) -> Numbers:
    """How well drawn maps name pixels: each by the label of the nearest colour."""
    wanted, found = segments.nearest(truth), segments.nearest(drawn)
    return segments.score(wanted, found, len(faces.LABELS))._asdict()


def recognised(test: Any, answers: Mapping[str, np.ndarray]) -> Numbers:
    """How well a segmenter finds the labels of inputs in answers and in the truth."""
    judge = segments.trained(test["image"].shape[1])
    wanted, classes = segments.nearest(test["input"]), judge.config.classes
    pictures = {name: x for name, x in answers.items() if name != "input"}
    return {
        name: segments.score(wanted, judge.labels(images), classes)._asdict()
        for name, images in {**pictures, "truth": test["image"]}.items()
    }
