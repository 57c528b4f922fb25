"""Makes one turn of a consumer: at full speed, at a pace, or with a real step."""

import multiprocessing
import os
import pathlib
import time
from collections.abc import Callable, Iterator
from typing import Any

import jax

from experiments.benchmarks.parts import timing

AHEAD = 20  # steps that the training loop plays before it reads their metrics


def highest_rate(batches: Iterator[Any], batch_size: int, seconds: float) -> dict:
    """Takes batches as fast as they come."""
    began, taken = time.perf_counter(), 0
    while time.perf_counter() - began < seconds:
        next(batches)
        taken += batch_size
    return {"images / s": taken / (time.perf_counter() - began), "images": taken}


def paced(
    batches: Iterator[Any],
    place: Callable[[Any], Any],
    batch_size: int,
    seconds: float,
    rate: float,
) -> dict:
    """Takes `rate` images per second, or as many as come.

    While the device plays one batch, the next is taken and put on its way; then the
    loop sleeps until the device is done, and starts it on that batch.
    """
    step = batch_size / rate
    began = free = time.perf_counter()  # the device has nothing to do from `free` on
    steps, waited, placing, starved = 0, 0.0, 0.0, 0.0
    while steps < 2 or free - began < seconds:
        asked = time.perf_counter()
        batch = next(batches)
        got = time.perf_counter()
        placed = place(batch)
        came = time.perf_counter()
        waited, placing = waited + got - asked, placing + came - got
        time.sleep(max(0.0, free - came))
        late = max(0.0, came - free)
        if not all(x.is_ready() for x in jax.tree.leaves(placed)):
            asked = time.perf_counter()
            jax.block_until_ready(placed)
            late += time.perf_counter() - asked
        starved += late
        free, steps = free + late + step, steps + 1
    spent = free - began
    return {
        "images / s": steps * batch_size / spent,
        "next": waited / spent,
        "placing": placing / spent,
        "starved": starved / spent,
        "images": steps * batch_size,
    }


def stepped(
    batches: Iterator[Any], step: Callable, state: Any, batch_size: int, seconds: float
) -> dict:
    """Plays a compiled step as the training loop does: metrics every `AHEAD` steps."""
    began, steps, waited = time.perf_counter(), 0, 0.0
    while time.perf_counter() - began < seconds:
        for _ in range(AHEAD):
            asked = time.perf_counter()
            batch = next(batches)
            waited += time.perf_counter() - asked
            state = step(state, batch["image"])
        jax.block_until_ready(state)
        steps += AHEAD
    spent = time.perf_counter() - began
    return {
        "images / s": steps * batch_size / spent,
        "next": waited / spent,
        "images": steps * batch_size,
    }


def own_seconds() -> float:
    """Processor time of this process and of its children (0 where unknown)."""
    spent = time.process_time()
    for child in multiprocessing.active_children():
        try:
            line = pathlib.Path(f"/proc/{child.pid}/stat").read_text()
        except OSError:
            continue
        fields = line.rpartition(")")[2].split()  # a name may contain spaces
        spent += sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")
    return spent


def timed(turn: Callable[..., dict], batch_size: int, seconds: float) -> dict:
    """Adds processor time, and how busy the machine was, to what a turn measured."""
    busy, own = timing.busy_seconds(), own_seconds()
    began = time.perf_counter()
    found = turn(batch_size=batch_size, seconds=seconds)
    spent = time.perf_counter() - began
    own = own_seconds() - own
    busy = timing.busy_seconds() - busy
    images = found.pop("images")
    return found | {
        "cpu s / 10,000": 1e4 * own / images,
        "foreign": max(0.0, busy - own) / spent,
    }
