r"""Finds images of classes that a GAN has not seen: AnoGAN (arXiv:1703.05921).

    python -m experiments.dcgan_faces --data idx:MNIST --leave-out 0 --no-flip \
        --model.resolution 32 --model.channels 1 --workdir runs/mnist_without_0
    python -m experiments.anomaly --run runs/mnist_without_0
    python -m experiments.anomaly --run runs/only_0 runs/only_1 runs/only_2

For every image x, searches for a latent z whose image G(z) is like it. The anomaly
score A is 0.9 times the sum of |x - G(z)| over pixels, the residual R, plus 0.1 times
that sum over features of the discriminator. Test images of the classes that the run was
trained on are normal, those of the classes left out are anomalous; a run that left out
all classes but one is the one-class setting of the paper. The area under the ROC curve
measures a score: it is the share of pairs in which an anomalous image gets a larger
score than a normal one. Three scores that need no search are reported as well: the
discriminator's logit; the distance to the nearest training image; and the error of an
image drawn from its principal components, those of the training images. The last two
need no GAN.

--workdir gets scores.png (a histogram and the ROC curves), images.png (image, G(z) and
their difference) and results.json, with 95 per cent bootstrap intervals. With several
runs, each has a folder of its own for these, and runs.png and results.json compare
them. Takes a few minutes a run on two CPU cores. Needs scikit-learn:
`pip install -e ".[analysis]"`.
"""

import dataclasses
import pathlib
from collections.abc import Callable
from typing import Annotated, Any, Literal

import jax
import numpy as np

from experiments.anomaly.pictures import (
    SCORES,
    images_picture,
    means,
    runs_picture,
    scores_picture,
    table,
)
from experiments.anomaly.scoring import (
    BLOCK,
    areas_of,
    reconstruction_error,
    roc_auc_score,
    searched,
    unseen,
)
from jaxgan import bounds, metrics
from jaxgan.analysis import search
from jaxgan.lab import blocks, figures, inference
from jaxgan.train.terminal import say


@dataclasses.dataclass(frozen=True)
class Config:
    """Which run to use, and how to search."""

    run: tuple[pathlib.Path, ...]
    """Folders of finished runs of GANs that left classes out; they are only read."""
    workdir: pathlib.Path = pathlib.Path("runs/anomaly")
    """Directory for the pictures and the results."""
    data: str | None = None
    """Labelled images that the run was not trained on, written as in training. If left
    out, the test part of the run's own set."""
    images: Annotated[int, bounds.Within(2)] = 100
    """Number of normal images, and of anomalous ones."""
    iterations: bounds.Count = 500
    """Steps of a search."""
    restarts: bounds.Count = 2
    """Searches for each image."""
    combine: Literal["best", "mean"] = "best"
    """Whether the scores of an image are those of its best search, or the mean of
    all."""
    candidates: bounds.Count = 1024
    """Random latents; searches start from the nearest of them. As many as restarts make
    the starts random, as in the paper."""
    components: bounds.Count = 32
    """Principal components that images are drawn from, as a baseline."""
    weight: bounds.Share = 0.1
    """Weight of the features in the score: the paper's lambda."""
    layer: bounds.Whole = -1
    """Rectifier of the discriminator whose output is the features; -1 is the last."""
    learning_rate: bounds.Rate = 0.1
    """Adam's learning rate at the start; it falls to 0 along half a cosine."""
    ema: bool = True
    """Whether to use the moving average of the weights."""
    seed: bounds.Seed = 0
    """Seed of the choice of images and of latents."""

    def __post_init__(self):
        bounds.check(self, flags=True)
        names = [run.resolve().name for run in self.run]
        if not names or len(set(names)) < len(names):
            raise ValueError(
                f"--run has the folders {', '.join(names) or 'of no run'}; give one or"
                " more, all of different names, which their results are filed under"
            )
        if self.candidates < self.restarts:
            raise ValueError(
                f"--candidates is {self.candidates}, fewer than the {self.restarts}"
                " restarts, which are chosen from the candidates; give more"
            )


def main(config: Config) -> None:
    """Searches and scores, run after run; writes what a run gave when it is done."""
    area = roc_auc_score()
    opened = {run: _opened(run, config) for run in config.run}
    found = {}
    for run, (trained, left_out) in opened.items():
        name, folder = run.resolve().name, config.workdir
        if len(opened) > 1:
            say(f"run     {run}")
            folder = folder / name
        one = dataclasses.replace(config, run=(run,), workdir=folder)
        found[name] = rated(trained, left_out, one, area)
    if len(found) > 1:
        mean = {
            score: float(np.mean([areas[score]["auc"] for areas in found.values()]))
            for score in SCORES
        }
        runs_picture(config.workdir / "runs.png", found)
        say(means(mean, len(found)))
        results = {"auc": found, "mean": mean}
        figures.save_results(config.workdir / "results.json", results)


def _opened(run: pathlib.Path, config: Config):
    """A run and the classes that it left out.

    Raises:
        ValueError: it left none out, or is no GAN without labels.
    """
    trained = inference.open_run(run, ema=config.ema)
    left_out = tuple(trained.plain["data"].get("leave_out", ()))
    if not left_out:
        raise ValueError(
            f"{run} was trained on all classes, so none is anomalous; train with"
            " --leave-out"
        )
    inference.check_draws(trained)
    if trained.classes:
        raise ValueError(
            f"{trained.name} needs the class of each image, which is unknown here;"
            " give the run of a GAN without labels"
        )
    return trained, left_out


def rated(
    trained: inference.Trained,
    left_out: tuple[int | str, ...],
    config: Config,
    area: Callable,
) -> dict[str, Any]:
    """Searches, scores, and writes what came out of the only run of `config`.

    Returns:
        For each score, the area, its interval and the areas by class.
    """
    candidates = inference.latents(
        trained, jax.random.key(config.seed), config.candidates
    )
    draw = inference.drawing(trained)
    drawn = search.drawn_in_blocks(draw, candidates)
    images, labels, anomalous, about = unseen(
        trained, drawn.shape[1:], left_out, config
    )
    say(f"images  {about}")
    real, _ = inference.training_images(trained)
    redrawn = reconstruction_error(images, real, config.components, config.seed)
    some = np.random.default_rng(config.seed).permutation(len(real))
    judge = inference.judging(trained, real[some[: inference.REFERENCE]])
    shown = inference.from_uint8(trained, images)

    logits = blocks.in_blocks(jax.jit(judge), np.asarray(shown), size=BLOCK)
    if logits.shape != (len(images),):
        raise ValueError(
            f"the discriminator of {trained.name} does not give one logit for an image;"
            " give the run of a GAN whose discriminator does"
        )
    found, best = searched(draw, judge, shown, candidates, drawn, config)
    _, distance = metrics.nearest_neighbours(images, real)
    scores = {
        "A": found.total,
        "R": found.residual,
        "D": found.features,
        "discriminator": -logits,
        "neighbour": np.asarray(distance)[:, 0],
        "components": redrawn,
    }
    scores = {name: np.asarray(score) for name, score in scores.items()}
    areas = areas_of(scores, anomalous, labels, area, config.seed)
    scores_picture(config.workdir / "scores.png", scores, anomalous, areas)
    images_picture(
        config.workdir / "images.png", trained, shown, best, scores["A"], anomalous
    )
    say(table(areas))
    figures.save_results(
        config.workdir / "results.json",
        {
            "run": str(config.run[0]),
            "step": trained.step,
            "images": about,
            "left_out": left_out,
            "iterations": config.iterations,
            "restarts": config.restarts,
            "combine": config.combine,
            "candidates": config.candidates,
            "components": config.components,
            "weight": config.weight,
            "layer": config.layer,
            "auc": areas,
            "label": labels.tolist(),
            "scores": {name: score.tolist() for name, score in scores.items()},
        },
    )
    return areas
