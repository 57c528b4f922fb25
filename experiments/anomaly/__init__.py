r"""Finds images of classes that a GAN has not seen: AnoGAN (arXiv:1703.05921).

    python -m experiments.dcgan_faces --data idx:MNIST --leave-out 0 --no-flip \
        --model.resolution 32 --model.channels 1 --workdir runs/mnist_without_0
    python -m experiments.anomaly --run runs/mnist_without_0

For every image x, searches for a latent z whose image G(z) is like it. The anomaly
score A is 0.9 times the sum of |x - G(z)| over pixels, the residual R, plus 0.1 times
that sum over features of the discriminator. Test images of the classes that the run was
trained on are normal, those of the classes left out are anomalous. The area under the
ROC curve measures a score: it is the share of pairs in which an anomalous image gets a
larger score than a normal one. Two scores that need no search are reported as well: the
discriminator's logit, and the distance to the nearest training image, which needs no
GAN.

--workdir gets scores.png (a histogram and the ROC curves), images.png (image, G(z) and
their difference) and results.json, with 95 per cent bootstrap intervals. Takes a few
minutes on two CPU cores. Needs scikit-learn: `pip install -e ".[analysis]"`.
"""

import dataclasses
import pathlib
from typing import Annotated, Literal

import jax
import numpy as np

from experiments.anomaly.pictures import images_picture, scores_picture, table
from experiments.anomaly.scoring import (
    BLOCK,
    interval,
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

    run: pathlib.Path
    """Directory of a finished run of a GAN that left classes out; it is only read."""
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
        if self.candidates < self.restarts:
            raise ValueError(
                f"--candidates is {self.candidates}, fewer than the {self.restarts}"
                " restarts, which are chosen from the candidates; give more"
            )


def main(config: Config) -> None:
    """Searches and scores, then writes everything at the end."""
    area = roc_auc_score()
    trained = inference.open_run(config.run, ema=config.ema)
    left_out = tuple(trained.plain["data"].get("leave_out", ()))
    if not left_out:
        raise ValueError(
            f"{config.run} was trained on all classes, so none is anomalous; train with"
            " --leave-out"
        )
    inference.check_draws(trained)
    if trained.classes:
        raise ValueError(
            f"{trained.name} needs the class of each image, which is unknown here;"
            " give the run of a GAN without labels"
        )
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
    }
    scores = {name: np.asarray(score) for name, score in scores.items()}
    rng = np.random.default_rng(config.seed)
    areas = {
        name: {
            "auc": float(area(anomalous, score)),
            "interval": interval(score[~anomalous], score[anomalous], rng),
            "by_class": {
                str(c): float(area(anomalous[kept], score[kept]))
                for c in sorted(set(labels[anomalous].tolist()))
                for kept in [~anomalous | (labels == c)]
            },
        }
        for name, score in scores.items()
    }
    scores_picture(config.workdir / "scores.png", scores, anomalous, areas)
    images_picture(
        config.workdir / "images.png", trained, shown, best, scores["A"], anomalous
    )
    say(table(areas))
    figures.save_results(
        config.workdir / "results.json",
        {
            "run": str(config.run),
            "step": trained.step,
            "images": about,
            "left_out": left_out,
            "iterations": config.iterations,
            "restarts": config.restarts,
            "combine": config.combine,
            "candidates": config.candidates,
            "weight": config.weight,
            "layer": config.layer,
            "auc": areas,
            "label": labels.tolist(),
            "scores": {name: score.tolist() for name, score in scores.items()},
        },
    )
