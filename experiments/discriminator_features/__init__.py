r"""Tests a discriminator's maps as features for classification with few labels.

    python -m experiments.discriminator_features --run runs/fashion
    python -m experiments.discriminator_features --run runs/mnist --labels 1000 100

The maps of all convolutions are max-pooled to 4x4 and concatenated, and a linear SVM
learns classes from them, as in section 5 of DCGAN (Radford, Metz and Chintala,
arXiv:1511.06434). The same SVM tests three baselines with the same labels: the pixels,
the same network at random weights, and one layer of k-means (Coates, Lee and Ng, 2011).
The regulariser of each is chosen on validation images that are neither trained nor
tested on. Accuracies are means over draws of the labels, with their standard deviation.

Takes minutes on two CPU cores. Writes features.png (bars) and results.json. For a set
without a test part, a sixth of every class is held out; if the run was trained
on that set, its discriminator has seen those images, but not their labels.

The paper's two tests, for an accelerator and 32 GB of memory:

    python -m experiments.dcgan_faces --preset paper \
        --data tfds:imagenet_resized/32x32 --no-flip --model.resolution 32 \
        --model.double --model.kernel 3 --model.latent 256 --steps 300000 \
        --workdir runs/imagenet32
    python -m experiments.discriminator_features --preset cifar10 \
        --run runs/imagenet32
    python -m experiments.discriminator_features --preset cifar10 \
        --run runs/imagenet32 --labels 4000 --trials 5

    python -m experiments.dcgan_faces --preset paper --data tfds:svhn_cropped \
        --no-flip --model.resolution 32 --model.width 64 \
        --model.latent-distribution normal --model.learning-rate 5e-4 \
        --batch-size 64 --steps 229000 --workdir runs/svhn
    python -m experiments.discriminator_features --preset svhn --run runs/svhn

The paper reports 82.8 % on CIFAR-10 with all labels, 73.8 % with 400 of each class, and
77.5 % on SVHN with 1,000 labels.
"""

import dataclasses
import pathlib
from typing import Annotated, Any, Literal

import numpy as np
import tyro

from experiments.discriminator_features import few_labels, labelled, testing
from experiments.discriminator_features.describing import descriptions
from experiments.discriminator_features.results import bars, binomial, table
from jaxgan import bounds
from jaxgan.lab import figures, inference
from jaxgan.lab.sets import Reading
from jaxgan.train.terminal import say


@dataclasses.dataclass(frozen=True)
class Config:
    """The features, and how they are tested."""

    run: pathlib.Path
    """Directory of a run of a model with a discriminator; it is only read."""
    reading: Annotated[Reading, tyro.conf.arg(name="")]
    workdir: pathlib.Path = pathlib.Path("runs/discriminator_features")
    """Directory for the results."""
    data: str | None = None
    """Labelled images, written as in training; those of the run if left out."""
    labels: tuple[bounds.Natural, ...] = (1000,)
    """Numbers of labels to learn from, equally many of every class; each number gives a
    line of the results. 0 takes all labels, up to --most."""
    most: bounds.Count = 10_000
    """Labels to learn from, at most."""
    trials: bounds.Count = 5
    """Random draws of the labels."""
    valid: bounds.Count = 2000
    """Images to choose the regulariser on, at most a quarter of those to train on."""
    tests: bounds.Count = 10_000
    """Images to test on, at most."""
    costs: tuple[bounds.Rate, ...] = (0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0)
    """Values of the SVM's C to choose from, for rows of mean squared norm 1."""
    centroids: bounds.Natural = 400
    """Filters of the k-means baseline; 0 leaves it out."""
    net: str = "discriminator"
    """The net whose maps are used; some models call it critic or encoder."""
    seed: bounds.Seed = 0
    """Seed of the draws, of the random weights and of k-means."""
    preset: Literal["laptop", "cifar10", "svhn"] = "laptop"
    """laptop takes the images of the run; cifar10 and svhn are the paper's tests."""

    def __post_init__(self):
        bounds.check(self, flags=True)
        for name in ("labels", "costs"):
            if not getattr(self, name):
                raise ValueError(f"--{name} is empty; give one number or more")


def _preset(**changes: Any) -> Config:
    return Config(**{"run": tyro.MISSING, "reading": Reading(), **changes})


PRESETS = {
    "laptop": _preset(),
    "cifar10": _preset(
        data="tfds:cifar10",
        labels=(0,),
        most=50_000,
        trials=1,
        valid=5000,
        centroids=4000,
        workdir=pathlib.Path("runs/discriminator_features_cifar10"),
        preset="cifar10",
    ),
    "svhn": _preset(
        data="tfds:svhn_cropped",
        trials=100,
        valid=10_000,
        tests=26_032,
        workdir=pathlib.Path("runs/discriminator_features_svhn"),
        preset="svhn",
    ),
}


def main(config: Config) -> None:
    """Makes features and tests them, then writes everything at the end."""
    trained = inference.open_run(config.run)
    _check_net(config, trained)
    few_labels.check_installed()
    parts = labelled.opened(
        trained, config.data, config.reading,
        valid=config.valid, tests=config.tests, seed=config.seed,
    )  # fmt: skip
    draws = testing.draws(parts, config)
    say(
        f"{parts.spec}: {len(np.unique(parts.labels))} classes, tested on"
        f" {len(parts.test):,} images, {parts.about}"
    )
    found = {
        name: testing.accuracies(config, parts, draws, name, describe)
        for name, describe in descriptions(trained, parts, config).items()
    }
    about = {
        "run": str(config.run),
        "model": trained.name,
        "net": config.net,
        "step": trained.step,
        "data": parts.spec,
        "classes": len(np.unique(parts.labels)),
        "trials": {count: len(several) for count, several in draws.items()},
        "validated_on": len(parts.valid),
        "tested_on": len(parts.test),
        "test_images": parts.about,
        "standard_error_of_the_test": {
            count: binomial(found["discriminator"], count, parts) for count in draws
        },
        "features": found,
        "seed": config.seed,
    }
    figures.save(
        config.workdir / "features.png",
        bars(found, about),
        "accuracy of a linear SVM on features",
    )
    figures.save_results(config.workdir / "results.json", about)
    say(table(found))


def _check_net(config: Config, trained: inference.Trained) -> None:
    nets = trained.nets
    if config.net not in nets:
        raise ValueError(
            f"{config.run} is a run of {trained.name}, which has no net {config.net!r};"
            f" it has {', '.join(sorted(nets))}: name one with --net, or give the run"
            " of a model with a discriminator"
        )
