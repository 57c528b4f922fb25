"""The geometry of a procedural face: measurements, pose, curved surfaces, boxes.

A head has its own frame. The origin is at the eyes' height in the middle of the skull;
`x` points to the image's right, `y` down and `z` towards the viewer; one unit is half
the height of the head. Every horizontal cut of a surface is an ellipse, so that the
point of the surface behind a pixel has a closed form for any yaw. Pitch shifts rows by
a smooth dome of depth, which moves features as a real turn would, without folds.
Features are drawn in the `(x, y)` of the surface, so turning the head shifts,
foreshortens and hides them.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.data.synthetic.faces.factors import Factors
from jaxgan.data.synthetic.faces.paint import bump, hill, ramp, unit

PIVOT = 0.7  # the height of the roll's axis, in head units
EYES = 0.47  # the row between the eyes in an aligned picture, in image heights


class Pose(NamedTuple):
    """Sines and cosines of the head's angles, each `[]`, and where the picture is."""

    sin_yaw: jax.Array
    cos_yaw: jax.Array
    sin_pitch: jax.Array
    cos_pitch: jax.Array
    sin_roll: jax.Array
    cos_roll: jax.Array
    scale: float = 0.345  # half the height of a head, in image heights
    row: jax.Array | float = 0.49  # of the head's origin, in image heights
    column: jax.Array | float = 0.5


class Shell(NamedTuple):
    """A stack of ellipses, for the head or the hair around it; each field is `[]`."""

    width: jax.Array  # half width at y = 0
    depth: jax.Array  # half depth at y = 0
    top: jax.Array  # height above y = 0
    bottom: jax.Array  # reach below y = 0
    fullness: jax.Array  # how square the lower half is, -0.4 to 0.6
    forward: jax.Array  # how far the lower end leans to the front


class Surface(NamedTuple):
    """The points where rays meet a shell; each field is `[H, W]`."""

    x: jax.Array
    y: jax.Array
    z: jax.Array
    angle: jax.Array  # around the shell: 0 in front, +-1 at the sides, +-2 behind
    edge: jax.Array  # signed distance to the outline, negative inside
    stretch: jax.Array  # surface units per screen unit
    gradient: tuple[jax.Array, jax.Array, jax.Array]  # the outward normal, unscaled


class Anatomy(NamedTuple):
    """Measurements of a face in head units, each `[]`."""

    head: Shell
    eye_x: jax.Array
    eye_width: jax.Array
    eye_upper: jax.Array
    eye_lower: jax.Array
    eye_tilt: jax.Array
    iris: jax.Array
    brow_y: jax.Array
    brow_tilt: jax.Array
    brow_thick: jax.Array
    nose_y: jax.Array
    nose_width: jax.Array
    nose_height: jax.Array
    mouth_y: jax.Array
    mouth_width: jax.Array
    mouth_curve: jax.Array
    mouth_gap: jax.Array
    lip_upper: jax.Array
    lip_lower: jax.Array


def pose(factors: Factors, aligned: bool = False) -> Pose:
    """The head's angles as sines and cosines, and the part of the scene that is seen.

    Args:
        factors: scalars.
        aligned: whether the picture is closer, with the middle of the eyes in one
            place.
    """
    turn = Pose(
        jnp.sin(factors.yaw),
        jnp.cos(factors.yaw),
        jnp.sin(factors.pitch),
        jnp.cos(factors.pitch),
        jnp.sin(factors.roll),
        jnp.cos(factors.roll),
    )
    if not aligned:
        return turn
    form = anatomy(factors)
    turn = turn._replace(scale=0.45, row=0.0, column=0.0)
    across = form.eye_x * np.array([-1.0, 1.0], np.float32)
    rows, columns = landmark(form, turn, across, jnp.zeros(2))
    return turn._replace(row=EYES - rows.mean(), column=0.5 - columns.mean())


def anatomy(factors: Factors) -> Anatomy:
    """Measurements in head units from the factors, all scalars."""
    male = factors.masculinity
    smile, opened = factors.smile, factors.mouth_open
    full_beard = (factors.beard == 4).astype(jnp.float32)
    head = Shell(
        width=0.70 + 0.035 * factors.head_width + 0.015 * male,
        depth=jnp.asarray(0.80),
        top=jnp.asarray(1.0),
        # A full beard hides the jaw, and its outline takes over.
        bottom=0.97 + 0.04 * male + 0.04 * opened + 0.08 * full_beard,
        fullness=-0.10
        + 0.16 * factors.jaw
        + 0.32 * male
        + 0.10 * factors.cheeks
        + 0.12 * full_beard,
        forward=jnp.asarray(0.45),
    )
    eye_width = 0.170 * (1 + 0.10 * factors.eye_size - 0.06 * male)
    raised = jnp.maximum(factors.brow_raise, 0.0)
    openness = (
        factors.eye_open * (1 + 0.1 * raised) * (1 - 0.15 * jnp.maximum(smile, 0))
    )
    nose_y = 0.40 + 0.05 * factors.nose_length
    return Anatomy(
        head=head,
        eye_x=0.295 + 0.02 * factors.eye_spacing,
        eye_width=eye_width,
        eye_upper=eye_width * 0.66 * openness,
        eye_lower=eye_width * (0.18 + 0.14 * factors.eye_open),
        eye_tilt=0.10 * factors.eye_tilt + 0.05 * (1 - male),
        iris=eye_width * 0.46,
        brow_y=-0.205 - 0.045 * factors.brow_raise + 0.025 * male,
        brow_tilt=0.22 * factors.brow_tilt,
        brow_thick=0.022 + 0.022 * factors.brow_thickness + 0.010 * male,
        nose_y=nose_y,
        nose_width=0.115 + 0.028 * factors.nose_width + 0.012 * male,
        nose_height=0.19 + 0.05 * factors.nose_height + 0.02 * male,
        mouth_y=nose_y + 0.225,
        mouth_width=0.235
        + 0.03 * factors.mouth_width
        + 0.035 * jnp.maximum(smile, 0.0)
        - 0.03 * opened * (1 - jnp.maximum(smile, 0.0)),
        mouth_curve=0.085 * smile,
        mouth_gap=0.17 * opened,
        lip_upper=0.062 + 0.018 * factors.lip_fullness - 0.010 * male,
        lip_lower=0.086 + 0.022 * factors.lip_fullness - 0.010 * male,
    )


def _dome(u: jax.Array, v: jax.Array) -> jax.Array:
    """The depth that pitch turns into height: a head's, without its steep parts."""
    return 0.78 / (1 + 0.55 * u * u + 0.22 * v * v)


def profile(shell: Shell, y: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Squared size of the ellipse at height `y` relative to y = 0, and its slope.

    The size is negative beyond the ends, so that the outline is a level set.
    """
    upper = y < 0
    inverse = jnp.where(upper, 1 / shell.top, 1 / shell.bottom)
    full = jnp.where(upper, 0.25, shell.fullness)
    t = y * inverse
    t2 = t * t
    value = (1 - t2) * (1 + full * t2)
    slope = 2 * t * inverse * (full - 1 - 2 * full * t2)
    # Far outside the quartic would rise again, which the outline must not do.
    outside = t2 > 1
    value = jnp.where(outside, (1 + full) * (1 - t2), value)
    slope = jnp.where(outside, -2 * t * inverse * (1 + full), slope)
    return value, slope


def to_head(
    horizontal: jax.Array, vertical: jax.Array, turn: Pose
) -> tuple[jax.Array, jax.Array]:
    """Screen positions in head units with the roll taken out."""
    below = vertical - PIVOT
    u = turn.cos_roll * horizontal + turn.sin_roll * below
    v = turn.cos_roll * below - turn.sin_roll * horizontal + PIVOT
    return u, v


def surface(
    shell: Shell, turn: Pose, u: jax.Array, v: jax.Array, lift: jax.Array | float = 0.0
) -> Surface:
    """Finds the front-most point of a shell behind every `(u, v)`.

    Args:
        shell: the stack of ellipses.
        turn: yaw and pitch.
        u: horizontal screen positions `[H, W]`, roll removed.
        v: vertical ones `[H, W]`.
        lift: how far the wanted point stands out to the front of the shell, `[H, W]`;
            the shift that the turn gives it is subtracted first.

    Returns:
        The points. Outside the outline, fields describe the nearest point of the rim.
    """
    depth = _dome(u, v) + lift * turn.cos_yaw
    y = (v + depth * turn.sin_pitch) * (1 / turn.cos_pitch)
    value, slope = profile(shell, y)
    below = jnp.maximum(y, 0.0)
    lean, lean_slope = shell.forward * below * below, 2 * shell.forward * below
    # The ellipse (W sin a, lean + B cos a) seen under the yaw is R sin(a + shift).
    across = shell.width * turn.cos_yaw
    along = shell.depth * turn.sin_yaw
    reach2 = across * across + along * along
    reach = jnp.sqrt(reach2)
    cos_shift, sin_shift = across / reach, along / reach
    off = u - (lean + lift) * turn.sin_yaw
    scale = jax.lax.rsqrt(jnp.maximum(value, 1e-4))
    size = jnp.maximum(value, 1e-4) * scale
    q = jnp.clip(off * scale * (1 / reach), -1.0, 1.0)
    facing = jnp.sqrt(1 - q * q)
    sine = q * cos_shift - facing * sin_shift
    cosine = facing * cos_shift + q * sin_shift
    level = off * off - value * reach2
    level_u = 2 * off
    level_y = -slope * reach2 - level_u * lean_slope * turn.sin_yaw
    edge = level * jax.lax.rsqrt(level_u * level_u + level_y * level_y + 1e-3)
    x, forward = shell.width * size * sine, shell.depth * size * cosine
    gx = x * (2 / (shell.width * shell.width))
    gz = forward * (2 / (shell.depth * shell.depth))
    gy = -slope - gz * lean_slope
    return Surface(
        x=x,
        y=y,
        z=lean + forward,
        angle=jnp.where(cosine > 0, sine, jnp.sign(sine) * 2 - sine),
        edge=edge,
        stretch=(shell.width / reach) * jnp.maximum(cosine, 0.1) / (facing + 0.12),
        gradient=(gx, gy, gz),
    )


def to_view(
    gradient: tuple[jax.Array, jax.Array, jax.Array], turn: Pose
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Turns a direction from the head's frame to the viewer's, with length 1."""
    x, y, z = gradient
    across = x * turn.cos_yaw + z * turn.sin_yaw
    out = z * turn.cos_yaw - x * turn.sin_yaw
    down = y * turn.cos_pitch - out * turn.sin_pitch
    out = y * turn.sin_pitch + out * turn.cos_pitch
    right = turn.cos_roll * across - turn.sin_roll * down
    down = turn.sin_roll * across + turn.cos_roll * down
    return unit(right, down, out)


def nose_relief(face: Anatomy, x: jax.Array, y: jax.Array) -> jax.Array:
    """How far the nose stands out of the head at `(x, y)`, `[H, W]`."""
    along = jnp.clip((y + 0.12) * (1 / (face.nose_y + 0.10)), 0.0, 1.0)
    base = ramp(face.nose_y + 0.08 - y, -0.02, 0.10)
    slim = x * (1 / face.nose_width) / (0.85 + 0.75 * along)
    ridge = bump(slim * slim) * along * (0.45 + 0.55 * along) * base
    tip = hill(x, y - face.nose_y + 0.01, 0.14, 0.12)
    side = hill(
        jnp.abs(x) - 0.82 * face.nose_width, y - face.nose_y - 0.02, 0.085, 0.085
    )
    return face.nose_height * (0.75 * ridge + 0.3 * tip) + 0.055 * side


def landmark(
    face: Anatomy,
    turn: Pose,
    x: jax.Array,
    y: jax.Array,
    lift: jax.Array | float = 0.0,
) -> tuple[jax.Array, jax.Array]:
    """Finds where points of the face's front land in the image.

    Args:
        face: the measurements.
        turn: the pose.
        x: positions across the face `[N]`, head units.
        y: positions down the face `[N]`.
        lift: how far the points stand out of the head, `[N]` or a number.

    Returns:
        `(row, column)` in image units, 0 to 1, each `[N]`.
    """
    value, _ = profile(face.head, y)
    lean = face.head.forward * jnp.maximum(y, 0.0) ** 2
    inside = jnp.maximum(value - (x / face.head.width) ** 2, 0.0)
    z = lean + face.head.depth * jnp.sqrt(inside) + lift
    return project(turn, x, y, z, lift)


def project(
    turn: Pose,
    x: jax.Array,
    y: jax.Array,
    z: jax.Array,
    lift: jax.Array | float = 0.0,
) -> tuple[jax.Array, jax.Array]:
    """Maps points `[N]` of the head's frame to `(row, column)`: inverts `surface`."""
    u = x * turn.cos_yaw + z * turn.sin_yaw
    v = y
    for _ in range(6):  # the dome is gentle: each iteration gains a digit
        depth = _dome(u, v) + lift * turn.cos_yaw
        v = y * turn.cos_pitch - depth * turn.sin_pitch
    return to_image(turn, u, v)


def to_image(turn: Pose, u: jax.Array, v: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Maps screen positions without roll to image `(row, column)`, 0 to 1."""
    below = v - PIVOT
    horizontal = turn.cos_roll * u - turn.sin_roll * below
    vertical = turn.sin_roll * u + turn.cos_roll * below + PIVOT
    return turn.row + turn.scale * vertical, turn.column + turn.scale * horizontal
