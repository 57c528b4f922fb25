"""What the capsule experiments share: train, test, and write what came out."""

import dataclasses
import json
import pathlib
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan import capsules, game, report, train
from jaxgan.lab import digits, session
from jaxgan.models import capsnet, capsnet_baseline

SHOWN = 32  # reconstructions on a sheet
COLUMNS = 8


def fit(title: str, config: Any) -> dict[str, Any]:
    """Trains the model of a config, or goes on, and tests it at the end.

    Args:
        title: of the report.
        config: has `run`, `data` (of `digits`) and `model`, a `Config` of `capsnet` or
            of `capsnet_baseline`.

    Returns:
        The results, which also stand in `results.json` of the run.
    """
    model, run = config.model, config.run
    module: Any = capsnet if isinstance(model, capsnet.Config) else capsnet_baseline
    mesh = train.devices(run)
    sets = open_sets(config.data, model)
    played = module.game(model)
    shown = digits.unseen(sets, model, 0, SHOWN)

    @jax.jit
    def classify(variables, image):
        return module.predict(model, variables, image)

    def error(state, kind: digits.Kind = "test"):
        variables = game.variables(state)
        predicted, labels = digits.evaluate(
            lambda image: classify(variables, image),
            sets,
            model,
            config.data.tests,
            kind,
        )
        return digits.wrong(predicted, labels)

    @jax.jit
    def draw(variables):
        v = capsnet.encode(model, variables, shown["image"])
        # By the labels, as in training; the experiments on reconstructions do both.
        labels = shown["label"].reshape(SHOWN, -1)
        drawn = [
            capsnet.decode(model, variables, capsules.mask(v, labels[:, i]))
            for i in range(model.objects)
        ]
        return jnp.clip(sum(drawn), 0, 1)

    def look(state):
        seen: dict[str, Any] = {"test/error": error(state).mean()}
        if module is capsnet and model.reconstruction:
            drawn = draw(game.variables(state))
            seen["reconstructions"] = in_rows(shown["image"], drawn)
        return seen

    results: dict[str, Any] = {}

    def finish(state):
        wrong = error(state)
        results.update(
            {
                "model": title,
                "test_error": float(wrong.mean()),
                "test_images": len(wrong),
                "data": sets.about,
                "steps": run.steps,
                "batch_size": run.batch_size,
                "epochs": run.steps * run.batch_size / len(sets.train["label"]),
                "seed": run.seed,
                "device": mesh.devices.flat[0].device_kind,
                "command": session.command(),
                "setting": train.as_json(dataclasses.asdict(config)),
            }
        )
        if model.objects == 1:
            results["affine_error"] = float(error(state, "affine").mean())
        save_json(run.workdir / "results.json", results)
        facts = {"test error": f"{wrong.mean():.2%} of {len(wrong):,} images"}
        sheets = sorted((run.workdir / "samples").glob("reconstructions_*.png"))
        caption = "Test images, and below each what the decoder made of its capsule"
        return facts, {caption: sheets[-1]} if sheets else {}

    batches = digits.feed(sets, config.data, run, mesh, model)
    session.train_and_report(title, played, config, batches, sets, look, finish)
    return results


def open_sets(data: digits.Data, model: Any) -> digits.Sets:
    """The data for a model; digits that are overlaid come without their margin."""
    size = model.resolution - 2 * digits.OVERLAY * (model.objects > 1)
    return digits.open_sets(data, size, model.channels, model.classes)


def batch(model: Any) -> dict[str, jax.Array]:
    """A batch to initialise a model with."""
    image = jnp.zeros((1, model.resolution, model.resolution, model.channels))
    return {"image": image}


def restore(run: pathlib.Path) -> tuple[capsnet.Config, Any, digits.Sets]:
    """The model of a finished run, its variables, and its data.

    Raises:
        ValueError: the directory holds no such run; it names the command that makes it.
    """
    try:
        model, state, plain = session.restore(run, capsnet, batch)
    except ValueError as error:
        raise ValueError(
            f"{error}; train one with `python -m experiments.capsnet_mnist --workdir"
            f" {run}`"
        ) from None
    sets = open_sets(digits.Data(**plain["data"]), model)
    if plain["fingerprint"] != sets.fingerprint:
        raise ValueError(
            f"{run} was trained on other data than {plain['data']['data']!r} is now"
        )
    return model, game.variables(state), sets


def in_rows(above: Any, below: Any) -> np.ndarray:
    """Images in [0, 1] in rows of eight, and under each row those that belong to it."""
    rows = [to_uint8(x).reshape(-1, COLUMNS, *x.shape[1:]) for x in (above, below)]
    return np.stack(rows, 1).reshape(-1, *above.shape[1:])


def to_uint8(image: Any) -> np.ndarray:
    """Floats in [0, 1] to bytes."""
    return np.clip(np.asarray(image) * 255 + 0.5, 0, 255).astype(np.uint8)


def save_json(path: pathlib.Path, results: Any) -> None:
    """Writes results for other programs to read."""
    report.write(path, (json.dumps(results, indent=1, default=str) + "\n").encode())
