"""Paints the features of a procedural face: skin, eyes, nose, mouth, age.

Each feature is drawn in the `(x, y)` of the head's surface. Left and right are drawn at
once in `|x|`, so that a mirrored face gives exactly the mirrored picture.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxgan.data.synthetic.faces.factors import Factors
from jaxgan.data.synthetic.faces.geometry import nose_relief, to_view
from jaxgan.data.synthetic.faces.paint import (
    Light,
    bump,
    column,
    cover,
    hill,
    keep,
    palette,
    ramp,
    shade,
    skin_light,
    stroke,
    wave,
)
from jaxgan.data.synthetic.faces.shapes import Face, eye, mouth_shape

_SKIN = palette(
    (255, 224, 204),
    (250, 210, 184),
    (236, 188, 154),
    (212, 158, 120),
    (170, 116, 84),
    (128, 84, 61),
    (94, 61, 46),
)
_IRIS = palette(
    (96, 58, 32), (140, 108, 56), (96, 134, 78), (88, 136, 182), (130, 144, 154)
)
_WHITE = np.array([0.84, 0.82, 0.80], np.float32)
_SHADOW = np.array([0.60, 0.76, 0.78], np.float32)  # light lost in full shadow
_BLUSH = np.array([0.0, 0.46, 0.42], np.float32)


def lighting(factors: Factors) -> Light:
    """The light's direction from its two angles."""
    flat = jnp.cos(factors.light_elevation)
    return Light(
        right=jnp.sin(factors.light_azimuth) * flat,
        down=-jnp.sin(factors.light_elevation),
        out=jnp.cos(factors.light_azimuth) * flat,
        strength=factors.light_strength,
    )


def skin_colour(factors: Factors) -> jax.Array:
    """The skin's linear colour `[3]`."""
    place = factors.skin_tone * (len(_SKIN) - 1)
    near = jnp.maximum(1 - jnp.abs(place - np.arange(len(_SKIN))), 0.0)
    base = near @ jnp.asarray(_SKIN)
    return base * (1 + factors.skin_warmth * np.array([0.03, 0.0, -0.09], np.float32))


def _slopes(face: Face) -> tuple[jax.Array, jax.Array]:
    """The slopes that the face's forms add to the smooth head, each `[H, W]`."""
    form, factors, side, y = face.anatomy, face.factors, face.side, face.at.y
    male, age = factors.masculinity, factors.age
    smile = jnp.maximum(factors.smile, 0.0)
    eye_x, mouth_y = form.eye_x, form.mouth_y
    # centre x, y, radius across, along, height
    hills = (
        (eye_x, -0.02, 0.26, 0.18, -0.060),  # sockets
        (0.13, -0.02, 0.10, 0.12, -0.030),  # beside the bridge
        (eye_x, 0.00, 0.16, 0.12, 0.040),  # eyeballs
        (eye_x, -0.20, 0.34, 0.13, 0.014 + 0.030 * male),  # brow bones
        (0.40, 0.27 - 0.03 * smile, 0.28, 0.25, 0.050 + 0.025 * smile),  # cheeks
        (0.47, 0.53, 0.22, 0.25, 0.035 * factors.cheeks - 0.035),  # hollows
        (0.0, mouth_y - 0.02, 0.34, 0.24, 0.030),  # muzzle
        (0.0, mouth_y + 0.01, 1.05 * form.mouth_width, 0.11, 0.030),  # lips
        (0.0, mouth_y + 0.15, 0.22, 0.08, -0.030),  # under the lip
        (0.0, mouth_y - 0.11, 0.05, 0.09, -0.012),  # philtrum
        (0.0, form.head.bottom - 0.17, 0.24, 0.16, 0.030 + 0.022 * male),  # chin
    )
    slope_x, slope_y = jnp.zeros_like(y), jnp.zeros_like(y)
    for centre_x, centre_y, across, along, height in hills:
        px, py = (side - centre_x) * (1 / across), (y - centre_y) * (1 / along)
        left = jnp.maximum(1 - px * px - py * py, 0.0)
        slope_x -= left * px * (4 * height / across)
        slope_y -= left * py * (4 * height / along)
    # The fold from the nose to the corner of the mouth; smiling and age deepen it.
    fold = side - _fold(face)
    px, py = fold * (1 / 0.07), (y - form.nose_y - 0.14) * (1 / 0.19)
    left = jnp.maximum(1 - px * px - py * py, 0.0)
    slope_x += left * px * ((0.004 + 0.016 * smile + 0.018 * age) * (4 / 0.07))
    ones = jnp.ones_like(y)
    _, nose_x = jax.jvp(lambda x: nose_relief(form, x, y), (side,), (ones,))
    _, nose_y = jax.jvp(lambda y: nose_relief(form, side, y), (y,), (ones,))
    return keep(slope_x + nose_x, 8.0), keep(slope_y + nose_y, 8.0)


def _fold(face: Face) -> jax.Array:
    """Where the fold beside the mouth runs, as `|x|` per pixel, `[H, W]`."""
    below = jnp.clip(face.at.y - face.anatomy.nose_y, 0.0, 0.4)
    return face.anatomy.nose_width + 0.05 + 0.42 * below


def skin(face: Face, contact: jax.Array) -> jax.Array:
    """Paints the head's skin with its forms, blush, shadows and age, `[3, H, W]`.

    Args:
        face: the shared description.
        contact: the shadow that hair casts on the skin, 0 to 1, `[H, W]`.

    Returns:
        The canvas, meaningful wherever the head is.
    """
    factors, form, at, light = face.factors, face.anatomy, face.at, face.light
    side, y = face.side, at.y
    slope_x, slope_y = _slopes(face)
    gx, gy, gz = at.gradient
    front = jnp.maximum(gz, 0.0)
    left_right = jnp.where(at.x < 0, -slope_x, slope_x)
    normal = to_view((gx - left_right * front, gy - slope_y * front, gz), face.turn)
    normal = (keep(normal[0], 2.0), keep(normal[1], 2.0), keep(normal[2], 2.0))
    diffuse = keep(shade(light, normal))
    tip = hill(side, y - form.nose_y, 0.15, 0.14)
    half = lax.rsqrt(2 + 2 * light.out)
    gloss = normal[0] * light.right + normal[1] * light.down
    gloss = jnp.maximum(gloss + normal[2] * (1 + light.out), 0.0) * half
    gloss = gloss * gloss
    gloss = gloss * gloss
    gloss = gloss * gloss
    gloss = gloss * gloss * (0.06 + 0.14 * tip) * (0.4 + 0.6 * light.strength)

    eye_out = side - form.eye_x
    shadow = (
        0.34 * hill(eye_out, y + 0.03, 0.24, 0.17)
        + 0.25 * hill(side - 0.11, y + 0.02, 0.09, 0.16)
        + 0.30 * hill(side, y - form.mouth_y - 0.15, 0.17, 0.06)
        + 0.34 * hill(side, y - form.nose_y - 0.11, 0.19, 0.07)
        + 0.30 * ramp(at.edge, -0.16, 0.02)
        + contact
    )
    shadow = keep(shadow + _wrinkles(face) + _nostrils(face))
    cheek = hill(side - 0.40, y - 0.29, 0.27, 0.22)
    blush = keep(
        ((0.32 + 0.40 * factors.makeup) * cheek + 0.35 * tip)
        * (1 - 0.6 * factors.skin_tone)
    )
    canvas = column(face.skin) * (1 - column(_BLUSH) * blush[None])
    canvas = canvas * (1 - column(_SHADOW) * jnp.minimum(shadow, 1.0)[None])
    return skin_light(canvas, diffuse, light.strength) + keep(gloss)[None]


def _wrinkles(face: Face) -> jax.Array:
    """Lines of age as shadow `[H, W]`: forehead, around the eyes, beside the mouth."""
    form, age, side, y = face.anatomy, face.factors.age, face.side, face.at.y
    deep = ramp(age, 0.25, 1.0)
    # Three lines across the forehead are one line in a folded coordinate.
    row = (y + 0.44 - 0.05 * side) * (1 / 0.085)
    row = jnp.abs(row - jnp.round(jnp.clip(row, 0.0, 2.0))) * 0.085
    lines = 0.45 * stroke(row, 0.009, face.sharp) * ramp(side, 0.42, 0.22)
    out = side - form.eye_x - form.eye_width
    slope = jnp.abs(jnp.abs(y - 0.01) - 0.45 * out)
    crow = stroke(jnp.minimum(slope, jnp.abs(y - 0.01)), 0.008, face.sharp)
    lines += 0.45 * crow * bump(((out - 0.09) * (1 / 0.07)) ** 2)
    centre = side - form.eye_x
    bag_y = form.eye_lower + 0.085 - (0.5 / form.eye_width) * centre * centre
    bags = stroke(y - bag_y, 0.012, face.sharp)
    lines += 0.5 * bags * bump((centre * (0.9 / form.eye_width)) ** 2)
    fold = stroke(side - _fold(face), 0.014, face.sharp)
    fold = fold * bump(((y - form.nose_y - 0.15) * (1 / 0.19)) ** 2)
    smiling = 0.28 * jnp.maximum(face.factors.smile, 0.0)
    return deep * lines + (0.55 * deep + smiling) * fold


def _nostrils(face: Face) -> jax.Array:
    """Nostrils and the wings' crease as shadow `[H, W]`."""
    form, side = face.anatomy, face.side
    wide, drop = form.nose_width, face.at.y - form.nose_y
    hole = hill(side - 0.48 * wide, drop - 0.070 + 0.08 * side, 0.062, 0.036)
    wing_x = (side - 0.70 * wide) * (1 / 0.080)
    wing_y = (drop - 0.010) * (1 / 0.080)
    ring = wing_x * wing_x + wing_y * wing_y - 0.9
    crease = bump(ring * ring * (1 / 0.20)) * ramp(wing_x + 0.4 * wing_y, 0.2, 0.9)
    return 0.85 * hole + 0.30 * crease


def eyes(face: Face, canvas: jax.Array) -> jax.Array:
    """Paints both eyes: lids, sclera, iris, pupil, highlight and lashes."""
    factors, form, at, sharp = face.factors, face.anatomy, face.at, face.sharp
    wide, iris = form.eye_width, form.iris
    out, along, y, arch, upper, lower, opened = eye(face)

    lid = bump((upper + 0.035) * (upper + 0.035) * (1 / 0.05**2)) * arch
    crease = stroke(upper + 0.066, 0.011, sharp) * jnp.sqrt(arch)
    rim = stroke(lower, 0.007 + 0.004 * factors.makeup, sharp) * arch
    shadow = (0.12 + 0.42 * factors.makeup) * lid + 0.50 * crease + 0.55 * rim
    canvas = canvas * (1 - column(_SHADOW) * keep(shadow)[None])

    sign = jnp.where(at.x < 0, -1.0, 1.0)
    from_x = out - factors.gaze_x * 0.38 * wide * sign
    from_y = y - factors.gaze_y * 0.16 * wide + 0.14 * form.eye_upper
    radius = jnp.sqrt(from_x * from_x + from_y * from_y + 1e-8)
    in_iris = cover(radius - iris, sharp)
    dark = 1 - cover(radius - 0.45 * iris, sharp)
    lit_side = jnp.where(face.light.right < 0, -1.0, 1.0)
    shine_x = from_x - 0.36 * iris * lit_side * sign
    shine_y = from_y + 0.36 * iris
    shine = jnp.sqrt(shine_x * shine_x + shine_y * shine_y + 1e-8)
    in_shine = 0.95 * cover(shine - 0.24 * iris, sharp)
    # Light enters from above and lights the lower half of the iris from within.
    glow = 0.60 + 0.85 * ramp(from_y * (1 / iris), -0.4, 0.9)
    glow = glow * (1 - 0.70 * ramp(radius * (1 / iris), 0.68, 1.0))
    lid_shade = 1 - 0.60 * ramp(upper, 0.075, -0.01)
    ball = lid_shade * (0.62 + 0.38 * arch) * (0.84 + 0.16 * face.light.strength)

    lash = 0.016 + 0.009 * (1 - factors.masculinity) + 0.008 * factors.makeup
    thick = lash * (0.55 + 0.60 * ramp(along, -0.9, 0.3)) * ramp(1.25 - along, 0.0, 0.4)
    line = cover(jnp.abs(upper - 0.003) - thick, sharp)
    line = line * ramp(1.09 - jnp.abs(along - 0.03), 0.0, 0.10)
    bare = 1 - 0.94 * line
    through = keep(opened * bare * (1 - in_shine))
    white = keep(through * (1 - in_iris) * ball)
    colour = keep(through * in_iris * dark * glow * lid_shade)
    glint = keep(opened * bare * in_shine)
    canvas = canvas * keep((1 - opened) * bare)[None] + glint[None]
    canvas = canvas + column(_WHITE) * white[None]
    return canvas + column(jnp.asarray(_IRIS)[factors.eye_colour]) * colour[None]


def mouth(face: Face, canvas: jax.Array) -> jax.Array:
    """Paints the lips, the line between them, and the teeth of an open mouth."""
    factors, form, at, light = face.factors, face.anatomy, face.at, face.light
    sharp, wide = face.sharp, form.mouth_width
    along, y, gap, lips, inside = mouth_shape(face)
    square = along * along

    red = np.array([0.84, 0.40, 0.40], np.float32) * face.skin
    red = red + np.array([0.05, 0.006, 0.010], np.float32)
    paint = red + (np.array([0.46, 0.03, 0.05], np.float32) - red) * (
        0.8 * factors.makeup
    )
    natural = face.skin * np.array([0.82, 0.52, 0.50], np.float32)
    colour = paint + (natural - paint) * (0.45 * factors.masculinity)
    body = (y - gap) * (1 / form.lip_lower)
    level = 0.95 + 0.15 * light.strength
    # The upper lip looks down and is dark, the lower one catches the light.
    lit = jnp.where(y < 0, 0.70, 1.18 - 0.42 * jnp.abs(body - 0.40)) * level
    middle = 0.012 * bump((at.x * (1 / 0.08)) ** 2)  # the upper lip's tubercle
    line = stroke(y - middle, 0.012, sharp) * ramp(1.10 - along, 0.0, 0.12)
    closed = 1 - 0.9 * ramp(form.mouth_gap, 0.01, 0.05)
    line = 0.85 * line * closed
    opened = cover(inside, sharp) * ramp(form.mouth_gap, 0.004, 0.03)
    bite = 1 - 0.50 * square - 0.07 * jnp.abs(wave(6 * along))
    show = ramp(factors.mouth_open, 0.04, 0.15) * ramp(factors.smile, -0.4, 0.2)
    teeth = cover(jnp.maximum(inside, y - (0.66 * gap + 0.006) * show), sharp)
    teeth = keep(opened * teeth * jnp.maximum(bite, 0.0) * level * 0.95)
    soft = jnp.minimum(sharp, 1 / 0.024)
    lip = (0.94 - 0.18 * factors.masculinity) * cover(lips, soft)
    shine = hill(at.x, body - 0.40, 0.55 * wide, 0.32) * jnp.where(y < 0, 0.0, 1.0)
    shine = (0.035 + 0.10 * factors.makeup) * shine * (1 - opened)
    corner = 0.42 * hill((along - 1.03) * wide, y, 0.055, 0.045)
    clear = (1 - opened) * (1 - line) * (1 - corner)
    canvas = canvas * keep((1 - lip) * clear)[None] + keep(shine)[None]
    canvas = canvas + column(colour) * keep(lip * clear * lit)[None]
    dark = np.array([0.055, 0.012, 0.012], np.float32)
    canvas = canvas + column(dark) * keep(opened - teeth * 0.9)[None]
    return canvas + column(_WHITE) * teeth[None]
