"""Reads the images of a set block by block, by processes or threads."""

import concurrent.futures
import contextlib
import functools
import multiprocessing
import os
import pathlib
import signal
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from tqdm import tqdm

from jaxgan import data
from jaxgan.data import shard_writing
from jaxgan.data.files import FileSource
from jaxgan.data.load import read_good

BLOCK = 64  # images that a worker takes at a time
FEW = 2000  # threads read this many files before processes have started


def write(
    config: Any,
    source: data.Source,
    fitting: data.Source,
    counts: list[int],
    like: data.Example,
) -> set[int]:
    """Writes the shards that are missing.

    Returns:
        The indices of images that cannot be read.
    """
    folder = config.workdir
    starts = [number * counts[0] for number in range(len(counts))]
    missing = [
        number
        for number, size in enumerate(counts)
        if not shard_writing.has_shard(folder, number, size, like)
    ]
    blocks = [
        (number, first, min(BLOCK, counts[number] - first))
        for number in missing
        for first in range(0, counts[number], BLOCK)
    ]
    places = [(starts[number] + first, size) for number, first, size in blocks]
    corrupt: set[int] = set()
    arrays: dict[str, np.ndarray] = {}
    with (
        _reading(config, source, fitting, places) as found,
        tqdm(
            total=sum(counts),
            initial=sum(counts) - sum(s for _, s in places),
            unit="img",
        ) as bar,
    ):
        for (number, first, size), (read, bad) in zip(blocks, found, strict=True):
            if first == 0:
                arrays = {
                    key: np.empty((counts[number], *value.shape), value.dtype)
                    for key, value in like.items()
                }
            for key, value in read.items():
                arrays[key][first : first + size] = value
            corrupt |= bad
            bar.update(size)
            if first + size == counts[number]:
                shard_writing.write_shard(folder, number, arrays)
    return corrupt


def read_block(
    source: data.Source, skip_corrupt: bool, places: tuple[int, int]
) -> tuple[dict[str, np.ndarray], set[int]]:
    """Reads the examples of `places = (first, count)`.

    Returns:
        The examples, stacked, and the indices of those that are corrupt.
    """
    first, count = places
    corrupt: set[int] = set()
    examples = [
        read_good(source, place, skip_corrupt, corrupt)
        for place in range(first, first + count)
    ]
    return {k: np.stack([e[k] for e in examples]) for k in examples[0]}, {
        place for place in corrupt if first <= place < first + count
    }


@contextlib.contextmanager
def _reading(
    config: Any,
    source: data.Source,
    fitting: data.Source,
    places: list[tuple[int, int]],
) -> Iterator[Iterator[tuple[dict[str, np.ndarray], set[int]]]]:
    """Yields the examples block by block, as workers read them ahead."""
    workers = config.workers or os.cpu_count() or 1
    read = functools.partial(read_block, fitting, config.skip_corrupt)
    many = sum(count for _, count in places) >= FEW
    if workers > 1 and many and isinstance(source, FileSource) and _travels(source):
        pool: concurrent.futures.Executor = concurrent.futures.ProcessPoolExecutor(
            workers,
            multiprocessing.get_context("spawn"),
            initializer=_begin_worker,
            initargs=(read,),
        )
        read = _in_worker
    else:
        pool = concurrent.futures.ThreadPoolExecutor(workers, "make-shards")
    try:
        yield pool.map(read, places)
    except concurrent.futures.BrokenExecutor:
        raise ValueError(
            "a process that decodes images was killed, perhaps because memory ran out;"
            " run the same command again, with --workers 1 to decode in this"
            " process"
        ) from None
    finally:
        pool.shutdown(cancel_futures=True)


def _travels(source: FileSource) -> bool:
    """Whether a source can be sent to another process; an open archive cannot."""
    return isinstance(getattr(source.read, "__self__", None), pathlib.Path)


_READ: list[Callable] = []  # the reader of a worker process


def _begin_worker(read: Callable) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # only the main process handles it
    _READ[:] = [read]


def _in_worker(places: tuple[int, int]) -> tuple[dict[str, np.ndarray], set[int]]:
    return _READ[0](places)
