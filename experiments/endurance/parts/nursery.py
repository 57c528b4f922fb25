"""Starts victims whose imports are already behind them, by forking.

A plain start imports for some seconds of processor time, which a thousand starts cannot
afford. This process imports everything once, uses no device, and forks for each start;
the child then runs the same command as a plain start, to the same end.

It reads one request a line from standard input, and answers each with one line: `start`
with the number of the process, and `codes` with the exit codes of processes, None while
they run. It ends its children when the standard input ends.
"""

import contextlib
import dataclasses
import importlib
import json
import os
import pathlib
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from typing import Any

from experiments.endurance.parts import processes

# Imported late by a run, where it needs them.
LATE = (
    "orbax.checkpoint",
    "jax.experimental.multihost_utils",
    "tensorboard.compat.proto.event_pb2",
    "tensorboard.summary.writer.record_writer",
)


@dataclasses.dataclass(frozen=True)
class Child:
    """A process of the nursery, with the methods of `subprocess.Popen`."""

    ask: Any
    pid: int

    def poll(self) -> int | None:
        """The exit code, or None while it runs."""
        return self.ask({"codes": [self.pid]})[0]

    def send_signal(self, number: int) -> None:
        """Sends a signal, unless the process has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """Sends SIGKILL."""
        self.send_signal(signal.SIGKILL)

    def wait(self, timeout: float) -> int:
        """Waits for the end, and returns the exit code.

        Raises:
            subprocess.TimeoutExpired: the process still runs.
        """
        deadline = time.monotonic() + timeout
        while (code := self.poll()) is None:
            if time.monotonic() > deadline:
                raise subprocess.TimeoutExpired(str(self.pid), timeout)
            time.sleep(0.005)
        return code


@contextlib.contextmanager
def opened() -> Iterator[Any]:
    """`start(flags, log) -> Child`, which starts a victim that says all in a file."""
    server = processes.start(
        "experiments.endurance.parts.nursery", [], more=processes.CACHED, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip

    asked, answered = server.stdin, server.stdout
    assert asked is not None
    assert answered is not None

    def ask(request):
        asked.write(json.dumps(request) + "\n")
        asked.flush()
        return json.loads(answered.readline())

    def start(flags: Sequence[str], log: pathlib.Path) -> Child:
        return Child(ask, ask({"start": list(flags), "log": str(log)}))

    try:
        yield start
    finally:
        asked.close()
        server.wait(60)


def serve() -> list[str] | None:
    """Answers requests; in a child, returns its flags."""
    running: set[int] = set()
    ended: dict[int, int] = {}
    for line in sys.stdin:
        request = json.loads(line)
        if "start" in request:
            child = os.fork()
            if not child:
                _redirect(request["log"])
                return request["start"]
            ended.pop(child, None)  # the system gives numbers again
            running.add(child)
            answer = child
        else:
            for pid in [*running]:
                found, status = os.waitpid(pid, os.WNOHANG)
                if found:
                    ended[pid] = os.waitstatus_to_exitcode(status)
                    running.remove(pid)
            answer = [ended.get(pid) for pid in request["codes"]]
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
    for pid in running:
        os.kill(pid, signal.SIGKILL)
    return None


def _redirect(log: str) -> None:
    said = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    for stream in (1, 2):
        os.dup2(said, stream)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)


if __name__ == "__main__":
    from experiments.endurance.parts import victim
    from jaxgan.lab import cli

    for name in LATE:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    flags = serve()
    if flags is not None:
        sys.argv[1:] = flags
        cli.run(victim.main, victim.Config)
