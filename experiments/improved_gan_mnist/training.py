"""One run: chooses the labelled images, makes batches, trains and tests."""

import dataclasses
from collections.abc import Iterator

import jax
import numpy as np
from jax.sharding import Mesh

from jaxgan import compose, game, parallel
from jaxgan import data as jaxgan_data
from jaxgan.lab import blocks, classes, figures, generator, pixels, scored, session
from jaxgan.lab.data import Data, open_set
from jaxgan.lab.session import Result
from jaxgan.models import improved_gan
from jaxgan.train import Feed, Run

LABELLED_STREAM = 2**32  # added to the seed: the two streams of batches are apart
SHOWN = 100  # samples on a sheet


@dataclasses.dataclass(frozen=True)
class Part:
    """The settings of one of the runs."""

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
    images: np.ndarray, labelled: dict[str, np.ndarray], run: Run, mesh: Mesh
) -> Feed:
    """Makes batches `{"image", "labelled", "label"}` on the devices.

    The images of a batch are a function of the seed and the step, in two streams.

    Args:
        images: all that are trained on, those without a label and those with.
        labelled: the images that have their labels, and these.
        run: the seed and the size of a batch.
        mesh: the devices.
    """
    arrays = {
        "image": images,
        "labelled": labelled["image"],
        "label": labelled["label"],
    }

    def items(start: int) -> Iterator[dict[str, np.ndarray]]:
        step, size = start, run.batch_size
        while True:
            streams = {
                "unlabelled": (run.seed, arrays["image"]),
                "labelled": (run.seed + LABELLED_STREAM, arrays["labelled"]),
            }
            yield {
                name: jaxgan_data.plan(seed, step, count=len(among), batch_size=size)[
                    "index"
                ]
                for name, (seed, among) in streams.items()
            }
            step += 1

    def prepare(arrays, item):
        return {
            "image": pixels.floats(arrays["image"][item["unlabelled"]]),
            "labelled": pixels.floats(arrays["labelled"][item["labelled"]]),
            "label": arrays["label"][item["labelled"]],
        }

    held = parallel.resident(mesh, arrays)
    return Feed(arrays=held, items=items, prepare=prepare)


def fit(part: Part) -> Result:
    """Trains and tests one run."""
    shape = generator.image_shape(improved_gan.MODEL, part.model)
    opened = open_set(part.data, shape, test=True)
    images = opened.train["image"]
    model, opened = classes.counted(part.model, opened, "trained on without one")
    part, run = dataclasses.replace(part, model=model), part.run
    chosen = subset(opened.train["label"], model.classes, part.labels, run.seed)
    title = f"Improved GAN, {model.matching}, {part.labels} labels, seed {run.seed}"
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

    count = len(opened.test["label"])

    def show(state):
        averaged = compose.ema_variables(state)
        return {
            "test/error": wrong(averaged) / count,
            "test/error_of_last_weights": wrong(game.variables(state)) / count,
            "samples": np.asarray(drawing.to_bytes(draw(averaged, latent, labels))),
        }

    def measure(state):
        errors = wrong(compose.ema_variables(state))
        scores = scored.score(improved_gan.MODEL, part, classes.present(opened), state)
        return Result(
            scores
            | {
                "test_errors": errors,
                "test_images": count,
                "test_error": errors / count,
            },
            {"Samples of the generator": figures.last_sheet_file(run, "samples")},
        )

    return session.train(
        work,
        improved_gan.game(model),
        feed(images, {n: x[chosen] for n, x in opened.train.items()}, run, work.mesh),
        show=show,
        measure=measure,
    )
