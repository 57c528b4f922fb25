"""The judge of where things are: it reads boxes and key-points off moved portraits.

It was trained on other people than any generator, and on no caption, so that the
distance of what was drawn from where it was asked for is measured. Training takes some
minutes on two cores; the result lies in `jaxgan/places` of the user's cache directory
(`XDG_CACHE_HOME`).
"""

import functools
import inspect
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan import data as jaxgan_data
from jaxgan import game
from jaxgan.data.synthetic import landmarks
from jaxgan.lab import blocks, drawn, kept, placed
from jaxgan.lab.judges import augmentation, cache, checks, factors, fitting
from jaxgan.models import factor_regressor
from jaxgan.train.terminal import say

SIDE = 64  # of the pictures that are judged, in pixels
COUNT, TESTED = 8192, 1024  # portraits to train and to test on
SEEDS = (501, 502)  # of the two
STEPS = 3000
BATCH = 64
BLOCK = 256  # pictures looked at together
NUMBERS = 2 * placed.POINTS + 4  # rows and columns of key-points, and a box
FACTS = ("points", "centre", "overlap")
RECIPE = 1  # to be raised where the training changes in a way no number here says


class Distances(NamedTuple):
    """How far pictures are from where things were asked for.

    Attributes:
        points: the mean distance of key-points, in hundredths of a picture's height.
        centre: the mean distance of the middles of boxes, in the same unit.
        overlap: the mean intersection over union of boxes, 1 at best.
    """

    points: float
    centre: float
    overlap: float


class Judge(NamedTuple):
    """A trained judge.

    Attributes:
        variables: its weights, as `jaxgan.models.factor_regressor` takes them.
        quality: the `Distances` of unseen portraits from the truth.
    """

    variables: game.Variables
    quality: dict[str, float]

    def read(self, images: np.ndarray) -> dict[str, np.ndarray]:
        """Finds the head and its key-points in pictures.

        Args:
            images: uint8 `[N, 64, 64, 3]`.

        Returns:
            `box` `[N, 4]`: top, left, bottom, right, and `points` `[N, P, 2]`: row,
            column, all in image heights.

        Raises:
            ValueError: there are no pictures, or of another size or type.
        """
        checks.pictures(images, (SIDE, SIDE, 3))
        see = functools.partial(_see, self.variables)
        numbers = blocks.in_blocks(see, images, size=BLOCK)
        return {
            "box": numbers[:, -4:],
            "points": numbers[:, :-4].reshape(len(images), -1, 2),
        }


def apart(found: dict[str, np.ndarray], asked: dict[str, Any]) -> Distances:
    """Measures how far what was found is from what was asked for.

    Args:
        found: of `Judge.read`.
        asked: `box` `[N, 4]` and `points` `[N, P, 3]` as `placed.places` has them;
            points that are not in the picture do not count.
    """
    box, points = np.asarray(asked["box"]), np.asarray(asked["points"])
    away = np.linalg.norm(found["points"] - points[..., :2], axis=-1)
    middle = [x[:, :2] / 2 + x[:, 2:] / 2 for x in (found["box"], box)]
    return Distances(
        points=float(100 * away[points[..., 2] > 0].mean()),
        centre=float(100 * np.linalg.norm(middle[0] - middle[1], axis=-1).mean()),
        overlap=float(factors.overlap(found["box"], box).mean()),
    )


def trained() -> Judge:
    """The judge: from the cache, or trained now and put there."""
    numbers = (
        COUNT,
        TESTED,
        SEEDS,
        BATCH,
        *placed.RECIPE,
        *augmentation.STRENGTHS,
        RECIPE,
    )
    about = drawn.code(), inspect.getsource(landmarks), _recipe(), numbers
    path = kept.place("places", repr(about))
    found = cache.load(path, factor_regressor.shapes(_recipe()), FACTS)
    if found is not None:
        return Judge(*found)
    say(f"training the judge of places ({COUNT:,} portraits, once)")
    train, test = (
        placed.people_of(seed, count, 1, SIDE)
        for seed, count in zip(SEEDS, (COUNT, TESTED), strict=True)
    )
    made = Judge(_train(train), {})
    images, asked = placed.placed(test, seed=0)
    quality = apart(made.read(images), asked)._asdict()
    cache.save(path, made.variables, quality)
    say(
        f"it finds key-points to {quality['points']:.1f} % of the height of"
        f" {TESTED:,} unseen pictures"
    )
    return made._replace(quality=quality)


def _recipe() -> factor_regressor.Config:
    """The sizes of the judge, and how long it is trained."""
    return factor_regressor.Config(
        resolution=SIDE, numbers=NUMBERS, binaries=0, steps=STEPS
    )


def _scaled(numbers: Any) -> Any:
    """Places, which are about evenly spread in the picture, to a deviation of 1."""
    return (numbers - 0.5) * 12**0.5


def _train(many: placed.Placed) -> game.Variables:
    played = game.algorithm(factor_regressor.game(_recipe()))
    arrays = jax.device_put(
        {"image": many.people.image, "head": many.head, "points": many.points}
    )

    def batch(arrays, step, plan):
        key = jax.random.fold_in(jax.random.key(0), step)
        own = placed.turned(jaxgan_data.take(arrays, plan, xp=jnp), plan["flip"])
        frame = placed.frames(jax.random.uniform(key, (BATCH, 4)), own["head"])
        image = placed.moved(own["image"].astype(jnp.float32) / 255, frame)
        found = placed.places(frame, own["head"], own["points"])
        flat = found["points"][..., :2].reshape(BATCH, -1)
        number = _scaled(jnp.concatenate([flat, found["box"]], -1))
        return {
            "image": jax.vmap(augmentation.worn)(jax.random.split(key, BATCH), image),
            "number": number,
            "known": jnp.ones_like(number),
            "binary": jnp.zeros((BATCH, 0)),
        }

    def items(step):
        plan = jaxgan_data.plan(0, step, count=COUNT, batch_size=BATCH, flip=True)
        return np.uint32(step), plan

    shown = ("error", "regressor/squared")
    return fitting.fit(played, arrays, batch, items, STEPS, shown)


@jax.jit
def _see(variables, images):
    image = images.astype(jnp.float32) / 255
    numbers = factor_regressor.read(_recipe(), variables, image).numbers
    return numbers / 12**0.5 + 0.5
