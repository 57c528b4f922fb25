"""Chooses random parts of a set, as sets are often stored class by class.

The first images of such a set are all of one kind, and so are its last ones.
"""

import numpy as np

_SPLIT = 6  # one of so many examples is set aside


def some(count: int, most: int, seed: int = 0) -> np.ndarray:
    """Draws places from 0 to `count` - 1 without repetition, `most` of them or all.

    The same arguments give the same places. They are sorted, since files are read
    faster in their order.

    Args:
        count: examples in the set.
        most: how many to draw at most.
        seed: of the choice.

    Returns:
        Integers `[min(count, most)]`.

    Raises:
        ValueError: `most` is negative.
    """
    if most < 0:
        raise ValueError(f"most is {most}; expected 0 or more places to draw")
    return np.sort(np.random.default_rng(seed).permutation(count)[:most])


def some_of_each(labels: np.ndarray, most: int, seed: int = 0) -> np.ndarray:
    """Draws places as `some` does, of each class in proportion to its examples.

    Args:
        labels: the class of each example, integers `[N]`.
        most: how many to draw at most.
        seed: of the choice.

    Returns:
        Integers `[min(N, most)]`, sorted.

    Raises:
        ValueError: `most` is negative.
    """
    if most < 0:
        raise ValueError(f"most is {most}; expected 0 or more places to draw")
    rank = np.empty(len(labels))
    for there in _by_class(labels, seed):
        rank[there] = (np.arange(len(there)) + 0.5) / len(there)
    order = _order(len(labels), seed)  # chance decides between equal ranks
    return np.sort(order[np.argsort(rank[order], kind="stable")[:most]])


def held_out(labels: np.ndarray) -> np.ndarray:
    """Tells which examples are set aside for tests: a sixth of every class, rounded.

    It is one example at least, but a class keeps one to train on. The choice is random,
    but the same on every machine and for every version of NumPy, because a run that is
    resumed must not train on what it is tested on.

    Args:
        labels: the class of each example, integers `[N]`; zeros where there are no
            classes.

    Returns:
        bool `[N]`.
    """
    held = np.zeros(len(labels), bool)
    for there in _by_class(labels, 0):
        sixth = max(1, (len(there) + _SPLIT // 2) // _SPLIT)
        held[there[: min(sixth, len(there) - 1)]] = True
    return held


def _by_class(labels: np.ndarray, seed: int) -> list[np.ndarray]:
    """The places of each class, in random order."""
    order = _order(len(labels), seed)
    return [order[labels[order] == label] for label in np.unique(labels)]


def _order(count: int, seed: int) -> np.ndarray:
    """A random order; NumPy promises that the bits of Philox never change."""
    bits = np.random.Philox(key=np.array([seed, 0], np.uint64)).random_raw(count)
    return np.argsort(bits, kind="stable")
