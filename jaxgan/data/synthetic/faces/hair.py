"""Paints the hair of a procedural face: styles, strands, bun and beard."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxgan.data.synthetic.faces.factors import Factors
from jaxgan.data.synthetic.faces.geometry import Anatomy, Pose, Shell, Surface, to_view
from jaxgan.data.synthetic.faces.paint import (
    Light,
    bump,
    column,
    cover,
    hill,
    keep,
    mix,
    palette,
    ramp,
    shade,
    stroke,
    wave,
)
from jaxgan.data.synthetic.faces.shapes import Face

# Black, dark brown, light brown, blond, red; then grey.
_COLOURS = palette(
    (36, 30, 30), (78, 50, 35), (134, 92, 60), (222, 184, 122), (166, 78, 38)
)
_GREY = palette((200, 198, 196))[0]

# The measurements of each style, in the order bald, buzz, short, swept, curly, bob,
# long, wavy, bun.
_STYLES = {
    # Cover: 0 for none, below 1 for hair so short that skin shows.
    "amount": (0.0, 0.8, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0),
    # Volume above the crown.
    "top": (0.0, 0.03, 0.15, 0.27, 0.25, 0.11, 0.1, 0.15, 0.07),
    # Volume at the sides.
    "side": (0.0, 0.02, 0.05, 0.04, 0.22, 0.15, 0.11, 0.18, 0.04),
    # Height of the hairline in the middle.
    "hairline": (-0.7, -0.74, -0.68, -0.78, -0.64, -0.36, -0.8, -0.78, -0.78),
    # 0 for a round hairline, 1 for a square one.
    "square": (1.0, 1.0, 0.6, 0.8, 0.4, 1.0, 0.0, 0.0, 0.3),
    # Half width of the face's opening, as an angle.
    "opening": (0.93, 0.97, 0.97, 0.98, 0.9, 0.8, 0.8, 0.8, 0.97),
    # Where the sides end; beyond 2 they fall out of the picture.
    "low": (0.1, 0.1, 0.12, 0.08, 0.36, 0.95, 4.0, 4.0, 0.08),
    # Reach of the shell.
    "bottom": (0.85, 0.8, 0.8, 0.8, 0.94, 1.25, 3.4, 3.2, 0.8),
    # How square its lower half is.
    "fullness": (0.0, 0.0, 0.1, 0.0, 0.5, 0.6, 0.6, 0.6, 0.0),
    # Roughness of outline and texture.
    "curl": (0.0, 0.0, 0.1, 0.1, 1.0, 0.0, 0.0, 0.2, 0.0),
    # Sideways swing of long hair.
    "wave": (0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.1, 1.0, 0.0),
    # How clearly a parting shows.
    "parted": (0.0, 0.0, 0.4, 0.0, 0.0, 0.0, 1.0, 0.8, 0.3),
    # How much lower the hairline is away from the parting.
    "sweep": (0.0, 0.0, 0.3, 0.1, 0.0, 0.0, 0.1, 0.2, 0.1),
    # 0 where hair grows away from the hairline, 1 where it hangs over it.
    "fringe": (0.0, 0.0, 0.8, 0.1, 0.4, 0.8, 0.3, 0.4, 0.1),
    # How far strands run across the head instead of down.
    "flow": (0.0, 0.0, 0.6, 0.3, 0.0, 0.0, 0.0, 0.0, 0.0),
    # Radius of a bun on the crown.
    "bun": (0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.3),
}


class Hair(NamedTuple):
    """A hair style's measurements, each `[]`; see `_STYLES`."""

    shell: Shell
    style: dict[str, jax.Array]
    part: jax.Array  # where the parting is, as an angle, 0 or more
    sign: jax.Array  # which side it is on


class Locks(NamedTuple):
    """The hair as seen; each field is `[H, W]`."""

    back: jax.Array  # coverage behind the head
    front: jax.Array  # coverage in front of the head
    hairline: jax.Array  # signed distance to the front hair, negative on it
    light: jax.Array  # how bright the hair is
    gloss: jax.Array


def hair_colour(factors: Factors) -> jax.Array:
    """The hair's linear colour `[3]`."""
    base = jnp.asarray(_COLOURS)[factors.hair_colour] * (1 + 0.35 * factors.hair_shade)
    # Greying removes colour before darkness; a plain blend would turn red hair pink.
    base = base.mean() + (base - base.mean()) * (1 - factors.grey) ** 2
    return base + (jnp.asarray(_GREY) - base) * factors.grey


def hair(factors: Factors, face: Anatomy) -> Hair:
    """Looks up the measurements of the hair by style, and scales them by volume."""
    style = {
        name: jnp.asarray(values, jnp.float32)[factors.hair_style]
        for name, values in _STYLES.items()
    }
    volume = 1 + 0.35 * factors.hair_volume
    # Hairlines retreat with age, on men more than on women, except under a fringe.
    retreat = 0.14 * factors.age * factors.masculinity * (style["hairline"] < -0.5)
    style["hairline"] -= retreat
    style["bun"] *= 1 + 0.25 * factors.hair_volume
    side = style["side"] * volume
    shell = Shell(
        width=face.head.width + side + 0.01,
        depth=face.head.depth + 0.7 * side + 0.02,
        top=face.head.top + style["top"] * volume,
        bottom=style["bottom"],
        fullness=style["fullness"],
        forward=jnp.asarray(0.0, jnp.float32),
    )
    sign = jnp.where(factors.hair_part < 0, -1.0, 1.0)
    return Hair(shell, style, 0.45 * jnp.abs(factors.hair_part), sign)


def locks(
    hair: Hair,
    at: Surface,
    turn: Pose,
    light: Light,
    u: jax.Array,
    v: jax.Array,
    sharp: jax.Array,
) -> Locks:
    """Computes what the hair covers and how it is lit.

    Args:
        hair: its measurements.
        at: its shell behind each pixel.
        turn: the head's pose.
        light: the light.
        u: horizontal screen positions, roll removed, `[H, W]`.
        v: vertical ones, `[H, W]`.
        sharp: 1 / width of an edge in head units, `[]`.

    Returns:
        Masks, distance and light.
    """
    style, y = hair.style, at.y
    angle = keep(at.angle * hair.sign, 4.0)
    around = jnp.abs(angle)
    # Hair falls from the parting, and swings on its way down where it is wavy.
    swing = style["wave"] * wave(1.25 * y + 0.4 * around) * ramp(y, -0.6, 0.4)
    swing = keep(swing, 4.0)
    fall = angle - hair.part * style["parted"] * ramp(y, 0.0, -0.9)
    bend = fall * (1 + 0.12 * y) + 0.09 * swing + style["flow"] * (0.9 * y + 0.3 * fall)
    bend = keep(bend, 8.0)
    # Strands meet at the crown, where they would be finer than a pixel.
    away = ramp(y + hair.shell.top, 0.02, 0.30)
    clump = wave(3.7 * bend - 0.2) + 0.6 * wave(2.3 * bend + 0.5 * y)
    fine = (wave(9.1 * bend + 0.3 * y) + wave(16.7 * bend + 0.9 * y) + clump) * away
    # Curls are round whatever part of the head they are on, so they live on the screen.
    curl_u, curl_v = hair.sign * (u - 0.4 * turn.sin_yaw), v
    warp = 0.25 * wave(1.1 * curl_v + 0.8 * curl_u) + 0.2 * wave(1.7 * curl_u - 0.4)
    coils = wave(2.7 * curl_u + 0.6 * curl_v + warp) * wave(2.5 * curl_v + warp)
    coils = keep(coils + 0.6 * wave(4.9 * curl_v - 3.7 * curl_u + 2 * warp), 8.0)
    grain = keep(0.32 * fine + (0.75 * coils - 0.32 * fine) * style["curl"], 8.0)

    outline = keep(at.edge + 0.050 * swing + 0.030 * style["curl"] * coils, 64.0)
    middle = 0.25  # the height from which the opening runs straight down
    centre = 0.8 * hair.part * style["parted"]
    slant = 1 + style["sweep"] * (0.55 * angle - 0.10)
    up = jnp.maximum(middle - y, 0.0) / ((middle - style["hairline"]) * slant)
    wide = style["opening"] + 0.035 * swing - 0.10 * ramp(y, 0.1, 0.9)
    across = (angle - centre * jnp.minimum(up, 1.0)) / wide
    a2, u2 = across * across, up * up
    round_, square = a2 + u2, jnp.sqrt(a2 * a2 + u2 * u2)
    radius = jnp.sqrt(round_ + (square - round_) * style["square"] + 1e-6)
    tips = (0.009 * fine + 0.014 * clump) * style["fringe"] * ramp(around, 0.95, 0.55)
    opening = (1 - radius) * 0.6 + tips
    opening = opening + 0.020 * style["curl"] * coils
    nape = style["low"] + 0.45 * ramp(around, 0.97, 1.25)
    hem = y - nape + 0.012 * fine + 0.04 * style["curl"] * coils
    front = keep(jnp.maximum(opening, hem), 64.0)
    # Soft where hair grows out of the forehead, crisp where it hangs free.
    soft = (1 + 2.5 * ramp(y, 0.0, 0.5)) * (1 / (0.16 - 0.11 * style["fringe"]))
    soft = jnp.minimum(sharp, soft)
    behind = y - style["low"] - 0.42 + 0.05 * style["curl"] * coils
    back = cover(jnp.maximum(outline, behind), sharp)

    right, down, out = to_view(at.gradient, turn)
    diffuse = keep(shade(light, (right, down, out)))
    level = (0.34 + 0.95 * diffuse * (0.6 + 0.4 * light.strength)) * (1 + 0.22 * grain)
    level = level * (1 - 0.38 * ramp(outline, -0.22, 0.0))
    # Roots at the hairline are dark, and so is the parting's shadowed side.
    level = level * (1 - 0.25 * ramp(front, -0.10, 0.02))
    parting = stroke(angle - hair.part - 0.015, 0.016, sharp) * ramp(y, -0.35, -0.6)
    level = level * (1 - 0.55 * style["parted"] * parting)
    band = bump((down + 0.52 + 0.05 * grain) * (down + 0.52 + 0.05 * grain) * 6.0)
    gloss = band * (0.3 + 0.7 * diffuse) * (0.7 + 0.45 * grain)
    gloss = jnp.maximum(gloss, 0.0) * (1 - 0.65 * style["curl"])
    return Locks(
        back=keep(back) * style["amount"],
        front=keep(cover(outline, sharp) * cover(front, soft)) * style["amount"],
        hairline=jnp.maximum(front, outline),
        light=keep(level),
        gloss=keep(gloss),
    )


def paint_hair(seen: Locks, colour: jax.Array) -> jax.Array:
    """Paints the lit hair, `[3, H, W]`."""
    canvas = column(colour) * seen.light[None]
    return canvas + column(0.22 * colour + 0.030) * seen.gloss[None]


def bun_place(hair: Hair, turn: Pose) -> tuple[jax.Array, jax.Array]:
    """The centre `(u, v)` of a bun on the screen, each `[]`."""
    height = -1.0 - 0.35 * hair.style["bun"]
    return -0.35 * turn.sin_yaw, height * turn.cos_pitch + 0.1 * turn.sin_pitch


class Bun(NamedTuple):
    """A bun as seen, round its centre in units of its radius; fields are `[H, W]`."""

    dx: jax.Array
    dy: jax.Array
    square: jax.Array  # of the distance
    mask: jax.Array  # coverage


def bun_shape(
    hair: Hair, turn: Pose, u: jax.Array, v: jax.Array, sharp: jax.Array
) -> Bun:
    """Computes what a bun on the crown covers."""
    size = jnp.maximum(hair.style["bun"], 1e-3)
    centre_u, centre_v = bun_place(hair, turn)
    dx, dy = (u - centre_u) * (1 / size), (v - centre_v) * (1 / size)
    square = dx * dx + dy * dy
    mask = cover((jnp.sqrt(square + 1e-6) - 1) * size, sharp)
    return Bun(dx, dy, square, keep(mask) * (hair.style["bun"] > 0))


def bun(
    hair: Hair,
    turn: Pose,
    light: Light,
    colour: jax.Array,
    canvas: jax.Array,
    u: jax.Array,
    v: jax.Array,
    sharp: jax.Array,
) -> jax.Array:
    """Paints a bun on the crown, behind the head."""
    dx, dy, square, mask = bun_shape(hair, turn, u, v, sharp)
    out = jnp.sqrt(jnp.maximum(1 - square, 0.02))
    coil = 1 + 0.16 * wave(1.8 * square + 1.3 * jnp.abs(dx) - 0.6 * dy)
    level = (0.30 + 0.85 * shade(light, (dx, dy, out))) * coil
    level = keep(level * (1 - 0.4 * ramp(square, 0.55, 1.0)))
    return mix(canvas, column(colour) * level[None], mask)


class Beard(NamedTuple):
    """The beard as seen; each field is `[H, W]`, but the last."""

    mask: jax.Array  # coverage
    grain: jax.Array  # its texture
    chin: jax.Array  # the height where the lower lip ends, `[]`


def beard_shape(face: Face) -> Beard:
    """Computes what stubble, moustache, goatee or full beard cover."""
    form, side, y = face.anatomy, face.side, face.at.y
    kind = face.factors.beard
    wide = form.mouth_width
    along = side * (1 / wide)
    curve = form.mouth_curve * (along * along - 0.45)
    lip = form.mouth_y - form.lip_upper - 0.012 - curve
    chin = form.mouth_y + form.mouth_gap + form.lip_lower
    # Moustache: two wings from under the nose to just past the mouth's corners.
    middle = lip - 0.040 + 0.11 * along * along + 0.02 * bump((side * (1 / 0.04)) ** 2)
    moustache = jnp.abs(y - middle) - 0.050 * (1.05 - 0.35 * along * along)
    moustache = keep(jnp.maximum(moustache, side - 1.22 * wide), 8.0)
    patch = chin + 0.050 - y - 0.060 * bump((side * (1 / 0.07)) ** 2)
    tuft = jnp.maximum(patch, side - 0.24)
    ring = jnp.maximum(jnp.abs(side - 1.16 * wide) - 0.055, middle - y)
    goatee = jnp.minimum(jnp.minimum(tuft, jnp.maximum(ring, y - 1.05)), moustache)
    # Cheeks: below a line from the sideburns to the moustache's ends.
    high = jnp.maximum(side - 0.50, 0.0)
    line = 0.56 - 0.36 * jnp.maximum(side - 0.22, 0.0) - 2.6 * high
    jaw = jnp.maximum(line - y, 1.10 * wide - side)
    full = jnp.minimum(jnp.minimum(jaw, patch), moustache)
    mouth_x = along * (1 / 1.08)
    mouth_y = (y + curve - form.mouth_y - 0.5 * form.mouth_gap - 0.012) * (
        1 / (0.085 + 0.6 * form.mouth_gap)
    )
    lips = 1 - mouth_x * mouth_x - mouth_y * mouth_y
    full = jnp.maximum(full, 0.10 * lips)
    shape = jnp.where(kind == 2, moustache, jnp.where(kind == 3, goatee, full))
    warp = 0.3 * wave(2.1 * y + 1.4 * side) + 0.2 * wave(3.1 * side - 0.7 * y)
    grain = wave(13 * side + 1.9 * y + warp) * wave(2.9 * y + 1.9 * side + 2 * warp)
    grain = keep(grain + 0.6 * wave(4.3 * y - 8.9 * side + 2 * warp), 4.0)
    soft = jnp.array([0.05, 0.14, 0.05, 0.05, 0.07])[kind]
    strength = jnp.array([0.0, 0.36, 0.92, 0.92, 0.94])[kind]
    sharp = jnp.minimum(face.sharp, 1 / soft)
    return Beard(keep(cover(shape + 0.016 * grain, sharp) * strength), grain, chin)


def beard(face: Face, canvas: jax.Array, colour: jax.Array) -> jax.Array:
    """Paints stubble, moustache, goatee or full beard on the skin in `colour` `[3]`."""
    mask, grain, chin = beard_shape(face)
    side, y = face.side, face.at.y
    lit = shade(face.light, to_view(face.at.gradient, face.turn))
    under = 1 - 0.30 * hill(side, y - chin - 0.02, 0.26, 0.06)
    level = keep((0.40 + 0.75 * lit) * (1 + 0.20 * grain) * under)
    return mix(canvas, column(colour) * level[None], mask)
