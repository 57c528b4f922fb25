"""The training loop: batches -> step -> log -> sample -> checkpoint. No callbacks.

A run is its directory: configuration, checkpoints, scalars, sheets. The same call in
the same directory goes on where it stopped, bit for bit (docs/pods.md says on which
devices), because data and randomness are functions of the seed and the step. A kill
loses at most the steps since the last checkpoint.
"""

import contextlib
import functools
import itertools
import time
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
from jax.sharding import Mesh

from jaxgan import checkpoint, parallel
from jaxgan.compose import parameter_count, without_optimisers
from jaxgan.game import Algorithm
from jaxgan.train import (
    beside,
    diagnosis,
    directory,
    memory,
    owner,
    page,
    scalars,
    signals,
    terminal,
    tracking,
)
from jaxgan.train.compile import Feed, programs
from jaxgan.train.directory import LATEST
from jaxgan.train.health import broken, goes_back
from jaxgan.train.run import Run

MOST_PENDING = 1000  # steps whose metrics stay on the devices: 10 KiB each, or so


def train(
    algorithm: Algorithm,
    feed: Feed,
    run: Run,
    config: Mapping[str, Any],
    show: Callable[[Any], Mapping[str, Any]],
    mesh: Mesh,
    evaluate: Callable[[Any], Mapping[str, float]] | None = None,
    *,
    defaults: Mapping[str, Any] | None = None,
    start: Callable[[Any], Any] | None = None,
    look: Callable[[Any], Any] | None = None,
    about: page.About | None = None,
) -> Any:
    """Trains to `run.steps`, or goes on to there.

    Args:
        algorithm: what is trained, uncompiled.
        feed: the batches.
        run: how.
        config: plain values that define the run; a change is refused on resumption.
        show: `show(state) -> {name: shown}`, asked every `run.sample_every` steps, in
            the main process alone; what is shown are images `[N, H, W, C]` uint8, drawn
            as a sheet, or numbers, which join the scalars.
        mesh: the devices.
        evaluate: `evaluate(state) -> {name: number}`, asked every `run.evaluate_every`
            steps and at the end, in every process, with the state as it lies on the
            devices of all; the numbers join the scalars, and the state whose first
            number is the lowest so far is kept in the folder `best`.
        defaults: values of `config` for runs that were begun before it had them.
        start: `start(state) -> state`, pure, changes the state that a run begins with,
            from a fresh one; a run that resumes does not need it.
        look: `look(state)`, asked in every process, with the state as it lies, gives
            what `show` gets in its place, whole in each process; if left out, the state
            without its optimisers' states.
        about: what a page says of the run, which is written at each sheet; None for
            no page.

    Returns:
        The final state.

    Raises:
        ValueError: a directory that cannot be used, or belongs to another run.
        Diverged: a loss or a weight became NaN or infinite.
        Stopped: SIGINT or SIGTERM came.
    """
    if run.evaluate_every and evaluate is None:
        raise ValueError(
            f"--evaluate-every is {run.evaluate_every}, but this experiment has no"
            " evaluation while it trains; leave the flag out"
        )
    if look is None:
        look = lambda state: parallel.gather(mesh, without_optimisers(state))  # noqa: E731
    config = directory.as_json({**config, **feed.record})
    events = (
        *(run.log_every, run.sample_every, run.checkpoint_every),
        run.evaluate_every or run.steps,
    )
    owned = owner.owned(
        *(run.workdir, config), defaults=defaults, accept_changes=run.accept_changes
    )
    with contextlib.ExitStack() as held:
        claim = held.enter_context(owned)
        terminal.doing("tracing the training step")
        like, first_state, play, size = programs(algorithm, feed, run, mesh, start)
        memory.check(like, mesh)
        terminal.facts({"parameters": sizes(like)})
        checkpoints = held.enter_context(
            checkpoint.manager(run.workdir / LATEST, run.keep)
        )
        forget, judge = held.enter_context(
            scalars.judging(run, evaluate, config, checkpoints)
        )
        stop = held.enter_context(signals.caught())
        begin = functools.partial(_begin, run, like, first_state, checkpoints, forget)
        state, step = begin(claim)
        items = feed.items(step)
        first, breaks = step, 0  # how often something broke since the last checkpoint
        rewind, write = scalars.logging(run.workdir)
        # A run that was killed before it saved anything writes step 0 once more.
        rewind(step if checkpoints.all_steps() else step - 1)
        follow = held.enter_context(tracking.following(run, config))
        told: set[str] = set()  # what is wrong, said once
        with terminal.bar(run.steps, first) as bar:

            def log(kept):
                write(kept)
                follow.rows(kept)

            def draw(kept):
                """Logs rows, with what the sheets drawn now say, and tells of it."""
                log(scalars.joined(kept, scalars.shown(run, show, look(state), step)))
                follow.sheets(step)
                if parallel.is_main():
                    logged = directory.scalars(run.workdir)
                    wrong = diagnosis.findings(logged)
                    if about is not None:
                        page.write(run, about, step, logged, wrong)
                    terminal.once({one.name: str(one) for one in wrong}, told)

            if first == 0:
                draw([])
            if first < run.steps:
                terminal.doing("compiling the training step")
            pending, began, waited = [], time.perf_counter(), 0.0
            while step < run.steps:
                room = min(run.steps, *((step // e + 1) * e for e in events)) - step
                count = size if step % size == 0 and size <= room else 1
                asked = time.perf_counter()
                chunk = list(itertools.islice(items, count))
                waited += time.perf_counter() - asked
                state, metrics = play(state, chunk)
                pending.append((step + 1, count, metrics))
                if step == first:
                    bar.unpause()  # what was compiled says nothing of later steps
                step += count
                bar.update(count)
                if number := parallel.preempted():
                    stop.append(number)
                stopping = bool(stop)  # asked once: a signal may come at any moment
                last = stopping or step == run.steps
                due = [step % every == 0 for every in events]
                full = step - pending[0][0] >= MOST_PENDING
                if not any(due) and not last and not full:
                    continue
                with beside.away():  # only here the host waits for the devices
                    rows = scalars.rows(pending)
                pending = []
                if what := broken(rows, state, weights=due[2] or last):
                    breaks += 1
                    checkpoint.wait(checkpoints)
                    saved = checkpoints.latest_step()
                    if goes_back(what, saved, breaks, run.on_nan):
                        reached = step
                        state, step = begin(again=breaks)
                        rewind(step)
                        items = feed.items(step)
                        bar.update(step - reached)
                        continue
                spent = time.perf_counter() - began
                kept = [row for row in rows if row["step"] % run.log_every == 0]
                for row in kept:
                    row["images_per_second"] = len(rows) * run.batch_size / spent
                    row["waiting_for_data"] = waited / spent
                drawing = due[1] or step == run.steps
                (draw if drawing else log)(kept)
                checkpoint.check(checkpoints)
                bar.set_postfix_str(terminal.brief(rows[-1]), refresh=False)
                if due[3] or step == run.steps:
                    judge(log, step, state)
                if due[2] or last:
                    checkpoint.save(checkpoints, step, state, config)
                    breaks = breaks if what else 0
                if stopping:
                    break
                began, waited = time.perf_counter(), 0.0
    if step < run.steps:
        raise signals.Stopped(
            f"stopped and saved at step {step} of {run.steps} in {run.workdir};"
            " the same command goes on from there",
            stop[0],
        )
    return state


def _begin(run, like, first_state, checkpoints, forget, claim=lambda: None, again=0):
    """The newest state on disk, or a first one; and its step.

    What lies after it is dropped, from the best too by `forget`, once `claim` has made
    the directory this run's own.
    After a rollback, the `again`-th to this state, the noise is another: the same one
    whenever the run comes to this point, so that a run that was killed repeats it.
    """
    state = checkpoint.restore(checkpoints, like)
    claim()
    if state is None:
        terminal.doing("compiling and drawing the first weights")
        state = first_state()
    else:
        terminal.doing(f"going on from step {int(state.step):,} of {run.workdir}")
    if again:
        state = _with_other_noise(state, again)
    step = int(state.step)
    checkpoint.drop_after(checkpoints, step)
    forget(step)
    return state, step


def _with_other_noise(state, number):
    """A state with a number folded into each of its keys, where they lie."""

    def fold(key):
        one = lambda key: jax.random.fold_in(key, number)  # noqa: E731
        for _ in range(key.ndim):
            one = jax.vmap(one)
        return jax.jit(one, out_shardings=key.sharding)(key)

    is_key = lambda x: jnp.issubdtype(x.dtype, jax.dtypes.prng_key)  # noqa: E731
    return jax.tree.map(lambda x: fold(x) if is_key(x) else x, state)


def sizes(state: Any) -> str:
    """How many parameters each net of a state has, in words."""
    counts = {
        net: parameter_count(p) for net, p in getattr(state, "params", {}).items()
    }
    return ", ".join(f"{net} {count:,}" for net, count in counts.items() if count)
