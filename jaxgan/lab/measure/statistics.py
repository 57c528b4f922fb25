"""Computes the statistics of an evaluation from the features of both sets."""

import math
from collections.abc import Sequence
from typing import Any, Literal

import jax
import numpy as np
from tqdm import tqdm

from jaxgan import data, metrics
from jaxgan.lab.measure.moments import Seen, frechet

Metric = Literal[
    "frechet", "kernel", "coverage", "score", "classes", "memorisation",
    "diversity", "wasserstein",
]  # fmt: skip
PAIRS = 500  # of images whose likeness is measured
WASSERSTEIN_IMAGES = 1024
LEAST_COVERED = 6  # images: one, and the five neighbours that its ball reaches to


def compare(
    real: Seen,
    fake: Seen,
    wanted: Sequence[Metric],
    *,
    held_out: Seen | None = None,
    subsets: int = 100,
    subset_size: int = 1000,
    seed: int = 0,
    names: Sequence[str] = (),
) -> dict[str, Any]:
    """The statistics asked for, as plain numbers.

    Args:
        real: the reference.
        fake: what is measured.
        wanted: which statistics.
        held_out: real images that were not trained on: the floor of what a perfect
            generator reaches, and the measure of memorisation.
        subsets: of the kernel distance.
        subset_size: of the kernel distance.
        seed: of all that is drawn.
        names: of the classes, in the order of their labels, where they are known.

    Raises:
        ValueError: too few samples for one of them, or logits or labels that are
            needed and not there.
    """
    made: dict[str, Any] = {}
    makers = {
        "frechet": lambda: _frechet(real, fake, held_out),
        "kernel": lambda: _kernel(real, fake, held_out, subsets, subset_size, seed),
        "coverage": lambda: _coverage(real, fake, held_out),
        "score": lambda: _score(real, fake),
        "classes": lambda: _classes(real, fake, names),
        "memorisation": lambda: _memorisation(real, fake, held_out),
        "diversity": lambda: _diversity(real, fake, seed),
        "wasserstein": lambda: _wasserstein(real, fake, held_out, seed),
    }
    for name in tqdm(wanted, desc="statistics", delay=1, leave=False):
        made |= makers[name]()
    return made


def _frechet(real, fake, held_out):
    size, count = len(real.moments.mean), int(fake.moments.count)
    made: dict[str, Any] = {"frechet_distance": frechet(real.moments, fake.moments)}
    if held_out is not None:
        made["frechet_distance_of_held_out"] = frechet(real.moments, held_out.moments)
        if held_out.moments.count != fake.moments.count:
            made["held_out_note"] = (
                f"{int(held_out.moments.count)} held-out images against {count}"
                " samples: fewer are further away, whatever they are"
            )
    if min(count, int(real.moments.count)) <= size:
        made["frechet_note"] = (
            f"fewer samples than the {size} features and one: a covariance is singular,"
            " and the distance is far above that of more samples"
        )
    return made


def _kernel(real, fake, held_out, subsets, size, seed):
    def distance(a, b):
        return metrics.kernel_distance(
            a.features, b.features, subsets=subsets, subset_size=size, seed=seed
        )

    found = distance(real, fake)
    made = {
        "kernel_distance": float(found.mean),
        "kernel_distance_spread": float(found.spread),
    }
    if held_out is not None:
        floor = distance(real, held_out)
        made["kernel_distance_of_held_out"] = float(floor.mean)
    return made


def _coverage(real, fake, held_out):
    def look(a, b):
        size = min(len(a), len(b))  # of one size: both depend on the counts
        a, b = (jax.device_put(x[data.some(len(x), size)]) for x in (a, b))
        return {
            **metrics.precision_recall(a, b)._asdict(),
            **metrics.density_coverage(a, b)._asdict(),
            "samples": size,
        }

    def plain(found, after=""):
        return {
            f"{'coverage_' if name == 'samples' else ''}{name}{after}": (
                value if name == "samples" else float(value)
            )
            for name, value in found.items()
        }

    made = plain(look(real.features, fake.features))
    if held_out is not None:
        made |= plain(look(real.features, held_out.features), "_of_held_out")
    return made


def _score(real, fake):
    if not fake.scores:
        raise ValueError(
            "--metrics score needs logits of classes, and this extractor has none; use"
            " --extractor inception or digits"
        )
    made = {}
    for name, seen in (("score", fake), ("score_of_real", real)):
        parts = np.array([float(metrics.score_of_sums(part)) for part in seen.scores])
        whole = seen.scores[0]
        for part in seen.scores[1:]:
            whole = metrics.merge_score_sums(whole, part)
        made |= {
            name: float(parts.mean()),
            f"{name}_spread": float(parts.std()),
            f"{name}_of_all": float(metrics.score_of_sums(whole)),
        }
    return made | {"score_splits": len(fake.scores)}


def _classes(real, fake, names):
    """A table by class, where labels were given, or else of what is predicted."""
    made: dict[str, Any] = {}
    if fake.predicted is not None:
        counts = np.bincount(fake.predicted, minlength=len(fake.scores[0].p))
        share = counts / counts.sum()
        made["class_share"] = [round(float(x), 6) for x in share]
    shared = sorted(real.by_class.keys() & fake.by_class.keys())
    if not shared and not made:
        raise ValueError(
            "--metrics classes needs labels of both sets, and a class that both have,"
            " or --extractor digits"
        )
    if not shared:
        return made
    table = []
    for label in shared:
        a, b = real.by_class[label], fake.by_class[label]
        name = names[label] if label < len(names) else label
        row: dict[str, Any] = {
            "class": name, "real": int(a.count), "fake": int(b.count),
        }  # fmt: skip
        if min(a.count, b.count) < 2:
            raise ValueError(
                f"class {name} has {int(a.count)} real and {int(b.count)} fake images;"
                " a distance needs 2 of each: give more images"
            )
        row["frechet_distance"] = frechet(a, b)
        if fake.predicted is not None:
            asked = fake.labels == label
            row["accuracy"] = float((fake.predicted[asked] == label).mean())
        table.append(row)
    distances = [row["frechet_distance"] for row in table]
    made["class_frechet_distance"] = float(np.mean(distances))
    if fake.predicted is not None:
        known = fake.labels >= 0
        right = fake.predicted[known] == fake.labels[known]
        made["conditional_accuracy"] = float(right.mean())
    return made | {"classes": table}


def _memorisation(real, fake, held_out):
    if held_out is None:
        raise ValueError(
            "--metrics memorisation compares with real images that were not trained on;"
            " name them with --held-out"
        )
    found = metrics.memorisation(
        *(jax.device_put(x.features) for x in (fake, real, held_out))
    )
    return {
        "memorisation_ratio": float(found.ratio),
        "memorisation_copies": float(found.copies),
    }


def _diversity(real, fake, seed):
    """Mean likeness of random pairs, on as many scales as the images are large for."""
    side = min(fake.images.shape[1:3])
    scales = max((n for n in range(1, 6) if side >> (n - 1) >= 11), default=0)
    if not scales:
        raise ValueError(
            f"--metrics diversity needs images of 11 pixels a side or more, these have"
            f" {side}"
        )

    def likeness(seen):
        return float(
            metrics.ms_ssim_diversity(
                seen.images.astype(np.float32),
                jax.random.key(seed),
                data_range=255.0,
                pairs=PAIRS,
                scales=scales,
            )
        )

    return {
        "ms_ssim": likeness(fake),
        "ms_ssim_of_real": likeness(real),
        "ms_ssim_scales": scales,
    }


def _wasserstein(real, fake, held_out, seed):
    """Sliced Wasserstein distances of patches, level by level, times 1000."""
    side = min(fake.images.shape[1:3])
    levels = max(1, int(math.log2(side / 16)) + 1)
    key = jax.random.key(seed)

    def descriptors(seen, part):
        chosen = data.some(len(seen.images), WASSERSTEIN_IMAGES, part)
        images = seen.images[chosen].astype(np.float32)
        return metrics.laplacian_descriptors(
            images, jax.random.fold_in(key, part), levels=levels
        )

    goal = descriptors(real, 0)

    def distances(seen, part):
        return [
            # By numpy: XLA's sort is several times slower on CPU.
            1000
            * float(
                metrics.sliced_wasserstein_distance(np.asarray(a), np.asarray(b), key)
            )
            for a, b in zip(goal, descriptors(seen, part), strict=True)
        ]

    made: dict[str, Any] = {"sliced_wasserstein_x1000": distances(fake, 1)}
    if held_out is not None:
        made["sliced_wasserstein_x1000_of_held_out"] = distances(held_out, 2)
    return made
