"""What images are described by: maps of the discriminator, k-means, pixels."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from experiments.discriminator_features import kmeans, labelled
from jaxgan.analysis import features, rectifiers
from jaxgan.lab import inference

GRID = 4  # cells along each side to which maps are pooled


def descriptions(
    trained: inference.Trained, parts: labelled.Parts, config: Any
) -> dict[str, Callable]:
    """Name -> a function from images, uint8 `[B, H, W, C]`, to features `[B, F]`."""
    rng = np.random.default_rng(config.seed)
    some = np.sort(rng.permutation(parts.train)[: inference.REFERENCE])
    reference = parts.images[some]

    def network(of):
        judge = rectifiers.observed(inference.judging(of, reference, net=config.net))

        @jax.jit
        def describe(images):
            return features.pooled(judge(inference.from_uint8(of, images))[1], GRID)

        return describe

    descriptions: dict[str, Callable] = {
        "discriminator": network(trained),
        "random weights": network(inference.untrained(trained, config.seed)),
    }
    if config.centroids:
        filters = kmeans.learned(
            parts.images[parts.train], centroids=config.centroids, seed=config.seed
        )
        descriptions["k-means"] = lambda images: kmeans.described(
            filters, jnp.asarray(images)
        )
    descriptions["pixels"] = lambda images: (
        images.reshape(len(images), -1).astype(np.float32) / 255
    )
    return descriptions
