"""What training experiments do around the loop: say what comes, train, report."""

import contextlib
import dataclasses
import itertools
import json
import math
import pathlib
import platform
import shlex
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

import jax
import numpy as np

from jaxgan import parallel, report, train
from jaxgan.game import Game, algorithm
from jaxgan.lab import neighbours
from jaxgan.train import Feed, Run, directory, terminal

NEIGHBOURS = 8  # samples shown with their neighbours

_TRAININGS = itertools.count()  # of this process

Pictures = Mapping[str, pathlib.Path]  # caption -> file
Facts = dict[str, Any]


class Data(Protocol):
    """What is known of a data set.

    Attributes:
        about: a line on what it is.
        fingerprint: changes when the data does.
    """

    @property
    def about(self) -> str: ...  # noqa: D102
    @property
    def fingerprint(self) -> str: ...  # noqa: D102


class Restored(NamedTuple):
    """A run from its directory.

    Attributes:
        model: the configuration of the model.
        state: the latest that was saved.
        plain: the whole configuration, as it was saved.
    """

    model: Any
    state: Any
    plain: dict[str, Any]


def train_and_report(
    title: str,
    game: Game,
    config: Any,
    batches: Feed,
    data: Data,
    look: Callable[[Any], Mapping[str, Any]],
    finish: Callable[[Any], tuple[Facts, Pictures]],
    evaluate: Callable[[Any], Mapping[str, float]] | None = None,
) -> tuple[Any, Facts]:
    """Prints the plan, trains to the end, draws the report.

    Args:
        title: of the report.
        game: what to train.
        config: the experiment's; has `run`.
        batches: of the data.
        data: what they are made from.
        look: what to see of a state every so often; see `train.train`.
        finish: `finish(state) -> (facts, pictures)` for the report, at the end.
        evaluate: scores a state, lowest best first; see `train.train`.

    Returns:
        The final state, and the facts of the report. Of several processes only the main
        one returns; the others have done their part, and end.
    """
    run = config.run
    if jax.process_count() > 1 and next(_TRAININGS):
        raise ValueError(
            "this experiment trains several runs, one after the other, which several"
            " processes cannot share; give each run a process of its own"
        )
    kind = type(getattr(config, "model", None))
    plain = train.as_json(
        dataclasses.asdict(config)
        | {
            "fingerprint": data.fingerprint,
            "game": f"{kind.__module__}.{kind.__qualname__}",
        }
    )
    mesh = train.devices(run)
    facts: Facts = {
        "training": f"{title}, {run.steps:,} steps of {run.batch_size} images",
        "data": data.about,
        "devices": f"{mesh.size} x {mesh.devices.flat[0].device_kind}",
        "results in": str(run.workdir),
    }
    terminal.facts(facts)
    began = time.perf_counter()
    state = train.train(
        algorithm(game, accumulate=run.accumulate, gather=parallel.gathering(mesh)),
        batches,
        run,
        plain,
        look,
        mesh,
        evaluate,
        defaults=train.as_json(_defaults(config)),
    )
    state = parallel.gather(mesh, state)
    if not parallel.is_main():
        sys.exit(0)  # all that is left is the main process's
    terminal.doing("drawing the report")
    facts["parameters"] = train.sizes(state)
    facts["trained"] = f"{int(state.step):,} steps"
    facts["this call"] = f"{(time.perf_counter() - began) / 60:.1f} min"
    rows = directory.scalars(run.workdir)
    found, pictures = finish(state)
    facts |= _speed(rows) | found
    report.save_png(run.workdir / directory.CURVES, report.curves(rows, title))
    page = report.page(
        title,
        {
            **facts,
            "command": command(),
            "jax": f"{jax.__version__}, Python {platform.python_version()}",
            "configuration": plain,
        },
        {**pictures, "Curves": run.workdir / directory.CURVES},
    )
    report.write(run.workdir / directory.REPORT, page.encode())
    terminal.doing(f"done: {run.workdir / 'report.html'}")
    return state, facts


def samples(
    run: Run, sheets: Mapping[str, np.ndarray], arrays, *, mirrored: bool = True
) -> tuple[Facts, dict]:
    """What a report shows of a generator.

    Args:
        run: its run; sheets "ema" and "raw" were drawn in it.
        sheets: those of the final state.
        arrays: the training set, where it is in memory.
        mirrored: whether mirrored training images count as its own.

    Returns:
        Facts and pictures.
    """
    found = {name: directory.sheets(run.workdir, name) for name in ("ema", "raw")}
    strip = report.strip(found["ema"], tile=sheets["ema"].shape[1])
    report.save_png(run.workdir / directory.STRIP, strip)
    last = max(found["ema"])
    facts = {}
    pictures = {
        f"Step {last}: moving average of the weights": found["ema"][last],
        f"Step {last}: the weights themselves": found["raw"][last],
        "The same latents over time": run.workdir / directory.STRIP,
    }
    if arrays is not None:
        facts = _neighbours(run, sheets["ema"], arrays["image"], mirrored)
        also = ", mirrored ones included" if mirrored else ""
        pictures[f"Samples (left) and the training images nearest to them{also}"] = (
            run.workdir / directory.NEIGHBOURS
        )
    return facts, pictures


def finished(setting: Any) -> Facts | None:
    """What a run left that ended with this very setting, or none.

    The loop itself refuses a directory that holds another run, and finds nothing to do
    in one that ended; this only spares opening the data, compiling and testing.

    Args:
        setting: a dataclass with `run`, which also stands in the run's `results.json`.
    """
    with contextlib.suppress(FileNotFoundError, json.JSONDecodeError):
        done = json.loads((setting.run.workdir / directory.RESULTS).read_text())
        if done.get("setting") == train.as_json(dataclasses.asdict(setting)):
            return done
    return None


def command() -> str:
    """The command line of this process, as a user types it."""
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    name = spec.name.removesuffix(".__main__") if spec else sys.argv[0]
    return shlex.join(["python", "-m", name, *sys.argv[1:]])


def restore(
    run: pathlib.Path,
    model: Any,
    batch: Callable[[Any], Any],
    *,
    best: bool = False,
) -> Restored:
    """A run's configuration and one of its states; the run is only read.

    Args:
        run: its directory.
        model: a module with `game` and the class of the configuration.
        batch: `batch(config)` makes a batch to initialise with; only shapes matter.
        best: take the state that scored best while it trained, not the latest.

    Raises:
        ValueError: the directory holds no run of this model, or no checkpoint.
    """
    from jaxgan import checkpoint

    name = model.__name__.rpartition(".")[2]
    plain = configuration(run)
    path = run / directory.CONFIG
    try:
        kind = plain.get("game", "Config").rpartition(".")[2]
        config = getattr(model, kind)(**_tuples(plain["model"]))
    except (AttributeError, KeyError, TypeError):
        raise ValueError(f"{path} is not the configuration of a {name}") from None
    like = jax.eval_shape(
        algorithm(model.game(config)).init, jax.random.key(0), batch(config)
    )
    state = None
    folder = run / (train.BEST if best else train.LATEST)
    if folder.is_dir():
        with checkpoint.manager(folder, read_only=True) as checkpoints:
            state = checkpoint.restore(checkpoints, like)
    if state is None and best:
        raise ValueError(
            f"{run} kept no best state; train it with --evaluate-every, or take the"
            " latest"
        )
    if state is None:
        raise ValueError(f"{run} has no checkpoint yet; let it train longer")
    return Restored(config, state, plain)


def configuration(run: pathlib.Path) -> dict[str, Any]:
    """The whole configuration that a run saved.

    Raises:
        ValueError: the directory holds no run, or the file is damaged.
    """
    path = run / directory.CONFIG
    if not path.is_file():
        raise ValueError(
            f"{run} is not a run: it has no config.json; give the --workdir of a"
            " training run"
        )
    try:
        plain = json.loads(path.read_text())
    except (ValueError, RecursionError):
        plain = None
    if not isinstance(plain, dict):
        raise ValueError(f"{path} is damaged: it holds no configuration")
    return plain


def _tuples(value: Any) -> Any:
    """JSON's lists as the tuples they were."""
    if isinstance(value, dict):
        return {name: _tuples(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return tuple(_tuples(inner) for inner in value)
    return value


def _defaults(config: Any) -> dict[str, Any]:
    """What the fields of a configuration are by default, as far as they have one.

    A run that began before a field came into being goes on with its default, which must
    therefore be what the library did before.
    """
    found = {}
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        if dataclasses.is_dataclass(value):
            found[field.name] = _defaults(value)
        elif field.default is not dataclasses.MISSING:
            found[field.name] = field.default
    return found


def _speed(rows) -> dict[str, str]:
    """Medians over the run, so that the first steps, which compile, do not count."""
    rows = [row for row in rows if "images_per_second" in row]
    if not rows:
        return {}
    speed = np.median([row["images_per_second"] for row in rows])
    waiting = np.median([row["waiting_for_data"] for row in rows])
    return {
        "speed": f"{speed:.0f} images/s",
        "waiting for data": f"{waiting:.2%} of the time",
    }


def _neighbours(run, samples: np.ndarray, images: np.ndarray, mirrored: bool):
    """Draws samples beside the training images nearest to them.

    The ratio compares a sample's distance to the nearest training image with that of
    training images among themselves: far below 1 means that images were memorised.
    """
    index, distance = neighbours.nearest(samples, images, 3, mirrored=mirrored)
    among = np.random.default_rng(0).permutation(len(images))[: len(samples)]
    _, own = neighbours.nearest(images[among], images, 2, mirrored=mirrored)
    own = np.median(own[:, 1])  # [:, 0] is the image itself
    ratio = np.median(distance[:, 0]) / own if own else math.inf  # all of them alike
    near = neighbours.take(images, index[:NEIGHBOURS])
    rows = np.concatenate([samples[:NEIGHBOURS, None], near], axis=1)
    picture = report.sheet(rows.reshape(-1, *images.shape[1:]), 4)
    report.save_png(run.workdir / directory.NEIGHBOURS, picture)
    return {"distance to data": f"{ratio:.2f} of that between training images"}
