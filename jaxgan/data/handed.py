"""Hands arrays from one process to another in memory that both see.

A pipe, through which Python's pools send their results, takes two to three times as
long. The memory has no name, so nothing is left behind however the processes end, and
the size of `/dev/shm`, which containers keep small, does not bound it.
"""

import os
from multiprocessing.reduction import DupFd
from typing import Any, NamedTuple

import numpy as np

_SMALL = 1 << 16  # bytes that a pipe takes at once


class _Handed(NamedTuple):
    """An array on its way: how to get its memory, and what is in it."""

    memory: Any
    shape: tuple[int, ...]
    dtype: np.dtype


def over(batch: dict[str, np.ndarray]) -> dict[str, Any]:
    """Makes a batch ready to be pickled: large arrays become handles of memory."""
    return {key: _over(value) for key, value in batch.items()}


def received(batch: dict[str, Any]) -> dict[str, np.ndarray]:
    """The batch again, in the memory of this process alone."""
    return {
        key: _received(value) if isinstance(value, _Handed) else value
        for key, value in batch.items()
    }


def _over(array: np.ndarray) -> Any:
    if array.nbytes <= _SMALL or not hasattr(os, "memfd_create"):  # Linux has it
        return array
    with open(os.memfd_create("jaxgan"), "wb", buffering=0) as file:
        left = np.ascontiguousarray(array).reshape(-1).view(np.uint8).data
        while left:
            left = left[file.write(left) :]
        return _Handed(DupFd(file.fileno()), array.shape, array.dtype)


def _received(handed: _Handed) -> np.ndarray:
    array = np.empty(handed.shape, handed.dtype)
    with open(handed.memory.detach(), "rb", buffering=0) as file:
        left = array.reshape(-1).view(np.uint8).data
        file.seek(0)
        while left:
            count = file.readinto(left)
            if not count:
                raise EOFError("a batch of another process was cut short")
            left = left[count:]
    return array
