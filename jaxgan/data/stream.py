"""Host batches, read ahead: from arrays in memory, or from a source on disk."""

import collections
import concurrent.futures
import functools
import logging
import sys
import threading
from collections.abc import Callable, Iterator

import numpy as np

from jaxgan.data.batches import plan, plan_many, take
from jaxgan.data.load import Arrays, read_good
from jaxgan.data.sources import Source, name_of

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
    start: int = 0,
    stop: int | None = None,
    rows: slice | None = None,
    transform: Callable[[Batch], Batch] | None = None,
    skip_corrupt: bool = False,
    workers: int = 2,
    prefetch: int = 4,
) -> Iterator[Batch]:
    """Yields batch `start`, `start + 1`, ...; nothing but the number is ever state.

    Arrays are gathered by a thread of our own; a source is read through grain, and
    gives the same bits as `load` of it would.

    Args:
        data: what `load` returned, or a source whose images have one size (`fitted`).
        seed: decides the order, with the batch's number.
        batch_size: `B`, of all processes together.
        repeats: `k > 1` yields `[k, B, ...]`, batches `s * k` to `s * k + k - 1`.
        flip: mirror half of the images.
        start: number of the first batch (with repeats, of the first stack), so that
            a resumed run goes on where it was.
        stop: number after the last; `None` goes on for ever.
        rows: yield only these of every batch, as one process of several needs them:
            `jaxgan.parallel.rows`. The rest is not read.
        transform: applied to every host batch, in the reading thread.
        skip_corrupt: let the next readable example stand in for one that cannot be
            read, and log it.
        workers: threads that read a source.
        prefetch: batches kept ready.

    Returns:
        An iterator over `{"image": uint8 [B, H, W, C], ...}`; its `close()`, or
        dropping it, ends the threads.

    Raises:
        ValueError: if an argument is out of range; at the call, not the first batch.
        CorruptImage: while iterating, unless `skip_corrupt`.
    """
    if start < 0 or (stop is not None and stop < start):
        raise ValueError(f"batches {start} to {stop}: count upwards from 0")
    if workers < 1 or prefetch < 1:
        raise ValueError(
            f"workers {workers} and prefetch {prefetch} must be at least 1"
        )
    if rows is not None and not len(range(batch_size)[rows]):
        raise ValueError(
            f"rows {rows.start} to {rows.stop} of a batch of {batch_size}: there are"
            " none"
        )
    count = len(data["image"]) if isinstance(data, dict) else len(data)
    options = {"count": count, "batch_size": batch_size, "flip": flip}
    plan_many(seed, start, repeats, **options)  # raises now, not in a thread
    mine = slice(None) if rows is None else rows
    if isinstance(data, dict):
        gather = functools.partial(take, data)
    else:
        gather = _from_source(data, skip_corrupt)

    def make(i: int) -> Batch:
        if repeats > 1:
            chosen = plan_many(seed, i, repeats, **options)
        else:
            chosen = plan(seed, i, **options)
        chosen = {key: value[..., mine] for key, value in chosen.items()}
        batch = gather(chosen)
        return transform(batch) if transform else batch

    stop = sys.maxsize if stop is None else stop
    if isinstance(data, dict):
        return _ahead(make, start, stop, prefetch)
    return _with_grain(make, start, stop, workers, prefetch)


def _from_source(source: Source, skip_corrupt: bool) -> Callable[[dict], Batch]:
    """`take` for a source: reads the examples of a plan, then mirrors them."""
    corrupt: set[int] = set()
    told: set[int] = set()
    lock = threading.Lock()

    def gather(chosen: dict) -> Batch:
        index = chosen["index"]
        examples = [
            read_good(source, int(i), skip_corrupt, corrupt) for i in index.reshape(-1)
        ]
        with lock:  # several threads read, and each file is to be named once
            for place in sorted(corrupt - told):
                told.add(place)
                _log.warning(
                    "skipped %s, which cannot be read (%d so far); the next readable "
                    "image stands in for it",
                    *(name_of(source, place), len(told)),
                )
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

    return gather


def _ahead(
    make: Callable[[int], Batch], start: int, stop: int, prefetch: int
) -> Iterator[Batch]:
    """Computes `make(start)`, `make(start + 1)`, ... in one thread, some ahead."""
    pool = concurrent.futures.ThreadPoolExecutor(1, "jaxgan-batches")
    waiting: collections.deque[concurrent.futures.Future] = collections.deque()
    try:
        for i in range(start, stop):
            waiting.append(pool.submit(make, i))
            if len(waiting) > prefetch:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def _with_grain(
    make: Callable[[int], Batch], start: int, stop: int, workers: int, prefetch: int
) -> Iterator[Batch]:
    """The same through grain, in several threads."""
    import grain

    options = grain.ReadOptions(num_threads=workers, prefetch_buffer_size=prefetch)
    batches = grain.MapDataset.range(start, stop).map(make)
    iterator = iter(batches.to_iter_dataset(options))
    try:
        yield from iterator
    finally:
        iterator.close()
