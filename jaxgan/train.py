"""The training loop: batches -> step -> log -> sample -> checkpoint. No callbacks.

A run is its directory: configuration, checkpoints, scalars, sheets. The same call in
the same directory goes on where it stopped, bit for bit, because data and randomness
are functions of the seed and the step; after a kill it loses at most what was played
since the last checkpoint.
"""

import contextlib
import dataclasses
import itertools
import json
import math
import pathlib
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import jax
import numpy as np
from jax import lax
from jax.extend.core import jaxprs_in_params
from jax.sharding import Mesh
from tqdm import tqdm

from jaxgan import checkpoint, parallel, report
from jaxgan.game import Algorithm, Batch

# What may change between a run and its resumption; all else is another run.
_FREE = {
    "steps", "workdir", "log_every", "sample_every", "checkpoint_every", "keep",
    "devices", "steps_per_call", "evaluate_every", "evaluation", "game",
}  # fmt: skip
MOST_PER_CALL = 25  # steps
LATEST, BEST = "checkpoints", "best"  # directories of a run


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
    """Devices to train on; 0 takes all there are."""
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
        for name in ("checkpoint_every",):
            _at_least(1, name, getattr(self, name))
        for name in ("seed", "devices", "steps_per_call", "evaluate_every"):
            _at_least(0, name, getattr(self, name))


class Feed(NamedTuple):
    """Where batches come from.

    Attributes:
        arrays: what stays on the devices, whole: a small data set, or nothing.
        items: `items(start)` gives the host's part of each batch, from a step on.
        prepare: `prepare(arrays, item) -> batch`, pure, run inside the compiled step.
        axis: the axis of every array of an item that devices share: 1 for `[k, B]`.
    """

    arrays: Any
    items: Callable[[int], Iterator[Any]]
    prepare: Callable[[Any, Any], Batch]
    axis: int = 0


class Diverged(ArithmeticError):
    """A metric is no longer a number."""


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
    claim(run.workdir, config)
    one, many, like, size = _compile(algorithm, feed, run, mesh)
    scalars = run.workdir / "scalars.jsonl"
    with (
        checkpoint.manager(run.workdir / LATEST, run.keep) as checkpoints,
        _judging(run, evaluate, scalars, config) as judge,
        _signals() as stop,
    ):
        state = checkpoint.restore(checkpoints, like)
        if state is None:
            whole = parallel.replicated(mesh)
            init = jax.jit(
                lambda key, batch: algorithm.init(key, feed.prepare(*batch)),
                out_shardings=whole,
            )
            key = jax.random.key(run.seed)
            state = init(key, (feed.arrays, next(feed.items(0))))
        step = first = int(state.step)
        checkpoint.drop_after(checkpoints, first)
        report.rewind_scalars(scalars, first)
        items = feed.items(first)
        events = (
            *(run.log_every, run.sample_every, run.checkpoint_every),
            run.evaluate_every or run.steps,
        )
        with (
            contextlib.closing(_tensorboard(run.workdir, first)) as board,
            tqdm(total=run.steps, initial=min(first, run.steps), unit="step") as bar,
        ):
            if first == 0:
                _log(scalars, board, _look(run, look, state, 0))
            pending, began, waited = [], time.perf_counter(), 0.0
            while step < run.steps and not stop:
                room = min(run.steps, *((step // e + 1) * e for e in events)) - step
                count = size if step % size == 0 and size <= room else 1
                asked = time.perf_counter()
                chunk = list(itertools.islice(items, count))
                waited += time.perf_counter() - asked
                if count == 1:
                    state, metrics = one(state, (feed.arrays, chunk[0]))
                    metrics = jax.tree.map(lambda x: x[None], metrics)
                else:
                    chunk = jax.tree.map(lambda *x: np.stack(x), *chunk)
                    state, metrics = many(state, (feed.arrays, chunk))
                pending.append((step + 1, count, metrics))
                step += count
                bar.update(count)
                due = [step % every == 0 for every in events]
                if not any(due) and step < run.steps and not stop:
                    continue
                # Only here does the host wait for the devices.
                rows = _rows(jax.device_get(pending))
                pending = []
                _check_finite(rows, checkpoints)
                spent = time.perf_counter() - began
                shown = [row for row in rows if row["step"] % run.log_every == 0]
                for row in shown:
                    row["images_per_second"] = len(rows) * run.batch_size / spent
                    row["waiting_for_data"] = waited / spent
                _log(scalars, board, shown)
                bar.set_postfix_str(_brief(rows[-1]))
                if due[1] or step == run.steps:
                    _log(scalars, board, _look(run, look, state, step))
                if due[3] or step == run.steps:
                    judge(board, step, state)
                if due[2] or step == run.steps or stop:
                    checkpoint.save(checkpoints, step, state, config)
                began, waited = time.perf_counter(), 0.0
    if step < run.steps:
        raise Stopped(
            f"stopped and saved at step {step} of {run.steps} in {run.workdir};"
            " the same command goes on from there",
            stop[0],
        )
    return state


def claim(workdir: pathlib.Path, config: Mapping[str, Any]) -> None:
    """Makes a directory a run's own, or sees that it is.

    Raises:
        ValueError: it is a file, cannot be written, or holds a different run.
    """
    path = workdir / "config.json"
    try:
        workdir.mkdir(parents=True, exist_ok=True)
        report.write(workdir / ".writable", b"")
        (workdir / ".writable").unlink()
    except FileExistsError:
        raise ValueError(
            f"the work directory {workdir} is a file; give another --workdir"
        ) from None
    except NotADirectoryError:
        raise ValueError(
            f"a part of the work directory {workdir} is a file; give another --workdir"
        ) from None
    except OSError as error:
        raise ValueError(
            f"cannot write in the work directory {workdir} ({error.strerror});"
            " give another --workdir"
        ) from None
    config = as_json(config)
    if path.exists():
        try:
            before = json.loads(path.read_text())
        except json.JSONDecodeError:
            raise ValueError(
                f"{path} is damaged; restore it, or give another --workdir"
            ) from None
        if changed := checkpoint.differences(_fixed(before), _fixed(config)):
            raise ValueError(
                f"{workdir} holds a run of another configuration"
                f" ({'; '.join(changed)}); give another --workdir, or the same"
                " configuration to go on with it"
            )
    report.write(path, json.dumps(config, indent=1).encode())


def as_json(config: Mapping[str, Any]) -> dict[str, Any]:
    """A configuration as JSON gives it back: paths as text, tuples as lists."""
    return json.loads(json.dumps(config, default=str))


def devices(run: Run) -> Mesh:
    """The mesh of the devices a run asks for.

    Raises:
        ValueError: there are not as many, or the batch does not divide over them.
    """
    there = jax.local_devices()
    if run.devices > len(there):
        raise ValueError(
            f"{run.devices} devices were asked for, but there are {len(there)};"
            f" use --devices {len(there)} or fewer"
        )
    mesh = parallel.mesh(there[: run.devices or None])
    parallel.check_batch_size(run.batch_size, mesh)
    return mesh


def _compile(algorithm, feed, run, mesh):
    """What plays one step and many, the form of the state, and how many many is."""

    def step(arrays):
        return lambda state, item: algorithm.step(state, feed.prepare(arrays, item))

    def play(f, axis):
        whole = parallel.replicated(mesh)
        return jax.jit(
            f,
            in_shardings=(whole, (whole, parallel.split(mesh, axis))),
            out_shardings=(whole, whole),
            donate_argnums=0,
        )

    item = next(feed.items(0))
    one = play(lambda state, batch: step(batch[0])(state, batch[1]), feed.axis)
    many = play(
        lambda state, batch: lax.scan(step(batch[0]), state, batch[1]), feed.axis + 1
    )
    like = jax.eval_shape(
        lambda key, batch: algorithm.init(key, feed.prepare(*batch)),
        jax.random.key(run.seed),
        (feed.arrays, item),
    )
    place = parallel.replicated(mesh)
    like = jax.tree.map(
        lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=place), like
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
def _judging(run, evaluate, scalars, config):
    """`judge(board, step, state)`: scores a state, and keeps it if it is the best."""
    if not run.evaluate_every:
        yield lambda board, step, state: None
        return
    with checkpoint.manager(run.workdir / BEST, 1) as checkpoints:

        def judge(board, step, state):
            numbers = {name: float(x) for name, x in evaluate(state).items()}
            _log(scalars, board, [{"step": step, **numbers}])
            name, score = next(iter(numbers.items()))
            # After a crash the best may lie ahead; it will be played, and found, again.
            rows = report.read_scalars(scalars)
            scores = [row[name] for row in rows if math.isfinite(row.get(name, np.nan))]
            if score == min(scores, default=None):
                checkpoint.save(checkpoints, step, state, config)

        yield judge


def _rows(pending) -> list[dict[str, Any]]:
    return [
        {"step": first + i, **{name: float(x[i]) for name, x in metrics.items()}}
        for first, count, metrics in pending
        for i in range(count)
    ]


def _check_finite(rows, checkpoints) -> None:
    for row in rows:
        if bad := [name for name, value in row.items() if not np.isfinite(value)]:
            # The player whose own loss broke says more than those it pulled along.
            saved = checkpoints.latest_step()
            kept = (
                "nothing was saved yet" if saved is None else f"step {saved} is saved"
            )
            raise Diverged(
                f"{', '.join(bad)} became {row[bad[0]]} at step {row['step']} ({kept});"
                " lower the learning rate, or resume with another --seed elsewhere"
            )


def _look(run, look, state, step) -> list[dict[str, Any]]:
    """Draws the sheets of a step; returns its numbers, as a row or none."""
    numbers = {}
    for name, seen in look(state).items():
        if np.ndim(seen):
            path = run.workdir / "samples" / f"{name}_{step:07d}.png"
            report.save_png(path, report.sheet(seen))
        else:
            numbers[name] = float(seen)
    return [{"step": step, **numbers}] if numbers else []


def _log(scalars, board, rows) -> None:
    for row in rows:
        for name, value in row.items():
            if name != "step":
                board.add_scalar(name, value, row["step"])
    report.append_scalars(scalars, rows)


@contextlib.contextmanager
def _signals():
    """A list that holds the number of the first SIGINT or SIGTERM, once it came.

    A second one acts as it always does, for those who cannot wait.
    """
    came: list[int] = []
    before = {}

    def handle(number, frame):
        del frame
        came.append(number)
        for each, old in before.items():
            signal.signal(each, old)

    try:
        for number in (signal.SIGINT, signal.SIGTERM):
            before[number] = signal.signal(number, handle)
    except ValueError:  # not the main thread: signals are its business
        before.clear()
    try:
        yield came
    finally:
        for number, old in before.items():
            signal.signal(number, old)


def _tensorboard(workdir, step):
    from tensorboardX import SummaryWriter

    return SummaryWriter(str(workdir / "tensorboard"), purge_step=step or None)


def _fixed(config):
    """The configuration without what may change."""
    return {
        name: _fixed(value) if isinstance(value, Mapping) else value
        for name, value in config.items()
        if name not in _FREE
    }


def _brief(row) -> str:
    losses = [(n, v) for n, v in row.items() if n.endswith("/loss")]
    return " ".join(f"{name[: -len('/loss')]} {value:.3f}" for name, value in losses)


def _at_least(least, name, value):
    if value < least:
        flag = "--" + name.replace("_", "-")
        raise ValueError(f"{flag} is {value}; it must be at least {least}")
