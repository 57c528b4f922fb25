"""Captions of procedural faces, whose truth can be counted.

Each face has many sentences: some of what is seen, in several words and orders, and
seldom a negation. `read` finds what a sentence states, so that whether a picture obeys
it can be counted:

    people = faces.dataset(seed=0, count=100, size=64)
    found = values(people["factors"])
    captions(found, seed=0, count=5)[0]  # five sentences about the first of them
    read("an old woman with grey curly hair")  # {"age": {"old"}, "sex": {"woman"}, ...}
"""

import random
from collections.abc import Mapping, Sequence

import numpy as np

from jaxgan.data.synthetic import seeds
from jaxgan.data.synthetic.captions.attributes import (
    ATTRIBUTES,
    UNSEEN,
    kinds,
    unseen,
    values,
    words,
)
from jaxgan.data.synthetic.captions.grammar import Facts, read, write

__all__ = [
    "ATTRIBUTES",
    "UNSEEN",
    "Facts",
    "allowed",
    "captions",
    "kinds",
    "one_hot",
    "read",
    "unseen",
    "values",
    "words",
    "write",
]


def captions(
    found: Mapping[str, np.ndarray], seed: int, count: int = 5
) -> list[list[str]]:
    """Writes sentences about faces; those of face `i` depend only on it, `seed`, `i`.

    Args:
        found: of `values`.
        seed: of the sentences.
        count: sentences a face.

    Returns:
        `count` sentences for each face.

    Raises:
        ValueError: `seed` or `count` is out of range.
    """
    seeds.checked(seed)
    if count < 1:
        raise ValueError(f"count is {count}; expected 1 or more sentences a face")
    return [
        [
            write(words(found, i), random.Random(f"{seed} {i} {number}"))
            for number in range(count)
        ]
        for i in range(len(found["sex"]))
    ]


def one_hot(found: Mapping[str, np.ndarray]) -> np.ndarray:
    """Values as columns of 0 and 1, a column a value: float32 `[N, V]`."""
    columns = [np.eye(len(ATTRIBUTES[name]))[found[name]] for name in ATTRIBUTES]
    return np.concatenate(columns, -1).astype(np.float32)


def allowed(sentences: Sequence[str]) -> np.ndarray:
    """What sentences allow: 1 for each value that a face may have, float32 `[M, V]`.

    A face obeys all that a sentence states where `allowed(...) @ one_hot(...).T` is the
    number of attributes.
    """
    rows = []
    for sentence in sentences:
        facts = read(sentence)
        rows.append(
            [
                value in facts.get(name, every)
                for name, every in ATTRIBUTES.items()
                for value in every
            ]
        )
    return np.array(rows, np.float32)
