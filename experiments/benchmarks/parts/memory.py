"""Measures the memory of a step: by how much its process grows."""

import contextlib
import ctypes
import gc
import pathlib
from collections.abc import Callable


def peak_growth(step: Callable[[], object]) -> float | None:
    """Bytes by which the process grows during a step; None except on Linux."""
    gc.collect()
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
    try:
        before = _status("VmRSS")
        pathlib.Path("/proc/self/clear_refs").write_text("5")  # resets VmHWM
        step()
        return _status("VmHWM") - before
    except OSError:
        return None


def _status(field: str) -> float:
    for line in pathlib.Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return 1024.0 * int(line.split()[1])
    raise OSError(f"/proc/self/status has no {field}")
