"""Results that are measured once and kept, and the processes that measure them."""

import dataclasses
import json
import os
import pathlib
import subprocess
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from jaxgan import report


def kept(path: pathlib.Path, again: bool, measure: Callable[[], Any]) -> Any:
    """What is kept in a file; if there is none, measures it and keeps it."""
    if again or not path.exists():
        report.write(path, json.dumps(measure(), indent=1) + "\n")
    return json.loads(path.read_text())


def save(config: Any, result: Mapping[str, Any]) -> None:
    """Writes what a command has measured, with its flags, as JSON.

    Args:
        config: the flags: the file is `output`, or results.json of `workdir`.
        result: what was measured.
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
    """The JSON that a process prints as its last line.

    Raises:
        ValueError: if it fails.
    """
    done = subprocess.run(
        command, text=True, stdout=subprocess.PIPE, env={**os.environ, **(env or {})}
    )
    if done.returncode:
        raise ValueError(
            f"`{' '.join(command)}` failed, see above; what was measured before is"
            " kept, and the same command goes on from there"
        )
    return json.loads(done.stdout.splitlines()[-1])


def prepare(threads: int, allocator: str = "tuned") -> None:
    """Sets the allocator and the cores of a process that measures; before JAX runs.

    Args:
        threads: how many cores it may use.
        allocator: "tuned", or "default" to leave it alone.
    """
    if allocator == "tuned":
        from jaxgan.allocator import tune_allocator

        tune_allocator()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])
