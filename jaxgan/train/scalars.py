"""Writes the numbers and pictures of a run while it trains."""

import contextlib
import math
import pathlib
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import jax
import numpy as np

from jaxgan import checkpoint, parallel, report
from jaxgan.train import board, directory, terminal
from jaxgan.train.run import Run

Log = Callable[[Sequence[Mapping[str, Any]]], None]


def logging(workdir: pathlib.Path) -> tuple[Callable[[int], None], Log]:
    """`rewind(step)`, which drops what was logged after a step, and then `log(rows)`.

    Both write to the file of scalars and to TensorBoard, in the main process alone, and
    return when it is written, so that a full disk shows at once.
    """
    if not parallel.is_main():
        return lambda step: None, lambda rows: None
    files = []

    def log(rows):
        report.append(files[-1], board.events(rows))
        report.append_scalars(workdir / directory.SCALARS, rows)

    def rewind(step):
        report.rewind_scalars(workdir / directory.SCALARS, step)
        # TensorBoard reads files in the order of their names.
        name = f"events.out.tfevents.{time.time():.6f}.{socket.gethostname()}"
        files.append(workdir / directory.TENSORBOARD / name)
        report.append(files[-1], board.beginning(step + 1))

    return rewind, log


def rows(pending: Sequence[tuple[int, int, Any]]) -> list[dict[str, Any]]:
    """One row a step, from (first step, count, metrics) of each call of the devices."""
    return [
        {"step": first + i, **{name: float(x[i]) for name, x in metrics.items()}}
        for first, count, metrics in jax.device_get(list(pending))
        for i in range(count)
    ]


def shown(
    run: Run, show: Callable[[Any], Mapping[str, Any]], state: Any, step: int
) -> list[dict[str, Any]]:
    """Draws the sheets of a step, in the main process.

    Returns:
        The numbers that `show` gave, as one row, or no row.
    """
    if not parallel.is_main():
        return []
    numbers, written = {}, []
    for name, seen in show(state).items():
        if np.ndim(seen):
            path = directory.sheet(run.workdir, name, step)
            report.save_png(path, report.sheet(seen))
            written.append(path.relative_to(run.workdir).as_posix())
        else:
            numbers[name] = float(seen)
    if written:
        terminal.doing(f"step {step:,}: {', '.join(written)}")
    return [{"step": step, **numbers}] if numbers else []


@contextlib.contextmanager
def judging(
    run: Run,
    evaluate: Callable[[Any], Mapping[str, float]] | None,
    config: Mapping[str, Any],
    mesh: Any,
) -> Iterator[Callable[[Log, int, Any], None]]:
    """`judge(log, step, state)`: scores a state, and keeps it if it is the best."""
    if not run.evaluate_every or evaluate is None:
        yield lambda log, step, state: None
        return
    with checkpoint.manager(run.workdir / directory.BEST, 1) as checkpoints:

        def is_best(log, step, state):
            numbers = {name: float(x) for name, x in evaluate(state).items()}
            log([{"step": step, **numbers}])
            name, score = next(iter(numbers.items()))
            # After a crash the best may lie ahead; training comes there again.
            scores = [
                (row[name], row["step"])
                for row in directory.scalars(run.workdir)
                if math.isfinite(row.get(name, np.nan))
            ]
            best, at = min(scores, default=(math.nan, step))
            where = "the best so far" if score == best else f"best {best:.4g} at {at:,}"
            terminal.doing(f"step {step:,}: {name} {score:.4g} ({where})")
            return score == best

        def judge(log, step, state):
            seen = parallel.gather(mesh, state)
            if parallel.agreed(parallel.is_main() and is_best(log, step, seen)):
                checkpoint.save(checkpoints, step, state, config)

        yield judge
