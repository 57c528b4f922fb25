"""Pictures of one procedural face: the portrait, its labels, a sketch, other factors.

Every view is a pure function of the same factors, so two of them make a pair whose
exact translation is known.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.data.synthetic.faces import portrait
from jaxgan.data.synthetic.faces.factors import CATEGORIES, Factors

COLOURS = np.array(
    [
        (60, 90, 150),  # background
        (90, 160, 90),  # clothes
        (240, 200, 160),  # skin
        (200, 120, 90),  # ears
        (120, 70, 40),  # hair
        (150, 150, 60),  # beard
        (40, 20, 60),  # brows
        (240, 240, 250),  # eyes
        (210, 40, 70),  # mouth
        (20, 200, 220),  # glasses
    ],
    np.uint8,
)
"""The colour of each of `LABELS` in the view "labels"."""

_NIGHT = np.array([0.13, 0.20, 0.36], np.float32)  # what is left of linear light


def check_size(size: int) -> None:
    """Sees that faces can be drawn at a size.

    Raises:
        ValueError: they cannot.
    """
    if not 16 <= size <= 256:
        raise ValueError(
            f"size is {size}; expected 16 to 256 pixels: render within that and resize"
        )


def render(factors: Factors, size: int, aligned: bool = False) -> jax.Array:
    """Draws one face; `jax.vmap` draws a batch.

    Edges are blended over the width of a pixel, so that pictures of different sizes
    agree.

    Args:
        factors: scalars, inside their ranges.
        size: height and width in pixels, 16 to 256; static under `jit`.
        aligned: whether the picture is closer, with the middle of the eyes in one
            place, as in CelebA's crops; static under `jit`.

    Returns:
        The picture, `[size, size, 3]` uint8, sRGB-like.

    Raises:
        ValueError: `size` is out of range.
    """
    check_size(size)
    fine = 2 * size if size < 48 else size  # small features need more samples there
    canvas = portrait.paint(factors, fine, aligned)
    canvas = jnp.clip(canvas, 0.0, 1.0)
    if fine != size:
        canvas = canvas.reshape(3, size, 2, size, 2).mean((2, 4))
    levels = jnp.round(255 * jnp.sqrt(canvas)).astype(jnp.uint8)
    return levels.transpose(1, 2, 0)


def labels(factors: Factors, size: int, aligned: bool = False) -> jax.Array:
    """Tells what every pixel of a face shows.

    Args:
        factors: scalars, inside their ranges.
        size: height and width in pixels, 16 to 256; static under `jit`.
        aligned: as `render` has it.

    Returns:
        Numbers of `LABELS`, uint8 `[size, size]`.

    Raises:
        ValueError: `size` is out of range.
    """
    check_size(size)
    return portrait.label(factors, size, aligned)


def coloured(factors: Factors, size: int, aligned: bool = False) -> jax.Array:
    """Draws the labels in `COLOURS`, `[size, size, 3]` uint8."""
    return jnp.asarray(COLOURS)[labels(factors, size, aligned)]


def sketch(factors: Factors, size: int, aligned: bool = False) -> jax.Array:
    """Draws a face in pencil, `[size, size, 3]` uint8.

    Lines are where the face, in even light, is darker than its surroundings, and along
    the borders of labels. Colours, light and the background are lost.
    """
    even = factors._replace(
        light_azimuth=jnp.zeros_like(factors.light_azimuth),
        light_strength=jnp.zeros_like(factors.light_strength),
    )
    grey = render(even, size, aligned).astype(jnp.float32).mean(-1) / 255
    pencil = jnp.clip(grey / (_blurred(grey) + 1e-3), 0.0, 1.0) ** 3
    label = labels(factors, size, aligned)
    below, right = (jnp.roll(label, -1, axis) != label for axis in (0, 1))
    border = below.at[-1].set(False) | right.at[:, -1].set(False)
    pencil = jnp.where(border, jnp.minimum(pencil, 0.35), pencil)
    levels = jnp.round(255 * jnp.where(label == 0, jnp.where(border, 0.35, 1), pencil))
    return jnp.repeat(levels.astype(jnp.uint8)[..., None], 3, -1)


def _blurred(grey: jax.Array) -> jax.Array:
    """The mean of nine pixels each way, `[S, S]`."""
    side = len(grey)
    for axis in (0, 1):
        margin = [(4, 4) if i == axis else (0, 0) for i in range(2)]
        wide = jnp.pad(grey, margin, mode="edge")
        parts = [jax.lax.slice_in_dim(wide, i, i + side, axis=axis) for i in range(9)]
        grey = sum(parts) / 9  # type: ignore[assignment]
    return grey


def night(factors: Factors, size: int, aligned: bool = False) -> jax.Array:
    """Draws a face at night, `[size, size, 3]` uint8.

    The light is turned down and cold, and it is that of one low lamp on the other side,
    so that the translation from the day has to move shadows.
    """
    lamp = factors._replace(
        light_azimuth=-factors.light_azimuth,
        light_elevation=jnp.zeros_like(factors.light_elevation),
        light_strength=jnp.ones_like(factors.light_strength),
    )
    day = render(lamp, size, aligned).astype(jnp.float32) / 255
    dim = jnp.sqrt(day * day * _NIGHT[None, None])
    return jnp.round(255 * dim).astype(jnp.uint8)


def _changed(**changes: Any) -> Callable[[Factors], Factors]:
    """Changes some factors: to a number or a word, or by a function of the old one."""

    def change(factors):
        new = {}
        for name, change in changes.items():
            old = getattr(factors, name)
            value = change(old) if callable(change) else change
            if isinstance(value, str):
                value = CATEGORIES[name].index(value)
            new[name] = jnp.asarray(value, old.dtype)
        return factors._replace(**new)

    return change


PAINTERS: dict[str, Callable[[Factors, int, bool], jax.Array]] = {
    "portrait": render,
    "labels": coloured,
    "sketch": sketch,
    "night": night,
}
"""Ways to draw a face, `painter(factors, size, aligned) -> uint8 [size, size, 3]`."""

CHANGES: dict[str, Callable[[Factors], Factors]] = {
    "young": _changed(age=lambda age: 0.25 * age, grey=0.0),
    "old": _changed(age=lambda age: 0.75 + 0.25 * age, grey=0.85),
    "dark": _changed(hair_colour="black", hair_shade=0.0, grey=0.0),
    "blond": _changed(hair_colour="blond", hair_shade=0.0, grey=0.0),
    "bare": _changed(glasses="none"),
    "glasses": _changed(glasses=lambda kind: jnp.where(kind == 0, 1, kind)),
    "serious": _changed(smile=-0.2, mouth_open=0.0),
    "smiling": _changed(smile=0.8, mouth_open=0.3),
    "left": _changed(yaw=-0.45),
    "right": _changed(yaw=0.45),
}
"""The same person with one factor changed, each beside its opposite."""

VIEWS = (*PAINTERS, *CHANGES)
"""Names of pictures of a person: the painters, and portraits after a change."""


def check_view(view: str) -> None:
    """Sees that there is such a view.

    Raises:
        ValueError: there is not.
    """
    if view not in VIEWS:
        raise ValueError(f"unknown view {view!r} of faces; choose from {VIEWS}")
