"""AnoGAN: how anomalous an image is to a GAN that was trained on normal ones.

A search finds a latent z whose image G(z) is like the image x. The parts of x that G
cannot draw are anomalous. Scores are sums over pixels and features, not means, as in
the paper: its weight between the two is meant for sums.

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
    """How anomalous each image is; every field is `[B]`.

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
        ValueError: the weight is not between 0 and 1.

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
    """A function that takes images to the maps of one layer of a discriminator.

    Args:
        judge: the discriminator, a function of images `[B, H, W, C]` whose batch norms
            are fixed (see `norms`); its result is not used.
        layer: the number of the layer's rectifier, counted from 0 at the input;
            negative numbers count from the last.

    Returns:
        `features(images)`: the output of that rectifier, `[B, h, w, c]`.

    Raises:
        ValueError: the network has no rectifier of that number; raised when `features`
            is called.
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
