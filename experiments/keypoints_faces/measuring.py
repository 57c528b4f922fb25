"""How far key-points that were made up are from true ones, and how alike whole sets."""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from jaxgan import metrics
from jaxgan.data.synthetic import landmarks
from jaxgan.lab import captioned, placed
from jaxgan.lab.session import Numbers
from jaxgan.models import keypoint_gan

GIVEN = {
    "none": (),
    "one eye": ("left_eye",),
    "both eyes": ("left_eye", "right_eye"),
    "eyes, mouth": ("left_eye", "right_eye", "mouth_left", "mouth_right"),
}
"""Points that are given, by what the set of them is called."""
DRAWS = 16  # sets of points for each person


def truth(many: placed.Placed, seed: int) -> np.ndarray:
    """The key-points of people `[N, P, 3]`, each in a frame that is drawn at random."""
    chance = np.random.default_rng(seed).random((len(many.head), 4), np.float32)
    frame = jax.jit(placed.frames)(chance, many.head)
    return np.asarray(placed.places(frame, many.head, many.points)["points"])


def switches(names: tuple[str, ...]) -> np.ndarray:
    """1 for the named points and 0 for the others, `[P]`."""
    return np.isin(landmarks.POINTS, names).astype(np.float32)


def completer(model: keypoint_gan.Config) -> Callable[..., jax.Array]:
    """`put(variables, texts, points, given, noise)`: whole sets `[B, P, 3]`."""
    return jax.jit(lambda nets, *args: keypoint_gan.sample(model, nets, *args))


def measured(
    config: Any,
    variables: Any,
    many: placed.Placed,
    others: placed.Placed,
    embed: captioned.Embed,
) -> Numbers:
    """Compares what is put for others with where their points are.

    Distances are means over points that were not given, in % of the picture's height.

    Returns:
        `given`: for each of `GIVEN`, the distance to the true point of one draw, of the
        best of `DRAWS` sets, of another draw, and of a linear model that was fitted to
        `many`. `sets`: the roots of Fréchet distances from true sets: of sets of which
        nothing was given, and of true sets of other people, whole or with each
        coordinate from another person.
    """
    model, seed = config.model, config.run.seed + 2
    true, texts = truth(others, seed), embed(others.people.sentences)
    put, key = completer(model), jax.random.key(seed)

    def drawn(given, number):
        noise = jax.random.normal(
            jax.random.fold_in(key, number), (len(true), model.latent)
        )
        rows = np.tile(given, (len(true), 1))
        return np.asarray(put(variables, texts, true, rows, noise))

    known = truth(many, seed + 1)
    first = embed(many.people.sentences[:: many.people.each])
    numbers = {}
    for name, points in GIVEN.items():
        given = switches(points)
        sets = np.stack([drawn(given, i) for i in range(DRAWS)])
        left = (given == 0) & (true[..., 2] > 0)
        away = _apart(sets, true[None])
        mean = (away * left).sum(-1) / left.sum(-1)
        fitted = _linear((known, first), (true, texts), given > 0)
        numbers[name] = {
            "one draw": float(away[0][left].mean()),
            "best of the draws": float(mean.min(0).mean()),
            "another draw": float(_apart(sets[0], sets[1])[left].mean()),
            "linear model": float(_apart(fitted, true)[left].mean()),
        }
    rng = np.random.default_rng(seed)
    mixed = rng.permuted(_flat(known), axis=0)
    made = _flat(drawn(switches(()), 0))
    sets = {"drawn": made, "true, of others": _flat(known), "mixed": mixed}
    return {
        "given": numbers,
        "draws": DRAWS,
        "sets": {name: _frechet(x, _flat(true)) for name, x in sets.items()},
    }


def _apart(one, other):
    """Distances of points, in % of the height."""
    return 100 * np.linalg.norm(one[..., :2] - other[..., :2], axis=-1)


def _flat(points):
    return points[..., :2].reshape(len(points), -1)


def _linear(fit, test, given):
    """All points by least squares from the given ones and the text."""

    def inputs(points, texts):
        ones = np.ones((len(points), 1))
        return np.concatenate([_flat(points[:, given]), texts, ones], 1)

    weights, *_ = np.linalg.lstsq(inputs(*fit), _flat(fit[0]), rcond=None)
    return (inputs(*test) @ weights).reshape(*test[0].shape[:2], 2)


def _frechet(one, other):
    moments = [f(x) for x in (one, other) for f in (_mean, _cov)]
    return float(100 * np.sqrt(metrics.frechet_distance(*moments)))


def _mean(x):
    return x.mean(0, dtype=np.float64)


def _cov(x):
    return np.cov(x.astype(np.float64), rowvar=False)
