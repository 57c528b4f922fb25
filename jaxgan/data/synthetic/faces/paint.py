"""The tools that paint a procedural face: coverage, colour, light.

A canvas is `[3, H, W]` of linear light; a mask is `[H, W]` coverage in 0 to 1. A shape
is a signed distance, which becomes coverage over about the width of one pixel.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.typing import ArrayLike


class Light(NamedTuple):
    """The light on a scene: the direction towards it and its strength, each `[]`."""

    right: jax.Array
    down: jax.Array
    out: jax.Array
    strength: jax.Array


def palette(*rows: tuple[int, int, int]) -> np.ndarray:
    """Converts display colours (0 to 255) to linear light `[N, 3]`."""
    return (np.asarray(rows, np.float32) / 255) ** 2


def hue(turn: jax.Array, saturation: jax.Array, value: jax.Array) -> jax.Array:
    """A colour by hue (in turns), saturation and value, as linear light `[3]`."""
    wheel = jnp.mod(turn + np.array([0.0, 2 / 3, 1 / 3], np.float32), 1.0) * 6
    pure = jnp.clip(jnp.abs(wheel - 3) - 1, 0.0, 1.0)
    return (value * (1 - saturation * (1 - pure))) ** 2


def keep(plane: jax.Array, shift: float = 0.0) -> jax.Array:
    """Returns the same values, but makes XLA compute and store them only once.

    On CPUs, XLA copies cheap operations into every place that uses their result, which
    multiplies the work for a picture; but it never copies a square root. No value may
    be below `-shift`.
    """
    moved = plane + shift
    return jnp.sqrt(moved * moved + 1e-14) - shift


def cover(distance: jax.Array, sharp: jax.Array | float) -> jax.Array:
    """Coverage of the inside of a shape: a smooth step `1 / sharp` wide."""
    t = jnp.clip(0.5 - distance * sharp, 0.0, 1.0)
    return t * t * (3 - 2 * t)


def stroke(
    distance: jax.Array, half: jax.Array | float, sharp: jax.Array | float
) -> jax.Array:
    """Coverage of a line of half width `half` around distance 0.

    A line thinner than a pixel is drawn one pixel wide but fainter, with the same
    total.
    """
    drawn = jnp.maximum(half, 0.4 / sharp)
    return cover(jnp.abs(distance) - drawn, sharp) * (half / drawn)


def ramp(value: jax.Array, low: float, high: float) -> jax.Array:
    """A smooth step from 0 at `low` to 1 at `high`, of any shape."""
    t = jnp.clip((value - low) * (1 / (high - low)), 0.0, 1.0)
    return t * t * (3 - 2 * t)


def bump(square: jax.Array) -> jax.Array:
    """A smooth hill of a squared radius: 1 at 0, flat and zero from 1 on."""
    left = jnp.maximum(1 - square, 0.0)
    return left * left


def hill(
    dx: jax.Array,
    dy: jax.Array,
    across: jax.Array | float,
    along: jax.Array | float,
) -> jax.Array:
    """A smooth hill with the given radii: 1 in the middle, 0 from the ellipse on."""
    px, py = dx * (1 / across), dy * (1 / along)
    return bump(px * px + py * py)


def wave(turns: jax.Array) -> jax.Array:
    """Nearly a sine of `turns`, made of parabolas, which is far cheaper than `sin`."""
    t = turns - jnp.floor(turns) - 0.5
    return t * (16 * jnp.abs(t) - 8)


def column(colour: ArrayLike) -> jax.Array:
    """Reshapes a colour `[3]` to `[3, 1, 1]`, to broadcast with planes."""
    return jnp.asarray(colour)[:, None, None]


def mix(under: jax.Array, over: jax.Array, weight: jax.Array) -> jax.Array:
    """Blends `[3, H, W]` towards a colour `[3]` or a canvas by a mask `[H, W]`."""
    over = column(over) if over.ndim == 1 else over
    return under + (over - under) * weight[None]


def tint(
    canvas: jax.Array, colour: tuple[float, float, float], weight: jax.Array
) -> jax.Array:
    """Multiplies by a colour where the mask `[H, W]` is 1."""
    lost = np.asarray([1 - part for part in colour], np.float32)
    return canvas * (1 - column(lost) * weight[None])


def shade(light: Light, normal: tuple[jax.Array, jax.Array, jax.Array]) -> jax.Array:
    """Wrapped diffuse light `[H, W]`: 0 in the shadow, 1 facing the light."""
    facing = normal[0] * light.right + normal[1] * light.down + normal[2] * light.out
    return jnp.clip((facing + 0.3) * (1 / 1.3), 0.0, 1.0)


def skin_light(canvas: jax.Array, diffuse: jax.Array, strength: jax.Array) -> jax.Array:
    """Shades skin `[3, H, W]`; light scattered inside reddens the shadow's edge."""
    lost = (0.45 + 0.45 * strength) * (1 - diffuse)
    edge = lost * diffuse
    gain = 1.0 + 0.16 * strength
    # How much of the shade each channel keeps, and how much light leaks into it.
    fall = np.array([0.92, 1.0, 1.02], np.float32)
    leak = np.array([0.30, 0.0, -0.06], np.float32)
    return canvas * (gain * (1 - column(fall) * lost[None] + column(leak) * edge[None]))


def unit(
    x: jax.Array, y: jax.Array, z: jax.Array
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Scales a direction to length 1."""
    scale = lax.rsqrt(x * x + y * y + z * z + 1e-6)
    return x * scale, y * scale, z * scale
