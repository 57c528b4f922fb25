"""Draws the squash of a capsule, and compares a capsule with a neuron.

    python -m experiments.capsule_squash
    python -m experiments.capsule_squash --reach 8

Sabour, Frosst and Hinton (arXiv:1710.09829), equation 1. Takes a few seconds on a CPU;
nothing is trained. Draws the length of squash(s) and its slope against the length of s,
with the point (1, 1/2), beside a table of what a capsule and a neuron compute, and
writes the values. Expect a curve that starts flat, is steepest at 1/√3 and stays
below 1.
"""

import dataclasses
import pathlib
from typing import Annotated

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan import bounds, capsules
from jaxgan.lab import cli, figures

CAPSULE, NEURON, PALE = "#1f6f8b", "#d1495b", "#777777"
ALIASES = {"--out": "--workdir"}
MARKS = (0, 0.5, 3**-0.5, 1, 2, 4)  # it is steepest at 1/√3
TABLE = (
    ("", "capsule", "neuron"),
    ("input from below", r"vectors $\mathbf{u}_i$", r"scalars $x_i$"),
    (
        "affine transform",
        r"$\hat{\mathbf{u}}_{j|i} = \mathbf{W}_{ij}\,\mathbf{u}_i$",
        "none",
    ),
    (
        "weighted sum",
        r"$\mathbf{s}_j = \sum_i c_{ij}\,\hat{\mathbf{u}}_{j|i}$",
        r"$a_j = \sum_i w_{ij}\,x_i + b_j$",
    ),
    (
        "nonlinearity",
        r"$\mathbf{v}_j = \dfrac{\|\mathbf{s}_j\|^2}{1 + \|\mathbf{s}_j\|^2}"
        r"\ \dfrac{\mathbf{s}_j}{\|\mathbf{s}_j\|}$",
        r"$h_j = f(a_j)$",
    ),
    ("output", r"vector $\mathbf{v}_j$", r"scalar $h_j$"),
)


@dataclasses.dataclass(frozen=True)
class Config:
    """Drawing the squash."""

    workdir: pathlib.Path = pathlib.Path("runs/capsule_squash")
    """Directory for the picture and the values."""
    reach: Annotated[float, bounds.Within(1, above=True)] = 5.0
    """Length of the longest vector to squash."""

    def __post_init__(self):
        bounds.check(self, flags=True)


def squashed(length: jax.Array) -> jax.Array:
    """‖squash(s)‖ of a vector of a given length, in any direction."""
    return capsules.lengths(capsules.squash(length * jnp.array([0.6, 0.0, 0.8])))


value_and_slope = jax.jit(jax.vmap(jax.value_and_grad(squashed)))


def main(config: Config) -> None:
    """Computes and draws the curve, and the table."""
    # The marks come first, then the curve.
    at = np.concatenate([MARKS, np.linspace(0, config.reach, 401)], dtype=np.float32)
    value, slope = (np.asarray(x) for x in value_and_slope(at))
    marks, curve = slice(len(MARKS)), slice(len(MARKS), None)
    figure = figures.new(12.4, 4.6, space=0.06)
    axes, table = figure.subplots(1, 2, width_ratios=(1, 1.25))
    axes.plot(at[curve], value[curve], color=CAPSULE, lw=2.4)
    axes.plot(at[curve], slope[curve], color=CAPSULE, lw=1.4, ls="--")
    axes.axhline(1, color=PALE, lw=0.8, ls=":")
    axes.plot([1, 1, 0], [0, 0.5, 0.5], color=PALE, lw=0.8)
    axes.plot([1], [0.5], "o", color=CAPSULE, ms=7)
    axes.annotate("(1, ½)", (1.14, 0.51), size=12)
    side = {"ha": "right", "color": CAPSULE}
    axes.text(
        config.reach, 0.84, r"length $\|\mathbf{v}\| = a^2/(1 + a^2)$", size=11, **side
    )
    axes.text(config.reach, 0.12, "its slope $2a/(1 + a^2)^2$", size=11, **side)
    axes.set(xlim=(0, config.reach), ylim=(0, 1.06))
    axes.set_xlabel(r"$a = \|\mathbf{s}\|$, the length before")
    axes.set_title("Squash: a length becomes a probability")
    axes.spines[["top", "right"]].set_visible(False)
    draw_table(table)
    figures.save(config.workdir / "squash.png", figure, "the squash, and a table")
    figures.save_results(
        config.workdir / "squash.json",
        {
            "length": at[marks].tolist(),
            "squashed": value[marks].tolist(),
            "slope": slope[marks].tolist(),
            "half_at": float(np.interp(0.5, value[curve], at[curve])),
            "steepest_at": float(at[curve][slope[curve].argmax()]),
        },
    )


def draw_table(axes) -> None:
    """Draws a table of a capsule and a neuron, line by line."""
    axes.set_axis_off()
    axes.set_title("A capsule beside a neuron")
    heights = (0.7, 1.0, 1.0, 1.2, 1.7, 1.0)
    bottoms = 1 - np.cumsum(heights) / sum(heights)
    for row, bottom, height in zip(TABLE, bottoms, heights, strict=True):
        y = bottom + height / sum(heights) / 2
        for x, text, colour in zip(
            (0.0, 0.29, 0.7), row, (PALE, CAPSULE, NEURON), strict=True
        ):
            size = 12 if "$" in text or row is TABLE[0] else 11
            axes.text(x, y, text, color=colour, size=size, va="center")
        if bottom > 0.01:
            axes.axhline(bottom, color="#cccccc", lw=0.8)


if __name__ == "__main__":
    cli.run(main, Config, description=__doc__, aliases=ALIASES)
