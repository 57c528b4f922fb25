"""Stops a run when a signal comes from outside."""

import contextlib
import signal
from collections.abc import Iterator

import jax

from jaxgan import parallel

_main: list[int] | None = None  # what came while the main thread listens


class Stopped(Exception):
    """The run was asked to stop, and has saved itself."""

    def __init__(self, message: str, number: int):
        super().__init__(message)
        self.signal = number


@contextlib.contextmanager
def caught() -> Iterator[list[int]]:
    """A list that gets the number of the first SIGINT or SIGTERM when it comes.

    With several processes it stays empty: `parallel.preempted` gives the number to all.
    Other threads get the list of the main one, if that is listening.

    A second one acts as it always does, for those who cannot wait.
    """
    global _main
    came: list[int] = []
    before = {}
    several = jax.process_count() > 1

    def handle(number, frame):
        del frame
        if several:  # which stop at the same step: see `parallel.preempted`
            parallel.ask_to_stop(number)
        else:
            came.append(number)
        for each, old in before.items():
            signal.signal(each, old)

    try:
        for number in (signal.SIGINT, signal.SIGTERM):
            before[number] = signal.signal(number, handle)
    except ValueError:  # outside the main thread nothing can be caught
        yield came if _main is None else _main
        return
    outer, _main = _main, came
    try:
        yield came
    finally:
        _main = outer
        for number, old in before.items():
            signal.signal(number, old)
