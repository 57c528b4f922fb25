"""What is done to processes that train together."""

import contextlib
import os
import signal
import time
from collections.abc import Sequence

from experiments.endurance.parts import faulty_hosts, processes
from experiments.endurance.parts.moments import COMPILING, saving
from experiments.endurance.parts.stage import BOUND, Stage

FLAGS = (
    *("--steps", "1000000", "--batch-size", "8", "--pause", "0.003"),
    *("--log-every", "5", "--checkpoint-every", "50", "--sample-every", "100000"),
)
SHORT = (*FLAGS, "--steps", "200")


def evaluate(stage: Stage, *flags: str) -> None:
    """Evaluates by a function of one's own."""
    stage.pair(*SHORT, "--evaluate-every", "60", *flags)


def evaluate_faces(stage: Stage) -> None:
    """Evaluates a real command, by a network's features."""
    stage.pair(
        "--data", "faces:64", "--model.resolution", "16", "--model.width", "8",
        "--batch-size", "8", "--steps", "4", "--evaluate-every", "2", "--log-every",
        "1", "--evaluation.samples", "64", module="experiments.dcgan_faces",
    )  # fmt: skip


def send(
    stage: Stage, numbers: Sequence[int], *who: int, flags: Sequence[str] = ()
) -> None:
    """Sends signals to some or to all, once something is saved."""
    stage.pair(*FLAGS, *flags)
    stage.until_saved()
    for number in numbers:
        stage.send(number, *who)
        time.sleep(0.3)


def _when_said(stage, pattern, number, *who, more):
    stage.pair(*FLAGS, more=more)
    stage.until(pattern)
    stage.send(number, *who)


def in_a_compilation(stage: Stage) -> None:
    """Sends SIGTERM to one while the first step is compiled."""
    cold = {"JAX_COMPILATION_CACHE_DIR": str(stage.home / "xla")}
    _when_said(stage, COMPILING, signal.SIGTERM, 1, more=cold)


def first_second(stage: Stage) -> None:
    """Sends SIGTERM to one in its first second."""
    stage.pair(*FLAGS)
    time.sleep(0.5)
    stage.send(signal.SIGTERM, 1)


def in_a_save(stage: Stage) -> None:
    """Kills one while both save."""
    stage.pair(*FLAGS)
    stage.until_saved()
    stage.wait_for(lambda: saving(stage.workdir, written=False), "a save")
    stage.send(signal.SIGKILL, 1)


def frozen(stage: Stage, who: int) -> None:
    """Stops one; once the other has ended, it goes on, and must end too."""
    send(stage, [signal.SIGSTOP], who)
    stage.ends(90, 1 - who)
    stage.started[who].send_signal(signal.SIGCONT)


def unshared(stage: Stage) -> None:
    """Gives each a directory of its own."""
    stage.pair(*FLAGS, workdirs=[stage.home / "run", stage.home / "elsewhere"])


def differing(stage: Stage, *flags: str) -> None:
    """Gives one some other flags."""
    stage.pair(*FLAGS, each=((), flags))


def held(stage: Stage) -> None:
    """Starts both where another run trains."""
    stage.begin(*FLAGS, "--workdir", str(stage.workdir))
    stage.until_saved()
    stage.pair(*FLAGS)
    stage.ends(90, 1, 2)
    stage.started[0].send_signal(signal.SIGTERM)


def slow(stage: Stage) -> None:
    """Lets one wait long for a batch."""
    late = str(stage.slow)
    stage.pair(*SHORT, "--at", "60", "--within", "1", "--stall", late)


def fails(stage: Stage, within: int) -> None:
    """Lets one fail to draw a batch."""
    stage.pair(*FLAGS, "--at", "150", "--within", str(within), "--error")
    stage.until(COMPILING)
    stage.mark()


def script(stage: Stage, unlucky: int) -> None:
    """Runs a script of one's own, which raises in one process."""
    where = f"127.0.0.1:{processes.free_port()}"
    for i in range(2):
        stage.begin(
            str(stage.workdir), str(i), where, str(unlucky),
            module="experiments.endurance.parts.own_script",
        )  # fmt: skip


def nan(stage: Stage, times: int, on_nan: str) -> None:
    """Makes a batch NaN, some times."""
    stage.pair(*SHORT, "--at", "120", "--nan", str(times), "--on-nan", on_nan)


def _meet(stage: Stage, *each):
    for flags in each:
        stage.begin(*FLAGS, "--workdir", str(stage.workdir), *flags)


def absent(stage: Stage) -> None:
    """Starts two of three."""
    port = processes.free_port()
    _meet(stage, *[processes.meeting(i, 3, port) for i in range(2)])


def elsewhere(stage: Stage) -> None:
    """Gives each another coordinator."""
    _meet(stage, *[processes.meeting(i, 2, processes.free_port()) for i in range(2)])


def same_number(stage: Stage) -> None:
    """Starts the first one twice."""
    port = processes.free_port()
    _meet(stage, *[processes.meeting(0, 2, port) for _ in range(2)])


def full(stage: Stage) -> None:
    """Fills the disk once something is saved; frees it at the end."""
    stage.after.enter_context(faulty_hosts.small_disk(stage.workdir, 2))
    stage.pair(*FLAGS)
    stage.until_saved()
    filler = stage.workdir / ".filler"
    with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(bytes(4096)):
            pass
    stage.mark()
    stage.ends(BOUND)
    filler.unlink()


def full_before_the_first_save(stage: Stage) -> None:
    """Leaves too little space for one checkpoint."""
    stage.after.enter_context(faulty_hosts.small_disk(stage.workdir, 2))
    (stage.workdir / ".filler").write_bytes(bytes(2**21 - 2**15))
    stage.pair(*FLAGS)
    stage.ends(BOUND + 60)
    (stage.workdir / ".filler").unlink()


def no_one_reads(stage: Stage) -> None:
    """Closes the pipe that they write to, and sends SIGTERM to one later."""
    read, write = os.pipe()
    stage.pair(*FLAGS, stderr=write)
    os.close(write)
    stage.until_saved()
    os.close(read)
    stage.mark()
    time.sleep(2)
    stage.send(signal.SIGTERM, 1)


def cut(stage: Stage) -> None:
    """Cuts the cable between two hosts."""
    hosts, cut = stage.after.enter_context(faulty_hosts.two_hosts())
    meet = ["--processes", "2", "--coordinator", f"{faulty_hosts.ADDRESSES[0]}:7341"]
    for i, prefix in enumerate(hosts):
        where = ["--workdir", str(stage.workdir), *meet, "--process", str(i)]
        stage.begin(*FLAGS, *where, prefix=prefix)
    stage.until_saved()
    cut()
    stage.mark()
