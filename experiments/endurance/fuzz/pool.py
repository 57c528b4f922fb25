"""Processes that play trials, watched from outside: one that hangs is ended."""

import concurrent.futures
import multiprocessing
from collections.abc import Callable, Sequence

from tqdm import tqdm

from experiments.endurance.fuzz.trial import Outcome, kind_of

PATIENCE = 600  # seconds for a process to begin


def play(
    work: Callable[[int], Outcome], numbers: Sequence[int], limit: float, at_once: int
) -> list[Outcome]:
    """Plays trials in other processes.

    Args:
        work: plays the trial of a number; picklable.
        numbers: of the trials.
        limit: seconds that each may take.
        at_once: processes.

    Returns:
        How the trials ended, in the order of their numbers.
    """
    with (
        tqdm(total=len(numbers), unit="trial") as bar,
        concurrent.futures.ThreadPoolExecutor(at_once) as threads,
    ):
        parts = [numbers[i::at_once] for i in range(at_once)]
        tended = [threads.submit(_tend, work, part, limit, bar) for part in parts]
        return sorted(outcome for part in tended for outcome in part.result())


def _tend(work, numbers, limit, bar) -> list[Outcome]:
    """Gives trials to a process, and to a new one after it crashed or hung."""
    found, child = [], None
    try:
        for number in numbers:
            child = child or _begin(work)
            process, pipe = child
            pipe.send(number)
            ended = "hang"
            try:
                if pipe.poll(limit):
                    found.append(pipe.recv())
                    ended = ""
            except EOFError:
                ended = "crash"
            if ended:
                _end(process)
                code = f"exit code {process.exitcode}"
                found.append(Outcome(number, kind_of(number), ended, limit, code))
                child = None
            bar.update()
    finally:
        if child is not None:
            _end(child[0])
    return found


def _begin(work):
    """A process that plays what it is sent, once it can."""
    spawn = multiprocessing.get_context("spawn")
    pipe, theirs = spawn.Pipe()
    process = spawn.Process(target=_serve, args=(work, theirs), daemon=True)
    process.start()
    theirs.close()
    if not pipe.poll(PATIENCE) or pipe.recv() != "ready":
        raise ChildProcessError("a process that plays trials did not begin")
    return process, pipe


def _serve(work, pipe) -> None:
    pipe.send("ready")
    while True:
        pipe.send(work(pipe.recv()))


def _end(process) -> None:
    process.kill()
    process.join()
