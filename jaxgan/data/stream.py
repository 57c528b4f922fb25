"""Host batches, read ahead: from arrays in memory, or from a source on disk."""

import collections
import concurrent.futures
import functools
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

from jaxgan.data.batches import mirror, plan, plan_many, take
from jaxgan.data.decode import CorruptImage
from jaxgan.data.load import Arrays, read_good
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
    start: int = 0,
    stop: int | None = None,
    rows: slice | None = None,
    transform: Callable[[Batch], Batch] | None = None,
    skip_corrupt: bool = False,
    workers: int = 2,
    processes: int = 0,
    prefetch: int = 4,
) -> Iterator[Batch]:
    """Yields batch `start`, `start + 1`, ...; nothing but the number is ever state.

    Arrays and shards are gathered by a thread of our own; another source is read
    through grain, or in `processes`, and gives the same bits as `load` of it would.

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
        transform: applied to every host batch, in a reading thread of this process.
        skip_corrupt: let the next readable example stand in for one that cannot be
            read, and log it.
        workers: threads that read a source whose images have to be decoded.
        processes: read such a source in so many processes of their own instead, which
            decode faster than threads. They start afresh, so a script that asks for
            them keeps what it does under `if __name__ == "__main__":`, and the source
            has to pickle: a folder does, a zip does not.
        prefetch: batches kept ready.

    Returns:
        An iterator over `{"image": uint8 [B, H, W, C], ...}`; its `close()`, or
        dropping it, ends the threads and processes.

    Raises:
        ValueError: if an argument is out of range, or the source does not pickle; at
            the call, not the first batch.
        CorruptImage: while iterating, unless `skip_corrupt`.
        RuntimeError: while iterating, if one of `processes` was ended from outside.
    """
    if start < 0 or (stop is not None and stop < start):
        raise ValueError(f"batches {start} to {stop}: count upwards from 0")
    if workers < 1 or prefetch < 1:
        raise ValueError(
            f"workers {workers} and prefetch {prefetch} must be at least 1"
        )
    if processes < 0:
        raise ValueError(f"processes is {processes}: give 0 for threads, or more")
    if rows is not None and not len(range(batch_size)[rows]):
        raise ValueError(
            f"rows {rows.start} to {rows.stop} of a batch of {batch_size}: there are"
            " none"
        )
    count = len(data["image"]) if isinstance(data, dict) else len(data)
    options = {"count": count, "batch_size": batch_size, "flip": flip}
    plan_many(seed, start, repeats, **options)  # raises now, not in a thread
    mine = slice(None) if rows is None else rows

    def make(gather: Callable[[dict], Batch], i: int) -> Batch:
        if repeats > 1:
            chosen = plan_many(seed, i, repeats, **options)
        else:
            chosen = plan(seed, i, **options)
        chosen = {key: value[..., mine] for key, value in chosen.items()}
        batch = gather(chosen)
        return transform(batch) if transform else batch

    stop = sys.maxsize if stop is None else stop
    if isinstance(data, dict):
        gather = functools.partial(take, data)
        return _ahead(functools.partial(make, gather), start, stop, prefetch)
    tell = _teller(data)
    if isinstance(data, ShardSource):
        gather = _from_shards(data, skip_corrupt, tell)
        return _ahead(functools.partial(make, gather), start, stop, prefetch)
    # What is in memory, or mapped, would be copied to every process.
    in_arrays = isinstance(getattr(data, "source", data), ArraySource)
    if processes and not in_arrays:
        _check_pickles(data)
        reader = functools.partial(_gather_in_child, skip_corrupt)
        return _with_processes(
            make, reader, tell, data, start, stop, processes, prefetch
        )
    gather = _from_source(data, skip_corrupt, tell)
    make_one = functools.partial(make, gather)
    return _with_grain(make_one, start, stop, workers, prefetch)


def _from_shards(
    source: ShardSource, skip_corrupt: bool, tell: Callable[[set[int]], None]
) -> Callable[[dict], Batch]:
    """`take` for shards; one by one where a file was lost and that may be skipped."""
    slowly = _from_source(source, skip_corrupt, tell)

    def gather(chosen: dict) -> Batch:
        try:
            batch = source.gather(chosen["index"])
        except CorruptImage:
            if not skip_corrupt:
                raise
            return slowly(chosen)
        for key, field in source.fields.items():
            if len(field.shape) == 3:
                mirror(batch[key], chosen["flip"])
        return batch

    return gather


def _from_source(
    source: Source, skip_corrupt: bool, tell: Callable[[set[int]], None]
) -> Callable[[dict], Batch]:
    """`take` for a source, in the threads of this process."""
    corrupt: set[int] = set()

    def gather(chosen: dict) -> Batch:
        examples = _examples(source, chosen, skip_corrupt, corrupt)
        tell(corrupt)
        return _batch(examples, chosen)

    return gather


def _teller(source: Source) -> Callable[[set[int]], None]:
    """Logs the corrupt places of a source, each once whoever read it."""
    told: set[int] = set()
    lock = threading.Lock()

    def tell(corrupt: set[int]) -> None:
        with lock:  # several threads read
            for place in sorted(corrupt - told):
                told.add(place)
                _log.warning(
                    "skipped %s, which cannot be read (%d so far); the next readable "
                    "image stands in for it",
                    *(name_of(source, place), len(told)),
                )

    return tell


def _examples(
    source: Source, chosen: dict, skip_corrupt: bool, corrupt: set[int]
) -> list[dict]:
    """The examples of a plan, one after another."""
    return [
        read_good(source, int(i), skip_corrupt, corrupt)
        for i in chosen["index"].reshape(-1)
    ]


def _batch(examples: list[dict], chosen: dict) -> Batch:
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


def _ahead(
    make: Callable[[int], Batch],
    start: int,
    stop: int,
    prefetch: int,
    threads: int = 1,
) -> Iterator[Batch]:
    """Computes `make(start)`, `make(start + 1)`, ... in threads of our own, ahead."""
    pool = concurrent.futures.ThreadPoolExecutor(threads, "jaxgan-batches")
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


def _check_pickles(source: Source) -> None:
    """Says so now if a source cannot be given to other processes."""
    try:
        ForkingPickler.dumps(source)
    except Exception as error:  # whatever its parts raise
        raise ValueError(
            f"the source cannot be sent to other processes ({error}): leave processes"
            " at 0, which reads it in threads, or unpack the set into a folder"
        ) from error


def _with_processes(
    make: Callable[[Callable[[dict], Batch], int], Batch],
    reader: Callable[[dict], tuple[Batch, set[int]]],
    tell: Callable[[set[int]], None],
    source: Source,
    start: int,
    stop: int,
    processes: int,
    prefetch: int,
) -> Iterator[Batch]:
    """The same in processes that decode; threads here wait for what they send."""
    pool = concurrent.futures.ProcessPoolExecutor(
        processes,
        # A fork of a process with threads, as JAX's, may hang.
        multiprocessing.get_context("spawn"),
        initializer=_start_child,
        initargs=(source,),
    )

    def gather(chosen: dict) -> Batch:
        try:
            batch, corrupt = pool.submit(reader, chosen).result()
        except BrokenProcessPool as error:
            raise RuntimeError(
                "a process that reads images has ended: keep what the script does"
                ' under `if __name__ == "__main__":`; if that is so, it may have been'
                " killed for want of memory, and fewer processes or 0 help"
            ) from error
        tell(corrupt)
        return batch

    # One more thread than processes, so that none of them waits for its next batch.
    ahead = _ahead(
        functools.partial(make, gather),
        *(start, stop, prefetch + processes, processes + 1),
    )
    try:
        yield from ahead
    finally:
        ahead.close()  # type: ignore[attr-defined]
        pool.shutdown(cancel_futures=True)


_source: Source | None = None  # in a process that reads it
_corrupt: set[int] = set()  # its places that this process found so


def _start_child(source: Source) -> None:
    """Makes a new process ready to read."""
    global _source
    _source = source
    # Ctrl-C reaches it too; its parent is the one to stop, after its last batches.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """Ends this process when its parent has been killed, which tells it nothing."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _gather_in_child(skip_corrupt: bool, chosen: dict) -> tuple[Batch, set[int]]:
    """A batch, and the places that are known to be corrupt by now."""
    assert _source is not None
    examples = _examples(_source, chosen, skip_corrupt, _corrupt)
    return _batch(examples, chosen), _corrupt


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
