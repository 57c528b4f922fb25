"""The steps around the training loop: begin, train, measure, report.

    work = session.begin("LSGAN", config, opened)
    batches = feeds.feed(opened, work.run, work.mesh, game.repeats)
    result = session.train(work, game, batches, show=show, measure=measure)

`config` is a dataclass with `run` (`train.Run`) and usually `data` and `model`. Of
several processes all do the same, but the main one alone shows, measures and writes.
"""

import dataclasses
import json
import math
import pathlib
import platform
import shlex
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol

import jax
import numpy as np
from jax.sharding import Mesh

from jaxgan import parallel, report
from jaxgan import train as training
from jaxgan.compose import without_optimisers
from jaxgan.game import Game, algorithm
from jaxgan.lab import restored
from jaxgan.train import Feed, Run, diagnosis, directory, page, terminal

Pictures = Mapping[str, pathlib.Path]  # caption -> file
Numbers = dict[str, Any]  # or words, or tables of them, by name


class Described(Protocol):
    """A data set, as far as a run tells of it.

    Attributes:
        about: a line that describes it.
        fingerprint: changes when the data does.
    """

    @property
    def about(self) -> str: ...  # noqa: D102
    @property
    def fingerprint(self) -> str: ...  # noqa: D102


class Session(NamedTuple):
    """A run that has its devices.

    Attributes:
        title: of the report.
        config: of the command: a dataclass with `run`.
        data: what is trained on.
        mesh: the devices.
        plain: the configuration as config.json has it.
    """

    title: str
    config: Any
    data: Described
    mesh: Mesh
    plain: dict[str, Any]

    @property
    def run(self) -> Run:
        """How long to train, where, and what to leave behind."""
        return self.config.run


class Result(NamedTuple):
    """What a run came to.

    Attributes:
        numbers: what results.json holds; empty in processes other than the main one.
        pictures: caption -> file, for the report.
        state: the final one, whole; in the memory of the host where it was split over
            devices, or there are several processes.
    """

    numbers: Numbers
    pictures: Pictures
    state: Any = None


def begin(title: str, config: Any, data: Described) -> Session:
    """Makes the mesh of a run, and its configuration as it is saved.

    Args:
        title: of the report.
        config: of the command: a dataclass with `run`.
        data: what is trained on.

    Raises:
        ValueError: there are not the devices, or the batch does not divide over them.
    """
    mesh = training.devices(config.run)
    kind = type(getattr(config, "model", None))
    classes = getattr(data, "classes", ())
    plain = training.as_json(
        dataclasses.asdict(config)
        | {
            "fingerprint": data.fingerprint,
            "game": f"{kind.__module__}.{kind.__qualname__}",
        }
        | ({"class_names": classes} if classes else {})
    )
    return Session(title, config, data, mesh, plain)


def train(
    session: Session,
    game: Game,
    batches: Feed,
    *,
    show: Callable[[Any], Mapping[str, Any]],
    measure: Callable[[Any], Result],
    evaluate: Callable[[Any], Mapping[str, float]] | None = None,
    start: Callable[[Any], Any] | None = None,
    look: Callable[[Any], Any] | None = None,
    then: Mapping[str, str] = MappingProxyType({}),
) -> Result:
    """Says what comes, trains to the end, measures, and writes the report.

    Args:
        session: of `begin`.
        game: what to train.
        batches: of the data.
        show: `show(state) -> {name: images or number}`, every so often; see
            `train.train`.
        measure: `measure(state) -> Result` at the end, in the main process alone, of
            the state without its optimisers' states.
        evaluate: scores a state, lowest best, in every process; see `train.train`.
        start: makes the first state from a fresh one, as `compose.adopt` does from the
            last state of another game; see `train.train`.
        look: `look(state)` gives what `show` gets in its place; see `train.train`.
        then: commands to try on the run, each with what it does, for its page.

    Returns:
        What was measured, with what is known of every run, and the final state.
    """
    title, config, data, mesh, plain = session
    run = session.run
    # Runs that began before the names of classes were saved take those of today.
    before = {name: plain[name] for name in ("class_names",) if name in plain}
    facts: Numbers = {
        "training": f"{title}, {run.steps:,} steps of {run.batch_size} examples",
        "data": data.about,
        "devices": f"{mesh.size} x {mesh.devices.flat[0].device_kind}",
        "results in": str(run.workdir),
    }
    terminal.facts(facts)
    about = page.About(title, facts, command(), then)
    began = time.perf_counter()
    state = training.train(
        algorithm(game, accumulate=run.accumulate, gather=parallel.gathering(mesh)),
        batches,
        run,
        plain,
        show,
        mesh,
        evaluate,
        defaults=before | training.as_json(restored.defaults(config)),
        start=start,
        look=look,
        about=about,
    )
    seen = parallel.gather(mesh, without_optimisers(state))
    state = parallel.to_host(mesh, state)
    result = Result({}, {}, state)
    if parallel.is_main():
        terminal.doing("drawing the report")
        facts["parameters"] = training.sizes(state)
        facts["trained"] = f"{int(state.step):,} steps"
        facts["this call"] = f"{(time.perf_counter() - began) / 60:.1f} min"
        found = measure(seen)
        numbers = found.numbers | {
            "model": title,
            "data": data.about,
            "steps": run.steps,
            "batch_size": run.batch_size,
            "seed": run.seed,
            "device": mesh.devices.flat[0].device_kind,
            "command": command(),
            "setting": training.as_json(dataclasses.asdict(config)),
        }
        save_json(run.workdir / directory.RESULTS, numbers)
        _report(session, about._replace(facts=facts), found)
        result = Result(numbers, found.pictures, state)
    parallel.agreed(True)  # the others wait for the main process
    return result


def _report(session: Session, about: page.About, found: Result) -> None:
    """Writes curves.png and report.html."""
    run = session.run
    rows = directory.scalars(run.workdir)
    curves = run.workdir / directory.CURVES
    report.save_png(curves, report.curves(rows, session.title))
    versions = f"{jax.__version__}, Python {platform.python_version()}"
    facts = {**about.facts, **_speed(rows), "jax": versions}
    page.write(
        run,
        about._replace(facts=facts),
        run.steps,
        rows,
        diagnosis.findings(rows),
        numbers=found.numbers,
        pictures=found.pictures,
    )
    terminal.doing(f"done: {run.workdir / 'report.html'}")


def _speed(rows: Sequence[Mapping[str, Any]]) -> dict[str, str]:
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


def only_main() -> None:
    """Ends every process but the main one, to which all that is left belongs."""
    if not parallel.is_main():
        sys.exit(0)


def command() -> str:
    """The command line of this process, as a user types it."""
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    name = spec.name.removesuffix(".__main__") if spec else sys.argv[0]
    return shlex.join(["python", "-m", name, *sys.argv[1:]])


def save_json(path: pathlib.Path, numbers: Any) -> None:
    """Writes numbers for other programs to read; NaN and infinity as null."""
    plain = finite(training.as_json({"": numbers})[""])
    report.write(path, json.dumps(plain, indent=1, allow_nan=False) + "\n")


def finite(value: Any) -> Any:
    """The same for JSON, which has neither NaN nor infinity: None in their place."""
    if isinstance(value, dict):
        return {name: finite(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [finite(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
