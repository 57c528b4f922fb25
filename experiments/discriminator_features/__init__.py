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
from collections.abc import Callable
from typing import Annotated, Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
import tyro

from experiments.discriminator_features import few_labels, kmeans, labelled
from jaxgan import bounds
from jaxgan.analysis import features, rectifiers
from jaxgan.lab import blocks, figures, inference
from jaxgan.lab.sets import Reading
from jaxgan.train.terminal import say

BLOCK = 100  # images looked at together
GRID = 4  # cells a side that maps are pooled to
COLOURS = {
    "discriminator": "#2f6f9f",
    "random weights": "#9fb8c8",
    "k-means": "#c8a25a",
    "pixels": "#b0b0b0",
}


@dataclasses.dataclass(frozen=True)
class Config:
    """Which features, and how they are tested."""

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
    seed: bounds.Natural = 0
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
    nets = trained.nets
    if config.net not in nets:
        raise ValueError(
            f"{config.run} is a run of {trained.name}, which has no net {config.net!r};"
            f" it has {', '.join(sorted(nets))}: name one with --net, or give the run"
            " of a model with a discriminator"
        )
    few_labels.check_installed()
    parts = labelled.opened(
        trained, config.data, config.reading,
        valid=config.valid, tests=config.tests, seed=config.seed,
    )  # fmt: skip
    draws = _draws(parts, config)
    # Features are only needed of images to train, choose or test on.
    asked = [draw for several in draws.values() for draw in several]
    used = np.unique(np.concatenate([parts.valid, parts.test, *asked]))
    say(
        f"{parts.spec}: {len(np.unique(parts.labels))} classes, tested on"
        f" {len(parts.test):,} images, {parts.about}"
    )
    place = np.full(len(parts.images), -1)
    place[used] = np.arange(len(used))
    found: dict[str, dict[str, Any]] = {}
    for name, describe in _descriptions(trained, parts, config).items():
        rows = blocks.in_blocks(describe, parts.images[used], size=BLOCK, title=name)
        found[name] = {"numbers": rows.shape[1], "accuracy": {}}
        for count, several in draws.items():
            outcome = few_labels.judged(
                rows,
                parts.labels[used],
                [place[draw] for draw in several],
                place[parts.valid],
                place[parts.test],
                costs=config.costs,
                title=f"{name}, {count} labels",
            )
            found[name]["accuracy"][count] = {
                "mean": float(outcome.accuracies.mean()),
                "deviation": _deviation(outcome.accuracies),
                "each": outcome.accuracies.tolist(),
                "cost": outcome.cost,
                "validation": dict(
                    zip(map(str, config.costs), outcome.validation, strict=True)
                ),
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
            count: _binomial(found["discriminator"], count, parts) for count in draws
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


def table(found: dict[str, Any]) -> str:
    """The accuracies as lines of text."""
    counts = list(found["discriminator"]["accuracy"])
    lines = [
        f"{'features':>15} {'numbers':>8}"
        + "".join(f"{f'{count:,} labels':>20}" for count in counts)
    ]
    for name, result in found.items():
        cells = [f"{_accuracy(result['accuracy'][count]):>20}" for count in counts]
        lines.append(f"{name:>15} {result['numbers']:>8,}" + "".join(cells))
    return "\n".join(lines)


def bars(found: dict[str, Any], about: dict[str, Any]) -> Any:
    """Draws a panel for each number of labels."""
    counts = list(found["discriminator"]["accuracy"])
    figure = figures.new(10.4, 1.2 + (0.75 + 0.42 * len(found)) * len(counts))
    axes = np.atleast_1d(figure.subplots(len(counts), 1, sharex=True))
    for ax, count in zip(axes, counts, strict=True):
        for y, (name, result) in enumerate(found.items()):
            seen = result["accuracy"][count]
            mean, deviation = 100 * seen["mean"], 100 * (seen["deviation"] or 0)
            ax.barh(y, mean, xerr=deviation or None, color=COLOURS[name], capsize=3)
            ax.text(
                mean + deviation + 0.8, y, _accuracy(seen), va="center", size="small"
            )
        labels = [f"{name} ({r['numbers']:,} numbers)" for name, r in found.items()]
        ax.set_yticks(range(len(found)), labels)
        ax.invert_yaxis()
        ax.axvline(100 / about["classes"], color="black", lw=1, ls=":")
        ax.set_title(f"{count:,} labels", size="medium", loc="left")
        ax.set(xlim=(0, 122), xticks=range(0, 101, 20))
        ax.spines[["top", "right"]].set_visible(False)
    figure.supxlabel(
        f"accuracy on {about['tested_on']:,} test images in %: mean and deviation over"
        " draws of labels; dotted: chance",
        size="medium",
    )
    figure.suptitle(
        f"Linear SVM on features of {about['data']}: {about['model']}, step"
        f" {about['step']:,}"
    )
    return figure


def _draws(parts: labelled.Parts, config: Config) -> dict[int, list[np.ndarray]]:
    """Number of labels -> places of labelled images, an array for each trial."""
    draws: dict[int, list[np.ndarray]] = {}
    for count in config.labels:
        if count > config.most:
            raise ValueError(
                f"--labels is {count}, above --most {config.most}; raise it too"
            )
        if count:
            draws[count] = [
                parts.train[few_labels.drawn(parts.labels[parts.train], count, seed)]
                for seed in range(config.seed, config.seed + config.trials)
            ]
        elif len(parts.train) <= config.most:
            draws[len(parts.train)] = [parts.train]  # all draws would be the same
        else:
            draws[config.most] = [
                np.random.default_rng(seed).permutation(parts.train)[: config.most]
                for seed in range(config.seed, config.seed + config.trials)
            ]
    return draws


def _descriptions(
    trained: inference.Trained, parts: labelled.Parts, config: Config
) -> dict[str, Callable]:
    """Name -> a function from images, uint8 `[B, H, W, C]`, to features `[B, F]`."""
    rng = np.random.default_rng(config.seed)
    some = np.sort(rng.permutation(parts.train)[: inference.REFERENCE])
    reference = parts.images[some]

    def network(of):
        judge = rectifiers.observed(inference.judging(of, reference, net=config.net))

        @jax.jit
        def describe(images):
            return features.pooled(judge(inference.from_uint8(of, images))[1], GRID)

        return describe

    descriptions: dict[str, Callable] = {
        "discriminator": network(trained),
        "random weights": network(inference.untrained(trained, config.seed)),
    }
    if config.centroids:
        filters = kmeans.learned(
            parts.images[parts.train], centroids=config.centroids, seed=config.seed
        )
        descriptions["k-means"] = lambda images: kmeans.described(
            filters, jnp.asarray(images)
        )
    descriptions["pixels"] = lambda images: (
        images.reshape(len(images), -1).astype(np.float32) / 255
    )
    return descriptions


def _deviation(accuracies: np.ndarray) -> float | None:
    return float(accuracies.std(ddof=1)) if len(accuracies) > 1 else None


def _binomial(result: dict[str, Any], count: int, parts: labelled.Parts) -> float:
    """The standard error from the choice of test images, which draws do not show."""
    p = result["accuracy"][count]["mean"]
    return float(np.sqrt(p * (1 - p) / len(parts.test)))


def _accuracy(seen: dict[str, Any]) -> str:
    mean, deviation = seen["mean"], seen["deviation"]
    spread = "" if deviation is None else f" ± {100 * deviation:.1f}"
    return f"{100 * mean:.1f}{spread} %"
