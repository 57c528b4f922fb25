"""Makes the runs of the book, a process each, and keeps what became of them."""

import json
import pathlib
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from experiments.figures.entries import Figure
from experiments.figures.runs import RUNS
from jaxgan import report
from jaxgan.lab.data import Data, open_set
from jaxgan.train.terminal import say

DIGITS = "digits"  # stands for the set of digits in commands


class Record(NamedTuple):
    """What became of a run.

    Attributes:
        command: as it was called.
        code: its exit status.
        seconds: what it took by the clock, with all interrupted calls.
        said: the last line that it wrote.
    """

    command: str
    code: int
    seconds: float
    said: str


class Shelf(NamedTuple):
    """Where a book's runs are, and of which size.

    Attributes:
        folder: has a folder for each run.
        digits: the set of digits.
        small: whether runs are small.
    """

    folder: pathlib.Path
    digits: str
    small: bool

    def read(self, name: str) -> Any:
        """What a run wrote, such as `gan_1d/results.json`."""
        path = self.folder / name
        if path.suffix == ".jsonl":
            return report.read_scalars(path)
        return json.loads(path.read_text(encoding="utf-8"))

    def command(self, name: str) -> str:
        """The command of a run, as one types it."""
        made = RUNS[name]
        places = {other: shlex.quote(str(self.folder / other)) for other in RUNS}
        flags = f"{made.command} {made.small if self.small else ''}".strip()
        flags = flags.format_map(places | {DIGITS: shlex.quote(self.digits)})
        return f"python -m experiments.{flags} --workdir {places[name]}"

    def record(self, name: str) -> Record | None:
        """What became of a run that was called with this very command."""
        try:
            found = Record(**self.read(f"records/{name}.json"))
        except (FileNotFoundError, json.JSONDecodeError):
            return None
        return found if found.command == self.command(name) else None

    def minutes(self, name: str) -> float:
        """What a run takes on two CPU cores, about."""
        return RUNS[name].small_minutes if self.small else RUNS[name].minutes


def before(name: str) -> list[str]:
    """The runs that a run reads."""
    return [x for x in re.findall(r"\{(\w+)\}", RUNS[name].command) if x != DIGITS]


def needed(figures: Iterable[Figure]) -> list[str]:
    """All runs of figures, and those that these read, in the order of making."""
    found: set[str] = set()
    left = [name for figure in figures for name in figure.made]
    while left:
        name = left.pop()
        found.add(name)
        left += before(name)
    return [name for name in RUNS if name in found]


def check_digits(shelf: Shelf, names: list[str]) -> None:
    """Opens the digits, so that a wrong name ends the book and not each of its runs.

    Raises:
        ValueError: one of the runs reads them, and they are not there.
    """
    if any(f"{{{DIGITS}}}" in RUNS[name].command for name in names):
        open_set(Data(shelf.digits), (28, 28, 1))


def make(shelf: Shelf, names: list[str]) -> None:
    """Makes what is missing, in order; what fails is left out, with what reads it."""
    done = {name for name in names if ended(shelf.record(name))}
    left = [name for name in names if name not in done]
    if done:
        say(f"{len(done)} of {len(names)} runs were made before")
    began, planned = time.perf_counter(), 0.0
    for number, name in enumerate(left, len(done) + 1):
        spent = (time.perf_counter() - began) / 60
        rest = sum(map(shelf.minutes, left[number - len(done) - 1 :]))
        # The pace so far, as if there had been a minute at that of the plan.
        rest *= (spent + 1) / (planned + 1)
        planned += shelf.minutes(name)
        lacking = [x for x in before(name) if not ended(shelf.record(x))]
        if lacking:
            say(
                f"{number} of {len(names)}  {name}: left out, since {lacking[0]} failed"
            )
            continue
        say(
            f"{number} of {len(names)}  {name}, about {rest:.0f} min left with the rest"
        )
        record = call(shelf, name)
        if record.code:
            say(f"{name} ended with status {record.code}: {record.said}")


def ended(record: Record | None) -> bool:
    """Whether a run came to its end."""
    return record is not None and record.code == 0


def call(shelf: Shelf, name: str) -> Record:
    """Runs a command in a process of its own, which ends by itself on Ctrl-C."""
    command = shelf.command(name)
    _, _, *words = shlex.split(command)
    log = shelf.folder / "logs" / f"{name}.txt"
    log.parent.mkdir(parents=True, exist_ok=True)
    known = shelf.record(name)
    earlier = known.seconds if known and known.code else 0.0
    began, code = time.perf_counter(), 130
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", *words], stdout=out, stderr=subprocess.STDOUT
        )
        try:
            code = process.wait()
        finally:
            process.wait()  # after Ctrl-C it saves itself, which takes a while
            seconds = earlier + time.perf_counter() - began
            record = Record(command, code, round(seconds, 1), last_words(log))
            text = json.dumps(record._asdict(), indent=1)
            report.write(shelf.folder / "records" / f"{name}.json", text + "\n")
    return record


def last_words(log: pathlib.Path) -> str:
    """The error that a command ended with, or else its last line."""
    text = log.read_text(encoding="utf-8", errors="replace")
    lines = [line for line in (x.strip(" ╭─╮│╰╯") for x in text.splitlines()) if line]
    errors = [line for line in lines if line.startswith("error: ")]
    return (errors or lines or [""])[-1][:500]


def pictures(shelf: Shelf, figure: Figure) -> list[pathlib.Path]:
    """The files of a figure's pictures that are there."""
    found = (sorted(shelf.folder.glob(pattern)) for pattern in figure.pictures)
    return [files[-1] for files in found if files]


def records(shelf: Shelf, names: Iterable[str]) -> Mapping[str, Record]:
    """What became of runs, of those that were made."""
    found = {name: shelf.record(name) for name in names}
    return {name: record for name, record in found.items() if record is not None}
