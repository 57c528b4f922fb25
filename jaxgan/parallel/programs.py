"""Compiles algorithms for many devices."""

import functools
from collections.abc import Callable
from typing import Any

import jax
from jax.sharding import Mesh

from jaxgan.game import Algorithm, State
from jaxgan.parallel.places import DATA, local, replicated, split


def compiled(
    algorithm: Algorithm[State],
    mesh: Mesh,
    batch_sharding: Any = None,
    state_sharding: Any = None,
) -> Algorithm[State]:
    """Compiles an algorithm over a mesh; the state passed to `step` is donated.

    Args:
        algorithm: the algorithm to compile.
        mesh: the devices to run on.
        batch_sharding: a sharding, or a tree of them that is a prefix of the batch;
            by default the first axis of every array is split over the devices.
        state_sharding: the same for the state, as `shardings` returns it; by default
            every device holds the whole state.
    """
    whole = replicated(mesh)
    batch_sharding = split(mesh) if batch_sharding is None else batch_sharding
    state_sharding = whole if state_sharding is None else state_sharding
    # Both declare the state's sharding, since otherwise the second step compiles again.
    return Algorithm(
        jax.jit(
            algorithm.init,
            in_shardings=(whole, batch_sharding),
            out_shardings=state_sharding,
        ),
        jax.jit(
            algorithm.step,
            in_shardings=(state_sharding, batch_sharding),
            out_shardings=(state_sharding, whole),
            donate_argnums=0,
        ),
    )


def shared(f: Callable[..., Any], mesh: Mesh) -> Callable[..., Any]:
    """Compiles a function of which every device computes a part of the results.

    All processes must call what is returned, with the same values. On one device it is
    `f` itself.

    Args:
        f: `f(variables, *rest)` gives arrays `[N, ...]`, of which each device computes
            some rows. Variables may be split over the devices, as those of a state are;
            only those that `f` uses are brought together, inside the program.
        mesh: the devices, among them those of this process.

    Returns:
        The same function; its results are whole in each process.
    """
    if mesh.size == 1:
        return f
    whole, parts = replicated(mesh), split(mesh)
    place = jax.lax.with_sharding_constraint

    @functools.partial(jax.jit, out_shardings=whole)
    def computed(variables, rest):
        # From the results the compiler finds what of the rest a device needs.
        return place(f(place(variables, whole), *rest), parts)

    return lambda variables, *rest: local(computed(variables, rest))


def pmap(algorithm: Algorithm[State]) -> Algorithm[State]:
    """Runs the algorithm under `jax.pmap`, for code that uses it.

    Batches are `[devices, B / devices, ...]`; the state is not stacked. The algorithm
    must average over the axis `data` itself: `game.algorithm(game, axis_name="data")`,
    and batch normalisation over the same name. Each device has its own memories, of
    which only the first device's are kept, so games with memories belong on the mesh.
    """
    first: Callable[[Any], Any] = lambda batch: jax.tree.map(lambda x: x[0], batch)  # noqa: E731
    return Algorithm(
        lambda key, batch: algorithm.init(key, first(batch)),
        jax.pmap(algorithm.step, DATA, in_axes=(None, 0), out_axes=(None, None)),  # type: ignore[arg-type]
    )
