"""What a GAWWN draws: at moved places, for sentences, and how near to what was asked.

Batch norms have the averages of training, so a portrait does not depend on others.
"""

import functools
import pathlib
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from PIL import Image, ImageDraw

from jaxgan.data.synthetic import faces
from jaxgan.lab import blocks, captioned, figures, inference, pixels, placed
from jaxgan.lab.judges import places
from jaxgan.lab.session import Numbers
from jaxgan.models import gawwn

BLOCK = 256  # portraits drawn together
ENLARGED = 2  # times, so that marks hide little
BOXES = np.array(
    [
        [0.20, 0.27, 0.76, 0.73],
        [0.20, 0.04, 0.76, 0.50],
        [0.20, 0.50, 0.76, 0.96],
        [0.42, 0.27, 0.98, 0.73],
        [0.30, 0.35, 0.67, 0.65],
        [0.05, 0.17, 0.86, 0.83],
        [0.25, 0.20, 0.71, 0.80],
        [0.12, 0.31, 0.84, 0.69],
    ],
    np.float32,
)
MOVED = (
    *("middle", "to the left", "to the right", "down"),
    *("shrunk", "enlarged", "stretched wide", "stretched high"),
)
_RED = "#ff2d2d"


def drawer(model: gawwn.Config) -> Callable[..., jax.Array]:
    """`draw(variables, texts, place, noise)`: portraits as bytes."""

    @jax.jit
    def draw(variables, texts, place, noise):
        images = gawwn.sample(model, variables, texts, place, noise, "running")
        return pixels.to_bytes(images, captioned.RANGE)

    return draw


def boxed(model: gawwn.Config, few: placed.Placed) -> np.ndarray:
    """Where people are asked for in each of `BOXES`: `[N, 8, ...]`, boxes or points."""
    head, points, box = (
        np.repeat(few.head, len(BOXES), 0),
        np.repeat(few.points, len(BOXES), 0),
        np.tile(BOXES, (len(few.head), 1)),
    )
    where = placed.places(placed.framed(head, box), head, points)[model.where]
    return np.asarray(where).reshape(len(few.head), len(BOXES), *where.shape[1:])


def moves(
    model: gawwn.Config, few: placed.Placed, embed: captioned.Embed, seed: int
) -> Callable[[Any], jax.Array]:
    """Makes `sketch(variables)`: captions from one noise each, in each of `BOXES`."""
    draw, times = drawer(model), len(BOXES)
    place = boxed(model, few)
    place = place.reshape(-1, *place.shape[2:])
    texts = np.repeat(embed(few.people.sentences), times, 0)
    noise = jax.random.normal(jax.random.key(seed), (len(few.head), model.latent))
    noise = jnp.repeat(noise, times, 0)
    return lambda variables: draw(variables, texts, place, noise)


def picture(
    path: pathlib.Path, model: gawwn.Config, few: placed.Placed, rows: np.ndarray
) -> None:
    """Writes what `moves` draws, `[N, 8, S, S, 3]`, with marks where it was asked."""
    place = boxed(model, few)
    marks = [
        [marked(image, at) for image, at in zip(*pair, strict=True)]
        for pair in zip(rows, place, strict=True)
    ]
    figures.save_sentences(path, np.array(marks), few.people.sentences)


def marked(image: np.ndarray, place: np.ndarray) -> np.ndarray:
    """A picture, larger, with a box `[4]` or key-points `[P, 3]` on it."""
    side = ENLARGED * len(image)
    larger = Image.fromarray(image).resize((side, side), Image.Resampling.BICUBIC)
    pen = ImageDraw.Draw(larger)
    if place.ndim == 1:
        top, left, bottom, right = (place * side).round().tolist()
        pen.rectangle((left, top, right, bottom), outline=_RED)
    else:
        for row, column, _ in place[place[:, 2] > 0] * side:
            pen.rectangle((column - 1, row - 1, column, row), fill=_RED)
    return np.asarray(larger)


def measured(
    config: Any, variables: Any, others: placed.Placed, embed: captioned.Embed
) -> Numbers:
    """Judges where and what is drawn for captions of others, at random places.

    Returns:
        `where`: `places.Distances` of drawn and real pictures from what was asked, and
        of drawn ones from what others were asked for, as far as it was asked; and what
        `captioned.judged` counts in the faces that are cut out there.
    """
    model, seed = config.model, config.run.seed + 2
    real, where = placed.placed(others, seed)
    noise = jax.random.normal(jax.random.key(seed), (len(real), model.latent))
    made = blocks.in_blocks(
        functools.partial(drawer(model), variables),
        *(embed(others.people.sentences), where[model.where], noise),
        size=BLOCK,
    )
    judge = places.trained()
    read = {
        name: judge.read(captioned.resized(images, places.SIDE))
        for name, images in (("drawn", made), ("real", real))
    }
    rolled = {name: np.roll(x, 1, 0) for name, x in where.items()}
    asked = {
        "drawn": places.apart(read["drawn"], where),
        "real": places.apart(read["real"], where),
        "chance": places.apart(read["drawn"], rolled),
    }
    named = ("points",) if model.where == "points" else ("centre", "overlap")
    cut = {
        name: placed.close(images, where["frame"], others)
        for name, images in (("drawn", made), ("real", real))
    }
    return {
        "where": {
            kind: {name: x._asdict()[name] for name in named}
            for kind, x in asked.items()
        },
        **captioned.judged(cut, others.people),
    }


def speak(
    path: pathlib.Path,
    run: inference.Trained,
    said: Sequence[str],
    texts: np.ndarray,
    box: tuple[float, float, float, float],
    count: int,
) -> None:
    """Draws sentences in a box, `count` times each.

    Raises:
        ValueError: the box is not in the picture.
    """
    wanted = np.array([box], np.float32)
    gawwn.check_place(gawwn.Config(where="box"), wanted)
    head, points, _ = placed.found(jax.tree.map(lambda x: x[None], faces.neutral()))
    place = placed.places(placed.framed(head, wanted), head, points)[run.config.where]
    place = np.repeat(place, count * len(said), 0)
    key, times = jax.random.key(run.plain["run"]["seed"]), len(place)
    noise = jax.random.normal(key, (times, run.config.latent))
    images = drawer(run.config)(run.variables, np.repeat(texts, count, 0), place, noise)
    marks = [marked(*pair) for pair in zip(np.asarray(images), place, strict=True)]
    rows = np.array(marks).reshape(len(said), count, *marks[0].shape)
    figures.save_sentences(path, rows, said)
