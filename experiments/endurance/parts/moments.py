"""When and how a run is disturbed, and what became of it."""

import collections
import dataclasses
import pathlib
import random
import re
import signal
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from experiments.endurance.parts import victim

MOMENTS = ("first second", "resumption", "step", "save", "rename", "evaluation")
SIGNALS = {
    "KILL": (signal.SIGKILL,),
    "TERM": (signal.SIGTERM,),
    "INT": (signal.SIGINT,),
    "TERM TERM": (signal.SIGTERM, signal.SIGTERM),
    "INT INT": (signal.SIGINT, signal.SIGINT),
    "TERM KILL": (signal.SIGTERM, signal.SIGKILL),
}
TARGETS = ("main", "other", "all")
UNFINISHED = "*.orbax-checkpoint-tmp"
# The longest random delay after a moment was seen, in seconds.
DELAYS = {
    "first second": 1.0, "resumption": 0.6, "step": 0.3, "save": 0.1, "rename": 0.0,
    "evaluation": 0.05,
}  # fmt: skip
TRACING = "tracing the training step"
COMPILING = "compiling the training step"


@dataclasses.dataclass(frozen=True)
class Disturbance:
    """One disturbance of a run.

    Attributes:
        moment: one of `MOMENTS`.
        signals: one of `SIGNALS`.
        target: which processes get them: one of `TARGETS`.
        delay: seconds from the moment to the first signal.
        gap: seconds from the first signal to the second.
    """

    moment: str
    signals: str
    target: str
    delay: float
    gap: float


def chosen(seed: int, processes: int, number: int) -> Disturbance:
    """The disturbance of a number: all kinds in turn, at random times.

    In the first second processes have not met yet, and would wait minutes for one that
    is lost, so there all get the signals.
    """
    kind, moment = divmod(number, len(MOMENTS))
    more, kind = divmod(kind, len(SIGNALS))
    chance = random.Random(f"{seed} {processes} {number}")
    moment = MOMENTS[moment]
    together = "all" if moment == "first second" else TARGETS[more % len(TARGETS)]
    target = "main" if processes == 1 else together
    return Disturbance(
        moment,
        [*SIGNALS][kind],
        target,
        chance.uniform(0, DELAYS[moment]),
        chance.choice((0.0, chance.uniform(0, 0.3))),
    )


def begun(moment: str, folder: pathlib.Path, said: str) -> bool:
    """Whether a moment has come, from what the run has said since its start.

    A step is seen apart, by numbers that are written.
    """
    if moment == "first second":
        return True
    if moment == "resumption":
        return TRACING in said
    if COMPILING not in said:
        return False
    if moment == "evaluation":
        return victim.EVALUATING in said
    return moment == "step" or saving(folder, moment == "rename")


def saving(folder: pathlib.Path, written: bool) -> bool:
    """Whether a checkpoint is being saved, or only has to be renamed."""
    for unfinished in (folder / "checkpoints").glob(UNFINISHED):
        if not written:
            return True
        # Its two parts are renamed first, and then the whole.
        if (unfinished / "state").exists() or (unfinished / "record").exists():
            return True
    return False


def newest(folder: pathlib.Path) -> int:
    """The step of the newest complete checkpoint; 0 where there is none."""
    steps = [p.name for p in (folder / "checkpoints").glob("[0-9]*")]
    return max((int(name) for name in steps if name.isdigit()), default=0)


def resumed(said: str) -> int | None:
    """The step from which a run said that it goes on; None if it said nothing yet."""
    if found := re.search(r"going on from step ([\d,]+) of", said):
        return int(found[1].replace(",", ""))
    return 0 if "drawing the first weights" in said else None


def faults(
    moment: str,
    before: int,
    after: int,
    said: str,
    codes: Sequence[int | None],
    own: bool,
) -> list[str]:
    """What must not happen, and did.

    Args:
        moment: of the disturbance; in the first second, tracebacks are Python's own.
        before: the newest checkpoint before the start.
        after: the newest one after the end.
        said: what the run said in between.
        codes: exit codes; None for a process that had to be killed in the end.
        own: whether the run ended before it was disturbed.
    """
    found = []
    if None in codes:
        found.append("hang")
    if after < before or resumed(said) not in (None, before):
        found.append("lost")
    stopped = re.search(r"stopped and saved at step (\d+) of", said)
    if stopped and int(stopped[1]) != after:
        found.append("lost")
    if own and any(codes):
        found.append("failed")
    if "Traceback (most recent" in said and moment != "first second":
        found.append("traceback")
    return found


def summary(rows: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Counts disturbances and faults, by kind, and the runs that were compared."""
    rows = [*rows]
    kills = [row for row in rows if "moment" in row]
    ends = [row for row in rows if "differing arrays" in row]
    faults = collections.Counter(fault for row in kills for fault in row["faults"])
    return {
        "kills": len(kills),
        "lost": faults["lost"] + faults["failed"],
        "hangs": faults["hang"],
        "tracebacks": faults["traceback"],
        "runs compared": len(ends),
        "differing arrays": sum(len(row["differing arrays"]) for row in ends),
        "runs whose losses differ": sum(row["losses differ"] for row in ends),
        "runs whose best differs": sum(row["best differs"] for row in ends),
        "saves cut short": sum(row["save cut short"] for row in kills),
        "stopped and saved": sum(row["stopped"] for row in kills),
        "most seconds to the end": max((row["seconds"] for row in kills), default=0),
        "by kind": _by_kind(kills),
    }


def _by_kind(kills):
    table: dict[str, dict[str, dict[str, int]]] = {}
    for name in ("moment", "signals", "target"):
        for row in kills:
            cell = table.setdefault(name, {}).setdefault(
                row[name], {"kills": 0, "with a fault": 0}
            )
            cell["kills"] += 1
            cell["with a fault"] += bool(row["faults"])
    return table
