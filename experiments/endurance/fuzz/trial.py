"""One trial: what is made from its number, and how it ends."""

import contextlib
import io
import pathlib
import random
import resource
import shutil
import time
import traceback
import warnings
from typing import NamedTuple

from experiments.endurance.fuzz import archives, command_lines, images

PLAYS = {
    "image": images.play,
    "archive": archives.play,
    "idx": archives.play_idx,
    "flags": command_lines.play,
}
# Ten trials in a row are of these kinds.
KINDS = (
    *("image", "flags", "image", "archive", "image"),
    *("idx", "image", "flags", "image", "archive"),
)
FINE, FAULTS = ("accepted", "refused"), ("traceback", "memory", "crash", "hang")
MOST_KIB = 1 << 20  # of memory that a trial may add to the most its process ever had


class Outcome(NamedTuple):
    """How a trial ended.

    Attributes:
        number: of the trial.
        kind: what it was about.
        ended: one of `FINE` or `FAULTS`.
        seconds: how long it took.
        said: the error.
    """

    number: int
    kind: str
    ended: str
    seconds: float
    said: str = ""


def kind_of(number: int) -> str:
    """What a trial is about."""
    return KINDS[number % len(KINDS)]


def play(seed: int, folder: pathlib.Path, number: int, show: bool = False) -> Outcome:
    """Plays a trial.

    Args:
        seed: of all trials.
        folder: where it may put files; they are removed.
        number: of the trial.
        show: whether to print what the library prints, and the traceback.
    """
    kind, chance = kind_of(number), random.Random(f"{seed} {number}")
    here = folder / str(number)
    here.mkdir()
    began, memory = time.perf_counter(), _most_memory()
    try:
        with contextlib.ExitStack() as quiet:
            if not show:
                nowhere = io.StringIO()
                quiet.enter_context(contextlib.redirect_stdout(nowhere))
                quiet.enter_context(contextlib.redirect_stderr(nowhere))
            quiet.enter_context(warnings.catch_warnings(action="ignore"))
            PLAYS[kind](chance, here)
        ended, said = "accepted", ""
    except (ValueError, OSError) as error:  # a command makes one sentence of these
        ended, said = "refused", str(error)
    except Exception as error:
        ended = "traceback"
        where = traceback.extract_tb(error.__traceback__)[-1]
        said = f"{type(error).__name__}: {error} ({where.filename}:{where.lineno})"
        if show:
            traceback.print_exc()
    finally:
        shutil.rmtree(here, ignore_errors=True)
    if _most_memory() > memory + MOST_KIB:
        ended = "memory"
    return Outcome(number, kind, ended, time.perf_counter() - began, said[:1000])


def _most_memory() -> int:
    """KiB, the most that this process ever held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
