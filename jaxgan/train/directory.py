"""The directory of a run: the names of its files, its owner, and its start.

config.json      what the run was started with
checkpoints/     its latest states, one a folder
best/            the state that scored best, where evaluations were asked for
scalars.jsonl    losses and other numbers, one line a step
tensorboard/     the same, for TensorBoard
samples/         sheets of images, NAME_STEP.png
trackers.json    which runs of trackers this is, and what they have of it
results.json     numbers at the end
report.html      the page that shows all of it, written at each sheet; curves.png,
                 strip.png, classes.png and neighbours.png are made at the end
.lock            who trains in it now
"""

import json
import pathlib
import shutil
import tempfile
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

from jaxgan import checkpoint, parallel, paths, report

CONFIG, SCALARS, RESULTS = "config.json", "scalars.jsonl", "results.json"
LATEST, BEST, SAMPLES, TENSORBOARD = "checkpoints", "best", "samples", "tensorboard"
REPORT, CURVES, STRIP = "report.html", "curves.png", "strip.png"
NEIGHBOURS, CLASSES = "neighbours.png", "classes.png"

# Fields that may change between a run and its resumption; with any other changed, it
# is another run.
_FREE = {
    "steps", "workdir", "log_every", "sample_every", "checkpoint_every", "keep",
    "devices", "fsdp", "processes", "process", "coordinator", "steps_per_call",
    "evaluate_every", "evaluation", "game", "on_nan", "accept_changes",
    "data_processes", "set_aside", "track",
}  # fmt: skip

# Fields that each process has for itself; the others must be the same in all. The
# folder may be mounted at another place.
_OWN = {"workdir", "processes", "process", "coordinator", "data_processes"}


def scalars(workdir: pathlib.Path) -> list[dict[str, Any]]:
    """The rows of numbers that a run has written so far."""
    return report.read_scalars(workdir / SCALARS)


def sheet(workdir: pathlib.Path, name: str, step: int) -> pathlib.Path:
    """The file of a sheet of images."""
    return workdir / SAMPLES / f"{name}_{step:07d}.png"


def sheets(workdir: pathlib.Path, name: str) -> dict[int, pathlib.Path]:
    """Step -> file, in the order of steps, of all sheets of one name."""
    found = {}
    for path in sorted((workdir / SAMPLES).glob(f"{name}_*.png")):
        of, _, step = path.stem.rpartition("_")
        if of == name and step.isdigit():
            found[int(step)] = path
    return found


def sheet_names(workdir: pathlib.Path) -> list[str]:
    """The names of the sheets of a run: moving averages first, raw weights last."""
    order = {"ema": 0, "raw": 2}
    stems = [path.stem.rpartition("_") for path in (workdir / SAMPLES).glob("*_*.png")]
    names = {name for name, _, step in stems if step.isdigit()}
    return sorted(names, key=lambda name: (order.get(name, 1), name))


def begun(workdir: pathlib.Path) -> dict[str, Any] | None:
    """The configuration of the run in a directory; None where there is none to read."""
    try:
        plain = json.loads((workdir / CONFIG).read_text())
    except (FileNotFoundError, NotADirectoryError, ValueError, RecursionError):
        return None
    return plain if isinstance(plain, dict) else None


def check(
    workdir: pathlib.Path,
    config: Mapping[str, Any],
    *,
    defaults: Mapping[str, Any] | None = None,
    accept_changes: bool = False,
) -> list[str]:
    """Checks that a directory is, or may become, that of a run; the main process does.

    Nothing in it is changed: `claim` does that, when nothing else may refuse the run.

    Args:
        workdir: the directory, made if absent.
        config: the run's configuration.
        defaults: values of fields that the directory's configuration lacks, because
            they were added to the library after the run began.
        accept_changes: allow another configuration.

    Returns:
        What has changed in the configuration.

    Raises:
        ValueError: it is a file, cannot be written in, holds other files, or holds a
            different run.
    """
    if not parallel.is_main():
        return []
    check_place(workdir)
    path = workdir / CONFIG
    if not path.exists():
        return []
    before = begun(workdir)
    if before is None:
        raise ValueError(f"{path} is damaged; restore it, or give another --workdir")
    config = as_json(config)
    # Some runs are older than this choice, and have the fingerprint of the other.
    split = _set_aside(before) != _set_aside(config)
    before = filled(before, defaults or {}, config)
    changed = checkpoint.differences(_fixed(before), _fixed(config))
    if changed and not accept_changes:
        last = ". If its set has no test part, --set-aside last has the images it had"
        raise ValueError(
            f"{workdir} holds a run of another configuration"
            f" ({'; '.join(changed)}); give another --workdir, or the same"
            " configuration to go on with it, or --accept-changes to go on with"
            f" this one{last if split else ''}"
        )
    return changed


def _set_aside(config: Mapping[str, Any]) -> Any:
    """How test images were set aside; None before there was a choice."""
    data = config.get("data")
    return data.get("set_aside") if isinstance(data, Mapping) else None


def check_place(workdir: pathlib.Path) -> None:
    """Makes a directory if absent, and checks that a run can be kept in it.

    Raises:
        ValueError: it is a file, cannot be written in, or holds files of no run.
    """
    paths.check(workdir)
    try:
        workdir.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=workdir).close()
        there = sorted(path.name for path in workdir.iterdir())
    except FileExistsError:
        raise ValueError(
            f"the work directory {workdir} is a file; give another --workdir"
        ) from None
    except NotADirectoryError:
        raise ValueError(
            f"a part of the work directory {workdir} is a file; give another --workdir"
        ) from None
    except OSError as error:
        raise ValueError(
            f"cannot write in the work directory {workdir} ({error.strerror});"
            " give another --workdir"
        ) from None
    others = [name for name in there if not _begins_a_run(name)]
    if CONFIG not in there and others:
        more = f" and {len(others) - 3} more" if len(others) > 3 else ""
        raise ValueError(
            f"the work directory {workdir} is no run, but holds"
            f" {', '.join(others[:3])}{more}; give a --workdir that is new or empty"
        )


def _begins_a_run(name: str) -> bool:
    """Whether a file may lie in the directory of a run that has only begun.

    These are the folders that a run makes first, hidden files, and logs, since those
    who start a run often send what it says into its directory.
    """
    logs = (".log", ".out", ".err")
    half = name.startswith(CONFIG) and name.endswith(".part")
    ours = name in (LATEST, BEST) or half
    return ours or name.startswith(".") or name.endswith(logs)


def claim(
    workdir: pathlib.Path, config: Mapping[str, Any], changed: Sequence[str] = ()
) -> None:
    """Makes a directory a run's own, by its configuration; the main process does it.

    Args:
        workdir: a directory that was checked.
        config: the run's configuration.
        changed: what `check` returned, to say so.
    """
    if not parallel.is_main():
        return
    if changed:
        tell(f"going on with another configuration ({'; '.join(changed)})")
    for folder in (workdir, workdir / SAMPLES):
        for left in folder.glob("*.part"):  # of a process that was killed
            left.unlink(missing_ok=True)
    report.write(workdir / CONFIG, json.dumps(as_json(config), indent=1))


def remove(workdir: pathlib.Path) -> None:
    """Removes the run of a directory, if there is one, and the directory with it.

    Raises:
        ValueError: it holds files of no run, which are left alone.
    """
    if workdir.exists():
        check_place(workdir)
        shutil.rmtree(workdir)


def as_json(config: Mapping[str, Any]) -> dict[str, Any]:
    """A configuration as JSON returns it: paths as text, tuples as lists."""
    return json.loads(json.dumps(config, default=str))


def check_alike(config: Mapping[str, Any]) -> None:
    """Checks that all processes were started with the same configuration and data."""
    mine = _without(as_json(config), _OWN)
    main = json.loads(parallel.told(json.dumps(mine)))
    wrong = [
        f"process {i} against process 0: {text}"
        for i, text in enumerate(
            parallel.gathered("; ".join(checkpoint.differences(main, mine)[:3]))
        )
        if text
    ]
    if wrong:
        raise ValueError(
            "the processes of this run were started with different configurations or"
            f" data ({'. '.join(wrong[:3])}); run the same command, on the same data,"
            " everywhere"
        )


def tell(message: str) -> None:
    """Warns; of several processes, the main one does."""
    if parallel.is_main():
        warnings.warn(message, stacklevel=3)


def filled(
    before: Mapping[str, Any], defaults: Mapping[str, Any], config: Mapping[str, Any]
) -> dict[str, Any]:
    """`before`, with the defaults of those fields of `config` that it lacks."""
    complete = dict(before)
    for name in config:
        default, value = defaults.get(name), before.get(name)
        if name not in before and name in defaults:
            complete[name] = default
        elif isinstance(value, Mapping) and isinstance(default, Mapping):
            complete[name] = filled(value, default, config[name])
    return complete


def _fixed(config):
    """The configuration without the fields that may change."""
    return _without(config, _FREE)


def _without(config, names):
    return {
        name: _without(value, names) if isinstance(value, Mapping) else value
        for name, value in config.items()
        if name not in names
    }
