"""AnoGAN: how anomalous an image is to a GAN that was trained on normal ones.

A latent z is sought whose image G(z) is like the image x. What cannot be drawn is not
normal. Scores are sums over pixels and features, not means: the weight between the two
has no meaning otherwise.

References:
    Schlegl et al., "Unsupervised Anomaly Detection with Generative Adversarial Networks
    to Guide Marker Discovery", arXiv:1703.05921.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import chex
import jax
import jax.numpy as jnp

from jaxgan.analysis import rectifiers


class Scores(NamedTuple):
    """How anomalous images are, `[B]` each.

    Attributes:
        total: A = (1 - weight) R + weight D, the paper's score and loss.
        residual: R, the sum of |x - G(z)| over pixels and channels.
        features: D, the sum of |f(x) - f(G(z))| over features f.
    """

    total: jax.Array
    residual: jax.Array
    features: jax.Array


def anomaly_scores(
    drawn: jax.Array,
    images: jax.Array,
    features: Callable[[jax.Array], jax.Array],
    *,
    weight: float = 0.1,
) -> Scores:
    """The anomaly score of images against what was drawn for them, and its parts.

    Args:
        drawn: G(z), `[B, H, W, C]`.
        images: x, the same shape.
        features: f, images to `[B, ...]`: maps of the discriminator, see
            `discriminator_features`.
        weight: the paper's lambda, 0 to 1.

    Raises:
        ValueError: the weight is not from 0 to 1.

    References:
        arXiv:1703.05921, equations 2 and 4 to 6.
    """
    if not 0 <= weight <= 1:
        raise ValueError(f"weight is {weight}; it must be from 0 to 1")
    chex.assert_equal_shape([drawn, images])
    residual = _absolute(drawn - images)
    distance = _absolute(features(drawn) - features(images))
    return Scores((1 - weight) * residual + weight * distance, residual, distance)


def discriminator_features(
    judge: Callable[[jax.Array], Any], layer: int = -1
) -> Callable[[jax.Array], jax.Array]:
    """The maps of one layer of a discriminator, as a function of images.

    Args:
        judge: images `[B, H, W, C]` to anything; batch norms held still.
        layer: number of its rectifier, in order; negative ones count from the last.

    Returns:
        `features(images)`: the output of that rectifier, `[B, h, w, c]`.

    Raises:
        ValueError: when applied, there is no rectifier of that number.
    """

    def features(images):
        _, maps = rectifiers.observed(judge)(images)
        if not -len(maps) <= layer < len(maps):
            raise ValueError(
                f"layer is {layer}, but there are {len(maps)} rectifiers: number them"
                f" from 0 to {len(maps) - 1}"
            )
        return maps[layer]

    return features


def residual_image(drawn: jax.Array, images: jax.Array) -> jax.Array:
    """Where an image differs from what was drawn for it: |x - G(z)|, mean of channels.

    Args:
        drawn: `[B, H, W, C]`.
        images: the same shape.

    Returns:
        `[B, H, W]`.
    """
    chex.assert_equal_shape([drawn, images])
    return jnp.abs(drawn - images).mean(-1)


def _absolute(x):
    return jnp.abs(x).sum(tuple(range(1, x.ndim)))
