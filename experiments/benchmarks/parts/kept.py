"""Parts of a benchmark that are measured once and kept, and their processes."""

import json
import os
import pathlib
import subprocess
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from jaxgan import report


def kept(path: pathlib.Path, again: bool, measure: Callable[[], Any]) -> Any:
    """What a file has of an earlier time, or what `measure` gives, which is kept."""
    if again or not path.exists():
        report.write(path, (json.dumps(measure(), indent=1) + "\n").encode())
    return json.loads(path.read_text())


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


def prepare(threads: int) -> None:
    """Sets the allocator and the cores of a process that measures; before JAX runs."""
    from jaxgan.allocator import tune_allocator

    tune_allocator()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])
