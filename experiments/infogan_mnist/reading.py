"""Reads what the codes of an InfoGAN mean off images."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.lab import blocks, classes, generator
from jaxgan.lab.data import Set
from jaxgan.lab.judges import scores
from jaxgan.lab.spread import spread
from jaxgan.models import infogan
from jaxgan.models.parts.classes import known


def read_digits(model: infogan.Config, variables: Any, opened: Set) -> dict[str, Any]:
    """Measures the error of c1 as a classifier, if the data has labels.

    The recogniser normalises with the statistics of a batch, so images are read in
    random order, to keep batches from having only one class.

    Args:
        model: the model's config.
        variables: the variables of its nets.
        opened: the data. Training images give the meanings of categories, and errors
            are those of test images.

    Returns:
        `code_error`, the share of test images whose category means another digit;
        `meanings`, the digit of each category, -1 where none is read off any image;
        `digits_found`, how many digits have a category; `classes`, the digits' names.
        For other data, read "class" where this says "digit".
    """
    if not opened.classes:
        return {}
    opened = classes.present(opened)
    if not opened.test:
        return {}

    @jax.jit
    def categories(images):
        unit = images.astype(jnp.float32) / 255
        return infogan.recognise(model, variables, unit)[0].argmax(1)

    def read(part):
        order = np.random.default_rng(0).permutation(len(part["label"]))
        images, labels = part["image"][order], part["label"][order]
        return blocks.in_blocks(categories, images, size=generator.BLOCK), labels

    meanings = match(*read(opened.train), known(model.categories))
    predicted, labels = read(opened.test)
    return {
        "code_error": float((meanings[predicted] != labels).mean()),
        "meanings": meanings.tolist(),
        "digits_found": len(set(meanings.tolist()) - {-1}),
        "classes": list(opened.classes),
    }


def match(category: np.ndarray, label: np.ndarray, categories: int) -> np.ndarray:
    """Finds the most frequent label of each category, `[categories]`; -1 if none.

    Args:
        category: the category of each image, `[N]`.
        label: the label of each image, `[N]`.
        categories: the number of categories.
    """
    counts = np.zeros((categories, label.max() + 1), int)
    np.add.at(counts, (category, label), 1)
    return np.where(counts.any(1), counts.argmax(1), -1)


def summary(runs: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Mean and standard deviation of the error over two or more InfoGANs."""
    errors = [
        run["code_error"]
        for name, run in runs.items()
        if name.startswith("InfoGAN") and "code_error" in run
    ]
    if not errors:
        return {}
    found = dict(zip(("code_error", "code_error_spread"), spread(errors), strict=True))
    of_digits = all(
        tuple(run.get("classes", scores.DIGITS)) == scores.DIGITS
        for run in runs.values()
    )
    return found | ({"published_code_error": 0.05} if of_digits else {})
