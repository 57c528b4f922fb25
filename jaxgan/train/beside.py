"""Runs side by side in one process, each in a thread that has devices of its own.

Devices work for all runs at once. The host works for one after the other: a run gives
its turn away only while it compiles or waits for its devices, so nothing else has to
know of threads.
"""

import collections
import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from typing import Any, NamedTuple

import jax

from jaxgan.train import signals

EVERY = 0.2  # seconds between looks for signals


class _Turns:
    """Lets one thread at a time work, in the order in which they came."""

    def __init__(self):
        self._line: collections.deque[int] = collections.deque()
        self._moved = threading.Condition()

    def __enter__(self) -> None:
        me = threading.get_ident()
        with self._moved:
            self._line.append(me)
            self._moved.wait_for(lambda: self._line[0] == me)

    def __exit__(self, *error) -> None:
        with self._moved:
            self._line.popleft()
            self._moved.notify_all()


class _Place(NamedTuple):
    """Where a run trains that has others beside it."""

    name: str
    devices: Sequence[Any]
    most: int
    turns: _Turns


_place: ContextVar[_Place | None] = ContextVar("place", default=None)


def name() -> str:
    """The name of this run among those beside it; empty for a run on its own."""
    place = _place.get()
    return place.name if place else ""


def devices() -> Sequence[Any]:
    """The devices of this run: its share, or all that there are."""
    place = _place.get()
    return place.devices if place else jax.devices()


def count() -> int:
    """How many runs train side by side at most, this one among them."""
    place = _place.get()
    return place.most if place else 1


@contextlib.contextmanager
def away() -> Iterator[None]:
    """Lets the other runs have the host, while this one compiles or waits."""
    place = _place.get()
    if place is None:
        yield
        return
    place.turns.__exit__()
    try:
        yield
    finally:
        place.turns.__enter__()


def together(
    jobs: Mapping[str, Callable[[], None]], shares: Sequence[Sequence[Any]]
) -> None:
    """Does jobs side by side, as many at once as there are shares of the devices.

    Those that wait begin in their order, each when a share is free. After an error or a
    signal no more begin, and those that train go on: to their end after an error, and
    after a signal until they have saved themselves.

    Args:
        jobs: name -> what to do.
        shares: the devices of each job that is done at the same time.

    Raises:
        Stopped: SIGINT or SIGTERM came.
        BaseException: the first that a job raised, when the others have ended.
    """
    turns, waiting = _Turns(), collections.deque(jobs.items())
    most = min(len(jobs), len(shares))
    errors: list[BaseException] = []

    def work(share, came):
        with turns, jax.default_device(share[0]):
            while waiting and not errors and not came:
                known, job = waiting.popleft()
                _place.set(_Place(known, share, most, turns))
                try:
                    job()
                except BaseException as error:  # raised in the main thread
                    errors.append(error)

    with signals.caught() as came:
        # They do not keep the process alive where a second signal ends it.
        threads = [
            threading.Thread(target=work, args=(share, came), daemon=True)
            for share in shares
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            while thread.is_alive():  # a signal may come to any thread, and is heard
                thread.join(EVERY)  # when this one wakes
    if errors:
        raise errors[0]
    if waiting:
        raise signals.Stopped(
            f"stopped before {' and '.join(known for known, _ in waiting)}; the same"
            " command goes on from there",
            came[0],
        )
