"""Draws sparse binary vectors of two classes. They stand for nothing."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

FAMILIES = {"positive": 4, "negative": 6}  # kinds of vectors within a class
OWN = 0.08  # share of the features that are typical of a family


class Part(NamedTuple):
    """Binary vectors `[N, F]` float32 of each class; 30 % are positive."""

    positive: np.ndarray
    negative: np.ndarray


def drawn(features: int, counts: Sequence[int], seed: int) -> list[Part]:
    """Draws parts of a set from one distribution.

    Every feature has a low rate of its own, Beta(0.5, 6); each vector belongs to a
    family of its class, for which some features are typical: their rate is 0.35 to 0.7.

    Args:
        features: F.
        counts: positive vectors of each part.
        seed: of the distribution and of the draws.
    """
    random = np.random.default_rng(seed)
    common = random.beta(0.5, 6, features)
    typical = max(1, round(OWN * features))

    def rates():
        own = common.copy()
        some = random.choice(features, typical, replace=False)
        own[some] = random.uniform(0.35, 0.7, typical)
        return own

    kinds = {
        name: np.stack([rates() for _ in range(n)]) for name, n in FAMILIES.items()
    }

    def vectors(name, count):
        chosen = kinds[name][random.integers(0, len(kinds[name]), count)]
        return (random.random(chosen.shape) < chosen).astype(np.float32)

    return [
        Part(vectors("positive", n), vectors("negative", round(n * 7 / 3)))
        for n in counts
    ]
