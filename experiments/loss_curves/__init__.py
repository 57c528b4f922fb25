"""Draws curves of GAN losses: slopes, f-divergences, and the best discriminator.

    python -m experiments.loss_curves
    python -m experiments.loss_curves --dpi 220 --workdir runs/slides

Takes about ten seconds on a CPU; nothing is trained. --workdir gets results.json, the
slopes of both losses where D is sure of a fake and the least value of the game, and
loss_curves.png with six panels: the saturating and the non-saturating generator loss
against D and against the logit, and their slopes (Goodfellow et al., arXiv:1406.2661);
the f-divergence family (Nowozin et al., arXiv:1606.00709); the best discriminator D*
and the value C(G) of the game while a Gaussian moves over the data, beside the
Wasserstein distance, whose slope does not vanish (Arjovsky et al., arXiv:1701.07875).
"""

import dataclasses
import pathlib

import matplotlib
import matplotlib.pyplot as plt

from experiments.loss_curves.colours import INK
from experiments.loss_curves.divergences import (
    draw_best_discriminators,
    draw_divergences,
    draw_value,
    least_value,
)
from experiments.loss_curves.slopes import (
    draw_against_d,
    draw_against_logit,
    draw_slopes,
    slopes_near_0,
)
from jaxgan import bounds
from jaxgan.lab import figures

matplotlib.use("Agg")


@dataclasses.dataclass(frozen=True)
class Config:
    """The drawing of the loss curves."""

    workdir: pathlib.Path = pathlib.Path("runs/loss_curves")
    """Directory for the picture and the numbers."""
    dpi: bounds.Count = 110
    """Dots per inch of the picture, which is 14.4 inches wide."""

    def __post_init__(self):
        bounds.check(self, flags=True)


def main(config: Config) -> None:
    """Draws the six panels into one picture."""
    panels = (
        draw_against_d,
        draw_against_logit,
        draw_slopes,
        draw_divergences,
        draw_best_discriminators,
        draw_value,
    )
    plt.rc("font", size=10.5)
    plt.rc("axes", titlesize=12, titleweight="bold", titlecolor=INK, labelcolor=INK)
    figure, axes = plt.subplots(2, 3, figsize=(14.4, 8.1))
    for panel, axis in zip(panels, axes.flat, strict=True):
        panel(axis)
        axis.spines[["top", "right"]].set_visible(False)
    figure.tight_layout(w_pad=2.0, h_pad=2.5)
    config.workdir.mkdir(parents=True, exist_ok=True)
    path = config.workdir / "loss_curves.png"
    figure.savefig(path, dpi=config.dpi)
    plt.close(figure)
    print(path)
    figures.save_results(
        config.workdir / "results.json",
        {"slopes_near_0": slopes_near_0(), "value_of_the_game": least_value()},
    )
