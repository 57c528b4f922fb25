"""Toy sets for GANs: distributions of points in the plane and on the line.

A set is a `Points`: a function that draws from it, and the places where its mass lies.
The constants of rings, grid and roll are those of the code of Gulrajani et al.,
"Improved Training of Wasserstein GANs" (arXiv:1704.00028), including the divisor that
gives each a spread of about 1. Drawing is a pure function and may run inside the
compiled step:

    points = ring(8)
    batch = points.sample(jax.random.key(0), 256)
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

_ROLL = 1.5 * math.pi  # the roll's angle goes from this to three times this


class Points(NamedTuple):
    """A distribution over points of D coordinates.

    Attributes:
        sample: `sample(key, count) -> [count, D]`, float32.
        centres: the modes, which have equal weights, `[M, D]`; for a curve, points
            along it whose distances are smaller than its noise.
        sigma: the standard deviation of a coordinate around a centre.
    """

    sample: Callable[[jax.Array, int], jax.Array]
    centres: np.ndarray
    sigma: float


def mixture(centres: ArrayLike, sigma: float) -> Points:
    """Equal round Gaussians; `mixture([[-2.0], [2.0]], 0.5)` has two, on the line.

    Args:
        centres: `[M, D]`.
        sigma: their standard deviation, positive.

    Raises:
        ValueError: the centres have another rank or are empty, or sigma is not
            positive.
    """
    modes = np.asarray(centres, np.float32)
    if modes.ndim != 2 or not modes.size:
        raise ValueError(
            f"centres have shape {modes.shape}, expected [M, D], not empty"
        )
    if not 0 < sigma < math.inf:
        raise ValueError(f"sigma is {sigma}; it must be positive")

    def sample(key: jax.Array, count: int) -> jax.Array:
        for_mode, for_noise = jax.random.split(key)
        mode = jax.random.randint(for_mode, (count,), 0, len(modes))
        noise = jax.random.normal(for_noise, (count, modes.shape[1]))
        return jnp.asarray(modes)[mode] + sigma * noise

    return Points(sample, modes, sigma)


def ring(modes: int = 8) -> Points:
    """Gaussians on a circle: radius 2 and sigma 0.02, both divided by 1.414.

    Raises:
        ValueError: `modes` is below 1.
    """
    if modes < 1:
        raise ValueError(f"modes is {modes}; a ring has at least 1")
    angle = 2 * np.pi * np.arange(modes) / modes
    circle = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return mixture(2 / 1.414 * circle, 0.02 / 1.414)


def grid(modes: int = 25) -> Points:
    """Gaussians on a square grid with gaps of 2, sigma 0.05, all divided by 2.828.

    Raises:
        ValueError: `modes` is not a square number.
    """
    side = math.isqrt(max(modes, 0))
    if side < 1 or side**2 != modes:
        raise ValueError(f"modes is {modes}; a grid has a square number, such as 25")
    along = 2.0 * np.arange(side) - (side - 1)
    centres = np.stack(np.meshgrid(along, along, indexing="ij"), -1).reshape(-1, 2)
    return mixture(centres / 2.828, 0.05 / 2.828)


def swiss_roll(places: int = 200) -> Points:
    """A spiral t·(cos t, sin t), t uniform on [1.5π, 4.5π], noise 0.25, divided by 7.5.

    Args:
        places: the number of equally likely centres that stand for the curve.

    Raises:
        ValueError: `places` is below 1.
    """
    if places < 1:
        raise ValueError(f"places is {places}; the roll needs at least 1")
    middle = _ROLL * (1 + 2 * (np.arange(places) + 0.5) / places)
    centres = np.stack([middle * np.cos(middle), middle * np.sin(middle)], axis=1) / 7.5
    sigma = 0.25 / 7.5

    def sample(key: jax.Array, count: int) -> jax.Array:
        for_angle, for_noise = jax.random.split(key)
        t = _ROLL * (1 + 2 * jax.random.uniform(for_angle, (count,)))
        curve = t[:, None] * jnp.stack([jnp.cos(t), jnp.sin(t)], axis=1) / 7.5
        return curve + sigma * jax.random.normal(for_noise, (count, 2))

    return Points(sample, centres.astype(np.float32), sigma)


def density(points: Points, x: ArrayLike) -> jax.Array:
    """The density of a mixture, and nearly that of a curve, at `x` `[N, D]`: `[N]`.

    With samples as centres and a bandwidth as sigma, it is a kernel density estimate.

    Raises:
        ValueError: `x` has another rank or number of coordinates.
    """
    modes, at = jnp.asarray(points.centres), jnp.asarray(x)
    if at.ndim != 2 or at.shape[1] != modes.shape[1]:
        raise ValueError(f"x has shape {at.shape}, expected [N, {modes.shape[1]}]")
    gap = (at[:, None, :] - modes[None, :, :]) / points.sigma
    peak = (2 * math.pi) ** 0.5 * points.sigma
    return jnp.exp(-jnp.square(gap).sum(-1) / 2).mean(1) / peak ** modes.shape[1]


def stream(points: Points, key: jax.Array, positions: ArrayLike) -> jax.Array:
    """Draws examples of an endless stream by their positions, each independently.

    Any part of the stream can be made anywhere, on any number of devices, with the same
    bits.

    Args:
        points: the distribution to draw from.
        key: the key of the stream.
        positions: uint32 `[...]`.

    Returns:
        `[..., D]`.
    """
    where = jnp.asarray(positions)
    one = lambda n: points.sample(jax.random.fold_in(key, n), 1)[0]  # noqa: E731
    return jax.vmap(one)(where.reshape(-1)).reshape(*where.shape, -1)


SETS = {
    "ring4": ring(4),
    "ring8": ring(8),
    "grid25": grid(25),
    "swiss_roll": swiss_roll(),
}
