"""Makes one pass over images: sums up a network's features, and keeps some of them."""

import collections
import dataclasses
import functools
import math
from collections.abc import Callable
from typing import Annotated, Any, NamedTuple

import jax
import numpy as np
from jax.sharding import Mesh
from tqdm import tqdm

from jaxgan import bounds, metrics, parallel
from jaxgan.lab.measure import extract
from jaxgan.lab.sets import ImageSet
from jaxgan.metrics import features

BLOCK = 64  # images seen together while a run trains
MERGED = 1000  # features held before they are summed up
IMAGE_BYTES = 1 << 30  # of images that are kept
MOST_BYTES = 8 << 30  # of the matrices of a table of classes
SPLITS = 10  # of the images, for the spread of the score


class Seen(NamedTuple):
    """What one pass over a set leaves.

    Attributes:
        moments: of all features.
        by_class: moments of each label's features; empty where there are no labels.
        features: of some images, `[K, F]`.
        images: those images, or as many as memory is meant for, uint8 `[P, H, W, C]`.
        pictured: which of the features are of `images`, bool `[K]`.
        labels: integers `[N]`, or None.
        predicted: the classes that are seen, `[N]`, by an extractor whose classes are
            those of the labels, or None.
        scores: sums for the score of each split, or empty.
    """

    moments: metrics.Moments
    by_class: dict[int, metrics.Moments]
    features: np.ndarray
    images: np.ndarray
    pictured: np.ndarray
    labels: np.ndarray | None
    predicted: np.ndarray | None
    scores: tuple[Any, ...]


def look_at(
    pictures: ImageSet,
    extractor: features.Extractor,
    mesh: Mesh,
    *,
    batch_size: int,
    kept: int,
    classes: bool,
    title: str,
) -> Seen:
    """Sees every image once, and keeps sums, and some images with their features.

    Memory is that of the sums (two `[F, F]` matrices in float64, and one a class), one
    block, and what is kept.

    Args:
        pictures: the set.
        extractor: what sees them.
        mesh: the devices to see them on.
        batch_size: images seen together.
        kept: how many images and features to keep, drawn by a fixed seed.
        classes: whether to sum up each label's features by themselves too.
        title: of the progress bar.

    Raises:
        ValueError: no image could be read, a feature is no finite number, or there
            are more classes than memory.
    """
    look = extract.looker(extractor, mesh, batch_size)
    place = np.random.default_rng(0).permutation(pictures.count)
    total, by_class = _Sum(), collections.defaultdict(_Sum)
    scores: list[Any] = [None] * min(SPLITS, pictures.count)
    shown = min(kept, IMAGE_BYTES // math.prod(pictures.shape))
    some, images, pictured, labels, predicted = [], [], [], [], []
    done = 0
    blocks = pictures.blocks(batch_size)
    with tqdm(total=pictures.count, unit="img", desc=title, delay=1) as bar:
        for block, found in extract.in_order(look, blocks):
            count = len(block.images)
            at = place[done : done + count]
            done += count
            total.add(found.features)
            if block.labels is not None:
                labels.append(block.labels)
                for label in np.unique(block.labels) if classes else ():
                    if label < 0:  # of no class, or of none that the other set has
                        continue
                    by_class[int(label)].add(found.features[block.labels == label])
                _check_memory(len(by_class), found.features.shape[1])
            if found.logits is not None:
                if extractor.about.get("sees_labels"):
                    predicted.append(found.logits.argmax(1))
                split = at * len(scores) // pictures.count
                for i in np.unique(split):
                    part = metrics.score_sums(np.asarray(found.logits[split == i]))
                    scores[i] = (
                        part if scores[i] is None
                        else metrics.merge_score_sums(scores[i], part)
                    )  # fmt: skip
            some.append(found.features[at < kept])
            images.append(block.images[at < shown])
            pictured.append(at[at < kept] < shown)
            bar.update(count)
    return Seen(
        total.total(),
        {label: by_class[label].total() for label in sorted(by_class)},
        np.concatenate(some),
        np.concatenate(images),
        np.concatenate(pictured),
        np.concatenate(labels) if labels else None,
        np.concatenate(predicted) if predicted else None,
        tuple(part for part in scores if part is not None),
    )


@dataclasses.dataclass(frozen=True)
class Evaluation(extract.Extraction):
    """What a run is scored by while it trains, where --evaluate-every asks for it."""

    samples: Annotated[int, bounds.Within(2)] = 2000
    """Images that are drawn, and most of the training images they are compared with."""

    def __post_init__(self):
        if self.samples < 2:
            raise ValueError(
                f"--evaluation.samples is {self.samples}; it must be at least 2"
            )


def evaluation(
    config: Evaluation,
    real: Callable[[], ImageSet],
    draw: Callable[[Any, jax.Array], np.ndarray],
    mesh: Mesh,
    seed: int,
) -> Callable[[Any], dict[str, float]]:
    """`evaluate(state)` for `train.train`: the Fréchet distance of what a state draws.

    Args:
        config: the flags.
        real: opens at most `config.samples` images to compare with.
        draw: `draw(state, key) -> images`, uint8 `[B, H, W, C]`, the same in every
            process.
        mesh: the devices, which share the work. Of several processes each sums up all
            features: they are few numbers, and it can be done in float64.
        seed: of the latents, the same at every evaluation.
    """

    @functools.cache
    def opened():
        pictures = real()
        extractor = extract.extractor(config, pictures.shape)
        _check_alike(extractor)
        look = extract.looker(extractor, mesh, BLOCK)
        return look, _moments(look, (block.images for block in pictures.blocks(BLOCK)))

    def evaluate(state):
        look, goal = opened()

        def drawn():
            count, key = 0, jax.random.key(seed)
            while count < config.samples:
                images = draw(state, jax.random.fold_in(key, count))
                images = images[: config.samples - count]
                count += len(images)
                for start in range(0, len(images), BLOCK):
                    yield images[start : start + BLOCK]

        return {"evaluation/frechet_distance": frechet(goal, _moments(look, drawn()))}

    return evaluate


def frechet(a: metrics.Moments, b: metrics.Moments) -> float:
    """The Fréchet distance of two sets, from their moments."""
    return float(metrics.frechet_distance(*metrics.gaussian(a), *metrics.gaussian(b)))


def _moments(look, blocks):
    total = _Sum()
    for images in blocks:
        total.add(look(images).features)
    return total.total()


def _check_alike(extractor):
    """Refuses processes that see by different weights: all share one network."""
    sums = parallel.gathered(str(extractor.about.get("checksum", extractor.name)))
    other = next((i for i, x in enumerate(sums) if x != sums[0]), None)
    if other is not None:
        raise ValueError(
            f"process {other} has a network of checksum {sums[other]:.8} to see images"
            f" by, and process 0 one of {sums[0]:.8}; give all the same"
            " --evaluation.weights"
        )


def _check_memory(classes, size):
    if classes * size**2 * 8 > MOST_BYTES:
        raise ValueError(
            f"a table of {classes} classes or more, of {size} features each, takes more"
            f" than {MOST_BYTES >> 30} GiB; leave classes out of --metrics"
        )


class _Sum:
    """Moments of features that come in small batches, merged some hundreds at a time.

    A merge goes over a matrix of F times F numbers, whatever the batch.
    """

    def __init__(self):
        self.moments, self.held, self.count = None, [], 0

    def add(self, features):
        self.held.append(features)
        self.count += len(features)
        if self.count >= MERGED:
            self.total()

    def total(self):
        if self.held:
            part = metrics.moments(np.concatenate(self.held).astype(np.float64))
            both = (part,) if self.moments is None else (self.moments, part)
            self.moments = metrics.merge_moments(*both)
            self.held, self.count = [], 0
        if self.moments is None:
            raise ValueError("there are no images to look at; give some")
        return self.moments
