"""Draws sweeps of codes, and what codes tell of factors."""

import pathlib
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.data.synthetic import heads
from jaxgan.lab import figures, generator
from jaxgan.models import infogan

ROWS = 5  # noises in a sweep
VALUES = np.linspace(-2, 2, 9)  # of a code
WORDS = {
    "yaw": "turn",
    "pitch": "elevation",
    "head_width": "width",
    "light_azimuth": "light from the side",
    "light_elevation": "light from above",
}


def sweeps(model: infogan.Config, key: jax.Array) -> jax.Array:
    """The generator's inputs for rows along which only one code changes.

    Args:
        model: the model.
        key: a random key, for the noise and the codes that stay.

    Returns:
        `[codes, ROWS, VALUES, Z]`; the rows of all codes have the same noise.
    """
    latent, values = infogan.latent(model, key, ROWS), jnp.asarray(VALUES)
    codes = range(1, model.continuous + 1)
    return jnp.stack([infogan.sweep(model, latent, code, values) for code in codes])


def draw_sweeps(
    path: pathlib.Path,
    model: infogan.Config,
    variables: Any,
    found: Mapping[str, Any],
    seed: int,
) -> None:
    """Draws a panel for each code, with the factors that it tells most of."""
    latents = sweeps(model, jax.random.key(seed + 3))
    draw = generator.Drawing(infogan.MODEL, model).compiled()
    images = np.asarray(draw(variables, latents.reshape(-1, latents.shape[-1]), None))
    images = images.reshape(*latents.shape[:3], *images.shape[1:])
    columns = min(3, len(images))
    rows = -(-len(images) // columns)
    figure = figures.new(4.2 * columns, 2.9 * rows)
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for number, axes in enumerate(panels):
        if number >= len(images):
            axes.axis("off")
            continue
        above = [f"{value:g}" for value in VALUES]
        figures.tiles(axes, images[number], [""] * ROWS, above)
        axes.set_title(f"c{number + 1}: {_told(found, number)}", fontsize="medium")
    about = "along a row one code changes; noise and other codes stay"
    figures.save(path, figure, about)


def _told(found, number):
    """The factor that a code is correlated with most, in words."""
    ranks = {name: x[number] for name, x in found["correlations"].items()}
    name = max(ranks, key=lambda name: abs(ranks[name]))
    return f"{WORDS[name]} ({ranks[name]:+.2f})"


def draw_codes(path: pathlib.Path, found: Mapping[str, Any]) -> None:
    """Draws the table of correlations, factors by codes."""
    table = np.array([found["correlations"][name] for name in heads.VARIED])
    figure = figures.new(1.8 + 0.6 * table.shape[1], 3)
    axes = figure.subplots()
    axes.imshow(table, cmap="RdBu", vmin=-1, vmax=1)
    axes.set_xticks(range(table.shape[1]), [f"c{i + 1}" for i in range(len(table.T))])
    axes.set_yticks(range(len(table)), [WORDS[name] for name in heads.VARIED])
    for (row, column), value in np.ndenumerate(table):
        colour = "white" if abs(value) > 0.6 else "black"
        axes.text(
            column, row, f"{value:.2f}", ha="center", va="center", color=colour,
            fontsize="small",
        )  # fmt: skip
    figures.save(path, figure, "correlation of ranks, on unseen heads")
