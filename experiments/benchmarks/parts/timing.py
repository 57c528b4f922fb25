"""Times training steps in pairs, each in a separate process.

Two frameworks in one process would share thread pools and the allocator, and two runs
one after the other would meet different loads of the machine. So each case is a child
process that builds its step, warms up and waits; the parent then times one turn of each
case while the others sleep, round by round, and the ratio of two cases is the median of
their ratios within a round.
"""

import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple


class Sample(NamedTuple):
    """One timed turn: milliseconds per step, and CPUs busy with other processes."""

    ms: float
    foreign: float


def serve(step: Callable[[], object], *, warmup: int = 3) -> None:
    """Runs the child: answers each line "N" on stdin with the time of N steps."""
    for _ in range(warmup):
        step()
    print("READY", flush=True)
    for line in sys.stdin:
        print(json.dumps(_time(step, int(line))), flush=True)


def _time(step: Callable[[], object], steps: int) -> Sample:
    busy, own = busy_seconds(), time.process_time()
    start = time.perf_counter()
    for _ in range(steps):
        step()
    wall = time.perf_counter() - start
    busy, own = busy_seconds() - busy, time.process_time() - own
    return Sample(1e3 * wall / steps, max(0.0, busy - own) / wall)


def busy_seconds() -> float:
    """CPU seconds spent by all processes of the machine (0 where unknown)."""
    try:
        with open("/proc/stat") as file:
            fields = [int(field) for field in file.readline().split()[1:9]]
    except OSError:
        return 0.0
    return (sum(fields) - fields[3] - fields[4]) / os.sysconf("SC_CLK_TCK")


def measure(
    commands: Mapping[str, Sequence[str]],
    *,
    rounds: int,
    steps: int = 1,
    pause: float = 0.02,
    tries: int = 2,
    max_foreign: float = 0.3,
) -> dict[str, list[Sample]]:
    """Times every command in turn.

    Args:
        commands: Name to command line of a process that calls `serve`.
        rounds: Turns of each case.
        steps: Training steps in a turn.
        pause: Seconds before a turn, so that the threads of the last turn fall asleep.
        tries: How often a turn that other processes disturb is tried; the least
            disturbed counts.
        max_foreign: CPUs busy with other processes that count as a disturbance.

    Returns:
        Name to samples, in which index i is the same round for every name.
    """
    children = {
        name: subprocess.Popen(
            command, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        for name, command in commands.items()
    }
    try:
        for name, child in children.items():
            _wait_ready(name, child)
        samples: dict[str, list[Sample]] = {name: [] for name in children}
        for _ in range(rounds):
            for name, child in children.items():
                turns: list[Sample] = []
                while len(turns) < tries and not (
                    turns and turns[-1].foreign <= max_foreign
                ):
                    time.sleep(pause)
                    turns.append(_turn(child, steps))
                samples[name].append(min(turns, key=lambda turn: turn.foreign))
        return samples
    finally:
        for child in children.values():
            child.kill()


def _wait_ready(name: str, child: subprocess.Popen) -> None:
    assert child.stdout is not None
    for line in child.stdout:
        if line.startswith("READY"):
            return
    raise RuntimeError(f"case {name!r} ended before it was ready (see above)")


def _turn(child: subprocess.Popen, steps: int) -> Sample:
    assert child.stdin is not None
    assert child.stdout is not None
    child.stdin.write(f"{steps}\n")
    child.stdin.flush()
    return Sample(*json.loads(child.stdout.readline()))


class Row(NamedTuple):
    """The report of one case."""

    name: str
    ms: float
    ms_min: float
    ratio: float
    ratio_low: float
    ratio_high: float
    rounds: int


def compare(
    samples: Mapping[str, list[Sample]],
    references: Mapping[str, str],
    *,
    max_foreign: float = 0.3,
) -> list[Row]:
    """Summarises samples; ratios are taken round by round against a reference.

    Args:
        samples: From `measure`.
        references: Name of each case to the name of the case it is divided by.
        max_foreign: Pairs with more CPUs busy elsewhere are dropped, if enough others
            are left.

    Returns:
        A row per case: medians, minimum, and the quartiles of the ratio.
    """
    rows = []
    for name, turns in samples.items():
        pairs = list(zip(turns, samples[references[name]], strict=True))
        quiet = [p for p in pairs if all(turn.foreign <= max_foreign for turn in p)]
        pairs = quiet if len(quiet) >= 5 else pairs
        ratios = sorted(turn.ms / reference.ms for turn, reference in pairs)
        low, _, high = statistics.quantiles(ratios, n=4)
        times = [turn.ms for turn, _ in pairs]
        ratio, ms = statistics.median(ratios), statistics.median(times)
        rows.append(Row(name, ms, min(times), ratio, low, high, len(pairs)))
    return rows


def table(rows: Sequence[Row], *, examples: int) -> str:
    """The rows as a Markdown table; `examples` are those of one step."""
    lines = [
        "| case | ms, median | ms, best | ratio (quartiles) | images / s | rounds |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows:
        lines.append(
            f"| {row.name} | {row.ms:.1f} | {row.ms_min:.1f} "
            f"| {row.ratio:.2f} ({row.ratio_low:.2f}-{row.ratio_high:.2f}) "
            f"| {1e3 * examples / row.ms:.0f} | {row.rounds} |"
        )
    return "\n".join(lines)


def machine() -> dict[str, object]:
    """Describes the machine: processor, cores, load and versions."""
    model = platform.processor() or platform.machine()
    try:
        with open("/proc/cpuinfo") as file:
            names = [line for line in file if line.startswith("model name")]
            model = names[0].split(":")[1].strip() if names else model
    except OSError:
        pass
    from importlib.metadata import PackageNotFoundError, version

    versions = {}
    for package in ("jax", "flax", "optax", "torch"):
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            versions[package] = None
    return {
        "processor": model,
        "cores": os.cpu_count(),
        "load": [round(load, 2) for load in os.getloadavg()],
        "python": platform.python_version(),
        **versions,
    }
