"""Parts of the records of image models: random batches, and sheets of samples."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import jax

from jaxgan.game import Batch, Variables

DIGIT = (28, 28, 1)


class Classed(Protocol):
    """A config with a number of classes."""

    @property
    def classes(self) -> int | None:
        """The number of classes; None for as many as the data has."""
        ...


def batch(
    key: jax.Array,
    count: int,
    shape: tuple[int, ...] = DIGIT,
    *,
    classes: int | None = 0,
    repeats: int = 1,
    low: float = 0.0,
) -> Batch:
    """Makes random images in [low, 1], with labels if there are classes.

    Args:
        key: a random key.
        count: the number of images in a minibatch.
        shape: the shape of an image.
        classes: the number of classes; if 0, no labels are drawn, and if None, labels
            of two classes.
        repeats: k, the number of minibatches in a step; if it is above 1, arrays are
            `[k, count, ...]`.
        low: the smallest value of a pixel.
    """
    image_key, label_key = jax.random.split(key)
    leading = (repeats, count) if repeats > 1 else (count,)
    made = {"image": jax.random.uniform(image_key, (*leading, *shape), minval=low)}
    if classes is None:
        classes = 2
    if classes:
        made["label"] = jax.random.randint(label_key, leading, 0, classes)
    return made


def digits(config: Any, key: jax.Array, count: int) -> Batch:
    """Makes a random batch of 28x28 images, one minibatch per step."""
    del config
    return batch(key, count)


def labelled_digits(config: Classed, key: jax.Array, count: int) -> Batch:
    """Makes the same with the labels of a conditional model."""
    return batch(key, count, classes=config.classes)


def samples(latent: Callable, sample: Callable, *, labels: bool = False) -> Callable:
    """Makes the `show` of a model that shows samples.

    Args:
        latent: the model's `latent`.
        sample: the model's `sample`.
        labels: whether `sample` takes labels; if so, it gets those of the batch.
    """

    def show(
        config: Any, variables: Variables, key: jax.Array, batch: Batch
    ) -> Mapping[str, jax.Array]:
        drawn = latent(config, key, len(batch["image"]))
        given = (batch["label"],) if labels and "label" in batch else ()
        return {"samples": sample(config, variables, drawn, *given)}

    return show
