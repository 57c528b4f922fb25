"""Trains the improved GAN, a classifier that learns from few labels, and tests it."""

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh

from jaxgan import compose, game, parallel
from jaxgan import data as jaxgan_data
from jaxgan.lab import blocks, classes, figures, generator, pixels, scored, session
from jaxgan.lab.data import Data, Set, open_set
from jaxgan.lab.session import Result
from jaxgan.models import improved_gan
from jaxgan.models.model import Model
from jaxgan.train import Feed, Run

LABELLED_STREAM = 2**32  # added to the seed: the two streams of batches are apart
SHOWN = 100  # samples on a sheet
Score = Callable[[Model, Any, Set, Any], dict[str, Any]]


@dataclasses.dataclass(frozen=True)
class Part:
    """The settings of a run.

    Attributes:
        run: how long to train, and where.
        data: labelled images.
        labels: how many keep their labels in training; 0 keeps all.
        model: the networks.
    """

    run: Run
    data: Data
    labels: int
    model: improved_gan.Config


def subset(labels: np.ndarray, classes: int, count: int, seed: int) -> np.ndarray:
    """Which images have their labels, drawn by the seed.

    As many of each class; if the count is not a multiple of the classes, the first get
    one more.

    Raises:
        ValueError: a class has fewer images, or would have none.
    """
    if count < classes:
        raise ValueError(
            f"--labels has {count}, but the data has {classes} classes; give at least"
            " one label for each"
        )
    drawn = np.random.default_rng([seed, count])
    index = []
    for label in range(classes):
        each = count // classes + (label < count % classes)
        there = np.flatnonzero(labels == label)
        if len(there) < each:
            raise ValueError(
                f"there are {len(there)} images of the class {label}, but --labels"
                f" {count} takes {each}; give fewer"
            )
        index.append(drawn.permutation(there)[:each])
    return np.concatenate(index)


def feed(
    images: np.ndarray,
    labelled: dict[str, np.ndarray],
    run: Run,
    mesh: Mesh,
    flip: bool = False,
) -> Feed:
    """Makes batches `{"image", "labelled", "label"}` on the devices.

    The images of a batch are a function of the seed and the step, in two streams.

    Args:
        images: all that are trained on, those without a label and those with.
        labelled: the images that have their labels, and these.
        run: the seed and the size of a batch.
        mesh: the devices.
        flip: mirror a random half of the images.
    """
    arrays = {
        "image": images,
        "labelled": labelled["image"],
        "label": labelled["label"],
    }

    def items(start: int) -> Iterator[dict[str, jaxgan_data.Plan]]:
        step, size = start, run.batch_size
        apart = run.seed + LABELLED_STREAM
        while True:
            item = {}
            for name, seed in (("image", run.seed), ("labelled", apart)):
                count = len(arrays[name])
                item[name] = jaxgan_data.plan(
                    seed, step, count=count, batch_size=size, flip=flip
                )
            yield item
            step += 1

    def prepare(arrays, item):
        both = {"labelled": arrays["labelled"], "label": arrays["label"]}
        batch = jaxgan_data.take({"image": arrays["image"]}, item["image"], jnp)
        batch |= jaxgan_data.take(both, item["labelled"], jnp)
        return {name: pixels.floats(x) for name, x in batch.items()}

    held = parallel.resident(mesh, arrays)
    return Feed(arrays=held, items=items, prepare=prepare)


def fit(
    part: Part,
    opened: Set | None = None,
    score: Score | None = None,
) -> Result:
    """Trains and tests a run, or goes on with it.

    Args:
        part: its settings.
        opened: its data; what `part.data` names if left out.
        score: `score(record, part, judged, state) -> numbers` of the last state's
            samples, for results.json; `judged` is the data, all of it labelled.
            `scored.score` if left out.

    Raises:
        ValueError: the data does not fit the model or is not in memory, or the
            directory is of another run.
    """
    if opened is None:
        shape = generator.image_shape(improved_gan.MODEL, part.model)
        opened = open_set(part.data, shape, test=True)
    if opened.arrays is None:
        raise ValueError(
            f"{part.data.data} is too large for memory, and the improved GAN draws its"
            " labelled images from there; give fewer images"
        )
    if part.data.shift:
        raise ValueError(
            f"--shift is {part.data.shift}, but the improved GAN does not shift its"
            " images; leave it out"
        )
    images = opened.train["image"]
    model, opened = classes.counted(part.model, opened, "trained on without one")
    part, run = dataclasses.replace(part, model=model), part.run
    score = score or scored.score
    count = part.labels or len(opened.train["label"])
    chosen = (
        subset(opened.train["label"], model.classes, count, run.seed)
        if part.labels
        else np.arange(count)
    )
    title = f"Improved GAN, {model.matching}, {count} labels, seed {run.seed}"
    work = session.begin(title, part, opened)
    drawing = generator.Drawing(improved_gan.MODEL, model)
    draw = drawing.compiled()
    latent, labels = drawing.sheet(jax.random.key(run.seed + 1), SHOWN)

    @jax.jit
    def classify(variables, image):
        return improved_gan.predict(model, variables, pixels.floats(image))

    def wrong(variables):
        predicted = blocks.in_blocks(
            lambda image: classify(variables, image), opened.test["image"]
        )
        return int((predicted != opened.test["label"]).sum())

    tested = len(opened.test["label"])

    def show(state):
        averaged = compose.ema_variables(state)
        return {
            "test/error": wrong(averaged) / tested,
            "test/error_of_last_weights": wrong(game.variables(state)) / tested,
            "samples": np.asarray(drawing.to_bytes(draw(averaged, latent, labels))),
        }

    def measure(state):
        errors = wrong(compose.ema_variables(state))
        scores = score(improved_gan.MODEL, part, classes.present(opened), state)
        return Result(
            scores
            | {
                "test_errors": errors,
                "test_images": tested,
                "test_error": errors / tested,
            },
            {"Samples of the generator": figures.last_sheet_file(run, "samples")},
        )

    labelled = {name: x[chosen] for name, x in opened.train.items()}
    return session.train(
        work,
        improved_gan.game(model),
        feed(images, labelled, run, work.mesh, part.data.flip),
        show=show,
        measure=measure,
    )
