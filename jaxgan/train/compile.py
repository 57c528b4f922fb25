"""Compiles the parts of a run: its first state, one step, many steps in one call."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

import jax
import numpy as np
from jax import lax
from jax.extend.core import jaxprs_in_params
from jax.sharding import Mesh

from jaxgan import parallel
from jaxgan.game import Algorithm, Batch
from jaxgan.train import beside
from jaxgan.train.run import Run

MOST_PER_CALL = 25  # steps
CHUNK_BYTES = 256 << 20  # of batches that go to the devices in one call


class Feed(NamedTuple):
    """Where batches come from.

    Attributes:
        arrays: what stays on the devices, whole: a small data set, or nothing.
        items: `items(start)` gives the host's part of each batch, from a step on; of
            several processes each may give all of a batch, or its `parallel.rows`.
        prepare: `prepare(arrays, item) -> batch`, pure, run inside the compiled step.
        axis: the axis of every array of an item that devices share: 1 for `[k, B]`.
        record: plain values that join the configuration of the run, so that it resumes
            on the same batches.
    """

    arrays: Any
    items: Callable[[int], Iterator[Any]]
    prepare: Callable[[Any, Any], Batch]
    axis: int = 0
    record: Mapping[str, Any] = MappingProxyType({})


class Programs(NamedTuple):
    """The programs of a run.

    Attributes:
        like: the form of its state: shapes, dtypes and shardings.
        first: `first() -> state`.
        play: `play(state, items) -> (state, metrics)`, a step an item; every metric has
            one value a step. The state is donated.
        size: how many items are best played together.
    """

    like: Any
    first: Callable[[], Any]
    play: Callable[[Any, Sequence[Any]], tuple[Any, dict[str, jax.Array]]]
    size: int


def quick() -> dict[str, Any] | None:
    """Options of `jax.jit` for a program that runs once: a shorter compilation."""
    if jax.default_backend() != "cpu":
        return None
    return {"xla_backend_optimization_level": 1}


def programs(
    algorithm: Algorithm,
    feed: Feed,
    run: Run,
    mesh: Mesh,
    start: Callable[[Any], Any] | None = None,
) -> Programs:
    """Makes the programs of a run; each is compiled when it is first called."""

    def init(seed, batch):
        state = algorithm.init(jax.random.key(seed), feed.prepare(*batch))
        return state if start is None else start(state)

    def step(arrays):
        return lambda state, item: algorithm.step(state, feed.prepare(arrays, item))

    def assemble(item, axis=feed.axis):
        return parallel.assemble(mesh, item, run.batch_size, axis)

    def compiled(f, axis):
        whole = parallel.replicated(mesh)
        return jax.jit(
            f,
            in_shardings=(places, (whole, parallel.split(mesh, axis))),
            out_shardings=(places, whole),
            donate_argnums=0,
        )

    item = assemble(next(feed.items(0)))
    # Other seeds have the same program, which a cache of compilations then knows.
    first_batch = (np.uint32(run.seed), (feed.arrays, item))
    like = jax.eval_shape(init, *first_batch)
    places = parallel.shardings(mesh, like)
    like = jax.tree.map(
        lambda x, place: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=place),
        *(like, places),
    )
    one = compiled(lambda state, batch: step(batch[0])(state, batch[1]), feed.axis)
    many = compiled(
        lambda state, batch: lax.scan(step(batch[0]), state, batch[1]), feed.axis + 1
    )

    @beside.away()
    def first():
        made = jax.jit(init, out_shardings=places, compiler_options=quick())
        return made(*first_batch)

    @beside.away()
    def play(state, items):
        if len(items) == 1:
            state, metrics = one(state, (feed.arrays, assemble(items[0])))
            return state, jax.tree.map(lambda x: x[None], metrics)
        stacked = jax.tree.map(lambda *x: np.stack(x), *items)
        return many(state, (feed.arrays, assemble(stacked, feed.axis + 1)))

    share = sum(x.nbytes for x in jax.tree.leaves(item)) // jax.process_count()
    size = run.steps_per_call or _steps_per_call(
        run, lambda: one.trace(like, (feed.arrays, item)).jaxpr.jaxpr, share
    )
    return Programs(like, first, play, size)


def _steps_per_call(run: Run, program: Callable[[], Any], share: int) -> int:
    """How many steps to play in one call: a divisor of the steps between events.

    The batches of a call are stacked on the host and lie on its devices together. So
    they take at most `CHUNK_BYTES`, unless the `share` of one batch takes more.

    XLA's CPU convolution is some twenty times slower in a loop body, so there steps
    with convolutions are played one by one.
    """
    if jax.default_backend() == "cpu" and _convolves(program()):
        return 1
    between = math.gcd(
        run.log_every, run.sample_every, run.checkpoint_every, run.evaluate_every
    )
    most = max(1, min(MOST_PER_CALL, CHUNK_BYTES // max(1, share)))
    return max(n for n in range(1, most + 1) if between % n == 0)


def _convolves(jaxpr) -> bool:
    """Whether a program has a convolution, at any depth."""
    return any(
        equation.primitive.name == "conv_general_dilated"
        or any(_convolves(inner) for inner in jaxprs_in_params(equation.params))
        for equation in jaxpr.eqns
    )
