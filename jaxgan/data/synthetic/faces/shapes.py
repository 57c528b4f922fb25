"""The shapes of the features of a procedural face, which painters and labels share."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxgan.data.synthetic.faces.factors import Factors
from jaxgan.data.synthetic.faces.geometry import Anatomy, Pose, Surface
from jaxgan.data.synthetic.faces.paint import Light, bump, cover, keep, ramp, wave


class Face(NamedTuple):
    """The description of a face that all its painters share."""

    factors: Factors
    anatomy: Anatomy
    turn: Pose
    light: Light
    at: Surface  # the point of the skin behind each pixel
    side: jax.Array  # |x| there, [H, W]
    sharp: jax.Array  # 1 / width of an edge, squeezed with the surface, [H, W]
    skin: jax.Array  # the skin's colour, [3]


class Eye(NamedTuple):
    """Where both eyes are, in the coordinates of an eye; each field is `[H, W]`."""

    out: jax.Array  # from its middle towards the temple
    along: jax.Array  # the same in half widths
    y: jax.Array  # down, along the tilt
    arch: jax.Array  # 1 in the middle, 0 at the corners
    upper: jax.Array  # below the upper lid
    lower: jax.Array  # below the lower lid
    opened: jax.Array  # coverage of what is between the lids


def eye(face: Face) -> Eye:
    """Computes the shape of both eyes."""
    form, at = face.anatomy, face.at
    wide = form.eye_width
    out = face.side - form.eye_x  # towards the temple
    along = keep(out * (1 / wide), 8.0)
    y = keep(at.y + form.eye_tilt * out, 8.0)
    arch = keep(jnp.maximum(1 - along * along, 0.0))
    # The upper lid peaks nearer the nose, the lower one nearer the temple.
    upper = keep(y + form.eye_upper * arch * (1 - 0.16 * along), 8.0)
    lower = y - form.eye_lower * arch * (1 + 0.16 * along)
    ends = (jnp.abs(along) - 1) * wide
    inside = jnp.maximum(jnp.maximum(-upper, lower), ends)
    opened = keep(cover(inside, face.sharp))
    return Eye(out, along, y, arch, upper, lower, opened)


def brow_mask(face: Face) -> jax.Array:
    """The coverage `[H, W]` of both brows: thick at the nose, tapered at the temple."""
    form, at = face.anatomy, face.at
    out = face.side - form.eye_x
    along = (out - 0.005) * (1 / 0.215)
    arch = 0.060 * (1 - ((along - 0.30) * (1 / 1.1)) ** 2)
    line = at.y - form.brow_y + arch - form.brow_tilt * out
    thick = form.brow_thick * (1.08 - 0.58 * ramp(along, -0.3, 1.0))
    body = jnp.maximum(jnp.abs(line) - thick, (jnp.abs(along) - 1) * 0.215)
    sharp = jnp.minimum(face.sharp, 1 / 0.035)
    hairs = 0.92 + 0.08 * wave(27 * out + 16 * line)
    return keep(0.86 * cover(body, sharp) * hairs)


class Mouth(NamedTuple):
    """Where the mouth is; each field is `[H, W]`."""

    along: jax.Array  # from the middle, in half widths
    y: jax.Array  # below the line between the lips
    gap: jax.Array  # how far it is open
    lips: jax.Array  # signed distance to the lips and what is between them
    inside: jax.Array  # signed distance to what is between them


def mouth_shape(face: Face) -> Mouth:
    """Computes the shape of the mouth."""
    form, at = face.anatomy, face.at
    wide = form.mouth_width
    along = keep(face.side * (1 / wide))
    square = along * along
    y = keep(at.y - form.mouth_y + form.mouth_curve * (square - 0.45), 16.0)
    arch = keep(jnp.maximum(1 - square, 0.0))
    round_arch = jnp.sqrt(arch)
    bow = 1 - 0.30 * bump((at.x * (1 / 0.075)) ** 2)
    top = form.lip_upper * (0.5 * arch + 0.5 * round_arch) * bow
    gap = form.mouth_gap * arch
    bottom = gap + form.lip_lower * (0.25 * arch + 0.75 * round_arch)
    ends = (along - 1) * wide
    lips = keep(jnp.maximum(jnp.maximum(-top - y, y - bottom), ends), 8.0)
    inside = keep(jnp.maximum(jnp.maximum(-y, y - gap), ends), 8.0)
    return Mouth(along, y, gap, lips, inside)
