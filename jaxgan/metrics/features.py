"""Feature extractors for metrics: the interface, and a network with random weights.

An extractor turns images into features and logits. Two metrics are comparable only if
their extractor was the same; its `about` identifies it and belongs beside every number.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

WIDTHS = (32, 64, 128)  # channels of the random network's layers
_SLOPE = 0.2


class Extracted(NamedTuple):
    """Features and logits of images.

    Attributes:
        features: float32 `[N, F]`.
        logits: float32 `[N, K]`; None if the extractor has no classes.
    """

    features: jax.Array
    logits: jax.Array | None


class Extractor(NamedTuple):
    """A network that maps images to features.

    Attributes:
        name: a short name.
        apply: `apply(variables, images) -> Extracted`, a pure function of uint8 images
            `[N, H, W, C]` that treats each image independently.
        variables: its weights.
        about: what is needed to get the same features again, as plain values.
    """

    name: str
    apply: Callable[[Any, jax.Array], Extracted]
    variables: Any
    about: Mapping[str, Any]


def check_bytes(images: jax.Array) -> jax.Array:
    """Checks images before an extractor sees them: floats could be in any range.

    Args:
        images: uint8 `[N, H, W, C]`.

    Raises:
        ValueError: if they are of another type or rank.
    """
    images = jnp.asarray(images)
    if images.ndim != 4 or images.dtype != jnp.uint8:
        raise ValueError(
            f"images is {images.dtype} {images.shape}, expected uint8 [N, H, W, C];"
            " jaxgan.nn.to_uint8 converts images in [-1, 1]"
        )
    return images


def random_network(channels: int = 3, seed: int = 0) -> Extractor:
    """A fixed convolutional network with random weights, for images of any size.

    Three strided convolutions and leaky ReLU; features are the means and standard
    deviations of every channel over positions, 448 numbers. They are the same on every
    machine and need no training, but do not recognise what is in a picture: a Fréchet
    distance on them is not an FID and is comparable only with others on them.

    Args:
        channels: the channels of the images, 1 or 3.
        seed: the seed of the weights.

    Raises:
        ValueError: if `channels` is neither 1 nor 3.

    References:
        Features of random weights as a metric: Naeem et al., 2020,
        https://arxiv.org/abs/2002.09797, section 5.
    """
    if channels not in (1, 3):
        raise ValueError(f"channels is {channels}, expected 1 (grey) or 3 (colour)")
    # NumPy promises that this generator's numbers never change; JAX does not.
    rng = np.random.default_rng(seed)
    kernels, last = [], channels
    for width in WIDTHS:
        scale = np.sqrt(2 / (16 * last))
        kernel = scale * rng.standard_normal((4, 4, last, width))
        kernels.append(kernel.astype(np.float32))
        last = width
    return Extractor(
        "random network",
        _random_features,
        tuple(kernels),
        {
            "weights": f"random, seed {seed}",
            "layers": list(WIDTHS),
            "features": 2 * sum(WIDTHS),
            "channels": channels,
            "note": "random features: not an FID. They tell colours, edges and textures"
            " apart, not what a picture shows: precision and recall may be high for"
            " samples that a person calls badly drawn, so look at these too",
        },
    )


def _random_features(kernels, images) -> Extracted:
    x = check_bytes(images).astype(jnp.float32) / 127.5 - 1
    found = []
    for kernel in kernels:
        x = lax.conv_general_dilated(
            x,
            kernel,
            window_strides=(2, 2),
            padding="SAME",
            dimension_numbers=("NHWC", "HWIO", "NHWC"),
            precision=lax.Precision.HIGHEST,
        )
        x = jnp.where(x > 0, x, _SLOPE * x)
        mean = x.mean((1, 2))
        spread = jnp.square(x - mean[:, None, None]).mean((1, 2))
        found += [mean, jnp.sqrt(spread + 1e-12)]  # the root's slope at 0 is infinite
    return Extracted(jnp.concatenate(found, 1), None)
