"""What models of images tell of themselves: random batches, and sheets of samples."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import jax

from jaxgan.game import Batch, Variables

DIGIT = (28, 28, 1)


class Classed(Protocol):
    """A config with a number of classes."""

    @property
    def classes(self) -> int:
        """How many classes there are."""
        ...


def batch(
    key: jax.Array,
    count: int,
    shape: tuple[int, ...] = DIGIT,
    *,
    classes: int = 0,
    repeats: int = 1,
    low: float = 0.0,
) -> Batch:
    """Random images in [low, 1], with labels if there are classes.

    Args:
        key: a random key.
        count: images in a minibatch.
        shape: of an image.
        classes: labels are from 0 to one less; none are drawn if this is 0.
        repeats: k, the minibatches that a step takes: arrays are `[k, count, ...]` if
            this is above 1.
        low: the smallest value of a pixel.
    """
    image_key, label_key = jax.random.split(key)
    leading = (repeats, count) if repeats > 1 else (count,)
    made = {"image": jax.random.uniform(image_key, (*leading, *shape), minval=low)}
    if classes:
        made["label"] = jax.random.randint(label_key, leading, 0, classes)
    return made


def digits(config: Any, key: jax.Array, count: int) -> Batch:
    """A random batch of a model that takes 28x28 images, one minibatch a step."""
    del config
    return batch(key, count)


def labelled_digits(config: Classed, key: jax.Array, count: int) -> Batch:
    """The same with the labels of a conditional model."""
    return batch(key, count, classes=config.classes)


def samples(latent: Callable, sample: Callable, *, labels: bool = False) -> Callable:
    """Makes `show` of a model whose samples are what is worth seeing.

    Args:
        latent: the model's.
        sample: the model's.
        labels: whether `sample` takes labels: those of the batch, if it has any.
    """

    def show(
        config: Any, variables: Variables, key: jax.Array, batch: Batch
    ) -> Mapping[str, jax.Array]:
        drawn = latent(config, key, len(batch["image"]))
        given = (batch["label"],) if labels and "label" in batch else ()
        return {"samples": sample(config, variables, drawn, *given)}

    return show
