"""Puts a procedural face together: the layers of the picture, and its boxes."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.data.synthetic.faces import features, geometry, scene, shapes
from jaxgan.data.synthetic.faces import hair as hairs
from jaxgan.data.synthetic.faces.factors import Factors
from jaxgan.data.synthetic.faces.paint import cover, keep, mix, ramp

LABELS = (
    *("background", "clothes", "skin", "ears", "hair"),
    *("beard", "brows", "eyes", "mouth", "glasses"),
)
"""What pixels of a face can show, in the order of their numbers."""

_SIDES = (-1.0, 1.0)
_FACE_TOP = -0.62  # the top of a face's box: the usual height of the hairline


def _skin_surface(
    form: geometry.Anatomy,
    turn: geometry.Pose,
    u: jax.Array,
    v: jax.Array,
) -> geometry.Surface:
    """The head and its nose behind every pixel; the edge is that of the bare head."""
    edge = keep(geometry.surface(form.head, turn, u, v).edge, 64.0)
    # Which point of the nose a pixel shows depends on how far that point stands out.
    lift = jnp.zeros_like(u)
    for _ in range(3):
        spot = geometry.surface(form.head, turn, u, v, lift)
        rise = geometry.nose_relief(form, spot.x, spot.y)
        rise = jnp.where(spot.gradient[2] > 0, rise, 0.0)
        lift = keep(0.4 * lift + 0.6 * rise)
    at = geometry.surface(form.head, turn, u, v, lift)
    gx, gy, gz = at.gradient
    return at._replace(
        x=keep(at.x, 4.0),
        y=keep(at.y, 16.0),
        edge=edge,
        gradient=(keep(gx, 64.0), keep(gy, 64.0), keep(gz, 64.0)),
    )


class Person(NamedTuple):
    """What the picture of a face and its labels are made of."""

    across: jax.Array  # head units from the origin of the head, [H, W]
    down: jax.Array
    face: shapes.Face
    hair: hairs.Hair
    seen: hairs.Locks  # the hair as seen
    colour: jax.Array  # of the hair, [3]
    ears: list[tuple[jax.Array, jax.Array]]  # skin [3, H, W] and coverage [H, W]
    head: jax.Array  # coverage of the head, [H, W]
    u: jax.Array  # horizontal positions on the screen, the roll removed, [H, W]
    v: jax.Array  # vertical ones, [H, W]
    sharp: jax.Array  # 1 / width of an edge, []


def _person(factors: Factors, size: int, aligned: bool) -> Person:
    """The parts of a face and their places; the arguments are those of `paint`."""
    turn = geometry.pose(factors, aligned)
    ticks = (np.arange(size, dtype=np.float32) + 0.5) / size
    columns, rows = np.meshgrid(ticks, ticks)
    across = jnp.asarray((columns - turn.column) / turn.scale, jnp.float32)
    down = jnp.asarray((rows - turn.row) / turn.scale, jnp.float32)
    form = geometry.anatomy(factors)
    hair = hairs.hair(factors, form)
    light = features.lighting(factors)
    sharp = jnp.asarray(size * turn.scale / 1.5, jnp.float32)
    u, v = geometry.to_head(across, down, turn)
    u, v = keep(u, 16.0), keep(v, 16.0)
    at = _skin_surface(form, turn, u, v)
    face = shapes.Face(
        factors=factors,
        anatomy=form,
        turn=turn,
        light=light,
        at=at,
        side=keep(jnp.abs(at.x)),
        sharp=keep(sharp / jnp.clip(at.stretch, 0.7, 3.0)),
        skin=features.skin_colour(factors),
    )
    shell = geometry.surface(hair.shell, turn, u, v)
    shell = shell._replace(y=keep(shell.y, 16.0), edge=keep(shell.edge, 64.0))
    seen = hairs.locks(hair, shell, turn, light, u, v, sharp)
    ears = [scene.ear(face, u, v, side, sharp) for side in _SIDES]
    head = keep(cover(at.edge, sharp))
    colour = hairs.hair_colour(factors)
    return Person(across, down, face, hair, seen, colour, ears, head, u, v, sharp)


def paint(factors: Factors, size: int, aligned: bool = False) -> jax.Array:
    """Paints the picture in linear light.

    Args:
        factors: scalars.
        size: height and width in pixels.
        aligned: as `geometry.pose` has it.

    Returns:
        The canvas `[3, size, size]`.
    """
    across, down, face, hair, seen, colour, ears, head, u, v, sharp = _person(
        factors, size, aligned
    )
    turn, light, tone, at = face.turn, face.light, face.skin, face.at
    lit_hair = hairs.paint_hair(seen, colour)

    canvas = scene.background(factors, across, down)
    canvas = hairs.bun(hair, turn, light, colour, canvas, u, v, sharp)
    canvas = mix(canvas, 0.38 * lit_hair, seen.back)
    canvas = scene.body(factors, light, tone, canvas, across, down, at.edge, sharp)
    for flesh, mask in ears:
        canvas = mix(canvas, flesh, mask)
    near = jnp.clip(1 - seen.hairline * (1 / 0.16), 0.0, 1.0)
    flesh = features.skin(face, 0.55 * near * near * hair.style["amount"])
    flesh = features.mouth(face, flesh)
    flesh = features.eyes(face, flesh)
    flesh = hairs.beard(face, flesh, 0.85 * colour)
    brow = 0.7 * jnp.minimum(colour, 0.16) + 0.10 * tone
    flesh = mix(flesh, brow, shapes.brow_mask(face))
    canvas = mix(canvas, flesh, head)
    # The ear on the near side is in front of the head's outline.
    for side, (flesh, mask) in zip(_SIDES, ears, strict=True):
        canvas = mix(canvas, flesh, mask * ramp(-side * turn.sin_yaw, 0.12, 0.3))
    canvas = scene.glasses_arms(face, canvas, u, v, sharp)
    canvas = mix(canvas, lit_hair, seen.front)
    return scene.glasses(face, canvas, u, v, head, sharp)


def label(factors: Factors, size: int, aligned: bool = False) -> jax.Array:
    """Names what every pixel of the picture shows; the arguments are those of `paint`.

    Returns:
        Numbers of `LABELS`, uint8 `[size, size]`: of the part that covers half of a
        pixel or more, and is in front. Glasses are their frame alone, a pixel wide at
        least.
    """
    across, down, face, hair, seen, _, ears, head, u, v, sharp = _person(
        factors, size, aligned
    )
    turn = face.turn
    label = jnp.zeros(across.shape, jnp.uint8)

    def put(name, mask, under=None):
        covered = mask > 0.5 if under is None else jnp.minimum(mask, under) > 0.5
        return jnp.where(covered, np.uint8(LABELS.index(name)), label)

    label = put("hair", hairs.bun_shape(hair, turn, u, v, sharp).mask)
    label = put("hair", seen.back)
    body = scene.body_shape(factors, across, down, sharp)
    label = put("skin", body.bare)
    label = put("clothes", cover(body.garment, sharp))
    for _, mask in ears:
        label = put("ears", mask)
    label = put("skin", head)
    mouth = shapes.mouth_shape(face)
    label = put("mouth", cover(mouth.lips, face.sharp), head)
    label = put("eyes", shapes.eye(face).opened, head)
    label = put("beard", hairs.beard_shape(face).mask, head)
    label = put("brows", shapes.brow_mask(face), head)
    for side, (_, mask) in zip(_SIDES, ears, strict=True):
        label = put("ears", mask * ramp(-side * turn.sin_yaw, 0.12, 0.3))
    label = put("hair", seen.front)
    frame = jnp.abs(scene.lenses(face, u, v).rim) - jnp.maximum(0.02, 0.5 / sharp)
    worn = (factors.glasses > 0).astype(frame.dtype)
    return put("glasses", cover(frame, sharp) * worn)


def _bounds(rows: jax.Array, columns: jax.Array) -> jax.Array:
    """The box `[4]` around points, clipped to the image."""
    box = jnp.stack([rows.min(), columns.min(), rows.max(), columns.max()])
    return jnp.clip(box, 0.0, 1.0)


def _ring(x: jax.Array, y: jax.Array, wide: jax.Array, high: jax.Array):
    """Twelve points `[12]` on an ellipse around `(x, y)`."""
    turn = np.linspace(0, 2 * np.pi, 12, endpoint=False, dtype=np.float32)
    return x + wide * np.cos(turn), y + high * np.sin(turn)


def _shell_box(
    shell: geometry.Shell,
    turn: geometry.Pose,
    top: jax.Array | float,
    bottom: jax.Array,
) -> jax.Array:
    """The box `[4]` around a shell between two heights."""
    around = np.linspace(0, 2 * np.pi, 24, endpoint=False, dtype=np.float32)
    heights = top + (bottom - top) * np.linspace(0, 1, 13, dtype=np.float32)
    y, around = jnp.repeat(heights, 24), np.tile(around, 13)
    size = jnp.sqrt(jnp.maximum(geometry.profile(shell, y)[0], 0.0))
    lean = shell.forward * jnp.maximum(y, 0.0) ** 2
    x = shell.width * size * np.sin(around)
    z = lean + shell.depth * size * np.cos(around)
    return _bounds(*geometry.project(turn, x, y, z))


def boxes(factors: Factors, aligned: bool = False) -> dict[str, jax.Array]:
    """Computes the boxes of the parts from the measurements that the picture uses."""
    turn = geometry.pose(factors, aligned)
    form = geometry.anatomy(factors)
    hair = hairs.hair(factors, form)

    def part(x, y, wide, high, lift=0.0):
        px, py = _ring(x, y, wide, high)
        return _bounds(*geometry.landmark(form, turn, px, py, lift))

    found = {"face": _shell_box(form.head, turn, _FACE_TOP, form.head.bottom)}
    ends = jnp.minimum(hair.style["low"] + 0.25, 1.6)
    crown = _shell_box(hair.shell, turn, -hair.shell.top, ends)
    knot = hairs.bun_place(hair, turn)
    size = hair.style["bun"]
    rows, columns = geometry.to_image(turn, *_ring(knot[0], knot[1], size, size))
    knot = _bounds(rows, columns)
    both = jnp.concatenate(
        [jnp.minimum(crown[:2], knot[:2]), jnp.maximum(crown[2:], knot[2:])]
    )
    crown = jnp.where(size > 0, both, crown)
    found["hair"] = jnp.where(hair.style["amount"] > 0, crown, 0.0)
    high = 0.5 * (form.eye_upper + form.eye_lower) + 0.02
    middle = 0.5 * (form.eye_lower - form.eye_upper)
    for name, side in (("left_eye", -1.0), ("right_eye", 1.0)):
        found[name] = part(side * form.eye_x, middle, 1.08 * form.eye_width, high)
    # The tip stands out of the face and the root does not; the box contains both ends.
    wide = 1.25 * form.nose_width
    tip_x, tip_y = _ring(jnp.float32(0), form.nose_y - 0.02, wide, jnp.float32(0.12))
    lift = geometry.nose_relief(form, tip_x, tip_y)
    tip = _bounds(*geometry.landmark(form, turn, tip_x, tip_y, lift))
    root = part(jnp.float32(0), jnp.float32(0.05), 0.5 * wide, jnp.float32(0.05))
    found["nose"] = jnp.concatenate(
        [jnp.minimum(tip[:2], root[:2]), jnp.maximum(tip[2:], root[2:])]
    )
    corner = -form.mouth_curve * 0.55
    centre = 0.45 * form.mouth_curve
    top = form.mouth_y + jnp.minimum(corner, centre - form.lip_upper) - 0.01
    bottom = centre + form.mouth_gap + form.lip_lower
    bottom = form.mouth_y + jnp.maximum(corner, bottom) + 0.01
    found["mouth"] = part(
        jnp.float32(0),
        0.5 * (top + bottom),
        1.06 * form.mouth_width,
        0.5 * (bottom - top),
    )
    u, v = scene.glasses_outline(form, turn)
    worn = _bounds(*geometry.to_image(turn, u, v))
    found["glasses"] = jnp.where(factors.glasses > 0, worn, 0.0)
    return found
