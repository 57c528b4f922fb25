"""Disturbs processes that train together, and checks how they end.

    python -m experiments.endurance.processes
    python -m experiments.endurance.processes --only unshared cut

Two processes of this machine train two tiny perceptrons. In each scenario something is
wrong from the start, or goes wrong: signals, different flags, directories that are not
shared, a full disk, a process that is lost, frozen or slow, a cut cable. All processes
must end in bounded time, one of them must say why, and where something was saved, the
run must go on.

Takes about a minute for each scenario on two cores. Those of disks and cables need root
on Linux. Writes results.json, in which the scenarios of earlier calls stay.
"""

import concurrent.futures
import dataclasses
import json
import pathlib
import shutil
import time
from typing import Annotated, Any

from tqdm import tqdm

from experiments.endurance.parts import moments, plays, processes, stage
from experiments.endurance.parts.scenarios import SCENARIOS, Scenario
from jaxgan import bounds
from jaxgan.lab import cli, session
from jaxgan.train import directory
from jaxgan.train.terminal import say


@dataclasses.dataclass(frozen=True)
class Config:
    """What to try."""

    workdir: pathlib.Path = pathlib.Path("runs/processes")
    """Directory for what the scenarios leave, and for results.json."""
    only: tuple[str, ...] = ()
    """Scenarios to play; all if left out."""
    slow: Annotated[float, bounds.Within(0)] = 40.0
    """Seconds that the slow process is late with a batch."""

    at_once: bounds.Count = 1
    """Scenarios to play at the same time."""

    def __post_init__(self):
        bounds.check(self, flags=True)
        if unknown := sorted(set(self.only) - set(SCENARIOS)):
            raise ValueError(
                f"--only has {', '.join(unknown)}; the scenarios are"
                f" {', '.join(SCENARIOS)}"
            )


def main(config: Config) -> None:
    """Plays the scenarios, and writes the table."""
    processes.heed_interrupts()
    config.workdir.mkdir(parents=True, exist_ok=True)
    path = config.workdir / directory.RESULTS
    known = json.loads(path.read_text())["scenarios"] if path.exists() else {}
    names = config.only or tuple(SCENARIOS)
    with concurrent.futures.ThreadPoolExecutor(config.at_once) as pool:
        played = pool.map(lambda name: _play(config, name, SCENARIOS[name]), names)
        for name, found in zip(names, tqdm(played, total=len(names)), strict=True):
            known[name] = found
            table = {name: known[name] for name in SCENARIOS if name in known}
            session.save_json(path, {"command": session.command(), "scenarios": table})
            say(f"{name}: {found['verdict']}, {found['seconds']} s, {found['codes']}")
    wrong = [
        x for x, found in known.items() if found["verdict"] not in ("ok", "left out")
    ]
    say(f"{len(known)} scenarios; wrong: {', '.join(wrong) or 'none'}")


def _play(config, name: str, scenario: Scenario) -> dict[str, Any]:
    """Plays a scenario; how it ended."""
    result = {"about": scenario.about, "codes": [], "seconds": 0.0}
    if why := scenario.lacking():
        return result | {"verdict": "left out", "why": why}
    home = config.workdir / name
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir()
    on = stage.Stage(home, config.slow)
    try:
        never = ""
        try:
            scenario.play(on)
        except stage.Never as error:
            never = str(error)
        codes = on.ends(scenario.bound)
        seconds = time.monotonic() - on.since
        said = "\n".join(on.said(i) for i in range(len(on.started)))
        here = f"{pathlib.Path.cwd()}/"  # which says nothing on another machine
        sentence = stage.sentence(said.replace(here, ""), scenario.says)
        verdict = stage.verdict(codes, scenario.codes, sentence)
        if never and verdict == "ok":
            verdict = never
        result |= {
            "verdict": verdict,
            "codes": codes,
            "seconds": round(seconds, 1),
            "said": sentence,
        }
        on.kill()
        if scenario.resumes:
            result |= _resumed(on)
            if not result["resumed"] and verdict == "ok":
                result["verdict"] = "does not resume"
    finally:
        on.clear()
    return result


def _resumed(on) -> dict[str, Any]:
    """Whether the run goes on in one process, from its newest checkpoint."""
    saved = moments.newest(on.workdir)
    number = len(on.started)
    steps = str(saved + 20)
    on.begin(*plays.FLAGS, "--workdir", str(on.workdir), "--steps", steps)
    code = on.ends(stage.PATIENCE, number)[0]
    from_step = moments.resumed(on.said(number))
    return {
        "saved": saved,
        "resumed": code == 0 and from_step == saved,
        **({} if code == 0 else {"resumption said": on.said(number)[-400:]}),
    }


if __name__ == "__main__":
    cli.run(main, Config, description=__doc__)
