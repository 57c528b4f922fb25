"""Portraits of the same people turned by known angles, and from the front.

    made = turned(seed=0, count=8, size=64, angles=(-0.5, 0.5))

It is no part of `faces`, whose code names the files of drawn faces that are kept.
"""

import functools
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.data.synthetic import landmarks, seeds
from jaxgan.data.synthetic.faces import RANGES, render, sample_factors

_TILE = 32  # people drawn together


@functools.partial(jax.jit, static_argnums=3)
def _draw(seed: jax.Array, indices: jax.Array, angles: jax.Array, size: int):
    """Pictures `[N, A, S, S, 3]` and points `[N, A, P, 3]` at angles `[A]`."""
    still = jnp.zeros(())

    def one(numbers):
        index, angle = numbers
        factors = sample_factors(jax.random.fold_in(jax.random.key(seed), index))
        factors = factors._replace(yaw=angle, pitch=still, roll=still)
        points = landmarks.landmarks(factors, aligned=True)
        return render(factors, size, aligned=True), points

    people, turns = len(indices), len(angles)
    numbers = jnp.repeat(indices, turns), jnp.tile(angles, people)
    image, points = jax.lax.map(one, numbers, batch_size=_TILE)
    shape = people, turns
    return image.reshape(*shape, size, size, 3), points.reshape(*shape, -1, 3)


def turned(
    seed: int, count: int, size: int, angles: Sequence[float]
) -> dict[str, np.ndarray]:
    """Draws people at every angle; person `i` depends only on `seed` and `i`.

    Faces are aligned at the eyes and neither nod nor tilt; all else is as in
    `faces.dataset`.

    Args:
        seed: of the set.
        count: people.
        size: height and width in pixels, 16 to 256.
        angles: yaw in radians, positive to the right; 0 is the front.

    Returns:
        `image`, uint8 `[count, A, size, size, 3]`, and `points`, float32
        `[count, A, P, 3]`, as `landmarks.landmarks` gives them.

    Raises:
        ValueError: an angle is out of range, or the seed or the size.
    """
    bits = seeds.checked(seed)
    least, most = RANGES["yaw"]
    for angle in angles:
        if not least <= angle <= most:
            raise ValueError(
                f"angle {angle} is out of range: heads turn by {least} to {most}"
            )
    blocks = []
    for first in range(0, count, _TILE):  # one program for all blocks
        indices = jnp.arange(first, first + _TILE)
        made = _draw(bits, indices, jnp.asarray(angles, jnp.float32), size)
        blocks.append(jax.device_get(made))
    image, points = (np.concatenate(x)[:count] for x in zip(*blocks, strict=True))
    return {"image": image, "points": points}
