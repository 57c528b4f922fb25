"""From pure functions to compiled ones on many devices.

The main path is `jit` over a one-axis mesh: the state is replicated, the batch is
split, and every mean in the program is a mean over the global batch, batch
normalisation included. So a step on 8 devices equals a step on 1. `pmap` is a wrapper
for code that is built on it.
"""

from collections.abc import Callable, Sequence
from typing import Any

import jax
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from jaxgan.game import Algorithm

AXIS = "data"


def mesh(devices: Sequence[Any] | None = None) -> Mesh:
    """A mesh of one axis, `data`, over the given devices or all of this process's."""
    devices = jax.local_devices() if devices is None else list(devices)
    # `make_mesh` defaults to explicit sharding in types, which ordinary code refuses.
    return jax.make_mesh(
        (len(devices),), (AXIS,), axis_types=(AxisType.Auto,), devices=devices
    )


def replicated(mesh: Mesh) -> NamedSharding:
    """Every device holds the whole array: states, resident data sets."""
    return NamedSharding(mesh, PartitionSpec())


def split(mesh: Mesh, axis: int = 0) -> NamedSharding:
    """The axis divided over the devices: 0 for `[B, ...]`, 1 for `[k, B, ...]`."""
    return NamedSharding(mesh, PartitionSpec(*[None] * axis, AXIS))


def check_batch_size(batch_size: int, mesh: Mesh) -> None:
    """Refuses a batch that the devices cannot share equally.

    Raises:
        ValueError: with the nearest sizes that fit.
    """
    n = mesh.size
    if batch_size < 1 or batch_size % n:
        below, above = batch_size // n * n, max(1, batch_size // n + 1) * n
        fits = f"{below} or {above}" if below > 0 else f"{above}"
        raise ValueError(
            f"batch size {batch_size} does not divide over {n} devices; use {fits}"
        )


def compiled(algorithm: Algorithm, mesh: Mesh, batch_sharding: Any = None) -> Algorithm:
    """Compiles an algorithm over a mesh; the state passed to `step` is donated.

    Args:
        algorithm: pure functions.
        mesh: where it runs.
        batch_sharding: a sharding, or a tree of them that is a prefix of the batch;
            by default the first axis of every array is split over the devices.
    """
    whole = replicated(mesh)
    batch_sharding = split(mesh) if batch_sharding is None else batch_sharding
    # Both declare the state's sharding: undeclared, the second step compiles again.
    return Algorithm(
        jax.jit(
            algorithm.init, in_shardings=(whole, batch_sharding), out_shardings=whole
        ),
        jax.jit(
            algorithm.step,
            in_shardings=(whole, batch_sharding),
            out_shardings=(whole, whole),
            donate_argnums=0,
        ),
    )


def pmap(algorithm: Algorithm) -> Algorithm:
    """The algorithm under `jax.pmap`, for code that is built on it.

    Batches are `[devices, B / devices, ...]`; the state is not stacked. The algorithm
    must average over the axis `data` itself: `game.algorithm(game, axis_name="data")`,
    with batch normalisation told the same name. Memories are per device there and only
    the first device's survives, so games that have one belong on the mesh.
    """
    first: Callable[[Any], Any] = lambda batch: jax.tree.map(lambda x: x[0], batch)  # noqa: E731
    return Algorithm(
        lambda key, batch: algorithm.init(key, first(batch)),
        jax.pmap(algorithm.step, AXIS, in_axes=(None, 0), out_axes=(None, None)),  # type: ignore[arg-type]
    )
