"""Key-points of procedural faces: where eyes, brows, nose, mouth and chin are.

They come from the measurements that pictures, boxes and labels are drawn from, at any
pose:

    points = jax.jit(landmarks)(faces.neutral(yaw=0.4))   # [9, 3]
"""

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.data.synthetic.faces import geometry
from jaxgan.data.synthetic.faces.factors import Factors

POINTS = (
    *("left_eye", "right_eye", "left_brow", "right_brow"),
    *("nose", "mouth_left", "mouth_right", "mouth", "chin"),
)
"""Names of the points, left and right as in the picture: the middle of what is between
an eye's lids, the middle of a brow, the tip of the nose, the corners and the middle of
the mouth, and the lowest point of the face."""

_SIDES = {"left": "right", "right": "left"}
_MIRRORED = [
    POINTS.index("_".join(_SIDES.get(word, word) for word in name.split("_")))
    for name in POINTS
]


def landmarks(factors: Factors, aligned: bool = False) -> jax.Array:
    """Finds the key-points of a face; `jax.vmap` finds those of a batch.

    Args:
        factors: scalars.
        aligned: as `faces.render` has it.

    Returns:
        Float32 `[P, 3]`, a row for each of `POINTS`: its row and its column, in image
        heights from 0 to 1, and 1 where it is in the picture, 0 where it is not. Hair,
        beards and glasses hide nothing.
    """
    turn, form = geometry.pose(factors, aligned), geometry.anatomy(factors)
    lids = 0.5 * (form.eye_lower - form.eye_upper)
    brow = form.brow_y - 0.0556 + 0.005 * form.brow_tilt  # the arch at its middle
    corner = form.mouth_y - 0.55 * form.mouth_curve
    lips = 0.5 * (form.mouth_gap + form.lip_lower - 0.7 * form.lip_upper)
    middle = form.mouth_y + 0.45 * form.mouth_curve + lips
    eye, side, wide = form.eye_x, form.eye_x + 0.005, form.mouth_width
    none = jnp.zeros_like(eye)
    x = jnp.stack([-eye, eye, -side, side, none, -wide, wide, none, none])
    nose, chin = form.nose_y - 0.01, 0.98 * form.head.bottom
    y = jnp.stack([lids, lids, brow, brow, nose, corner, corner, middle, chin])
    tip = jnp.arange(len(POINTS)) == POINTS.index("nose")
    lift = jnp.where(tip, geometry.nose_relief(form, x, y), 0.0)
    row, column = geometry.landmark(form, turn, x, y, lift)
    inside = (jnp.minimum(row, column) >= 0) & (jnp.maximum(row, column) < 1)
    return jnp.stack([row, column, inside], -1).astype(jnp.float32)


def mirrored(points: jax.Array) -> jax.Array:
    """The key-points `[..., P, 3]` of the mirrored picture: left and right change."""
    row, column, seen = jnp.moveaxis(points[..., np.array(_MIRRORED), :], -1, 0)
    return jnp.stack([row, 1 - column, seen], -1)
