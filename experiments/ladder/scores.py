"""Scores of samples, and the picture of all rungs."""

import pathlib
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan import parallel
from jaxgan.compose import ema_variables
from jaxgan.lab import figures, generator, sets, spread
from jaxgan.lab.data import Set
from jaxgan.lab.judges import factors
from jaxgan.lab.measure import census, extract, moments, statistics
from jaxgan.lab.sets import Block, ImageSet

BATCH = 100  # images looked at together
SCORES = ("frechet_distance", "precision", "recall", "density", "coverage")


def scored(
    drawing: generator.Drawing,
    state: Any,
    opened: Set,
    extraction: extract.Extraction,
    samples: int,
    *,
    faces: bool,
    seed: int,
) -> dict[str, Any]:
    """The scores of samples of a state, and the census of drawn faces.

    Args:
        drawing: draws the samples.
        state: of the run.
        opened: the data.
        extraction: the features.
        samples: how many to draw.
        faces: whether to count factors, where the data is drawn faces.
        seed: of the samples.
    """
    key = jax.random.key(seed)
    images, _ = drawing.many(drawing.compiled(), ema_variables(state), key, samples)
    images = np.asarray(drawing.to_bytes(jnp.asarray(images)))

    def blocks(size: int):
        for start in range(0, len(images), size):
            yield Block(images[start : start + size], None)

    fake = ImageSet("samples", {}, len(images), images.shape[1:], False, blocks)
    real = sets.held(opened, samples)
    extractor = extract.extractor(extraction, opened.shape)
    seen = [
        moments.look_at(
            pictures,
            extractor,
            parallel.mesh(jax.local_devices()),
            batch_size=BATCH,
            kept=samples,
            classes=False,
            title=pictures.about,
        )
        for pictures in (real, fake)
    ]
    found = statistics.compare(seen[0], seen[1], ("frechet", "coverage"))
    rows = []
    if faces and census.possible(opened.data.data, opened.shape):
        rows = census.taken(seen[0], seen[1], factors.trained(opened.shape[0]))
    return {
        **{score: float(found[score]) for score in SCORES},
        "factors": {row["factor"]: row["distance"] for row in rows},
        "extractor": {"name": extractor.name, **extractor.about},
    }


def draw(path: pathlib.Path, table: dict[str, dict[str, spread.Spread]]) -> None:
    """Draws the scores, what they cost, and a table of factors where there are any."""
    scores = (*SCORES, "minutes")
    names = [name for name in next(iter(table.values())) if name not in scores]
    figure = figures.new(9 + 5 * bool(names), 4)
    axes = np.atleast_1d(figure.subplots(1, 2 + bool(names)))
    rows = [row["frechet_distance"] for row in table.values()]
    means = [row.mean for row in rows]
    spreads = [row.standard_deviation or 0 for row in rows]
    axes[0].errorbar(means, list(table), xerr=spreads, fmt="o")
    axes[0].invert_yaxis()
    axes[0].set_xlabel("Fréchet distance, less is better")
    cost = [row["minutes"].mean for row in table.values()]
    axes[1].errorbar(cost, means, yerr=spreads, fmt="o")
    for name, x, y in zip(table, cost, means, strict=True):
        axes[1].annotate(name, (x, y), (4, 4), textcoords="offset points")
    axes[1].set_xlabel("minutes of training")
    axes[1].set_ylabel("Fréchet distance")
    for ax in axes[:2]:
        ax.grid(alpha=0.3)
    if names:
        values = [[row[name].mean for name in names] for row in table.values()]
        shown = axes[2].imshow(values, cmap="magma_r", vmin=0, aspect="auto")
        axes[2].set_xticks(range(len(names)), names, rotation=60, ha="right")
        axes[2].set_yticks(range(len(table)), list(table))
        figure.colorbar(shown, label="total variation to the data")
    figures.save(path, figure, "scores of all models, and what they leave out")
