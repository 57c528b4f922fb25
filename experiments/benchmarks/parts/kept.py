"""Keeps results that are measured once, and prepares the measuring processes."""

import dataclasses
import json
import os
import pathlib
import subprocess
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from jaxgan import report


def kept(path: pathlib.Path, again: bool, measure: Callable[[], Any]) -> Any:
    """Reads a kept result from a file; if there is none, measures it and keeps it."""
    if again or not path.exists():
        report.write(path, json.dumps(measure(), indent=1) + "\n")
    return json.loads(path.read_text())


def save(config: Any, result: Mapping[str, Any]) -> None:
    """Writes the measurements of a command and its flags as JSON.

    Args:
        config: the flags; the file is `output`, or results.json in `workdir`.
        result: the measurements.
    """
    flags = {
        name: str(value) if isinstance(value, pathlib.Path) else value
        for name, value in dataclasses.asdict(config).items()
        if name not in ("workdir", "output", "serve")
    }
    path = config.output or config.workdir / "results.json"
    content = json.dumps({"config": flags, **result}, indent=1) + "\n"
    report.write(path, content)
    print(path)


def ask(command: Sequence[str], env: Mapping[str, str] | None = None) -> Any:
    """Runs a process, and returns the JSON that it prints as its last line.

    Raises:
        ValueError: the process fails.
    """
    done = subprocess.run(
        command, text=True, stdout=subprocess.PIPE, env={**os.environ, **(env or {})}
    )
    if done.returncode:
        raise ValueError(
            f"`{' '.join(command)}` failed, see above; earlier measurements are kept,"
            " and the same command continues from there"
        )
    return json.loads(done.stdout.splitlines()[-1])


def prepare(threads: int, allocator: str = "tuned") -> None:
    """Sets the allocator and the cores of a process that measures; before JAX runs.

    Args:
        threads: the number of cores that it may use.
        allocator: "tuned", or "default" to leave it alone.
    """
    if allocator == "tuned":
        from jaxgan.allocator import tune_allocator

        tune_allocator()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])
