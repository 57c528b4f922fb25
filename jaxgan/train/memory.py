"""Refuses a state that memory cannot hold before any of it is made."""

import math
import pathlib
from typing import Any

import jax
from jax.sharding import Mesh

from jaxgan.train import beside

MEMORY = pathlib.Path("/proc/meminfo")  # of the host, where that is Linux


def check(like: Any, mesh: Mesh) -> None:
    """Checks that a device can hold its part of a state, beside the runs beside it.

    That is the least that training takes: what a step needs comes on top of it.

    Args:
        like: the form of the state, with shardings.
        mesh: the devices.

    Raises:
        ValueError: the memory that is free holds less.
    """
    device = mesh.local_devices[0]
    free = _free(device)
    if free is None:
        return
    need = sum(
        math.prod(x.sharding.shard_shape(x.shape)) * x.dtype.itemsize
        for x in jax.tree.leaves(like)
    )
    # The devices of a CPU share its memory.
    devices = mesh.local_mesh.size if device.platform == "cpu" else 1
    runs = beside.count() if device.platform == "cpu" else 1
    if need * devices * runs <= free:
        return
    states = f"the states of {runs} seeds take" if runs > 1 else "the state takes"
    fits = free // (need * devices)
    fix = (
        f"--devices {fits} trains {fits} at a time"
        if runs > 1 and fits
        else "make the networks smaller, as by --model.width"
    )
    raise ValueError(
        f"{states} {need * devices * runs / 2**30:.3g} GiB, but"
        f" {free / 2**30:.3g} GiB of memory are free; {fix}"
    )


def _free(device: Any) -> int | None:
    """The bytes that are free for a device; None where nothing tells."""
    if device.platform == "cpu":
        try:
            lines = MEMORY.read_text().splitlines()
        except OSError:
            return None
        known = dict(line.split(":", 1) for line in lines if ":" in line)
        kilobytes = known.get("MemAvailable", "").split()
        return int(kilobytes[0]) * 1024 if kilobytes else None
    stats = device.memory_stats() or {}
    if "bytes_limit" not in stats:
        return None
    return stats["bytes_limit"] - stats.get("bytes_in_use", 0)
