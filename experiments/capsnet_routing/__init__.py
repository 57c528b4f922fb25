"""Draws where primary capsules send their output, iteration by iteration.

    python -m experiments.capsnet_routing
    python -m experiments.capsnet_routing --run runs/capsnet_mnist_paper --digit 18
    python -m experiments.capsnet_routing --iterations 6

Sabour, Frosst and Hinton (arXiv:1710.09829), procedure 1. Takes under a minute on a
CPU, with a run of experiments.capsnet_mnist. Writes routing_digit.png (the coefficients
c_ij of one test digit: all of them, on the grid of the capsules, and their means),
routing_mean.png (means over many digits: coupling to the true class, entropy, and the
lengths and the error that fewer iterations would give) and routing.json. In means,
capsules are weighted by their length. Expect 1/10 everywhere at first, and a growing
share for the class that is there. Three iterations move the mean by less than a tenth:
they make the right capsule longer, and hardly change which one is the longest. Ten
iterations, after training with three, double the share, and make more errors.
"""

import dataclasses
import pathlib

import jax
import numpy as np

from experiments.capsnet_routing.pictures import draw_digit, draw_mean
from experiments.capsnet_routing.routing import (
    mean_entropy,
    of_classes,
    route,
    stop_early,
)
from jaxgan import bounds, data
from jaxgan.lab import blocks, capsnets, figures

BLOCK = 25  # images whose coefficients are computed together
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
    count = min(config.images, len(sets.test["label"]))
    some = data.some_of_each(sets.test["label"], count)
    index = np.concatenate([[config.digit], some])
    image, label = capsnets.images(sets, index), sets.test["label"][index]
    look = jax.jit(lambda variables, image: route(model, variables, image))
    coupling, weight = blocks.in_blocks(
        lambda image: look(variables, image), image, size=BLOCK
    )
    sums = coupling.sum(-1)
    flat = weight.reshape(len(weight), 1, -1, 1)
    share = (coupling * flat).sum(2) / flat.sum(2)  # [B, iterations, J]
    names = figures.plain(sets.classes)
    one = draw_digit(image[0], label[0], coupling[0], weight[0], share[0], names)
    about = f"the coupling of test image {config.digit}, a {sets.classes[label[0]]}"
    figures.save(out / "routing_digit.png", one, about)

    there = label[1:, None] == np.arange(len(names))
    means = {
        **of_classes(share[1:], there),
        "entropy": mean_entropy(coupling[1:], flat[1:]),
    }
    stopped = stop_early(model, variables, image[1:], label[1:])
    figure = draw_mean(means, stopped, count, len(names))
    figures.save(out / "routing_mean.png", figure, f"means over {count} test images")
    numbers = {"means": means, "after_iterations": stopped}
    figures.save_results(
        out / "routing.json",
        {
            "run": str(config.run),
            "iterations": model.iterations,
            "leaky": model.leaky,
            "sums_over_classes": [float(sums.min()), float(sums.max())],
            "digit": {
                "test_image": config.digit,
                "label": int(label[0]),
                "mean_coupling": share[0].tolist(),
            },
            "images": count,
            **jax.tree.map(lambda x: np.asarray(x).tolist(), numbers),
        },
    )
