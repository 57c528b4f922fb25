"""Draws where primary capsules send their output, iteration by iteration.

    python -m experiments.capsnet_routing
    python -m experiments.capsnet_routing --run runs/capsnet_mnist_paper --digit 18
    python -m experiments.capsnet_routing --iterations 6

Sabour, Frosst and Hinton (arXiv:1710.09829), procedure 1. Takes under a minute on a
CPU, with a run of experiments.capsnet_mnist. Writes routing.json and

routing_digit.png    the coefficients c_ij of one test digit: all of them, on the grid
                     of the capsules, and their means, weighted by length
routing_mean.png     means over many digits: coupling to the true class and entropy, of
                     all capsules and of those that look at ink; the length of the class
                     capsules before and after the squash, and the error, with fewer
                     iterations
routing_entropy.png  for a digit of each class, where capsules have decided for a class
routing_lengths.png  lengths of capsules before and after training

Expect 1/10 everywhere at first, and a growing share for the class that is there.
experiments.capsnet_table tells how nets fare that were trained with other numbers of
iterations.
"""

import dataclasses
import pathlib

import jax
import numpy as np

from experiments.capsnet_routing.maps import draw_entropy, draw_lengths
from experiments.capsnet_routing.pictures import draw_digit, draw_mean
from experiments.capsnet_routing.routing import (
    entropy_maps,
    lengths,
    mean_coupling,
    route,
    shares,
    stop_early,
    untrained,
    weights,
)
from jaxgan import bounds, data
from jaxgan.lab import capsnets, figures

MAPS = 5  # digits whose entropy is drawn
ALIASES = {"--out": "--workdir"}


@dataclasses.dataclass(frozen=True)
class Config:
    """Which digits to route."""

    run: pathlib.Path = pathlib.Path("runs/capsnet_mnist")
    """Directory of a run of experiments.capsnet_mnist; it is only read."""
    workdir: pathlib.Path | None = None
    """Directory for the pictures; RUN/pictures if left out."""
    digit: bounds.Natural = 0
    """Number of the test image to look at closely."""
    iterations: bounds.Natural = 0
    """Iterations of routing; 0 takes as many as in training."""
    images: bounds.Count = 1000
    """Test images to average over; each class has its share."""

    def __post_init__(self):
        bounds.check(self, flags=True)


def main(config: Config) -> None:
    """Routes and draws."""
    model, variables, sets = capsnets.restore_single(config.run)
    capsnets.check_digit(sets, "digit", config.digit)
    if config.iterations:
        model = dataclasses.replace(model, iterations=config.iterations)
    out = config.workdir or config.run / "pictures"
    names = figures.plain(sets.classes)

    image, label = (
        capsnets.images(sets, [config.digit]),
        sets.test["label"][config.digit],
    )
    one = route(model, variables, image)
    share = shares(one.coupling, weights(one)["by_length"])[0]
    figure = draw_digit(image[0], label, one.coupling[0], one.primary[0], share, names)
    about = f"the coupling of test image {config.digit}, a {sets.classes[label]}"
    figures.save(out / "routing_digit.png", figure, about)
    digit = {
        "test_image": config.digit,
        "label": int(label),
        "mean_coupling": share.tolist(),
    }

    count = min(config.images, len(sets.test["label"]))
    index = data.some_of_each(sets.test["label"], count)
    image, label = capsnets.images(sets, index), sets.test["label"][index]
    routed = route(model, variables, image)
    there = label[:, None] == np.arange(len(names))
    means = {
        name: mean_coupling(routed.coupling, weight, there)
        for name, weight in weights(routed).items()
    }
    stopped = stop_early(model, variables, image, label)
    figure = draw_mean(means, stopped, count, len(names))
    figures.save(out / "routing_mean.png", figure, f"means over {count} test images")

    maps = entropy_maps(routed)
    chosen = np.unique(label, return_index=True)[1][:MAPS]
    rows = [names[c] for c in label[chosen]]
    figure = draw_entropy(image[chosen], maps[chosen], maps.mean(0), rows)
    figures.save(out / "routing_entropy.png", figure, "where capsules have decided")

    both = {
        "untrained": route(model, untrained(model), image),
        "trained": routed,
    }
    figure = draw_lengths(both, there)
    figures.save(out / "routing_lengths.png", figure, "lengths of capsules")
    numbers = {
        "means": means,
        "after_iterations": stopped,
        "lengths": {name: lengths(each, there) for name, each in both.items()},
    }
    sums = routed.coupling.sum(-1)
    figures.save_results(
        out / "routing.json",
        {
            "run": str(config.run),
            "iterations": model.iterations,
            "leaky": model.leaky,
            "sums_over_classes": [float(sums.min()), float(sums.max())],
            "digit": digit,
            "images": count,
            "inked": float(routed.inked.mean()),
            **jax.tree.map(lambda x: np.asarray(x).tolist(), numbers),
        },
    )
