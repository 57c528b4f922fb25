"""Paints what surrounds a procedural face: background, body, ears, glasses."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.data.synthetic.faces.factors import Factors
from jaxgan.data.synthetic.faces.geometry import Anatomy, Pose
from jaxgan.data.synthetic.faces.paint import (
    Light,
    bump,
    column,
    cover,
    hill,
    hue,
    keep,
    mix,
    ramp,
    shade,
    skin_light,
    stroke,
    tint,
    unit,
    wave,
)
from jaxgan.data.synthetic.faces.shapes import Face

GLASSES_Z = 0.85  # the middle of the lenses' plane, in front of the eyes
GLASSES_BEND = 0.45  # how the plane bends back at the sides
LENS = 0.205  # half the width of a lens
LENS_DROP = 0.025  # how far a lens hangs below the eye's middle
_LIGHTS = ((-1.1, -0.9, 0.42), (1.15, -0.5, 0.5), (0.75, -1.25, 0.3), (-1.3, 0.2, 0.4))


def background(factors: Factors, across: jax.Array, down: jax.Array) -> jax.Array:
    """Paints the wall `[3, H, W]`: plain, graded, with a halo or blurred lights."""
    kind, value = factors.background, factors.background_value
    tone = 0.10 + 0.22 * (1 - value)
    base = hue(factors.background_hue, tone, 0.42 + 0.50 * value)
    second = hue(factors.background_hue + 0.06, 1.5 * tone, 0.24 + 0.46 * value)
    side = jnp.where(factors.light_azimuth < 0, -1.0, 1.0)
    graded = ramp(down - 0.35 * side * across, -1.6, 1.6)
    halo = ramp(across * across + (down + 0.1) * (down + 0.1), 0.3, 3.2)
    blur = jnp.zeros_like(across)
    for x, y, size in _LIGHTS:
        off = (across - x * side) ** 2 + (down - y) ** 2
        blur += 0.5 * ramp(off, size**2, 0.6 * size**2)
    flat = 0.15 * ramp(down, -1.6, 1.6)
    weight = jnp.where(kind == 1, graded, jnp.where(kind == 2, halo, flat))
    weight = jnp.where(kind == 3, 0.85 - 0.7 * jnp.minimum(blur, 1.0), weight)
    canvas = jnp.broadcast_to(column(base), (3, *across.shape))
    return mix(canvas, second, keep(weight))


class Body(NamedTuple):
    """Neck, shoulders and clothes as seen; each field is `[H, W]`."""

    x: jax.Array  # from the middle of the neck
    side: jax.Array  # |x|
    flare: jax.Array  # half the width of the neck
    bare: jax.Array  # coverage of skin
    garment: jax.Array  # signed distance to clothes


def body_shape(
    factors: Factors, across: jax.Array, down: jax.Array, sharp: jax.Array
) -> Body:
    """Computes what is covered by skin and clothes; see `body` for the arguments."""
    male, kind = factors.masculinity, factors.clothes
    shift = 0.10 * jnp.sin(factors.yaw)  # the neck follows the head a little
    x = across - shift * ramp(down, 1.4, 0.7)
    side = keep(jnp.abs(x))
    neck = 0.35 + 0.10 * male + 0.03 * factors.cheeks
    spread = ramp(down, 0.85, 1.55)
    flare = neck + 0.38 * spread * spread
    slope = jnp.maximum(side - 0.55, 0.0)
    shoulder = 1.13 - 0.03 * male + 0.08 * side + 0.30 * slope * slope
    top = keep(shoulder - down, 16.0)
    arms = jnp.maximum(side - 1.44 - 0.14 * male, top)
    trunk = jnp.minimum(side - flare, top + 0.12 * ramp(side, 0.75, 0.45))
    trunk = keep(jnp.minimum(trunk, arms), 16.0)
    # Only where clothes end, as skin under a garment's edge would shine through it.
    bare = cover(jnp.maximum(trunk, side - 0.66), sharp) * ramp(down, 0.15, 0.25)
    open_side = jnp.maximum(side - 0.10, 0.0)
    neckline = jnp.where(
        kind == 0,
        1.30 - 0.9 * open_side * open_side,
        1.52 + 0.06 * (kind == 1) - 0.6 * side,
    )
    below = neckline - down
    garment = jnp.minimum(jnp.maximum(trunk, 0.8 * below), jnp.maximum(arms, below))
    return Body(x, side, flare, keep(bare), keep(garment, 16.0))


def body(
    factors: Factors,
    light: Light,
    skin: jax.Array,
    canvas: jax.Array,
    across: jax.Array,
    down: jax.Array,
    chin: jax.Array,
    sharp: jax.Array,
) -> jax.Array:
    """Paints neck, shoulders and clothes.

    Args:
        factors: the face's factors.
        light: the light.
        skin: the skin's colour `[3]`.
        canvas: what is behind, `[3, H, W]`.
        across: horizontal positions in head units from the picture's middle, `[H, W]`.
        down: vertical ones from the eyes' height, `[H, W]`.
        chin: the distance to the head, `[H, W]`.
        sharp: 1 / width of an edge, `[]`.

    Returns:
        The canvas with the body on it.
    """
    kind, value = factors.clothes, factors.clothes_value
    x, side, flare, bare, garment = body_shape(factors, across, down, sharp)
    # Skin down to the neckline, turned like a column, with the head's shadow on it.
    turn = jnp.clip(x / flare, -1.0, 1.0)
    normal = (turn, jnp.full_like(turn, 0.15), jnp.sqrt(1 - 0.96 * turn * turn))
    cord = side - 0.21 + 0.20 * (down - 1.0)
    cord = bump(cord * cord * (1 / 0.09**2)) * ramp(down, 0.8, 1.1)
    throw = jnp.clip(1 - chin * (1 / 0.34), 0.0, 1.0)
    shadow = keep(0.10 * cord + 0.50 * throw * throw + 0.25 * throw)
    lit = keep(0.9 * shade(light, normal))
    flesh = column(skin) * (
        1 - np.array([0.8, 0.9, 0.92])[:, None, None] * shadow[None]
    )
    flesh = skin_light(flesh.astype(skin.dtype), lit, light.strength)
    canvas = mix(canvas, flesh, bare)

    cloth = hue(factors.clothes_hue, 0.50 - 0.28 * value, 0.20 + 0.62 * value)
    folds = 0.05 * wave(0.9 * side + 0.7 * down) + 0.04 * wave(1.9 * side - 0.9 * down)
    tilt = 0.5 * jnp.clip(x, -1.3, 1.3)
    bright = shade(
        light, unit(tilt, jnp.full_like(x, -0.35), 0.8 - 0.3 * jnp.abs(tilt))
    )
    bright = keep(0.42 + 0.72 * bright + folds)
    hem = 1 - 0.28 * bump((garment + 0.075) * (garment + 0.075) * (1 / 0.035**2))
    canvas = mix(
        canvas, column(cloth) * (bright * hem)[None], keep(cover(garment, sharp))
    )
    # A shirt's collar is two leaves beside the neck.
    leaf = jnp.abs(side - 0.37 + 0.32 * (down - 1.25)) - 0.12
    leaf = jnp.maximum(leaf, jnp.abs(down - 1.33 - 0.15 * side) - 0.15)
    rim = 1 - 0.35 * ramp(leaf, -0.05, 0.0)
    leaf = keep(cover(leaf, sharp)) * (kind == 2)
    return mix(canvas, (1.12 * column(cloth) + 0.01) * (bright * rim)[None], leaf)


def ear_place(face: Anatomy, turn: Pose, side: float) -> tuple[jax.Array, ...]:
    """An ear's centre `(u, v)` on the screen and its half width, each `[]`."""
    x, y, z = side * (face.head.width + 0.01), 0.13, -0.06
    u = x * turn.cos_yaw + z * turn.sin_yaw
    out = z * turn.cos_yaw - x * turn.sin_yaw
    v = y * turn.cos_pitch - (out + 0.5) * turn.sin_pitch
    # An ear stands off the head by some 30 degrees: it is wide when seen from its side.
    return u, v, 0.085 + 0.10 * jnp.clip(-side * turn.sin_yaw, -0.3, 1.0)


def ear(
    face: Face, u: jax.Array, v: jax.Array, side: float, sharp: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Paints one ear's skin `[3, H, W]` and coverage `[H, W]`; `side` is -1 or 1."""
    centre_u, centre_v, wide = ear_place(face.anatomy, face.turn, side)
    dv = (v - centre_v) * (1 / 0.21)
    du = (u - centre_u) * (1 / wide) + 0.25 * side * dv  # the lobe sits closer
    square = du * du + dv * dv
    radius = jnp.sqrt(square + 1e-6)
    mask = keep(cover((radius - 1) * 0.10, sharp))
    # The bowl lies towards the face, the rim around it catches light.
    bowl_x, bowl_y = du + 0.22 * side, dv - 0.05
    bowl = jnp.sqrt(2.6 * bowl_x * bowl_x + 1.6 * bowl_y * bowl_y + 1e-6)
    fold = bump((radius - 0.74) * (radius - 0.74) * (1 / 0.14**2))
    hollow = keep(0.60 * ramp(bowl, 0.95, 0.45) + 0.25 * fold)
    normal = unit(
        0.7 * side * face.turn.cos_yaw + 0.3 * du, 0.3 * dv, jnp.full_like(u, 0.7)
    )
    warm = face.skin * np.array([0.98, 0.88, 0.86], np.float32)
    canvas = jnp.broadcast_to(column(warm), (3, *u.shape))
    canvas = tint(canvas, (0.55, 0.40, 0.38), hollow)
    return skin_light(
        canvas, keep(shade(face.light, normal)), face.light.strength
    ), mask


def glasses_outline(form: Anatomy, turn: Pose) -> tuple[jax.Array, jax.Array]:
    """Points `(u, v)` on the screen, `[8]`, whose box holds both lenses' rims."""
    half = LENS + 0.02
    reach = form.eye_x + 0.010 + half
    inner = form.eye_x + 0.010
    zero = jnp.zeros_like(reach)
    x = jnp.stack([-reach, reach, -inner, inner, -inner, inner, zero, zero])
    y = LENS_DROP + half * jnp.array([0.0, 0.0, -1.0, -1.0, 1.0, 1.0, 0.0, 0.0])
    u = x * turn.cos_yaw + (GLASSES_Z - GLASSES_BEND * x * x) * turn.sin_yaw
    v = y * turn.cos_pitch - GLASSES_Z * turn.cos_yaw * turn.sin_pitch
    return u, v


def _frame_colour(face: Face) -> jax.Array:
    """The colour `[3]` of the glasses' frame: black to brass."""
    tone = face.factors.glasses_tone
    colour = jnp.array([0.012, 0.010, 0.010])
    colour += jnp.array([0.42, 0.35, 0.25]) * (tone * tone)
    return colour * (0.8 + 0.4 * face.light.strength)


def glasses_arms(
    face: Face, canvas: jax.Array, u: jax.Array, v: jax.Array, sharp: jax.Array
) -> jax.Array:
    """Paints the arms from the lenses to the ears; only one on the near side shows."""
    form, turn = face.anatomy, face.turn
    reach = form.eye_x + LENS
    depth = GLASSES_Z - GLASSES_BEND * reach * reach
    arms = jnp.zeros_like(u)
    for s in (-1.0, 1.0):
        start = s * reach * turn.cos_yaw + depth * turn.sin_yaw
        end = s * (form.head.width + 0.02) * turn.cos_yaw - 0.05 * turn.sin_yaw
        near = s * (end - start) > 0.02
        span = jnp.where(near, end - start, 1.0)
        along = (u - start) * (1 / span)
        rise = (1 - along) * (depth * turn.cos_yaw * turn.sin_pitch)
        arm = stroke(v + rise + 0.03, 0.019, sharp)
        arms += jnp.where((along > 0) & (along < 1) & near, arm, 0.0)
    shown = face.factors.glasses > 0
    return mix(canvas, _frame_colour(face), keep(arms) * shown)


class Lenses(NamedTuple):
    """Where glasses are, in the plane of their lenses; each field is `[H, W]`."""

    x: jax.Array  # from the middle
    y: jax.Array
    side: jax.Array  # |x|
    rim: jax.Array  # signed distance to the lenses


def lenses(face: Face, u: jax.Array, v: jax.Array) -> Lenses:
    """Computes the shape of round or rectangular glasses."""
    form, turn, kind = face.anatomy, face.turn, face.factors.glasses
    # The lenses' plane is bent a little around the face.
    x = jnp.zeros_like(u)
    for _ in range(3):
        z = GLASSES_Z - GLASSES_BEND * x * x
        x = jnp.clip((u - z * turn.sin_yaw) * (1 / turn.cos_yaw), -1.0, 1.0)
    x = keep(x, 16.0)
    y = (v + GLASSES_Z * turn.cos_yaw * turn.sin_pitch) * (1 / turn.cos_pitch)
    y = keep(y - LENS_DROP, 16.0)
    side = jnp.abs(x)
    out = side - form.eye_x - 0.010
    circle = jnp.sqrt(out * out + y * y + 1e-6) - LENS
    qx, qy = jnp.abs(out) - LENS + 0.065, jnp.abs(y + 0.05 * out) - 0.085
    px, py = jnp.maximum(qx, 0.0), jnp.maximum(qy, 0.0)
    box = jnp.sqrt(px * px + py * py + 1e-6) - 0.065
    box = box + jnp.minimum(jnp.maximum(qx, qy), 0.0)
    return Lenses(x, y, side, keep(jnp.where(kind == 2, box, circle), 16.0))


def glasses(
    face: Face,
    canvas: jax.Array,
    u: jax.Array,
    v: jax.Array,
    head: jax.Array,
    sharp: jax.Array,
) -> jax.Array:
    """Paints round or rectangular glasses in front of the eyes, without their arms."""
    form, turn, kind = face.anatomy, face.turn, face.factors.glasses
    shown = (kind > 0).astype(u.dtype)
    x, y, side, rim = lenses(face, u, v)
    lens_sharp = sharp * turn.cos_yaw
    beyond = 1 - cover(rim, lens_sharp)
    frame = stroke(rim, jnp.where(kind == 2, 0.021, 0.015), lens_sharp)
    bridge = stroke(y + 0.055 - 0.5 * side * side, 0.015, sharp)
    bridge = bridge * jnp.where(side < form.eye_x, beyond, 0.0)
    lens = keep((1 - beyond) * shown)
    lit_side = jnp.where(face.light.right < 0, -1.0, 1.0)
    diagonal = 1.3 * y - lit_side * (x - form.eye_x * jnp.sign(x))
    glare = bump((diagonal + 0.10) * (diagonal + 0.10) * (1 / 0.10**2))
    under = stroke(rim, 0.045, lens_sharp) + hill(x, y, 0.14, 0.10)
    canvas = tint(canvas, (0.72, 0.64, 0.62), keep(0.30 * under * shown * head))
    canvas = canvas * (1 - 0.06 * lens[None]) + (0.07 * lens * glare)[None]
    mask = jnp.minimum(frame + bridge, 1.0) * shown
    return mix(canvas, _frame_colour(face), keep(mask))
