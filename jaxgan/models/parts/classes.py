"""The classes that a model is told of: how many there are, and labels of them."""

from collections.abc import Mapping
from typing import Annotated, Any

import jax
import jax.core
import jax.numpy as jnp

from jaxgan import bounds

Classes = Annotated[int, bounds.Within(2)] | None
"""None stands for as many as the data has: the laboratory puts the number there before
networks are made."""


def known(classes: int | None) -> int:
    """The number of classes, where it is known.

    Raises:
        ValueError: it is still None.
    """
    if classes is None:
        raise ValueError(
            "the number of classes is None, which stands for that of the data; give a"
            " number before networks are made"
        )
    return classes


def check_labelled(batch: Mapping[str, Any]) -> None:
    """Checks that a batch has labels.

    Raises:
        ValueError: it has none.
    """
    if "label" not in batch:
        raise ValueError(
            f"the batch has {sorted(batch)} but no 'label'; a conditional model needs"
            " the class of every image, as integers [B]"
        )


def check_labels(label: jax.Array, classes: int, count: int) -> None:
    """Checks labels, and their range where their values are known.

    Raises:
        ValueError: the labels are not `count` integers, or out of range.
    """
    if label.shape != (count,) or not jnp.issubdtype(label.dtype, jnp.integer):
        raise ValueError(
            f"labels are {label.dtype}{list(label.shape)}, expected integers [{count}]"
        )
    inside = (label >= 0) & (label < classes)
    if not isinstance(inside, jax.core.Tracer) and not inside.all():
        raise ValueError(
            f"labels go from {label.min()} to {label.max()}, expected 0 to"
            f" {classes - 1}"
        )


def one_hot(label: jax.Array, classes: int, count: int) -> jax.Array:
    """Encodes labels `[B]` as `[B, classes]`.

    A label outside 0..classes-1 raises an error where its value is known, and becomes
    NaN in a compiled function.

    Raises:
        ValueError: the labels are not `count` integers, or out of range.
    """
    label = jnp.asarray(label)
    check_labels(label, classes, count)
    inside = (label >= 0) & (label < classes)
    return jnp.where(inside[:, None], jax.nn.one_hot(label, classes), jnp.nan)


def condition(classes: int, label: jax.Array | None, count: int) -> jax.Array | None:
    """Encodes the labels of a model that may have classes.

    Args:
        classes: how many there are; 0 for none.
        label: `[B]`, or None for a model without classes.
        count: B.

    Returns:
        `[B, classes]`, or None where there are no classes.

    Raises:
        ValueError: there are labels and no classes, or the other way round; or as
            `one_hot`.
    """
    if label is None:
        if classes:
            raise ValueError(
                f"the model needs labels: integers [{count}] from 0 to {classes - 1}"
            )
        return None
    if not classes:
        raise ValueError(
            "the model has no classes, but labels were given; leave them out"
        )
    return one_hot(label, classes, count)
