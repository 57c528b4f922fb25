"""Disturbs a run again and again, and checks that it ends as if undisturbed.

    python -m experiments.endurance.kills --count 1000
    python -m experiments.endurance.kills --count 200 --processes 2

Trains two tiny perceptrons once undisturbed, and then again and again with signals:
SIGKILL, SIGTERM and SIGINT, alone and doubled, in the first second of the process,
while it resumes, in steps, while a checkpoint is written, between its writing and its
renaming, and in evaluations. Each time the same command goes on. Each run that reaches
its last step is compared with the undisturbed one: every array of the last state and of
the best one, and every loss, bit by bit; then another run begins.

Takes some seconds for each kill on two cores. Starts are forked from a process that has
done its imports, except those that are disturbed in their first second. The same
command goes on where it was stopped. Writes kills.jsonl, one line a kill, and
results.json, with the counts of each kind.
"""

import dataclasses
import json
import pathlib
import shutil
import subprocess
import time
from typing import Any

from tqdm import tqdm

from experiments.endurance.parts import ends, moments, nursery, processes
from jaxgan import bounds
from jaxgan.lab import cli, session
from jaxgan.train import directory
from jaxgan.train.terminal import say

ALIASES = {"--kills": "--count"}
STEPS = 600  # of a run
PATIENCE = 120  # seconds to wait for a moment, and for an end
FLAGS = [
    *("--steps", str(STEPS), "--batch-size", "8", "--pause", "0.003"),
    *("--log-every", "5", "--checkpoint-every", "50", "--evaluate-every", "60"),
    *("--sample-every", "1000", "--steps-per-call", "5"),
]


@dataclasses.dataclass(frozen=True)
class Config:
    """The run to disturb, and how often."""

    workdir: pathlib.Path = pathlib.Path("runs/kills")
    """Directory for the runs, kills.jsonl and results.json."""
    count: bounds.Count = 20
    """Kills, with those of earlier calls with as many processes."""
    processes: bounds.Count = 1
    """Processes of the run; one of them or all get the signals, and all must end."""
    seed: bounds.Seed = 0
    """Seed of the moments."""

    def __post_init__(self):
        bounds.check(self, flags=True)


def main(config: Config) -> None:
    """Trains undisturbed, trains with kills, and compares."""
    processes.heed_interrupts()
    home = config.workdir / f"{config.processes}_processes"
    home.mkdir(parents=True, exist_ok=True)
    log = config.workdir / "kills.jsonl"
    with nursery.opened() as born:
        _undisturbed(config, home, born)
        done = len([row for row in _mine(config, log) if "moment" in row])
        with tqdm(total=config.count, initial=done, unit="kill") as bar:
            while done < config.count:
                rows = _disturb(config, home, born, done)
                _write(log, [{"processes": config.processes, **row} for row in rows])
                counted = sum("moment" in row for row in rows)
                done += counted
                bar.update(counted)
                _save(config, log)
    _save(config, log)
    found = moments.summary(_mine(config, log))
    say(
        f"{found['kills']} kills, {found['lost']} lost, {found['hangs']} hangs;"
        f" {found['runs compared']} runs to the end, in which"
        f" {found['differing arrays']} arrays differ, and the losses of"
        f" {found['runs whose losses differ']}"
    )


def _undisturbed(config, home, born) -> None:
    """Trains the run with which all others are compared, unless it is there."""
    straight = home / "straight"
    if moments.newest(straight) == STEPS:
        return
    directory.remove(straight)
    straight.mkdir()
    started = _start(config, straight, born, plain=False)
    codes = _ends(started)
    if any(code != 0 for code in codes):
        raise ChildProcessError(
            f"the undisturbed run ended with {codes} (None: not in {PATIENCE} s); see"
            f" {straight / 'said.log'}"
        )


def _start(config, folder, born, plain):
    flags = ["--workdir", str(folder), *FLAGS]
    said, port = folder / "said.log", processes.free_port()
    commands = [
        [*flags, *processes.meeting(i, config.processes, port)]
        for i in range(config.processes)
    ]
    if not plain:
        return [born(command, said) for command in commands]
    with said.open("ab") as file:
        return [
            processes.start(
                "experiments.endurance.parts.victim", command, more=processes.CACHED,
                stdout=file, stderr=file,
            )
            for command in commands
        ]  # fmt: skip


def _disturb(config, home, born, number) -> list[dict[str, Any]]:
    """Starts the run once more and disturbs it; what came of it, as rows."""
    how = moments.chosen(config.seed, config.processes, number)
    folder = home / "disturbed"
    folder.mkdir(exist_ok=True)
    before, begin = moments.newest(folder), _size(folder / "said.log")
    said = lambda: _since(folder / "said.log", begin)  # noqa: E731
    plain = how.moment == "first second"
    started = _start(config, folder, born, plain)
    began = time.monotonic()
    try:
        own = not _wait_for(how, folder, said, started)
        if not own:
            began = time.monotonic()
            time.sleep(how.delay)
            _signal(how, started)
        codes = _ends(started)
    finally:
        for process in started:
            process.kill()
            process.wait(PATIENCE)
    after, text = moments.newest(folder), said()
    faults = moments.faults(how.moment, before, after, text, codes, own)
    rows = []
    if not own or faults:
        rows.append(
            {
                **dataclasses.asdict(how),
                "codes": codes,
                "seconds": round(time.monotonic() - began, 2),
                "before": before,
                "after": after,
                "stopped": "stopped and saved at step" in text,
                "save cut short": any(
                    (folder / "checkpoints").glob(moments.UNFINISHED)
                ),
                "faults": faults,
            }
            | ({"said": text[-3000:]} if faults else {})
        )
    if after == STEPS:
        found = ends.compared(home / "straight", folder)
        rows.append(found)
        kept = found["differing arrays"] or found["losses differ"]
        if kept or found["best differs"]:
            folder.rename(home / f"differs_{number}")
        else:
            shutil.rmtree(folder)
    elif "failed" in faults or "lost" in faults:
        folder.rename(home / f"lost_{number}")
    return rows


def _wait_for(how, folder, said, started) -> bool:
    """Waits for a moment; False if the run ended before, or the moment never came."""
    deadline = time.monotonic() + PATIENCE
    scalars, size = folder / directory.SCALARS, -1
    while not any(process.poll() is not None for process in started):
        if moments.begun(how.moment, folder, said()):
            if how.moment != "step" or 0 <= size < _size(scalars):
                return True
            size = size if size >= 0 else _size(scalars)
        if time.monotonic() > deadline:
            return False
        time.sleep(0.001)
    return False


def _signal(how, started) -> None:
    """Sends the signals."""
    chosen = {"main": started[:1], "other": started[1:], "all": started}[how.target]
    first, *second = moments.SIGNALS[how.signals]
    for process in chosen:
        process.send_signal(first)
    if second:
        time.sleep(how.gap)
        for process in chosen:
            process.send_signal(second[0])


def _ends(started) -> list[int | None]:
    """Exit codes, in bounded time; None for processes that hang."""
    deadline, codes = time.monotonic() + PATIENCE, []
    for process in started:
        try:
            codes.append(process.wait(max(0.1, deadline - time.monotonic())))
        except subprocess.TimeoutExpired:
            codes.append(None)
    return codes


def _size(path) -> int:
    return path.stat().st_size if path.exists() else 0


def _since(path, begin) -> str:
    if not path.exists():
        return ""
    with path.open("rb") as file:
        file.seek(begin)
        return file.read().decode(errors="replace")


def _mine(config, log) -> list[dict[str, Any]]:
    rows = [json.loads(line) for line in log.open()] if log.exists() else []
    return [row for row in rows if row["processes"] == config.processes]


def _write(log, rows) -> None:
    with log.open("a") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)


def _save(config, log) -> None:
    rows = [json.loads(line) for line in log.open()] if log.exists() else []
    counts = sorted({row["processes"] for row in rows})
    results = {
        f"{count} processes": moments.summary(
            row for row in rows if row["processes"] == count
        )
        for count in counts
    }
    results = {"command": session.command(), **results}
    session.save_json(config.workdir / "results.json", results)


if __name__ == "__main__":
    cli.run(main, Config, description=__doc__, aliases=ALIASES)
