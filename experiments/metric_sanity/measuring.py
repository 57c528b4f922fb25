"""Measures damaged images by the metrics."""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from experiments.metric_sanity.damage import MODES, blurred, modes_of, noisy
from jaxgan import metrics, parallel
from jaxgan.lab import sets
from jaxgan.lab.data import Data, open_set
from jaxgan.lab.measure import extract, moments
from jaxgan.metrics import features
from jaxgan.train.terminal import say

NOISE = (0, 4, 8, 16, 32, 64)  # standard deviation, of 255
BLUR = (0.0, 0.25, 0.5, 1.0, 2.0, 4.0)  # standard deviation in pixels
KEPT = (10, 8, 6, 4, 2, 1)  # modes
COLLAPSED = (1, 10, 100, 1000)  # different images that are left


def sanity(config: Any, name: str) -> dict[str, Any]:
    """Damages the images of a set in every way, and computes the metrics."""
    reading = sets.Reading(resolution=config.resolution)
    opened = sets.open_set(name, reading, config.count, config.seed)
    say(opened.about)
    rng = np.random.default_rng(config.seed)
    reference, rest, modes = halves(opened, config.batch_size, rng)
    half = len(rest)
    extractor = _extractor(config, name, opened)
    look = seeing(extractor, config.batch_size)
    real = look(reference)

    def kept(count):
        left = rest[np.isin(modes, np.unique(modes)[:count])]
        return left[rng.integers(0, len(left), half)] if count < MODES else rest

    # A random image may be unusual, but a generator collapses to images that D knows
    # well.
    _, away = metrics.nearest_neighbours(look(rest), real)
    typical = rest[np.argsort(np.asarray(away)[:, 0], kind="stable")]
    several = tuple(n for n in COLLAPSED if n < half)
    damages = {
        "noise": (NOISE, lambda x: noisy(rest, x, rng)),
        "blur": (BLUR, lambda x: blurred(rest, x)),
        "modes kept": (KEPT, kept),
        "different images": ((*several, half), lambda x: typical[np.arange(half) % x]),
    }
    results = {}
    for kind, (strengths, damage) in damages.items():
        say(f"  {kind}: {', '.join(map(str, strengths))}")
        results[kind] = []
        for strength in strengths:
            fake = look(damage(strength))
            found = _coverage(real, fake) if kind == "different images" else {}
            found |= _distances(config, real, fake)
            results[kind].append({"strength": strength, **found})
    return {
        "data": opened.protocol,
        "half": half,
        "extractor": {"name": extractor.name, **extractor.about},
        **results,
    }


def halves(opened: sets.ImageSet, batch_size: int, rng: np.random.Generator):
    """Splits a set into random halves; returns them and the modes of the second."""
    parts = list(opened.blocks(batch_size))
    images = np.concatenate([part.images for part in parts])
    given = [part.labels for part in parts if part.labels is not None]
    labels = np.concatenate(given) if given else None
    order, half = rng.permutation(len(images)), len(images) // 2
    second = order[half : 2 * half]
    return images[order[:half]], images[second], modes_of(images, labels)[second]


def _extractor(config: Any, name: str, opened: sets.ImageSet) -> features.Extractor:
    def whole():
        height, width, channels = opened.shape
        return open_set(Data(data=name), (height, width, channels), test=True)

    labelled = whole if opened.labelled else None
    return extract.extractor(config.extraction, opened.shape, labelled)


def seeing(
    extractor: features.Extractor, batch_size: int
) -> Callable[[np.ndarray], np.ndarray]:
    """Makes `look(images) -> features [N, F]` for any number of images."""
    see = extract.looker(extractor, parallel.mesh(), batch_size)

    def look(images):
        starts = range(0, len(images), batch_size)
        return np.concatenate(
            [see(images[start : start + batch_size]).features for start in starts]
        )

    return look


def _distances(config: Any, real: np.ndarray, fake: np.ndarray) -> dict[str, float]:
    a, b = (metrics.moments(np.asarray(x, float)) for x in (real, fake))
    size = min(config.subset_size, len(fake), len(real))
    kernel = metrics.kernel_distance(
        real, fake, subsets=config.subsets, subset_size=size, seed=config.seed
    )
    return {
        "frechet": moments.frechet(a, b),
        "kernel": float(kernel.mean),
        "kernel_spread": float(kernel.spread),
    }


def _coverage(real: np.ndarray, fake: np.ndarray) -> dict[str, float]:
    found = {
        **metrics.precision_recall(*map(jax.device_put, (real, fake)))._asdict(),
        **metrics.density_coverage(*map(jax.device_put, (real, fake)))._asdict(),
    }
    return {name: float(value) for name, value in found.items()}
