"""Feeds thousands of damaged files and wrong flags to the library: none may break it.

    python -m experiments.endurance.fuzz
    python -m experiments.endurance.fuzz --trials 500 --seed 1
    python -m experiments.endurance.fuzz --only 1234

Half of the trials are images (PNG, JPEG, WebP, GIF, TIFF and BMP), a fifth archives
(zip and npz), a tenth IDX files and a fifth command lines of all commands. Bytes are
flipped, cut, repeated, or overwritten with extreme numbers; labels, headers and names
are wrong; flags are unknown, lack values, or have values that are of the wrong type,
NaN, negative or huge. Files are opened and loaded; a command line is parsed, and the
networks that it asks for are traced, but nothing is trained.

Each trial may succeed, or be refused by one sentence as a command would. Another error
(a user would see a traceback), the end of its process, more than a GiB of memory, or
more than `--limit` seconds are faults; there must be none. A trial is made from the
seed and its number, so `--only` plays one again and shows what happened.

This takes some minutes on two CPU cores. The output is results.json: the table and all
faults.
"""

import collections
import dataclasses
import functools
import pathlib
import tempfile
from collections.abc import Sequence
from typing import Annotated

from experiments.endurance.fuzz import pool, trial
from jaxgan import bounds
from jaxgan.lab import cli, figures
from jaxgan.train.terminal import say


@dataclasses.dataclass(frozen=True)
class Config:
    """How much to try."""

    workdir: pathlib.Path = pathlib.Path("runs/fuzz")
    """Directory for results.json."""
    trials: bounds.Count = 5000
    """Number of trials."""
    only: Annotated[int, bounds.Within(-1)] = -1
    """Number of a single trial to play, in this process; -1 plays all."""
    limit: bounds.Rate = 60.0
    """Seconds that a trial may take."""
    at_once: bounds.Count = 2
    """Processes that play trials at the same time."""
    seed: bounds.Natural = 0
    """Seed of all trials."""

    def __post_init__(self):
        bounds.check(self, flags=True)


def main(config: Config) -> None:
    """Plays all trials, writes the table, and fails if there was a fault."""
    with tempfile.TemporaryDirectory() as folder:
        play = functools.partial(trial.play, config.seed, pathlib.Path(folder))
        if config.only >= 0:
            outcome = play(config.only, show=True)
            return say(f"trial {config.only}: {outcome.ended} {outcome.said}")
        found = pool.play(play, range(config.trials), config.limit, config.at_once)
    rows, faults = table(found), [x for x in found if x.ended in trial.FAULTS]
    results = {
        "seed": config.seed,
        "limit": config.limit,
        "table": rows,
        "faults": [x._asdict() for x in faults],
    }
    figures.save_results(config.workdir / "results.json", results)
    for kind, row in rows.items():
        said = ", ".join(f"{value:,} {name}" for name, value in row.items())
        say(f"{kind:>10}  {said}")
    if faults:
        raise ValueError(
            f"{len(faults)} of {config.trials:,} trials are faults, first number"
            f" {faults[0].number}: {faults[0].said}"
        )


def table(found: Sequence[trial.Outcome]) -> dict[str, dict[str, float]]:
    """How the trials of each kind ended, and the seconds of the slowest."""
    rows = {}
    for kind in (*sorted({x.kind for x in found}), "all"):
        some = [x for x in found if kind in (x.kind, "all")]
        ends = collections.Counter(x.ended for x in some)
        rows[kind] = {
            "trials": len(some),
            **{end: ends[end] for end in (*trial.FINE, *trial.FAULTS)},
            "seconds at most": round(max(x.seconds for x in some), 1),
        }
    return rows


if __name__ == "__main__":
    cli.run(main, Config, description=__doc__)
