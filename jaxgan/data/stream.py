"""Host batches that grain reads ahead: from arrays in memory, or a source on disk."""

import concurrent.futures
import dataclasses
import logging
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.reduction import ForkingPickler

import numpy as np

from jaxgan.data import handed
from jaxgan.data.batches import Order, mirror, plan, plan_many, take
from jaxgan.data.classed import Classed, Gathering, gathering
from jaxgan.data.decode import CorruptImage
from jaxgan.data.load import Arrays, read_good, ready
from jaxgan.data.protocol import Source, name_of
from jaxgan.data.shards import ShardSource
from jaxgan.data.sources import ArraySource

Batch = dict[str, np.ndarray]
"""`{"image": uint8 [B, H, W, C], ...}`, or `[k, B, ...]` for repeats."""
_log = logging.getLogger(__name__)


def stream(
    data: Arrays | Source,
    seed: int,
    batch_size: int,
    *,
    repeats: int = 1,
    flip: bool = False,
    order: Order = "sort",
    start: int = 0,
    stop: int | None = None,
    rows: slice | np.ndarray | None = None,
    transform: Callable[[Batch], Batch] | None = None,
    skip_corrupt: bool = False,
    workers: int = 2,
    processes: int = 0,
    prefetch: int = 4,
) -> Iterator[Batch]:
    """Yields batch `start`, `start + 1`, ...: a function of the seed and this number.

    Arrays, shards and other sources give the same bits, and so do threads and
    processes. A run resumes by the number of its next batch.

    Args:
        data: what `load` returned, or a source whose images have one size (`fitted`).
        seed: decides the order, with the batch's number.
        batch_size: `B`, of all processes together.
        repeats: `k > 1` yields `[k, B, ...]`, batches `s * k` to `s * k + k - 1`.
        flip: mirror half of the images.
        order: how epochs are shuffled; see `batches.Order`.
        start: number of the first batch (with repeats, of the first stack).
        stop: number after the last; `None` never stops.
        rows: yield only these rows of every batch, a slice or their numbers, as one
            process of several needs them: `jaxgan.parallel.rows`. The others are not
            read.
        transform: applied to every batch, in this process.
        skip_corrupt: let the next readable example stand in for one that cannot be
            read, and log it.
        workers: threads that read a source whose images have to be decoded. Arrays and
            shards are gathered by one thread.
        processes: read such a source in this many processes instead, which decode
            faster than threads. They start afresh, so a script that asks for them does
            its work under `if __name__ == "__main__":`, and the source has to pickle: a
            folder does, a zip does not.
        prefetch: batches kept ready.

    Returns:
        An iterator over `{"image": uint8 [B, H, W, C], ...}`; its `close()`, or
        dropping it, ends the threads and processes.

    Raises:
        ValueError: if an argument is out of range, or the source does not pickle; at
            the call, not the first batch.
        CorruptImage: while iterating, unless `skip_corrupt`.
        RuntimeError: while iterating, if one of `processes` has ended.
    """
    if start < 0 or (stop is not None and stop < start):
        raise ValueError(f"batches {start} to {stop}: count upwards from 0")
    if workers < 1 or prefetch < 1:
        raise ValueError(
            f"workers {workers} and prefetch {prefetch} must be at least 1"
        )
    if processes < 0:
        raise ValueError(f"processes is {processes}: give 0 for threads, or more")
    if not isinstance(data, dict):
        data = ready(data)
    count = len(data["image"]) if isinstance(data, dict) else len(data)
    options = {
        "count": count,
        "batch_size": batch_size,
        "flip": flip,
        "order": order,
    }
    plan_many(seed, start, repeats, **options)  # raises now, not in a thread
    mine = _places(rows, batch_size)
    read = _Read(data, seed, repeats, options, mine, skip_corrupt)
    tell = (lambda corrupt: None) if isinstance(data, dict) else _teller(data)

    def finish(read: tuple[Batch, frozenset[int]]) -> Batch:
        batch, corrupt = read
        tell(corrupt)
        return transform(batch) if transform else batch

    # What is in memory or mapped would be copied to every process.
    held = data.source if isinstance(data, Classed) else data
    held = getattr(held, "source", held)
    numbers = range(start, sys.maxsize if stop is None else stop)
    if processes and not isinstance(held, dict | ArraySource | ShardSource):
        _check_pickles(read)
        return _in_processes(read, finish, numbers, processes, prefetch)
    threads = 1 if isinstance(data, dict) or gathering(data) else workers
    return _in_threads(read, finish, numbers, threads, prefetch)


def _places(rows, batch_size):
    """The numbers of the rows of a batch that are asked for."""
    every = np.arange(batch_size)
    mine = every if rows is None else every[rows] if isinstance(rows, slice) else rows
    if not mine.size or not np.isin(mine, every).all():
        raise ValueError(
            f"rows {rows} of a batch of {batch_size}: give numbers from 0 to"
            f" {batch_size - 1}, one or more"
        )
    return mine.ravel()


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class _Read:
    """From the number of a batch to the batch, in any thread or process.

    Beside the batch stand the places that this process has found to be corrupt. Grain
    prints what it maps with, so there is no `repr`, which would read the data.
    """

    data: "Arrays | Source"
    seed: int
    repeats: int
    options: dict
    rows: np.ndarray
    skip_corrupt: bool
    corrupt: set[int] = dataclasses.field(default_factory=set)

    def __call__(self, i: int) -> tuple[Batch, frozenset[int]]:
        if self.repeats > 1:
            chosen = plan_many(self.seed, i, self.repeats, **self.options)
        else:
            chosen = plan(self.seed, i, **self.options)
        chosen = {key: value[..., self.rows] for key, value in chosen.items()}
        if isinstance(self.data, dict):
            return take(self.data, chosen), frozenset()
        return self._gather(self.data, chosen), frozenset(self.corrupt)

    def _gather(self, source: Source, chosen: dict) -> Batch:
        if (gathers := gathering(source)) is not None:
            try:
                return _gathered(gathers, chosen)
            except CorruptImage:  # one by one, to pass over what was lost
                if not self.skip_corrupt:
                    raise
        examples = [
            read_good(source, int(i), self.skip_corrupt, self.corrupt)
            for i in chosen["index"].reshape(-1)
        ]
        return _stacked(examples, chosen)


def _gathered(source: Gathering, chosen: dict) -> Batch:
    batch = source.gather(chosen["index"])
    for value in batch.values():
        if value.ndim == chosen["index"].ndim + 3:
            mirror(value, chosen["flip"])
    return batch


def _stacked(examples: list[dict], chosen: dict) -> Batch:
    """Stacks the examples that were read for a plan, then mirrors them."""
    index = chosen["index"]
    shapes = {e["image"].shape for e in examples}
    if len(shapes) > 1:
        raise ValueError(
            f"images of different shapes {sorted(shapes)} make no batch: pass "
            "jaxgan.data.fitted(source, size=..., channels=...) instead"
        )
    read = {k: np.stack([e[k] for e in examples]) for k in examples[0]}
    # Example j of what was read is entry j of the plan.
    entries = np.arange(index.size, dtype=np.int32).reshape(index.shape)
    return take(read, {"index": entries, "flip": chosen["flip"]})


def _teller(source: Source) -> Callable[[frozenset[int]], None]:
    """Logs the corrupt places of a source, each once whoever found it."""
    told: set[int] = set()
    lock = threading.Lock()

    def tell(corrupt: frozenset[int]) -> None:
        with lock:  # several threads read
            for place in sorted(corrupt - told):
                told.add(place)
                _log.warning(
                    "skipped %s, which cannot be read (%d so far); the next readable "
                    "image stands in for it",
                    *(name_of(source, place), len(told)),
                )

    return tell


def _in_threads(
    read: Callable[[int], tuple[Batch, frozenset[int]]],
    finish: Callable,
    numbers: range,
    threads: int,
    prefetch: int,
) -> Iterator[Batch]:
    """Reads ahead in grain's threads."""
    import grain

    options = grain.ReadOptions(num_threads=threads, prefetch_buffer_size=prefetch)
    batches = grain.MapDataset.range(numbers.start, numbers.stop)
    iterator = iter(batches.map(read).map(finish).to_iter_dataset(options))
    try:
        yield from iterator
    finally:
        iterator.close()


def _in_processes(
    read: _Read, finish: Callable, numbers: range, processes: int, prefetch: int
) -> Iterator[Batch]:
    """The same, where each thread waits for a process that decodes for it.

    Processes of grain's own hand over large batches at two thirds of the rate, take
    five times as long to start, because they import JAX, and print tracebacks when they
    end early.
    """
    # Who takes one batch alone, as a compilation does, starts no processes for it.
    for i in numbers[:1]:
        yield finish(read(i))
    numbers = numbers[1:]
    if not numbers:
        return
    pool = concurrent.futures.ProcessPoolExecutor(
        processes,
        # A fork of a process with threads, as JAX's, may hang.
        multiprocessing.get_context("spawn"),
        initializer=_start_child,
        initargs=(read,),
    )

    def ask(i: int) -> tuple[Batch, frozenset[int]]:
        try:
            batch, corrupt = pool.submit(_read_in_child, i).result()
            return handed.received(batch), corrupt
        except BrokenProcessPool as error:
            raise RuntimeError(
                "a process that reads images has ended: keep what the script does"
                ' under `if __name__ == "__main__":`; if that is so, it may have been'
                " killed for want of memory, and fewer processes or 0 help"
            ) from error

    # One more thread than processes, so that none of them waits for its next batch.
    ahead = _in_threads(ask, finish, numbers, processes + 1, prefetch + processes)
    try:
        yield from ahead
    finally:
        ahead.close()  # type: ignore[attr-defined]
        pool.shutdown(cancel_futures=True)


def _check_pickles(read: _Read) -> None:
    """Raises now if a source cannot be given to other processes."""
    try:
        ForkingPickler.dumps(read)
    except Exception as error:  # whatever its parts raise
        raise ValueError(
            f"the source cannot be sent to other processes ({error}): leave processes"
            " at 0, which reads it in threads, or unpack the set into a folder"
        ) from error


_read: _Read | None = None  # what a process that reads was started with


def _start_child(read: _Read) -> None:
    """Prepares a new process for reading."""
    global _read
    _read = read
    # Ctrl-C reaches it too, but its parent decides when to stop.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """Ends this process when its parent was killed, which sends no notice."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _read_in_child(i: int) -> tuple[dict, frozenset[int]]:
    assert _read is not None
    batch, corrupt = _read(i)
    return handed.over(batch), corrupt
