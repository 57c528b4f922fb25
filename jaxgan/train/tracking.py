"""Sends what a run writes to its trackers too, without ever stopping the run for them.

The directory of a run stays the whole record. A tracker is sent what it does not have
yet: its own run and the last step that it got are kept in trackers.json, so that the
same command goes on in the same tracker's run, with what was missed while it was away.
"""

import contextlib
import json
import pathlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from jaxgan import parallel, report
from jaxgan.train import directory, terminal, trackers
from jaxgan.train.run import Run

KEPT = "trackers.json"


class Following(NamedTuple):
    """How a loop tells its trackers; nothing is done where there are none.

    Attributes:
        rows: `rows(rows)` sends numbers, rows of steps in order.
        sheets: `sheets(step)` sends the sheets of a step, after its numbers.
    """

    rows: Callable[[Sequence[Mapping[str, Any]]], None]
    sheets: Callable[[int], None]


@contextlib.contextmanager
def following(run: Run, config: Mapping[str, Any]) -> Iterator[Following]:
    """Opens the trackers of `run.track` in the main process, and closes them after it.

    They are first sent what the directory holds and they lack. One that breaks is told
    of once, and left out from then on.

    Raises:
        ValueError: one of them cannot be opened; the message has the cure.
    """
    if not run.track or not parallel.is_main():
        yield Following(lambda rows: None, lambda step: None)
        return
    kept = _kept(run.workdir)
    live: dict[str, trackers.Tracker] = {}
    newest: dict[str, int] = {}  # steps that were sent, which need not come again

    def keep():
        report.write(run.workdir / KEPT, json.dumps(kept, indent=1))

    def drop(name, error):
        tracker = live.pop(name)
        with contextlib.suppress(Exception):
            tracker.close(False)
        said = " ".join(str(error).split())[:200]
        terminal.say(
            f"            {name} broke ({type(error).__name__}: {said}); training goes"
            f" on without it. All is in {run.workdir}, and the same command, called"
            " again, sends the rest"
        )

    def send(step, call, *what):
        for name, tracker in list(live.items()):
            if step < newest[name]:  # after a rollback
                continue
            try:
                getattr(tracker, call)(step, *what)
            except Exception as error:  # of networks and of foreign code, any kind
                drop(name, error)
                kept[name]["step"] = min(kept[name]["step"], step - 1)
            else:
                newest[name] = kept[name]["step"] = step

    def rows(rows):
        for row in rows:
            step, numbers = row["step"], {k: x for k, x in row.items() if k != "step"}
            send(step, "scalars", numbers)

    def sheets(step):
        for name in directory.sheet_names(run.workdir):
            path = directory.sheet(run.workdir, name, step)
            if path.is_file():
                send(step, "picture", name, path)

    def kept_after(call):
        return lambda given: (call(given), keep())[0]

    ended = False
    try:
        for name in dict.fromkeys(run.track):
            known = kept.setdefault(name, {"id": "", "step": -1})
            live[name] = trackers.opened(name, run.workdir, config, known["id"])
            known["id"], newest[name] = live[name].id, known["step"] + 1
        keep()
        for step, found in _written(run.workdir, min(newest.values())):
            rows(found)
            sheets(step)
        keep()
        yield Following(kept_after(rows), kept_after(sheets))
        ended = True
    finally:
        for name, tracker in list(live.items()):
            try:
                tracker.close(ended)
            except Exception as error:
                drop(name, error)


def _written(
    workdir: pathlib.Path, first: int
) -> Iterator[tuple[int, list[dict[str, Any]]]]:
    """The steps of which a directory has rows or sheets, with their rows."""
    found: dict[int, list[dict[str, Any]]] = {}
    for name in directory.sheet_names(workdir):
        found |= {step: [] for step in directory.sheets(workdir, name)}
    for row in directory.scalars(workdir):
        found.setdefault(row["step"], []).append(row)
    yield from sorted((x for x in found.items() if x[0] >= first), key=lambda x: x[0])


def _kept(workdir: pathlib.Path) -> dict[str, Any]:
    """The id and the last step of each tracker, as an earlier call left them."""
    try:
        found = json.loads((workdir / KEPT).read_text())
        return {
            str(name): {"id": str(one["id"]), "step": int(one["step"])}
            for name, one in found.items()
        }
    except (OSError, ValueError, RecursionError, AttributeError, TypeError, KeyError):
        return {}
