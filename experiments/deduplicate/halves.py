"""Halves of a set with copies planted in them, and what is found of these."""

from typing import Any

import numpy as np

from experiments.deduplicate import duplicates, hashes, planting
from jaxgan.data import transforms
from jaxgan.train.terminal import say


def halves(config: Any, opened: hashes.Opened, codes, encode) -> list[duplicates.Set]:
    """Two halves of the set, drawn at random, each with copies planted in it."""
    order = np.random.default_rng(config.seed).permutation(len(opened.images))

    def fit(image):
        return transforms.fit(image, **opened.shape)

    def read(place):
        return opened.source[place]["image"]

    halves = []
    for i, part in enumerate(np.array_split(order, 2)):
        places = np.sort(part)
        half = plain(opened.images[places], codes[places], places)
        if config.plant:
            seed = 2 * config.seed + i
            which = np.random.default_rng(seed).choice(part, config.plant, False)
            copies, kinds = duplicates.planted(read, fit, which, seed)
            more = duplicates.Set(copies, encode(copies), which, kinds)
            half = duplicates.Set(*map(np.concatenate, zip(half, more, strict=True)))
        halves.append(half)
    return halves


def plain(images, codes, places=None) -> duplicates.Set:
    """A set without planted copies."""
    places = np.arange(len(images)) if places is None else places
    return duplicates.Set(images, codes, places, np.full(len(images), ""))


def counts(seen: duplicates.Set, tried: duplicates.Tried) -> dict[str, Any]:
    """The copies found, and the images falsely removed, for results.json."""
    kinds = seen.kind[seen.kind != ""]
    originals = int((seen.kind == "").sum())
    return {
        "images": originals,
        "planted": len(kinds),
        "recall": tried.recall,
        "recall_by_kind": {
            kind: float(tried.found[kinds == kind].mean())
            for kind in planting.KINDS
            if (kinds == kind).any()
        },
        "removed": tried.removed,
        "false": tried.false,
        "false_rate": tried.false_rate,
        "removed_that_were_not_planted": tried.others,
        "false_among_them": tried.others_false,
        "false_in_a_thousand_images": 1000 * tried.others_false / originals,
        "copies_that_correlate": _correlations(seen),
    }


def _correlations(seen: duplicates.Set) -> list[float]:
    """Correlations of copies with their originals: quantiles 0.05, 0.5 and 0.95."""
    copies = np.flatnonzero(seen.kind != "")
    originals = duplicates.originals(seen)
    found = planting.correlation(seen.images[copies], seen.images[originals])
    return np.quantile(found, [0.05, 0.5, 0.95]).tolist()


def by_chance(images: np.ndarray, config: Any) -> float:
    """The share of random pairs that correlate as much as copies."""
    a, b = np.random.default_rng(config.seed).integers(0, len(images), (2, 20_000))
    a, b = a[a != b], b[a != b]
    return float((planting.correlation(images[a], images[b]) >= config.alike).mean())


def threshold(
    config: Any, half: duplicates.Set, trials: list[duplicates.Tried]
) -> dict[str, Any]:
    """The threshold, and what it gives on the half that it is chosen on."""
    if config.threshold is not None:
        return {"threshold": config.threshold}
    value = duplicates.chosen(trials, config.most_false).threshold
    chosen = duplicates.tried(half, value, config.alike)
    if chosen.false_rate > config.most_false:
        say(
            f"no threshold keeps false removals within {config.most_false:.0%}:"
            f" taking the one with the fewest, {chosen.false_rate:.1%}"
        )
    return {"chosen_on": counts(half, chosen), "threshold": value}
