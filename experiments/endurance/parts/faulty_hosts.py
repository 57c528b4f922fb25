"""Small disks and hosts with a cable that can be cut, of one Linux machine, as root."""

import contextlib
import os
import pathlib
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator

ADDRESSES = ("10.213.0.1", "10.213.0.2")


def lacking(*tools: str) -> str:
    """Why hosts and disks cannot be made here; empty if they can."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return "it takes root on Linux"
    missing = [tool for tool in tools if shutil.which(tool) is None]
    return f"{', '.join(missing)} is missing" if missing else ""


def no_disk() -> str:
    """Why no small disk can be mounted here; empty if it can."""
    return lacking("mount", "umount")


def no_hosts() -> str:
    """Why no network namespaces can be made here; empty if they can."""
    if why := lacking("ip"):
        return why
    name = f"jaxgan_try_{os.getpid()}"
    made = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True)
    if made.returncode:
        return f"ip netns says: {made.stderr.strip()}"
    _run("ip", "netns", "del", name)
    return ""


@contextlib.contextmanager
def small_disk(folder: pathlib.Path, mebibytes: int) -> Iterator[None]:
    """Mounts a disk of some MiB in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    _run("mount", "-t", "tmpfs", "-o", f"size={mebibytes}m", "tmpfs", str(folder))
    try:
        yield
    finally:
        _run("umount", "-l", str(folder))


@contextlib.contextmanager
def two_hosts() -> Iterator[tuple[list[list[str]], Callable[[], None]]]:
    """Two hosts joined by a cable.

    Yields:
        What to write before a command that shall run on the one and on the other; and
        `cut()`, which cuts the cable: packets are lost, and nobody is told.
    """
    names = [f"jaxgan_{os.getpid()}_{side}" for side in "ab"]
    ends = [f"jg{os.getpid() % 100000}{side}" for side in "ab"]
    etc = [pathlib.Path("/etc/netns") / name for name in names]
    try:
        for name in names:
            _run("ip", "netns", "add", name)
        _run("ip", "link", "add", ends[0], "type", "veth", "peer", "name", ends[1])
        for name, end, address, folder in zip(names, ends, ADDRESSES, etc, strict=True):
            _run("ip", "link", "set", end, "netns", name)
            inside = ["ip", "-n", name]
            _run(*inside, "address", "add", f"{address}/24", "dev", end)
            _run(*inside, "link", "set", end, "up")
            _run(*inside, "link", "set", "lo", "up")
            # Processes find their own address by the name of the machine.
            folder.mkdir(parents=True)
            hosts = f"127.0.0.1 localhost\n{address} {os.uname().nodename}\n"
            (folder / "hosts").write_text(hosts)
        yield (
            [["ip", "netns", "exec", name] for name in names],
            lambda: _run("ip", "-n", names[1], "link", "set", ends[1], "down"),
        )
    finally:
        for name, folder in zip(names, etc, strict=True):
            subprocess.run(["ip", "netns", "del", name], capture_output=True)
            shutil.rmtree(folder, ignore_errors=True)


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise OSError(f"{' '.join(command)}: {done.stderr.strip()}")
