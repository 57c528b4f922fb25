"""VGG19's features, which perceptual losses compare in the place of pixels.

The network of torchvision, without its classifier. `layer` names features as SRGAN
does: `vgg54` is what the fourth convolution of the fifth block gives, after its
activation and before the pool.

    weights = load("vgg19-dcbb9e9d.pth")
    maps = features(weights.layers, images, "vgg54")

The weights are a file to be fetched by hand, once; the errors of `load` say from where.

References:
    Simonyan and Zisserman, 2014, https://arxiv.org/abs/1409.1556.
    Ledig et al., 2016, https://arxiv.org/abs/1609.04802, section 2.2.1.
"""

import itertools
import os
import pathlib
from collections.abc import Mapping
from typing import Literal, NamedTuple

import chex
import jax
import jax.numpy as jnp
import numpy as np
from flax import linen

from jaxgan.metrics import _weight_files
from jaxgan.nn.conv import conv

Layer = Literal["vgg22", "vgg54"]

BLOCKS = ((64, 2), (128, 2), (256, 4), (512, 4), (512, 4))
"""Channels and convolutions of each block; a pool of 2x2 pixels stands between two."""
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of ImageNet's colours in [0, 1], by which the network's inputs are normalised."""

_PUBLISHED = _weight_files.Published(
    "torchvision's VGG19",
    "vgg19-dcbb9e9d.pth",
    "from download.pytorch.org/models, as torchvision does",
    "save its arrays under the same names to an .npz file where PyTorch is",
)
_CLASSIFIER = "classifier."  # layers that are passed over


class Weights(NamedTuple):
    """The network's weights and their origin.

    Attributes:
        layers: kernels `[3, 3, C, O]` and biases `[O]`, what `features` takes.
        checksum: SHA-256 of the file, in hexadecimal.
        name: the name of the file, without its folder.
    """

    layers: tuple[tuple[jax.Array, jax.Array], ...]
    checksum: str
    name: str


def features(
    layers: tuple[tuple[jax.Array, jax.Array], ...], image: jax.Array, layer: Layer
) -> jax.Array:
    """The maps of a layer, after its activation.

    Args:
        layers: of `Weights`.
        image: `[B, H, W, 1 or 3]` in [-1, 1]; grey images become three equal channels.
        layer: `vgg22`, 128 channels of half the size, or `vgg54`, 512 channels of a
            sixteenth; sides that cannot be halved lose their last row or column.

    Returns:
        `[B, h, w, channels]`, 0 or more.
    """
    chex.assert_rank(image, 4)
    block, last = (int(number) for number in layer.removeprefix("vgg"))
    x = jnp.broadcast_to((image + 1) / 2, (*image.shape[:3], 3))
    mean, deviation = (
        jnp.asarray(c, x.dtype)[None, None, None] for c in (MEAN, DEVIATION)
    )
    x = (x - mean) / deviation
    rest = iter(layers)
    for number, (_, count) in enumerate(BLOCKS[:block], 1):
        if number > 1:
            x = linen.max_pool(x, (2, 2), (2, 2))
        for kernel, bias in itertools.islice(rest, last if number == block else count):
            x = jax.nn.relu(conv(x, kernel) + bias.astype(x.dtype)[None, None, None])
    return x


def load(path: str | os.PathLike) -> Weights:
    """Reads the weights from a file; never fetches one, and runs no code in it.

    Args:
        path: `.pth`, torchvision's file (548 MB; reading it needs PyTorch), or `.npz`,
            with arrays of the same names and shapes; the classifier may be left out.

    Raises:
        ValueError: if there is no such file, or it holds something else.
    """
    path, shapes = pathlib.Path(path), expected_shapes()
    arrays, checksum = _weight_files.read(path, _PUBLISHED, shapes)
    arrays = {name: x for name, x in arrays.items() if not name.startswith(_CLASSIFIER)}
    _weight_files.check(path, arrays, _PUBLISHED, shapes)
    return Weights(from_published(arrays), checksum, path.name)


def expected_shapes() -> dict[str, tuple[int, ...]]:
    """Names and shapes of the arrays in the published file, but for the classifier."""
    shapes: dict[str, tuple[int, ...]] = {}
    place, last = 0, 3
    for width, count in BLOCKS:
        for _ in range(count):
            shapes[f"features.{place}.weight"] = (width, last, 3, 3)
            shapes[f"features.{place}.bias"] = (width,)
            place, last = place + 2, width  # an activation stands between
        place += 1  # and here a pool
    return shapes


def from_published(
    arrays: Mapping[str, np.ndarray],
) -> tuple[tuple[jax.Array, jax.Array], ...]:
    """Builds the layers from arrays under their published names."""
    ordered = [jnp.asarray(arrays[name], jnp.float32) for name in expected_shapes()]
    return tuple(
        (kernel.transpose(2, 3, 1, 0), bias)
        for kernel, bias in zip(ordered[::2], ordered[1::2], strict=True)
    )
