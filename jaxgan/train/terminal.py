"""Prints the progress of a run: lines with the time, and a bar.

Where nobody watches, because standard error is a file, the bar becomes a line every
half minute.
"""

import sys
import time
from collections.abc import Mapping
from typing import Any, TextIO

from tqdm import tqdm

from jaxgan import parallel
from jaxgan.train import beside

EVERY = 30  # seconds between the lines of a log
NAME = 4  # letters of a player's name beside the bar
_BEGAN = time.perf_counter()

_BAR = (
    "{percentage:3.0f}%|{bar:10}| {n_fmt}/{total_fmt}"
    " [{elapsed}<{remaining}, {rate_fmt}{postfix}]"
)
_LINE = (
    "{n_fmt} of {total_fmt} steps, {elapsed} gone, {remaining} to go,"
    " {rate_fmt}{postfix}"
)


def say(text: str) -> None:
    """Writes a line beside the results; of several processes, the main one does."""
    if parallel.is_main():
        tqdm.write(_named(text), file=sys.stderr)


def _named(text: str) -> str:
    """A line with the name of the run that it tells of, where there are several."""
    name = beside.name()
    return f"{name}: {text}" if name else text


def doing(what: str) -> None:
    """Says what happens from now on, and how many seconds have passed before."""
    say(f"{time.perf_counter() - _BEGAN:>9.1f} s  {what}")


def facts(known: Mapping[str, Any]) -> None:
    """Says what is known, one fact a line."""
    for name, value in known.items():
        say(f"{name:>11}  {value}")


def once(lines: Mapping[str, str], told: set[str]) -> None:
    """Says those lines whose names were not told before, and adds these to the told."""
    for name, line in lines.items():
        if name not in told:
            told.add(name)
            say(f"            {line}")


def bar(steps: int, first: int) -> tqdm:
    """The progress of a run from its first step on, with the time that is left.

    That time is estimated from the steps so far, with all that happened between them.
    """
    if sys.stderr.isatty():
        options: dict[str, Any] = {
            "file": sys.stderr,
            "dynamic_ncols": True,
            "bar_format": _named(_BAR),
        }
    else:
        options = {
            "file": _Lines(sys.stderr),
            "mininterval": EVERY,
            "miniters": 1,
            "position": 0,  # a file has no lines above for the bars of other runs
            "bar_format": _named(_LINE),
        }
    return tqdm(
        total=steps,
        initial=min(first, steps),
        unit=" steps",
        smoothing=0,  # the mean speed: no single step moves it
        disable=not parallel.is_main(),
        **options,
    )


def brief(metrics: Mapping[str, float]) -> str:
    """The losses of a step in a few words, to stand beside the bar."""
    losses = {
        name.removesuffix("/loss"): value
        for name, value in metrics.items()
        if name.endswith("/loss")
    }
    short = {name: name[:NAME] for name in losses}
    if len(set(short.values())) < len(short):
        short = {name: name for name in losses}
    return " ".join(f"{short[name]} {value:.3f}" for name, value in losses.items())


class _Lines:
    """A file for tqdm that ends lines instead of returning to their start."""

    def __init__(self, file: TextIO):
        self.file = file

    def write(self, text: str) -> None:
        if text := text.strip():
            self.file.write(text + "\n")

    def flush(self) -> None:
        self.file.flush()
