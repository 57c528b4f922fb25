"""Writes the numbers and pictures of a run while it trains."""

import contextlib
import functools
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
    run: Run, show: Callable[[Any], Mapping[str, Any]], seen: Any, step: int
) -> list[dict[str, Any]]:
    """Draws the sheets of a step, in the main process, from what was seen of its state.

    Returns:
        The numbers that `show` gave, as one row, or no row.
    """
    if not parallel.is_main():
        return []
    numbers, written = {}, []
    for name, shown in show(seen).items():
        if np.ndim(shown):
            path = directory.sheet(run.workdir, name, step)
            report.save_png(path, report.sheet(shown))
            written.append(path.relative_to(run.workdir).as_posix())
        else:
            numbers[name] = float(shown)
    if written:
        terminal.doing(f"step {step:,}: {', '.join(written)}")
    return [{"step": step, **numbers}] if numbers else []


def joined(
    rows: Sequence[dict[str, Any]], more: Sequence[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Rows and a later one, which joins the last of them where both are of one step."""
    if rows and more and rows[-1]["step"] == more[0]["step"]:
        return [*rows[:-1], {**rows[-1], **more[0]}, *more[1:]]
    return [*rows, *more]


@contextlib.contextmanager
def judging(
    run: Run,
    evaluate: Callable[[Any], Mapping[str, float]] | None,
    config: Mapping[str, Any],
    latest: Any,
) -> Iterator[tuple[Callable[[int], None], Callable[[Log, int, Any], None]]]:
    """`forget(step)`, which drops the best after a step, and `judge(log, step, state)`.

    The latter scores a state, and keeps it if it is the best so far. It also keeps what
    was the best as of each of the `latest` checkpoints, where the run may go back to.
    All processes must call it: they score together, and the main one decides.
    """
    folder = run.workdir / directory.BEST
    score = evaluate if run.evaluate_every else None
    if score is None and not parallel.agreed(parallel.is_main() and folder.is_dir()):
        yield lambda step: None, lambda log, step, state: None
        return
    with checkpoint.manager(folder) as bests:

        def is_best(log, step, found):
            numbers = {name: float(x) for name, x in found.items()}
            log([{"step": step, **numbers}])
            name, scored = next(iter(numbers.items()))
            scores = [
                (row[name], row["step"])
                for row in directory.scalars(run.workdir)
                if math.isfinite(row.get(name, np.nan))
            ]
            best, at = min(scores, default=(math.nan, step))
            where = (
                "the best so far" if scored == best else f"best {best:.4g} at {at:,}"
            )
            terminal.doing(f"step {step:,}: {name} {scored:.4g} ({where})")
            return scored == best

        def judge(log, step, state):
            if score is None:
                return
            found = score(state)
            if parallel.agreed(parallel.is_main() and is_best(log, step, found)):
                checkpoint.save(bests, step, state, config)
                # A run that goes on from a checkpoint has the best as of then.
                checkpoint.wait(bests)
                checkpoint.wait(latest)
                checkpoint.drop_superseded(bests, latest.all_steps())

        yield functools.partial(checkpoint.drop_after, bests), judge
