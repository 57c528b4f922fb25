"""Where processes that train together are disturbed: starts, waits, verdicts."""

import contextlib
import dataclasses
import pathlib
import re
import subprocess
import sys
import time
import types
from collections.abc import Callable, Mapping, Sequence

from experiments.endurance.parts import processes
from experiments.endurance.parts.moments import newest

PATIENCE = 180  # seconds to wait for a sign of life before anything is disturbed
VICTIM = "experiments.endurance.parts.victim"
BOUND = 90  # seconds to the end, most of which is the silence that is allowed


class Never(Exception):
    """What a scenario waits for did not come."""


@dataclasses.dataclass
class Stage:
    """The processes of one scenario, in a directory of its own.

    Attributes:
        home: the directory; `home / "run"` is the run's, unless a scenario says else.
        started: the processes so far.
        since: when the disturbance came, from which the end is timed.
        slow: seconds that a slow process is late.
        after: what is undone after the scenario: disks, networks.
    """

    home: pathlib.Path
    slow: float = 40.0
    started: list[subprocess.Popen] = dataclasses.field(default_factory=list)
    since: float = dataclasses.field(default_factory=time.monotonic)
    after: contextlib.ExitStack = dataclasses.field(
        default_factory=contextlib.ExitStack
    )

    @property
    def workdir(self) -> pathlib.Path:
        """The directory of the run."""
        return self.home / "run"

    def begin(
        self,
        *flags: str,
        module: str = VICTIM,
        more: Mapping[str, str] = types.MappingProxyType({}),
        prefix: Sequence[str] = (),
        stderr: int | None = None,
    ) -> subprocess.Popen:
        """Starts one process, whose output goes to a file of its own.

        Args:
            flags: of the command.
            module: the command.
            more: environment variables.
            prefix: what comes before the command, as of another host.
            stderr: where errors go instead.
        """
        number = len(self.started)
        with self.log(number).open("wb") as said:
            process = subprocess.Popen(
                [*prefix, sys.executable, "-m", module, *flags],
                stdout=said,
                stderr=said if stderr is None else stderr,
                env=processes.environment(1, {**processes.CACHED, **more}),
            )
        self.started.append(process)
        self.mark()
        return process

    def pair(
        self,
        *flags: str,
        each: Sequence[Sequence[str]] = ((), ()),
        workdirs: Sequence[pathlib.Path] = (),
        **options,
    ) -> list[subprocess.Popen]:
        """Starts as many processes as `each` has parts, which meet each other."""
        port, count = processes.free_port(), len(each)
        where = workdirs or [self.workdir] * count
        return [
            self.begin(
                *flags, *own, "--workdir", str(place),
                *processes.meeting(i, count, port), **options,
            )
            for i, (own, place) in enumerate(zip(each, where, strict=True))
        ]  # fmt: skip

    def log(self, number: int) -> pathlib.Path:
        """What a process says."""
        return self.home / f"said_{number}.log"

    def said(self, number: int) -> str:
        """What a process has said so far."""
        return self.log(number).read_text(errors="replace")

    def wait_for(self, condition: Callable[[], object], what: str) -> None:
        """Waits for a condition while all processes live, in bounded time.

        Raises:
            Never: it did not come.
        """
        deadline = time.monotonic() + PATIENCE
        while not condition():
            if time.monotonic() > deadline:
                raise Never(f"{what} did not come within {PATIENCE} s")
            if any(process.poll() is not None for process in self.started):
                raise Never(f"a process ended before {what}")
            time.sleep(0.02)

    def until(self, pattern: str, number: int = 0) -> None:
        """Waits until a process says something."""
        self.wait_for(lambda: re.search(pattern, self.said(number)), repr(pattern))

    def until_saved(self, step: int = 1) -> None:
        """Waits until a checkpoint of this step or a later one is complete."""
        self.wait_for(lambda: newest(self.workdir) >= step, "a checkpoint")

    def mark(self) -> None:
        """Says that the disturbance is now."""
        self.since = time.monotonic()

    def send(self, number: int, *who: int) -> None:
        """Sends a signal to some processes, or to all."""
        self.mark()
        for i in who or range(len(self.started)):
            self.started[i].send_signal(number)

    def ends(self, bound: float, *who: int) -> list[int | None]:
        """Exit codes of all, or of some; None for those that outlive the bound."""
        chosen = [self.started[i] for i in who] or self.started
        deadline = self.since + bound
        while time.monotonic() < deadline and any(p.poll() is None for p in chosen):
            time.sleep(0.02)
        return [process.poll() for process in chosen]

    def kill(self) -> None:
        """Ends what still runs, also what is stopped."""
        for process in self.started:
            process.kill()
            process.wait(60)

    def clear(self) -> None:
        """Ends what still runs, and undoes what was done to the machine."""
        self.kill()
        self.after.close()


def sentence(said: str, pattern: str) -> str:
    """The line of what was said that has a pattern; empty without one."""
    for line in said.splitlines():
        if re.search(pattern, line):
            return (line.partition("UserWarning: ")[2] or line).strip()[:400]
    return ""


def verdict(
    codes: Sequence[int | None], expected: Callable[[Sequence[int]], bool], said: str
) -> str:
    """`ok`, or what is wrong with the end of a scenario.

    Args:
        codes: exit codes; None for a process that has not ended in the bound.
        expected: whether these codes are right.
        said: the sentence that names the cause; empty where there was none.
    """
    if None in codes:
        return "hang"
    if not expected([code for code in codes if code is not None]):
        return "wrong exit codes"
    return "ok" if said else "no sentence"
