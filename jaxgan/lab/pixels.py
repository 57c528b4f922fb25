"""Converts pixels between bytes and the floats of a model."""

from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxgan import nn

Range = tuple[float, float]  # between which floats pixels are


def floats(image: Any, between: Range = (0.0, 1.0)) -> Any:
    """Bytes to float32 between two numbers; floats stay as they are."""
    if image.dtype != np.uint8:
        return image
    if between == (-1.0, 1.0):
        return nn.from_uint8(image)
    unit = jnp.asarray(image).astype(jnp.float32) / 255
    low, high = between
    return unit if between == (0.0, 1.0) else low + (high - low) * unit


def to_bytes(image: Any, between: Range = (0.0, 1.0)) -> Any:
    """Floats between two numbers to bytes; what lies outside is clipped."""
    low, high = between
    return nn.to_uint8(
        image if between == (-1.0, 1.0) else 2 * (image - low) / (high - low) - 1
    )
