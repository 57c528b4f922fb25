"""The training loop: batches -> step -> log -> sample -> checkpoint. No callbacks.

A run is its directory: configuration, checkpoints, scalars, sheets. The same call in
the same directory goes on where it stopped, bit for bit, because data and randomness
are functions of the seed and the step; after a kill it loses at most what was played
since the last checkpoint.
"""

import contextlib
import dataclasses
import functools
import itertools
import math
import os
import pathlib
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal, NamedTuple

import jax
import numpy as np
from jax import lax
from jax.extend.core import jaxprs_in_params
from jax.sharding import Mesh
from tqdm import tqdm

from jaxgan import checkpoint, parallel, report
from jaxgan.game import Algorithm, Batch
from jaxgan.train import directory
from jaxgan.train.directory import BEST, LATEST, alone, as_json, check_alike, claim
from jaxgan.train.health import Diverged as Diverged
from jaxgan.train.health import broken, goes_back

MOST_PER_CALL = 25  # steps


@dataclasses.dataclass(frozen=True)
class Run:
    """How long to train, where, and what to leave behind."""

    workdir: pathlib.Path
    """Directory of the run; the same command again resumes it."""
    steps: int = 2000
    """Steps to train for, all in all."""
    batch_size: int = 64
    """Examples a minibatch, over all devices together."""
    seed: int = 0
    """Seed of initial weights, noise and data order."""
    devices: int = 0
    """Devices to train on; 0 takes all there are, of all processes."""
    fsdp: int = 1
    """Devices over which large parameters, their optimiser states and averages are
    split; 1 keeps them whole on every device."""
    accumulate: int = 1
    """Parts in which a minibatch is played, gradients averaged, to save memory."""
    processes: int | Literal["auto"] = 1
    """Processes that train together; auto: ask the cluster (TPU pod, SLURM, MPI)."""
    process: int = 0
    """Which of them this is, from 0; auto finds it."""
    coordinator: str = ""
    """Address of process 0, as HOST:PORT; auto finds it."""
    on_nan: Literal["stop", "rollback", "ignore"] = "stop"
    """When a loss or weight is no number: stop; go back to the last checkpoint and on
    from there with other noise, three times at most; or only tell."""
    accept_changes: bool = False
    """Resume although the configuration changed; what changed is told."""
    log_every: int = 20
    """Steps between scalars."""
    sample_every: int = 250
    """Steps between sample sheets."""
    checkpoint_every: int = 250
    """Steps between checkpoints."""
    evaluate_every: int = 0
    """Steps between evaluations, where the experiment has one; the state that scores
    best is kept too, in the folder best. 0 leaves them out."""
    keep: int = 2
    """Latest checkpoints to keep."""
    steps_per_call: int = 0
    """Steps played in one call of the device; 0 decides: 1 for convolutions on CPU."""

    def __post_init__(self):
        for name in ("steps", "batch_size", "log_every", "sample_every", "keep"):
            _at_least(1, name, getattr(self, name))
        for name in ("checkpoint_every", "fsdp", "accumulate"):
            _at_least(1, name, getattr(self, name))
        for name in ("seed", "devices", "steps_per_call", "evaluate_every"):
            _at_least(0, name, getattr(self, name))


class Feed(NamedTuple):
    """Where batches come from.

    Attributes:
        arrays: what stays on the devices, whole: a small data set, or nothing.
        items: `items(start)` gives the host's part of each batch, from a step on; of
            several processes each may give all of a batch, or its `parallel.rows`.
        prepare: `prepare(arrays, item) -> batch`, pure, run inside the compiled step.
        axis: the axis of every array of an item that devices share: 1 for `[k, B]`.
    """

    arrays: Any
    items: Callable[[int], Iterator[Any]]
    prepare: Callable[[Any, Any], Batch]
    axis: int = 0


class Stopped(Exception):
    """The run was asked to stop, and has saved itself."""

    def __init__(self, message: str, number: int):
        super().__init__(message)
        self.signal = number


def train(
    algorithm: Algorithm,
    feed: Feed,
    run: Run,
    config: Mapping[str, Any],
    look: Callable[[Any], Mapping[str, Any]],
    mesh: Mesh,
    evaluate: Callable[[Any], Mapping[str, float]] | None = None,
) -> Any:
    """Trains to `run.steps`, or goes on to there.

    Args:
        algorithm: what is trained, uncompiled.
        feed: the batches.
        run: how.
        config: plain values that define the run; a change is refused on resumption.
        look: `look(state) -> {name: seen}`, asked every `run.sample_every` steps; what
            it sees are images `[N, H, W, C]` uint8, drawn as a sheet, or numbers, which
            join the scalars.
        mesh: the devices.
        evaluate: `evaluate(state) -> {name: number}`, asked every `run.evaluate_every`
            steps and at the end; the numbers join the scalars, and the state whose
            first number is the lowest so far is kept in the folder `best`.

    Returns:
        The final state.

    Raises:
        ValueError: a directory that cannot be used, or belongs to another run.
        Diverged: a loss became NaN or infinite.
        Stopped: SIGINT or SIGTERM came.
    """
    if run.evaluate_every and evaluate is None:
        raise ValueError(
            f"--evaluate-every is {run.evaluate_every}, but this experiment has no"
            " evaluation while it trains; leave the flag out"
        )
    config = as_json(config)
    claim(run.workdir, config, accept_changes=run.accept_changes)
    check_alike(config)
    one, many, like, size = _compile(algorithm, feed, run, mesh)
    scalars = run.workdir / directory.SCALARS
    events = (
        *(run.log_every, run.sample_every, run.checkpoint_every),
        run.evaluate_every or run.steps,
    )
    with (
        alone(run.workdir),
        checkpoint.manager(run.workdir / LATEST, run.keep) as checkpoints,
        _judging(run, evaluate, scalars, config, mesh) as judge,
        _signals() as stop,
    ):
        begin = functools.partial(
            _begin, algorithm, feed, run, like, checkpoints, scalars
        )
        state, step, items = begin()
        first, rollbacks = step, 0  # since the last checkpoint
        with (
            _logging(run.workdir, scalars, first) as log,
            tqdm(
                total=run.steps,
                initial=min(first, run.steps),
                unit="step",
                disable=not parallel.is_main(),
            ) as bar,
        ):
            if first == 0:
                log(_look(run, look, mesh, state, 0))
            pending, began, waited = [], time.perf_counter(), 0.0
            while step < run.steps:
                room = min(run.steps, *((step // e + 1) * e for e in events)) - step
                count = size if step % size == 0 and size <= room else 1
                asked = time.perf_counter()
                chunk = list(itertools.islice(items, count))
                waited += time.perf_counter() - asked
                if count == 1:
                    item = parallel.assemble(mesh, chunk[0], run.batch_size, feed.axis)
                    state, metrics = one(state, (feed.arrays, item))
                    metrics = jax.tree.map(lambda x: x[None], metrics)
                else:
                    chunk = jax.tree.map(lambda *x: np.stack(x), *chunk)
                    chunk = parallel.assemble(
                        mesh, chunk, run.batch_size, feed.axis + 1
                    )
                    state, metrics = many(state, (feed.arrays, chunk))
                pending.append((step + 1, count, metrics))
                step += count
                bar.update(count)
                if parallel.preempted(step):
                    stop.append(signal.SIGTERM)
                stopping = bool(stop)  # asked once: a signal may come at any moment
                last = stopping or step == run.steps
                due = [step % every == 0 for every in events]
                if not any(due) and not last:
                    continue
                # Only here does the host wait for the devices.
                rows = _rows(jax.device_get(pending))
                pending = []
                if what := broken(rows, state, weights=due[2] or last):
                    rollbacks += 1
                    checkpoints.wait_until_finished()
                    saved = checkpoints.latest_step()
                    if goes_back(what, saved, rollbacks, run.on_nan):
                        reached = step
                        state, step, items = begin(rollbacks)
                        bar.update(step - reached)
                        continue
                spent = time.perf_counter() - began
                shown = [row for row in rows if row["step"] % run.log_every == 0]
                for row in shown:
                    row["images_per_second"] = len(rows) * run.batch_size / spent
                    row["waiting_for_data"] = waited / spent
                log(shown)
                bar.set_postfix_str(_brief(rows[-1]))
                if due[1] or step == run.steps:
                    log(_look(run, look, mesh, state, step))
                if due[3] or step == run.steps:
                    judge(log, step, state)
                if due[2] or last:
                    checkpoint.save(checkpoints, step, state, config)
                    rollbacks = rollbacks if what else 0
                if stopping:
                    break
                began, waited = time.perf_counter(), 0.0
    if step < run.steps:
        raise Stopped(
            f"stopped and saved at step {step} of {run.steps} in {run.workdir};"
            " the same command goes on from there",
            stop[0],
        )
    return state


def devices(run: Run) -> Mesh:
    """The mesh of the devices a run asks for.

    Raises:
        ValueError: there are not as many, or the batch does not divide over them.
    """
    there = jax.devices()
    if run.devices > len(there):
        raise ValueError(
            f"{run.devices} devices were asked for, but there are {len(there)};"
            f" use --devices {len(there)} or fewer"
        )
    if jax.process_count() > 1 and run.devices not in (0, len(there)):
        raise ValueError(
            f"--devices is {run.devices}, but several processes train on all they have"
            f" ({len(there)}); leave it out"
        )
    mesh = parallel.mesh(there[: run.devices or None], run.fsdp)
    parallel.check_batch_size(run.batch_size, mesh, run.accumulate)
    return mesh


def _compile(algorithm, feed, run, mesh):
    """What plays one step and many, the form of the state, and how many many is."""

    def step(arrays):
        return lambda state, item: algorithm.step(state, feed.prepare(arrays, item))

    item = parallel.assemble(mesh, next(feed.items(0)), run.batch_size, feed.axis)
    like = jax.eval_shape(
        lambda batch: _init(algorithm, feed, run, batch), (feed.arrays, item)
    )
    places = parallel.shardings(mesh, like)
    like = jax.tree.map(
        lambda x, place: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=place),
        *(like, places),
    )

    def play(f, axis):
        whole = parallel.replicated(mesh)
        return jax.jit(
            f,
            in_shardings=(places, (whole, parallel.split(mesh, axis))),
            out_shardings=(places, whole),
            donate_argnums=0,
        )

    one = play(lambda state, batch: step(batch[0])(state, batch[1]), feed.axis)
    many = play(
        lambda state, batch: lax.scan(step(batch[0]), state, batch[1]), feed.axis + 1
    )
    return (
        one,
        many,
        like,
        run.steps_per_call
        or _steps_per_call(
            run, lambda: one.trace(like, (feed.arrays, item)).jaxpr.jaxpr
        ),
    )


def _init(algorithm, feed, run, batch):
    return algorithm.init(jax.random.key(run.seed), feed.prepare(*batch))


def _begin(algorithm, feed, run, like, checkpoints, scalars, again=0):
    """The newest state on disk, or a first one; its step, and the batches from there.

    After a rollback, the `again`-th to this state, the noise is another: the same one
    whenever the run comes to this point, so that a run that was killed repeats it.
    """
    state = checkpoint.restore(checkpoints, like)
    if state is None:
        mesh = like.step.sharding.mesh
        item = parallel.assemble(mesh, next(feed.items(0)), run.batch_size, feed.axis)
        init = jax.jit(
            lambda batch: _init(algorithm, feed, run, batch),
            out_shardings=jax.tree.map(lambda x: x.sharding, like),
        )
        state = init((feed.arrays, item))
    if again:
        fold = jax.jit(jax.random.fold_in, out_shardings=like.key.sharding)
        state = state.replace(key=fold(state.key, again))
    step = int(state.step)
    checkpoint.drop_after(checkpoints, step)
    if parallel.is_main():
        report.rewind_scalars(scalars, step)
    return state, step, feed.items(step)


def _steps_per_call(run, program) -> int:
    """How many steps to play in one call: a divisor of the steps between events.

    XLA's CPU convolution is some twenty times slower in a loop body, so there steps
    with convolutions are played one by one.
    """
    if jax.default_backend() == "cpu" and _convolves(program()):
        return 1
    between = math.gcd(
        run.log_every, run.sample_every, run.checkpoint_every, run.evaluate_every
    )
    return max(n for n in range(1, MOST_PER_CALL + 1) if between % n == 0)


def _convolves(jaxpr) -> bool:
    """Whether there is a convolution in a program, at any depth."""
    return any(
        equation.primitive.name == "conv_general_dilated"
        or any(_convolves(inner) for inner in jaxprs_in_params(equation.params))
        for equation in jaxpr.eqns
    )


@contextlib.contextmanager
def _judging(run, evaluate, scalars, config, mesh):
    """`judge(log, step, state)`: scores a state, and keeps it if it is the best."""
    if not run.evaluate_every:
        yield lambda log, step, state: None
        return
    with checkpoint.manager(run.workdir / BEST, 1) as checkpoints:

        def is_best(log, step, state):
            numbers = {name: float(x) for name, x in evaluate(state).items()}
            log([{"step": step, **numbers}])
            name, score = next(iter(numbers.items()))
            # After a crash the best may lie ahead; it will be played, and found, again.
            rows = report.read_scalars(scalars)
            scores = [row[name] for row in rows if math.isfinite(row.get(name, np.nan))]
            return score == min(scores, default=None)

        def judge(log, step, state):
            seen = parallel.gather(mesh, state)
            if parallel.agreed(parallel.is_main() and is_best(log, step, seen)):
                checkpoint.save(checkpoints, step, state, config)

        yield judge


def _rows(pending) -> list[dict[str, Any]]:
    return [
        {"step": first + i, **{name: float(x[i]) for name, x in metrics.items()}}
        for first, count, metrics in pending
        for i in range(count)
    ]


def _look(run, look, mesh, state, step) -> list[dict[str, Any]]:
    """Draws the sheets of a step; returns its numbers, as a row or none."""
    state = parallel.gather(mesh, state)
    if not parallel.is_main():
        return []
    numbers = {}
    for name, seen in look(state).items():
        if np.ndim(seen):
            path = directory.sheet(run.workdir, name, step)
            report.save_png(path, report.sheet(seen))
        else:
            numbers[name] = float(seen)
    return [{"step": step, **numbers}] if numbers else []


@contextlib.contextmanager
def _logging(workdir, scalars, first):
    """`log(rows)`: to the file of scalars and to TensorBoard, in the main process."""
    if not parallel.is_main():
        yield lambda rows: None
        return
    from tensorboardX import SummaryWriter

    board = SummaryWriter(
        str(workdir / directory.TENSORBOARD), purge_step=first or None
    )

    def log(rows):
        for row in rows:
            for name, value in row.items():
                if name != "step":
                    board.add_scalar(name, value, row["step"])
        report.append_scalars(scalars, rows)

    with contextlib.closing(board):
        yield log


@contextlib.contextmanager
def _signals():
    """A list that holds the number of the first SIGINT or SIGTERM, once it came.

    A second one acts as it always does, for those who cannot wait.
    """
    came: list[int] = []
    before = {}
    several = jax.process_count() > 1

    def handle(number, frame):
        del frame
        if several:
            os.kill(os.getpid(), signal.SIGTERM)  # which the processes agree about
        else:
            came.append(number)
        for each, old in before.items():
            signal.signal(each, old)

    try:
        # Of several processes, SIGTERM belongs to `parallel.preempted`.
        for number in (signal.SIGINT,) if several else (signal.SIGINT, signal.SIGTERM):
            before[number] = signal.signal(number, handle)
    except ValueError:  # not the main thread: signals are its business
        before.clear()
    try:
        yield came
    finally:
        for number, old in before.items():
            signal.signal(number, old)


def _brief(row) -> str:
    losses = [(n, v) for n, v in row.items() if n.endswith("/loss")]
    return " ".join(f"{name[: -len('/loss')]} {value:.3f}" for name, value in losses)


def _at_least(least, name, value):
    if value < least:
        flag = "--" + name.replace("_", "-")
        raise ValueError(f"{flag} is {value}; it must be at least {least}")
