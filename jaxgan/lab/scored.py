"""Trains a generator whose samples a classifier of the data's own classes scores."""

import functools
from collections.abc import Callable
from typing import Any

import jax
from jax.sharding import Mesh

from jaxgan import metrics, parallel
from jaxgan.compose import ema_variables
from jaxgan.game import Game
from jaxgan.lab import classes, generator
from jaxgan.lab.data import Set
from jaxgan.lab.judges import classifier, scores
from jaxgan.lab.session import Result
from jaxgan.models.model import Model
from jaxgan.train import Run

SCORED = 10_000  # images drawn for the scores
TELLS = (
    "which classes a classifier sees, and how alike two sets are in its features;"
    " samples that it is sure of may still be badly drawn"
)
EVALUATED = 2000  # images drawn for the distance while a run trains


def train(
    title: str,
    record: Model,
    config: Any,
    *,
    opened: Set | None = None,
    whole: Set | None = None,
    game: Game | None = None,
    measure: generator.Measure | None = None,
    start: Callable[[Any], Any] | None = None,
) -> Result:
    """Trains a model, or goes on, and scores the moving average's samples at the end.

    Where the data has no labels there is no classifier, and nothing is scored.

    Args:
        title: of the report.
        record: of the model.
        config: of the command: `run`, `data` and `model`.
        opened: the set to train on; what `config.data` names if left out.
        whole: the set that scores are of, where it is not all trained on.
        game: what is played, where it is not `record.game(config.model)`.
        measure: `measure(state, opened)` at the end, for more numbers and pictures.
        start: changes the first state, as in `session.train`.

    Raises:
        ValueError: the data does not fit the model, or the directory not the run.
    """
    config, opened = generator.prepared(record, config, opened)
    judged = _judged(opened if whole is None else whole)

    def measured(state, opened):
        found = Result({}, {})
        if judged is not None:
            found = Result(score(record, config, judged, state), {})
        if measure is None:
            return found
        more = measure(state, opened)
        return Result(found.numbers | more.numbers, more.pictures)

    def evaluation(drawing, opened, mesh):
        return (
            None if judged is None else _evaluation(drawing, judged, config.run, mesh)
        )

    return generator.train(
        title,
        record,
        config,
        opened=opened,
        game=game,
        evaluation=evaluation,
        measure=measured,
        start=start,
    )


def _judged(opened: Set) -> Set | None:
    """What a classifier is trained and tested on, if there is such a part of a set."""
    if not opened.classes or not opened.test:
        return None
    opened = classes.present(opened)
    return opened if opened.test else None


def score(record: Model, config: Any, judged: Set, state: Any) -> dict[str, Any]:
    """Scores samples of the moving average by a classifier of the data.

    Args:
        record: of the model.
        config: of the command: `run` and `model`.
        judged: the data, with labels and test images.
        state: of the model.

    Returns:
        Numbers for results.json; see `judges.scores.score`.
    """
    drawing = generator.Drawing(record, config.model)
    key = jax.random.key(config.run.seed + 2)
    images, labels = drawing.many(drawing.compiled(), ema_variables(state), key, SCORED)
    given = {"labels": labels} if drawing.classes else {}
    judge = classifier.trained(judged)
    found = scores.score(judge, drawing.to_unit(images), judged, **given)
    return found | {"what_scores_tell": TELLS}


def _evaluation(
    drawing: generator.Drawing, judged: Set, run: Run, mesh: Mesh
) -> generator.Evaluate:
    """The Fréchet distance to the test images, for runs that ask while they train."""
    draw = parallel.shared(drawing.compiled(), mesh)

    @functools.cache
    def features_and_goal():
        judge = classifier.everywhere(judged)
        features = judge.features_on(mesh)
        return features, metrics.gaussian_statistics(features(judged.test["image"]))

    def evaluate(state):
        features, goal = features_and_goal()
        key = jax.random.key(run.seed + 3)
        images, _ = drawing.many(draw, ema_variables(state), key, EVALUATED)
        ours = metrics.gaussian_statistics(features(drawing.to_unit(images)))
        distance = metrics.frechet_distance(*ours, *goal)
        return {"evaluation/frechet_distance": float(distance)}

    return evaluate
