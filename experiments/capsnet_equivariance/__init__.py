"""Shows equivariance and invariance: what moves with a digit, and what stays.

    python -m experiments.capsnet_equivariance
    python -m experiments.capsnet_equivariance --run runs/capsnet_mnist_paper
    python -m experiments.capsnet_equivariance --most 4 --count 80

Sabour, Frosst and Hinton (arXiv:1710.09829), section 1. Takes about a minute on two CPU
cores, with a run of experiments.capsnet_mnist. Writes equivariance_pooling.png (a
detection moves with its input, until pooling loses its place), equivariance_pose.png
and equivariance.json. For the last two, test digits are shifted, and a linear map reads
the shift off the class capsule; it is fitted to half of the digits of a class and
tested on the others. Expect that the pose tells most of the shift, that the lengths of
all class capsules tell less of it, and that lengths stay large up to the largest shift
of the training.
"""

import dataclasses
import pathlib
from typing import Annotated

import numpy as np

from experiments.capsnet_equivariance.pictures import draw_pooling, draw_pose
from experiments.capsnet_equivariance.shifting import (
    BIAS,
    FILTER,
    INPUTS,
    POOL,
    detect,
    of_classes,
    shifted_strip,
)
from jaxgan import bounds, data
from jaxgan.lab import capsnets, figures

ALIASES = {"--out": "--workdir"}


@dataclasses.dataclass(frozen=True)
class Config:
    """Which digits to shift, and how far."""

    run: pathlib.Path = pathlib.Path("runs/capsnet_mnist")
    """Directory of a run of experiments.capsnet_mnist; it is only read."""
    workdir: pathlib.Path | None = None
    """Directory for the pictures; RUN/pictures if left out."""
    most: bounds.Count = 3
    """Largest shift in pixels, in each direction."""
    count: Annotated[int, bounds.Within(2)] = 80
    """Test digits of each class, at most; the fit uses half of them."""

    def __post_init__(self):
        bounds.check(self, flags=True)


def main(config: Config) -> None:
    """Pools, shifts, fits and draws."""
    model, variables, sets = capsnets.restore_single(config.run)
    out = config.workdir or config.run / "pictures"
    labels = sets.test["label"]
    index = [np.flatnonzero(labels == c) for c in range(len(sets.classes))]
    index = [there[data.some(len(there), config.count)] for there in index]
    if (fewest := min(map(len, index))) < 2:
        raise ValueError(
            f"a class has {fewest} test images; the fit and its test need one each"
        )
    detected, pooled = detect(INPUTS)
    figure = draw_pooling(detected, pooled)
    about = "a detection that moves, and pooling that loses its place"
    figures.save(out / "equivariance_pooling.png", figure, about)

    steps = np.arange(-config.most, config.most + 1)
    offsets = np.stack(np.meshgrid(steps, steps, indexing="ij"), -1).reshape(-1, 2)

    read, classes = of_classes(model, variables, sets, index, offsets)
    mean = {
        name: np.mean([c[name] for c in classes], 0).tolist()
        for name in ("r2_pose", "r2_lengths", "length", "found")
    }
    strip = None
    if model.reconstruction:
        strip = shifted_strip(model, variables, sets, index, steps)
    names = figures.plain(sets.classes)
    figure = draw_pose(strip, steps, offsets, read, classes, mean, names)
    about = "shifted digits, and the shift read off their capsules"
    figures.save(out / "equivariance_pose.png", figure, about)
    figures.save_results(
        out / "equivariance.json",
        {
            "run": str(config.run),
            "pooling": {
                "inputs": INPUTS.tolist(),
                "filter": FILTER.tolist(),
                "bias": BIAS,
                "pool": POOL,
                "detected": detected.tolist(),
                "pooled": pooled.tolist(),
            },
            "shifts": steps.tolist(),
            "about": "r2: rows down, columns right; length and found: by the larger of"
            " both shifts, from 0",
            "mean": mean,
            "classes": classes,
        },
    )
