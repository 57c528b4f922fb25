"""Kills a run again and again, and checks that it ends as one that was never killed.

    python -m experiments.endurance.kills
    python -m experiments.endurance.kills --kills 50 --processes 2

Trains a small DCGAN on drawn faces once undisturbed, and once with `kill -9` at random
moments: one third in the middle of steps, one third while a checkpoint is being
written, and one third when its files are written and about to be renamed. Each time the
same command goes on. Then compares every array of the two final states, and every loss,
bit by bit.

Takes about ten seconds for each kill on two cores. Writes results.json, which says for
each kill which steps were saved and lost, and whether a save was interrupted.
"""

import dataclasses
import json
import pathlib
import random
import subprocess
import time
from typing import Any

import jax
import numpy as np
from tqdm import tqdm

from experiments.endurance.parts import processes
from jaxgan import bounds, report
from jaxgan.lab import cli, figures, restored
from jaxgan.train import directory
from jaxgan.train.terminal import say

MOMENTS = ("step", "save", "rename")
EVERY = 20  # steps between checkpoints
UNFINISHED = "*.orbax-checkpoint-tmp"
PATIENCE = 600  # seconds to wait for a sign of life


@dataclasses.dataclass(frozen=True)
class Config:
    """The run to kill, and how often."""

    workdir: pathlib.Path = pathlib.Path("runs/kills")
    """Directory for the two runs and results.json; older runs there are removed."""
    kills: bounds.Count = 20
    """Number of times to kill the run before it may end."""
    processes: bounds.Count = 1
    """Processes of the run; one is killed, and the others must end by themselves."""
    seed: bounds.Seed = 0
    """Seed of the moments."""

    def __post_init__(self):
        bounds.check(self, flags=True)


def main(config: Config) -> None:
    """Trains undisturbed, trains with kills, and compares."""
    straight, killed = config.workdir / "straight", config.workdir / "killed"
    for folder in (straight, killed):
        directory.remove(folder)
        folder.mkdir(parents=True)
    chance = random.Random(config.seed)
    kills = []
    with tqdm(total=config.kills, unit="kill") as bar:
        while len(kills) < config.kills:
            kind = MOMENTS[len(kills) % len(MOMENTS)]
            kills.append(_kill(config, killed, kind, chance))
            bar.update()
    # Some steps more than were reached, so that both runs end at the same step.
    steps = (max([kill["played"] for kill in kills]) // EVERY + 4) * EVERY
    began = time.perf_counter()
    for folder in (straight, killed):
        _to_the_end(config, folder, steps)
    differing = _differing(straight, killed, steps)
    results = {
        "kills": kills,
        "steps": steps,
        "checkpoint every": EVERY,
        "most steps lost": max(kill["lost"] for kill in kills),
        "saves cut short": sum(kill["save cut short"] for kill in kills),
        "arrays that differ": differing,
        "losses that differ": _losses(straight) != _losses(killed),
        "seconds of the last parts": round(time.perf_counter() - began),
    }
    figures.save_results(config.workdir / "results.json", results)
    say(
        f"{len(kills)} kills, {results['saves cut short']} of them in a save; at most"
        f" {results['most steps lost']} steps lost, with a checkpoint every {EVERY};"
        f" after {steps} steps {len(differing)} arrays differ, and"
        f" {'some' if results['losses that differ'] else 'no'} losses"
    )


def _command(folder, steps):
    return [
        *("--data", "faces:64", "--workdir", str(folder), "--steps", str(steps)),
        *("--model.resolution", "16", "--model.width", "8", "--batch-size", "8"),
        *("--log-every", "1", "--checkpoint-every", str(EVERY)),
        *("--sample-every", "100000"),
    ]


def _start(config, folder, steps, said):
    return processes.together(
        "experiments.dcgan_faces", _command(folder, steps), config.processes,
        stderr=said, stdout=said,
    )  # fmt: skip


def _kill(config, folder, kind, chance) -> dict[str, Any]:
    """Resumes the run, and kills one of its processes at a given kind of moment."""
    with (folder / "said.log").open("ab") as said:
        started = _start(config, folder, 10**6, said)
        scalars, rewound = folder / "scalars.jsonl", _file(folder / "scalars.jsonl")
        saved = _saved(folder)
        try:
            # The run first drops the steps after the last checkpoint, in a new file.
            _wait(lambda: _file(scalars) != rewound, started)
            _wait(lambda: _played(folder) > saved, started)
            # Waits a random time beyond the first steps.
            time.sleep(chance.uniform(0, 1.5))
            _wait(lambda: kind == "step" or _saving(folder, kind == "rename"), started)
            time.sleep(chance.uniform(0, 0.1) if kind == "save" else 0)
            unlucky = started[chance.randrange(len(started))]
            unlucky.kill()
            # The others must notice it and end.
            for process in started:
                process.wait(PATIENCE)
        finally:
            for process in started:
                process.kill()
                process.wait()
    saved, played = _saved(folder), _played(folder)
    return {
        "moment": kind,
        "saved": saved,
        "played": played,
        "lost": played - saved,
        "save cut short": any((folder / "checkpoints").glob(UNFINISHED)),
    }


def _saving(folder, written) -> bool:
    """Whether a checkpoint is being saved, or only has to be renamed."""
    for unfinished in (folder / "checkpoints").glob(UNFINISHED):
        if not written:
            return True
        # Its two parts are renamed first, and then the whole.
        if (unfinished / "state").exists() or (unfinished / "record").exists():
            return True
    return False


def _wait(condition, started) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline or any(p.poll() is not None for p in started):
            raise ChildProcessError("the run ended or hangs; see said.log beside it")
        time.sleep(0.0005)


def _file(path) -> int:
    return path.stat().st_ino if path.exists() else 0


def _saved(folder) -> int:
    steps = [int(p.name) for p in (folder / "checkpoints").glob("[0-9]*") if
             p.name.isdigit()]  # fmt: skip
    return max(steps, default=0)


def _played(folder) -> int:
    rows = report.read_scalars(folder / "scalars.jsonl")
    return rows[-1]["step"] if rows else 0


def _to_the_end(config, folder, steps) -> None:
    with (folder / "said.log").open("ab") as said:
        codes = [p.wait() for p in _start(config, folder, steps, said)]
    if any(codes):
        raise subprocess.CalledProcessError(max(codes), f"see {folder / 'said.log'}")


def _differing(one, other, steps) -> list[str]:
    """Paths of the arrays that differ in any bit between two final states."""
    states = []
    for folder in (one, other):
        found = restored.restore(folder)
        if int(found.state.step) != steps:
            raise ValueError(f"{folder} ends at step {int(found.state.step)}")
        state = found.state
        states.append(state.replace(key=jax.random.key_data(state.key)))
    return [
        jax.tree_util.keystr(path, simple=True, separator="/")
        for (path, x), y in zip(
            jax.tree.leaves_with_path(states[0]),
            jax.tree.leaves(states[1]),
            strict=True,
        )
        if np.asarray(x).tobytes() != np.asarray(y).tobytes()
    ]


def _losses(folder) -> list[str]:
    rows = report.read_scalars(folder / "scalars.jsonl")
    timing = {"images_per_second", "waiting_for_data"}
    return [
        json.dumps({k: x for k, x in row.items() if k not in timing}) for row in rows
    ]


if __name__ == "__main__":
    cli.run(main, Config, description=__doc__)
