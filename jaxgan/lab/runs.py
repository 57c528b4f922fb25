"""Parts of commands of several runs: side by side, or one after the other."""

import contextlib
import dataclasses
import itertools
import json
import pathlib
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan import compose, parallel
from jaxgan import train as training
from jaxgan.lab import restored
from jaxgan.lab.session import Numbers, Result
from jaxgan.train import Run, directory


def in_stages(
    configs: Mapping[str, Any],
    fit: Callable[[str, Any, Callable[[Any], Any] | None], Result],
    join: Callable[[Any, Any], Any] = compose.adopt,
) -> dict[str, Result]:
    """Trains one game after another, each from what the one before ended with.

    A stage is a run of its own in a directory of its own, so each resumes by itself: a
    stage that ended is only read, and one that was stopped goes on.

    Args:
        configs: name -> configuration of the stage, with its own `run.workdir`.
        fit: `fit(name, config, start) -> Result` trains one, by `train`; `start` is for
            that, and None at the first.
        join: `join(fresh, old) -> state` begins a stage: `fresh` is the first state of
            its game, `old` the last of the stage before.

    Returns:
        Name -> what the stage came to.

    Raises:
        ValueError: a stage that another was started from shall be trained for longer.
    """
    names = list(configs)
    began = {name: _began(config.run) for name, config in configs.items()}
    for name, later in itertools.pairwise(names):
        if began[later]:
            _check_length(name, configs[name].run)
    results: dict[str, Result] = {}
    start = None
    for number, name in enumerate(names, 1):
        config, later = configs[name], names[number : number + 1]
        done = finished(config)
        if done is not None and all(began[name] for name in later):
            results[name] = Result(done, {})
            start = None  # the next stage has a state of its own
            continue
        results[name] = fit(name, config, start)
        start = _starter(join, results[name].state, number + 1)
    return results


def _began(run: Run) -> bool:
    """Whether a run has a checkpoint."""
    folder = run.workdir / directory.LATEST
    there = parallel.is_main() and folder.is_dir()
    return parallel.agreed(there and any(p.name.isdigit() for p in folder.iterdir()))


def _check_length(name: str, run: Run) -> None:
    """Refuses to train a stage for longer once another was started from it."""
    if not parallel.is_main():
        return
    plain = json.loads((run.workdir / directory.CONFIG).read_text())
    if (done := plain["run"]["steps"]) != run.steps:
        raise ValueError(
            f"--steps is {run.steps}, but {name} was trained for {done} and the next"
            f" stage started from it; give another --workdir, or --steps {done}"
        )


def _starter(join, old, number):
    """`start(fresh)` for `train`: joined to the old state, as a run of its own."""
    # On the host, since the devices of one program are not those of another.
    key = np.asarray(jax.random.key_data(old.key))
    old = jax.tree.map(np.asarray, old.replace(key=key))

    def start(fresh):
        before = jax.tree.map(jnp.asarray, old)
        before = before.replace(key=jax.random.wrap_key_data(before.key))
        # Steps from 0, and randomness that no other stage had.
        return join(fresh, before).replace(
            step=jnp.zeros((), jnp.int32), key=jax.random.fold_in(before.key, number)
        )

    return start


def run(name: str, steps: int, every: int, **more: Any) -> Run:
    """A run in `runs/NAME`, with a sheet and a checkpoint every `every` steps.

    Args:
        name: of the directory.
        steps: to train for.
        every: steps between sheets, and between checkpoints.
        more: other fields of `train.Run`.
    """
    more = {"sample_every": every, "checkpoint_every": every} | more
    return Run(
        workdir=pathlib.Path("runs") / name,
        steps=steps,
        **more,
    )


@dataclasses.dataclass(frozen=True)
class Part:
    """One of the runs of a command that trains several."""

    run: Run
    data: Any
    model: Any


def part(config: Any, name: str, model: Any, **changes: Any) -> Part:
    """A run of a command that trains several.

    Args:
        config: of the command, with `run` and `data`.
        name: of its directory, in the command's.
        model: its own configuration of the model.
        changes: to fields of `run`, such as `seed` or `steps`.
    """
    run = dataclasses.replace(config.run, workdir=config.run.workdir / name, **changes)
    return Part(run, config.data, model)


def once(config: Any, fit: Callable[[], Result]) -> Numbers:
    """The numbers of a run that ended, or of one that is trained now.

    The loop finds nothing to do in a run that ended; this spares opening the data,
    compiling and measuring as well.

    Args:
        config: of the run.
        fit: trains it.
    """
    done = finished(config)
    return fit().numbers if done is None else done


def finished(config: Any) -> Numbers | None:
    """What a run left that ended with this very configuration; None if none did.

    Args:
        config: a dataclass with `run`, which also stands in the run's results.json.
    """
    done = None
    if parallel.is_main():
        with contextlib.suppress(FileNotFoundError, json.JSONDecodeError):
            found = json.loads((config.run.workdir / directory.RESULTS).read_text())
            wanted = training.as_json(dataclasses.asdict(config))
            known = training.as_json(restored.defaults(config))
            before = directory.filled(found.get("setting", {}), known, wanted)
            _leave_open(wanted, before)
            done = found if before == wanted else None
    return (done or {}) if parallel.agreed(done is not None) else None


def _leave_open(wanted: dict[str, Any], before: dict[str, Any]) -> None:
    """Takes the number of classes from a run where it is for the data to say."""
    model, trained = wanted.get("model"), before.get("model")
    for name in ("classes", "categories"):
        if isinstance(model, dict) and name in model and model[name] is None:
            model[name] = (trained or {}).get(name)
