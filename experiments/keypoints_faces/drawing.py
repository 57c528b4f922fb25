"""Pictures of key-points, and the faces that a GAWWN draws at them."""

import pathlib
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from PIL import Image, ImageDraw

from experiments.keypoints_faces import measuring
from jaxgan.data.synthetic import landmarks
from jaxgan.lab import captioned, figures, inference, pixels
from jaxgan.models import gawwn, keypoint_gan

SIDE = 96  # of a sketch, in pixels
EACH = 2  # sets that are put around the same points
RADIUS = {"left_eye": 3, "right_eye": 3, "nose": 2, "chin": 1}
WIDE = 0.06  # half of a brow's length, in picture heights
_RED, _BLACK, _GREY, _PAPER = "#e02020", "#202020", "#b0b0b0", "#f0ece4"


class Faces(NamedTuple):
    """What draws faces at key-points.

    Attributes:
        draw: `draw(texts, points, noise)`: bytes `[B, S, S, 3]`.
        latent: numbers of the noise.
    """

    draw: Callable[..., jax.Array]
    latent: int


def faces(path: pathlib.Path, encoder: str) -> Faces:
    """Opens a finished run of a GAWWN.

    Raises:
        ValueError: it is no such run, draws in boxes, or has another encoder.
    """
    run = inference.open_run(path)
    where = getattr(run.config, "where", "no key-points")
    if run.record is not gawwn.MODEL or where != "points":
        raise ValueError(
            f"--gawwn {path} is a run of {run.name} that draws by {where}; give one of"
            " gawwn_faces --model.where points"
        )
    if run.plain["encoder"] != encoder:
        raise ValueError(
            f"--gawwn {path} was told captions by {run.plain['encoder']}, but --encoder"
            f" is {encoder}; give --encoder {run.plain['encoder']}"
        )

    @jax.jit
    def draw(texts, points, noise):
        shown = points.at[..., 2].set(jnp.round(points[..., 2]))
        images = gawwn.sample(run.config, run.variables, texts, shown, noise, "running")
        return pixels.to_bytes(images, captioned.RANGE)

    return Faces(draw, run.config.latent)


def _sets() -> np.ndarray:
    """Which points are given in the columns of a picture after the first, `[C, P]`."""
    given = [measuring.switches(names) for names in measuring.GIVEN.values()]
    return np.repeat(given, EACH, 0)


def completed(
    model: keypoint_gan.Config, texts: np.ndarray, true: np.ndarray, seed: int
) -> Callable[[Any], jax.Array]:
    """Makes `sketch(variables)`: sets of points `[R, C, P, 3]`, a column for each set.

    Args:
        model: of the generator.
        texts: embeddings, `[R, T]`.
        true: the true points, `[R, P, 3]`.
        seed: of the noise, which is another in each column.
    """
    given = _sets()
    count, columns = len(true), len(given)
    put = measuring.completer(model)
    noise = jax.random.normal(jax.random.key(seed), (count * columns, model.latent))
    told, around = (np.repeat(x, columns, 0) for x in (texts, true))
    rows = np.tile(given, (count, 1))

    def sketch(variables):
        points = put(variables, told, around, rows, noise)
        return points.reshape(count, columns, *points.shape[1:])

    return sketch


def sheet(true: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Sketches `[R, 1 + C, S, S, 3]`: the true points, and those that were put."""
    given = [np.zeros(true.shape[1]), *_sets()]
    rows = np.concatenate([true[:, None], points], 1)
    return np.array(
        [[sketched(*pair) for pair in zip(row, given, strict=True)] for row in rows]
    )


def drawn(
    faces: Faces, texts: np.ndarray, true: np.ndarray, points: np.ndarray
) -> np.ndarray:
    """Faces `[R, 1 + C, S, S, 3]` at the same points, a row from one noise."""
    rows = np.concatenate([true[:, None], points], 1)
    count, columns = rows.shape[:2]
    noise = jax.random.normal(jax.random.key(0), (count, faces.latent))
    told, noise = (np.repeat(x, columns, 0) for x in (texts, noise))
    images = faces.draw(told, rows.reshape(-1, *rows.shape[2:]), noise)
    return np.asarray(images).reshape(count, columns, *images.shape[1:])


def sketched(points: np.ndarray, given: np.ndarray) -> np.ndarray:
    """A face of key-points `[P, 3]`, bytes `[S, S, 3]`: given ones in red.

    Points that are not in the picture, by their visibility, are left out.
    """
    image = Image.new("RGB", (SIDE, SIDE), _PAPER)
    pen = ImageDraw.Draw(image)
    at = dict(zip(landmarks.POINTS, points[:, 1::-1] * SIDE, strict=True))
    colour = dict(zip(landmarks.POINTS, np.where(given > 0, _RED, _BLACK), strict=True))
    mouth = ("mouth_left", "mouth", "mouth_right")
    pen.line([tuple(at[name]) for name in mouth], fill=_GREY, width=2)
    for name, seen in zip(landmarks.POINTS, points[:, 2] > 0.5, strict=True):
        if not seen:
            continue
        x, y = at[name]
        if name.endswith("brow"):
            wide = WIDE * SIDE
            pen.line((x - wide, y, x + wide, y), fill=str(colour[name]), width=2)
        else:
            r = RADIUS.get(name, 2)
            pen.ellipse((x - r, y - r, x + r, y + r), fill=str(colour[name]))
    return np.asarray(image)


def save(path: pathlib.Path, rows: np.ndarray, said: Sequence[str]) -> None:
    """Writes a picture of captions, with a heading over the columns."""
    heads = [name if i == 0 else "" for name in measuring.GIVEN for i in range(EACH)]
    figures.save_sentences(path, rows, said, ["true", *heads])


def speak(
    path: pathlib.Path,
    run: inference.Trained,
    said: Sequence[str],
    texts: np.ndarray,
    at: Sequence[tuple[str, float, float]],
    count: int,
    faces: Faces | None,
) -> None:
    """Draws points for sentences around given ones, and faces below them."""
    given = measuring.switches(tuple(name for name, *_ in at))
    points = np.zeros((len(given), 3), np.float32)
    for name, *place in at:
        points[landmarks.POINTS.index(name)] = [*place, 1]
    total = count * len(said)
    told, around, rows = (
        np.repeat(texts, count, 0),
        *(np.tile(x, (total, *[1] * x.ndim)) for x in (points, given)),
    )
    noise = jax.random.normal(
        jax.random.key(run.plain["run"]["seed"]), (total, run.config.latent)
    )
    put = measuring.completer(run.config)
    sets = np.asarray(put(run.variables, told, around, rows, noise))
    images = np.array([sketched(x, given) for x in sets])
    images = images.reshape(len(said), count, *images.shape[1:])
    labels = list(said)
    if faces is not None:
        noise = jax.random.normal(jax.random.key(0), (total, faces.latent))
        made = np.asarray(faces.draw(told, sets, noise))
        made = captioned.resized(made, SIDE).reshape(images.shape)
        images = np.stack([images, made], 1).reshape(-1, *images.shape[1:])
        labels = [text for sentence in said for text in (sentence, "")]
    figures.save_sentences(path, images, labels)
