"""Scores a generator's samples: distances, variety and a census of drawn faces."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan import parallel
from jaxgan.compose import ema_variables
from jaxgan.lab import generator, sets
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
