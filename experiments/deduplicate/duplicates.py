"""Measures how many near duplicates are found, and how many removals are false."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from experiments.deduplicate import planting
from jaxgan.analysis import hashing

# Quantiles of all codes at which thresholds are tried; each leaves fewer bits set.
QUANTILES = (
    *(0.0, 0.3, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.92, 0.94, 0.95, 0.96, 0.97, 0.98),
    *(0.985, 0.99, 0.993, 0.996, 0.998),
)


class Set(NamedTuple):
    """Images with their codes.

    Attributes:
        images: uint8 `[N, H, W, C]`.
        codes: `[N, K]`.
        source: int `[N]`: of a planted copy, the index of its original; of an image of
            the set, its own index.
        kind: the kind of change of a copy, `[N]`; "" for images of the set.
    """

    images: np.ndarray
    codes: np.ndarray
    source: np.ndarray
    kind: np.ndarray


class Tried(NamedTuple):
    """The outcome of hashing at one threshold, in a set with planted copies.

    Attributes:
        threshold: of the codes.
        kept: for each image, the one that is kept in its place, `[N]`.
        found: for each planted copy, whether it has the hash of its original.
        removed: the number of images that are not kept.
        false: how many of them are not copies of the image kept in their place.
        others: removed images that were not planted.
        others_false: how many of those are not copies.
    """

    threshold: float
    kept: np.ndarray
    found: np.ndarray
    removed: int
    false: int
    others: int
    others_false: int

    @property
    def recall(self) -> float:
        """The share of planted copies that was found; 0 if there are none."""
        return float(self.found.mean()) if len(self.found) else 0.0

    @property
    def false_rate(self) -> float:
        """The share of removed images that are not copies; 0 if none was removed."""
        return self.false / max(1, self.removed)


def planted(
    read: Callable[[int], np.ndarray],
    fit: Callable[[np.ndarray], np.ndarray],
    places: np.ndarray,
    seed: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Makes near duplicates of images, of every kind in turn.

    Args:
        read: an image of the set as it is stored, uint8 `[H, W, C]`.
        fit: resizes one to the size that is hashed.
        places: indices of the images to copy.
        seed: of the changes.

    Returns:
        The copies, uint8 `[P, ...]`, and the kind of each, `[P]`.
    """
    rng = np.random.default_rng(seed)
    kinds = np.array(
        [planting.KINDS[i % len(planting.KINDS)] for i in range(len(places))]
    )
    made = [
        fit(planting.copied(read(int(place)), kind, rng))
        for place, kind in zip(places, kinds, strict=True)
    ]
    return np.stack(made), kinds


def tried(seen: Set, threshold: float, alike: float) -> Tried:
    """Removes duplicates at a threshold, and counts.

    Args:
        seen: images of the set first, planted copies last.
        threshold: of the codes.
        alike: the correlation of pixels from which two images count as copies.
    """
    group = hashing.groups(hashing.binarise(seen.codes, threshold))
    kept = hashing.first_of_each(group)
    removed = np.flatnonzero(kept != np.arange(len(kept)))
    pairs = seen.images[removed], seen.images[kept[removed]]
    true = seen.source[removed] == seen.source[kept[removed]]
    true |= planting.correlation(*pairs) >= alike
    copies = np.flatnonzero(seen.kind != "")
    others = seen.kind[removed] == ""
    return Tried(
        threshold=threshold,
        kept=kept,
        found=group[copies] == group[originals(seen)],
        removed=len(removed),
        false=int((~true).sum()),
        others=int(others.sum()),
        others_false=int((others & ~true).sum()),
    )


def originals(seen: Set) -> np.ndarray:
    """Where the original of each planted copy is among the images, `[P]`."""
    place = {int(source): i for i, source in reversed(list(enumerate(seen.source)))}
    return np.array([place[int(s)] for s in seen.source[seen.kind != ""]], int)


def thresholds(codes: np.ndarray) -> list[float]:
    """Thresholds to try, ascending, each once: quantiles of all codes, from 0 on."""
    found = np.quantile(codes, QUANTILES)
    return sorted({0.0, *(float(value) for value in found if value > 0)})


def chosen(trials: list[Tried], most_false: float) -> Tried:
    """Chooses the trial that finds most copies, among those with few false removals.

    If there is none, it is the trial with the smallest share of false removals.
    """
    fine = [trial for trial in trials if trial.false_rate <= most_false]
    if fine:
        return max(fine, key=lambda trial: (trial.recall, -trial.false_rate))
    return min(trials, key=lambda trial: trial.false_rate)
