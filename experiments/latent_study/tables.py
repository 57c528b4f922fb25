"""Makes the table and the picture of the study."""

import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from PIL import Image

from experiments.latent_study.networks import NOISES, SCORED, Part
from jaxgan.lab import figures

SEEN = ("mnist_score", "class_divergence", "pairwise_distance", "frechet_distance",
        "greyness")  # fmt: skip


def table(results: Mapping[str, Any], noises: Mapping[str, Any], about: str) -> str:
    """Writes the numbers as Markdown."""
    first = next(iter(results.values()))
    head = " | ".join(name.replace("_", " ") for name in SEEN)
    lines = [
        f"{about}. {SCORED:,} samples each, scored by a classifier that gets"
        f" {first['classifier_accuracy']:.1%} of test images right. Of real images:"
        f" pairwise distance {first['pairwise_distance_of_test_images']:.2f}, greyness"
        f" {first['greyness_of_test_images']:.3f}.",
        "",
        f"| network | {head} |",
        "|---" * (len(SEEN) + 1) + "|",
    ]
    number = lambda found: " | ".join(f"{found[n]:.3g}" for n in SEEN)  # noqa: E731
    lines += [f"| {name} | {number(found)} |" for name, found in results.items()]
    lines += ["", f"| noise, statistics | {head} |", "|---" * (len(SEEN) + 1) + "|"]
    lines += [
        f"| {noise}; {statistics} | {number(found[statistics])} |"
        for statistics in ("running", "batch")
        for noise, found in noises.items()
    ]
    return "\n".join(lines) + "\n"


def draw(
    path: pathlib.Path,
    parts: Mapping[str, Part],
    results: Mapping[str, Any],
    noises: Mapping[str, Any],
) -> None:
    """Writes latent_study.png: the networks, their curves, and the first on noise."""
    figure = figures.new(12.5, 14.6, space=0.03)
    rows = figure.add_gridspec(3, 1, height_ratios=(2.4, 3.0, 9.2))
    above, middle, below = (figure.add_subfigure(part) for part in rows)

    def show(axes, path, title, found):
        with Image.open(path) as image:
            axes.imshow(np.asarray(image), cmap="gray", vmin=0, vmax=255)
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_visible(False)
        axes.set_title(title, size=11)
        axes.set_xlabel(
            f"score {found['mnist_score']:.2f}   distance"
            f" {found['pairwise_distance']:.2f}   Fréchet"
            f" {found['frechet_distance']:.0f}",
            size=9,
        )

    for axes, name in zip(
        above.subplots(1, len(parts), squeeze=False)[0], parts, strict=True
    ):
        show(axes, parts[name].run.workdir / "final.png", name, results[name])
    above.suptitle("Four networks", size=12, weight="bold")
    curves = ("mnist score", "pairwise distance", "greyness")
    for axes, curve in zip(middle.subplots(1, 3), curves, strict=True):
        for name in parts:
            points = [(row["step"], row[f"samples/{curve}"])
                      for row in results[name]["over_time"] if row["step"]]  # fmt: skip
            axes.plot(*zip(*points, strict=True), label=name, lw=1.8)
        real = next(iter(results.values()))
        of_data = real.get(f"{curve.replace(' ', '_')}_of_test_images")
        if of_data is not None:
            axes.axhline(of_data, color="#999999", lw=1, ls="--", label="real digits")
        axes.set(xlabel="step")
        axes.set_title(curve, size=11)
        axes.spines[["top", "right"]].set_visible(False)
    middle.axes[0].legend(frameon=False, fontsize=9)
    first = next(iter(parts.values()))
    grid = below.subplots(4, 3)
    for i, noise in enumerate(NOISES):
        for j, statistics in enumerate(("running", "batch")):
            show(
                grid[i // 3 + 2 * j, i % 3],
                first.run.workdir / f"noise_{i}_{statistics}.png",
                noise,
                noises[noise][statistics],
            )
    for j, words in enumerate(("averages of training", "those of the batch")):
        grid[2 * j, 0].set_ylabel(f"normalised with\n{words}", size=10)
    below.suptitle(
        f"The network of {first.model.latent}, on other noise", size=12, weight="bold"
    )
    figures.save(path, figure, "networks and noises")
