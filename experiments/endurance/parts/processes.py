"""Starts processes on this machine that meet over the loopback address."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence

# Environment variables with which small programs are compiled once, and then read.
CACHED = {"JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0"}


def free_port() -> int:
    """Finds a free port of the loopback address."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return held.getsockname()[1]


def meeting(process: int, processes: int, port: int) -> list[str]:
    """The flags with which one of several processes finds the others."""
    if processes == 1:
        return []
    return [
        *("--processes", str(processes), "--process", str(process)),
        *("--coordinator", f"127.0.0.1:{port}"),
    ]


def environment(devices: int, more: Mapping[str, str]) -> dict[str, str]:
    """The environment of this process, for one with N CPU devices."""
    own = {"JAX_PLATFORMS": "cpu", "JAX_NUM_CPU_DEVICES": str(devices)}
    return {**os.environ, **own, **more}


def heed_interrupts() -> None:
    """Lets Ctrl-C reach the processes that are started from now on.

    A shell makes what it runs in the background ignore it, and all that this starts.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)


def start(
    module: str,
    arguments: Sequence[str],
    devices: int = 1,
    more: Mapping[str, str] = {},
    **options,
) -> subprocess.Popen:
    """Starts `python -m module` on N CPU devices, in a new process.

    Args:
        module: the module to run.
        arguments: the arguments of the command.
        devices: N.
        more: additional environment variables.
        options: options of `subprocess.Popen`.
    """
    command = [sys.executable, "-m", module, *arguments]
    return subprocess.Popen(command, env=environment(devices, more), **options)


def together(
    module: str, arguments: Sequence[str], processes: int, devices: int = 1, **options
) -> list[subprocess.Popen]:
    """Starts the same command in several processes that train together.

    Options are those of `start` and of `subprocess.Popen`.
    """
    port = free_port()
    return [
        start(module, [*arguments, *meeting(i, processes, port)], devices, **options)
        for i in range(processes)
    ]
