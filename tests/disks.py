"""A small disk of its own for a test, to be filled and freed."""

import contextlib
import os
import pathlib
import subprocess

import pytest


@contextlib.contextmanager
def mounted(place, size="2m"):
    """A file system in memory, where one may be mounted."""
    place.mkdir()
    kind = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place)]
    try:
        done = subprocess.run(kind, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no mount command")
    if done.returncode:
        pytest.skip(f"no file system may be mounted here: {done.stderr.strip()}")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def fill(place: pathlib.Path) -> None:
    """Leaves not one free block."""
    with (place / ".ballast").open("ab", buffering=0) as file:
        for size in (2**16, 2**12):
            with contextlib.suppress(OSError):
                while True:
                    file.write(bytes(size))


def free(place: pathlib.Path) -> None:
    os.unlink(place / ".ballast")
