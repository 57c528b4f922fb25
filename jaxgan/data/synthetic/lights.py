"""Drawn faces under two lights, so that the true picture under each is known.

A light has a direction, a strength, a brightness and a colour; the scene stays. What is
pasted from one picture into the other should become the other, pixel by pixel.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.data.synthetic import faces, seeds

_TILE = 16  # pairs drawn together
_DARKEST, _BRIGHTEST = -1.5, 0.25  # powers of two of the brightness
_TINT = 0.35  # most that red and blue differ from green


def two_lights(
    seed: int, count: int, size: int, *, aligned: bool = False
) -> dict[str, np.ndarray]:
    """Draws scenes twice; scene `i` depends only on `seed` and `i`.

    Args:
        seed: the seed of the set.
        count: the number of scenes, 1 or more.
        size: height and width in pixels, 16 to 256.
        aligned: whether faces are level and aligned at the eyes, as `faces.dataset` has
            it; the people and the lights are the same.

    Returns:
        `image` and `source`, uint8 `[count, size, size, 3]`: the same scenes under two
        lights that do not depend on each other.

    Raises:
        ValueError: `seed`, `count` or `size` is out of range.
    """
    bits = seeds.checked(seed)
    if count < 1:
        raise ValueError(f"count is {count}; expected 1 or more, such as 256")
    if not 16 <= size <= 256:
        raise ValueError(f"size is {size}; expected 16 to 256 pixels")
    block = _TILE * min(16, -(-count // _TILE))  # whole tiles: one program draws all
    parts = [
        np.asarray(_draw(bits, jnp.arange(start, start + block), size, aligned))
        for start in range(0, count, block)
    ]
    first, second = np.moveaxis(np.concatenate(parts)[:count], 1, 0)
    return {
        "image": np.ascontiguousarray(first),
        "source": np.ascontiguousarray(second),
    }


@functools.partial(jax.jit, static_argnames=("size", "aligned"))
def _draw(seed, indices, size, aligned):
    """Pairs `[N, 2, size, size, 3]` of scenes with the numbers `indices` `[N]`."""

    def one(index):
        key = jax.random.fold_in(jax.random.key(seed), index)
        factors = faces.sample_factors(key)
        factors = faces.level(factors) if aligned else factors
        lights = jax.random.split(jax.random.fold_in(key, 1))
        return jax.vmap(lambda light: _under(light, factors, size, aligned))(lights)

    return jax.lax.map(one, indices, batch_size=_TILE)


def _under(key, factors, size, aligned):
    """A face under a random light, `[size, size, 3]` uint8."""
    direction, gain = jax.random.split(key)
    names = ("light_azimuth", "light_elevation", "light_strength")
    low, high = np.array([faces.RANGES[name] for name in names], np.float32).T
    found = jax.random.uniform(direction, (3,), minval=low, maxval=high)
    lit = dict(zip(names, found, strict=True))
    drawn = faces.render(factors._replace(**lit), size, aligned)
    brightness, tint = jax.random.uniform(gain, (2,))
    brightness = 2 ** (_DARKEST + (_BRIGHTEST - _DARKEST) * brightness)
    tint = _TINT * (2 * tint - 1)
    gains = brightness * jnp.stack([1 + tint, jnp.ones(()), 1 - tint])
    # Bytes are the square roots of light, of which a lamp gives a multiple.
    return jnp.clip(jnp.round(drawn * jnp.sqrt(gains)[None, None]), 0, 255).astype(
        jnp.uint8
    )
