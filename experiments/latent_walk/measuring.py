"""Measures how smooth walks are, and how far they move factors."""

from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxgan.analysis import latent
from jaxgan.lab import painting


def about(classes: int) -> dict[str, str]:
    """Describes the numbers of a walk."""
    return {
        "pixels": "are from 0 to 1; a step is the root mean square over an image",
        "independent": "distance of independent samples"
        + (" of the same class" if classes else ""),
        "largest_over_mean": "for each walk; the median of walks, and the worst",
        "halved": "largest step with twice the frames over the largest step: 0.5 if"
        " smooth, 1 at a jump",
    }


def summary(found: dict[str, Any]) -> str:
    """Tells the numbers of walks of one kind in a sentence."""
    return (
        "the largest step is"
        f" {found['largest_over_mean']['median']:.2f} times the mean (worst"
        f" {found['largest_over_mean']['worst']:.2f}) and"
        f" {found['largest_over_independent']:.2f} of the distance of independent"
        f" samples; {found['halved']:.2f} of it with twice the frames"
    )


def measure(
    images: np.ndarray, apart: np.ndarray, frames: int, factors: Any
) -> dict[str, Any]:
    """Measures closed walks, and how far they move the factors of drawn faces.

    Args:
        images: `[2 K, W, H, W, C]`, at twice the frames.
        apart: `[K, W]`, the steps of the walks themselves.
        frames: steps from one stop to the next.
        factors: the regressor of factors, or None.
    """
    walked = images[::2]
    found = smoothness(apart, steps(walked[::frames]), steps(images))
    if factors is not None:
        read = painting.read(factors, walked)
        found["factors"] = {
            name: lengths(values, frames) for name, values in read.items()
        }
    return found


def smoothness(
    steps: np.ndarray, independent: np.ndarray, halved: np.ndarray
) -> dict[str, Any]:
    """Measures closed walks.

    Args:
        steps: the steps of W walks, `[K, W]`.
        independent: the distances between their stops, `[S, W]`.
        halved: the steps of the same walks with twice as many, `[2 K, W]`.
    """
    ratio = steps.max(0) / np.maximum(steps.mean(0), 1e-12)
    return {
        "mean_step": float(steps.mean()),
        "largest_step": float(steps.max()),
        "largest_over_mean": {
            "median": float(np.median(ratio)), "worst": float(ratio.max()),
        },
        "independent": {
            "mean": float(independent.mean()), "least": float(independent.min()),
        },
        "largest_over_independent": float(
            steps.max() / np.maximum(independent.mean(), 1e-12)
        ),
        "halved": float(halved.max() / np.maximum(steps.max(), 1e-12)),
    }  # fmt: skip


def lengths(values: np.ndarray, frames: int) -> dict[str, float]:
    """Measures how far a factor moves on closed walks.

    Args:
        values: `[S * frames, W]`, read off the pictures.
        frames: steps from one stop to the next.

    Returns:
        `length`, the mean length of the path from a stop to the next, in units of the
        factor; and `detour`, that length divided by the change from stop to stop, which
        is 1 for factors that never turn back in between.
    """
    steps = np.abs(np.roll(values, -1, 0) - values)
    at_stops = values[::frames]
    direct = np.abs(np.roll(at_stops, -1, 0) - at_stops)
    length = steps.sum() / direct.size
    return {
        "length": float(length),
        "detour": float(length / np.maximum(direct.mean(), 1e-12)),
    }


def steps(images: np.ndarray) -> np.ndarray:
    """Computes steps `[K, W]` of closed walks uint8 `[K, W, H, W, C]`, from 0 to 1."""
    return np.asarray(latent.steps(jnp.asarray(images), closed=True)) / 255
