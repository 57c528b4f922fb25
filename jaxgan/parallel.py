"""From pure functions to compiled ones on many devices, of one process or of many.

The main path is `jit` over a mesh of two axes. The batch is split over both, `data` and
`fsdp`; the state is whole on every device, or, where `fsdp` exceeds one, its large
arrays are split over that axis. Every mean in the program is a mean over the global
batch, batch normalisation included, so a step on 8 devices of 2 processes equals a step
on 1. `pmap` is a wrapper for code that is built on it.

Every process runs the same program. Batches are numbered globally; a process needs only
`rows` of each, which `assemble` joins with those of the others.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any, Literal

import jax
import numpy as np
from jax.experimental import multihost_utils
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from jaxgan.game import Algorithm, State, Variables

DATA, FSDP = "data", "fsdp"  # the axes of every mesh
HEARTBEAT = 30  # seconds of silence after which a process counts as lost
_DAY = 86_400  # seconds
_LEAST = 2**14  # elements: smaller arrays cost more to gather than to keep

Rule = Callable[[str, tuple[int, ...], int], PartitionSpec]
"""`rule(path, shape, size)`: how an array of the state is split over the axis `fsdp`,
which has `size` devices. Paths read `params/generator/Dense_0/kernel`."""


def start(
    processes: int | Literal["auto"] = 1, process: int = 0, coordinator: str = ""
) -> None:
    """Joins the other processes of this run; before anything else touches JAX.

    A lost process ends the others within `HEARTBEAT` seconds or so.

    Args:
        processes: how many there are; `"auto"` lets JAX find out (Cloud TPU, SLURM,
            Open MPI, Kubernetes), all else of it included.
        process: which of them this is, from 0.
        coordinator: `host:port` of process 0, which all can reach.

    Raises:
        ValueError: they do not fit together, or nothing was found.
    """
    if processes == 1:
        if process or coordinator:
            raise ValueError(
                "--process and --coordinator are for several processes; say how many"
                " with --processes"
            )
        return
    if processes == "auto":
        if process or coordinator:
            raise ValueError(
                "--processes auto finds process and coordinator by itself; leave out"
                " --process and --coordinator, or give the number of processes"
            )
        try:
            _initialize()
        except ValueError as error:
            raise ValueError(
                "--processes auto found no cluster that JAX knows (Cloud TPU, SLURM,"
                " Open MPI, Kubernetes); give --processes N --process I --coordinator"
                " HOST:PORT"
            ) from error
        return
    if processes < 1 or not 0 <= process < processes:
        raise ValueError(
            f"--process is {process} of --processes {processes}; count from 0 to"
            f" {max(0, processes - 1)}"
        )
    host, _, port = coordinator.rpartition(":")
    if not host or not port.isdigit():
        raise ValueError(
            f"--coordinator is {coordinator!r}; give the address of process 0 as"
            " HOST:PORT, the same to all processes"
        )
    _initialize(coordinator, processes, process)


def _initialize(*where):
    jax.distributed.initialize(
        *where,
        heartbeat_timeout_seconds=HEARTBEAT,
        # The others wait at their end for the main one, which may have much to draw.
        shutdown_timeout_seconds=_DAY,
    )


def is_main() -> bool:
    """Whether this process is the one that writes, draws and speaks."""
    return jax.process_index() == 0


def mesh(devices: Sequence[Any] | None = None, fsdp: int = 1) -> Mesh:
    """A mesh of the axes `data` and `fsdp` over the given devices, or over all.

    Raises:
        ValueError: `fsdp` does not divide them.
    """
    devices = jax.devices() if devices is None else list(devices)
    if fsdp < 1 or len(devices) % fsdp:
        sizes = [n for n in range(1, len(devices) + 1) if len(devices) % n == 0]
        raise ValueError(
            f"--fsdp is {fsdp}, which does not divide {len(devices)} devices; use one"
            f" of {', '.join(map(str, sizes))}"
        )
    # In the order of the processes, each of which then owns consecutive rows, and so
    # that the axis that gathers parameters stays inside a host where it can.
    devices = sorted(devices, key=lambda device: (device.process_index, device.id))
    grid = np.array(devices).reshape(-1, fsdp)
    # Explicit sharding in types, the default elsewhere, is refused by ordinary code.
    return Mesh(grid, (DATA, FSDP), axis_types=(AxisType.Auto, AxisType.Auto))


def local_mesh() -> Mesh:
    """A mesh of this process's own devices."""
    return mesh(jax.local_devices())


def replicated(mesh: Mesh) -> NamedSharding:
    """Every device holds the whole array: states, resident data sets."""
    return NamedSharding(mesh, PartitionSpec())


def split(mesh: Mesh, axis: int = 0) -> NamedSharding:
    """The axis divided over the devices: 0 for `[B, ...]`, 1 for `[k, B, ...]`."""
    return NamedSharding(mesh, PartitionSpec(*[None] * axis, (DATA, FSDP)))


def largest_axis(
    path: str, shape: tuple[int, ...], size: int, *, least: int = _LEAST
) -> PartitionSpec:
    """The default rule: splits the longest axis that divides evenly.

    Statistics, keys, counters and arrays of fewer than `least` elements stay whole.
    """
    learned = path.startswith(("params/", "opt_state/", "ema/"))
    fits = [axis for axis, length in enumerate(shape) if length % size == 0]
    if not learned or not fits or np.prod(shape) < least:
        return PartitionSpec()
    axis = max(fits, key=lambda axis: shape[axis])
    return PartitionSpec(*[None] * axis, FSDP)


def shardings(mesh: Mesh, state: Any, rule: Rule = largest_axis) -> Any:
    """Where each array of a state lives: a tree of `NamedSharding`s.

    Args:
        mesh: of the axes `data` and `fsdp`.
        state: arrays or `jax.ShapeDtypeStruct`s.
        rule: asked only where `fsdp` exceeds one.
    """
    size = mesh.shape[FSDP]

    def sharding(path, leaf):
        if size == 1:
            return replicated(mesh)
        path = jax.tree_util.keystr(path, simple=True, separator="/")
        return NamedSharding(mesh, rule(path, leaf.shape, size))

    return jax.tree.map_with_path(sharding, state)


def gathering(
    mesh: Mesh, rule: Rule = largest_axis
) -> Callable[[Variables], Variables]:
    """`gather` of `game.algorithm`, for parameters that a rule splits.

    They are brought together right before they are used, and their gradients are summed
    right into the parts: what the compiler would otherwise make of a convolution whose
    kernel is split is slower by far.
    """
    size = mesh.shape[FSDP]

    def whole(path, x):
        net, collection, *rest = (str(key.key) for key in path)
        spec = rule("/".join((collection, net, *rest)), x.shape, size)
        if not any(spec):
            return x
        return _gathered(x, NamedSharding(mesh, spec), replicated(mesh))

    def gather(variables):
        return variables if size == 1 else jax.tree.map_with_path(whole, variables)

    return gather


@functools.partial(jax.custom_vjp, nondiff_argnums=(1, 2))
def _gathered(x, part, whole):
    """An array together on every device; its gradient is split again."""
    del part
    return jax.lax.with_sharding_constraint(x, whole)


_gathered.defvjp(
    lambda x, part, whole: (_gathered(x, part, whole), None),
    lambda part, whole, _, gradient: (
        jax.lax.with_sharding_constraint(gradient, part),
    ),
)


def check_batch_size(batch_size: int, mesh: Mesh, accumulate: int = 1) -> None:
    """Refuses a batch that the devices cannot share equally, in so many parts.

    Raises:
        ValueError: with the nearest sizes that fit.
    """
    n = mesh.size * accumulate
    if batch_size < 1 or batch_size % n:
        below, above = batch_size // n * n, max(1, batch_size // n + 1) * n
        fits = f"{below} or {above}" if below > 0 else f"{above}"
        parts = f" in {accumulate} parts" if accumulate > 1 else ""
        raise ValueError(
            f"batch size {batch_size} does not divide over {mesh.size} devices{parts};"
            f" use {fits}"
        )


def rows(mesh: Mesh, batch_size: int) -> slice:
    """Which examples of every global batch this process needs."""
    share = batch_size // mesh.size
    mine = [
        i
        for i, device in enumerate(mesh.devices.flat)
        if device.process_index == jax.process_index()
    ]
    return slice(mine[0] * share, (mine[-1] + 1) * share)


def assemble(mesh: Mesh, item: Any, batch_size: int, axis: int = 0) -> Any:
    """Global arrays from what each process has of a batch.

    Args:
        mesh: of all processes.
        item: arrays whose axis `axis` has this process's `rows`, or all of the batch.
        batch_size: examples of the global batch.
        axis: that of the examples.
    """
    if jax.process_count() == 1:
        return item
    mine = rows(mesh, batch_size)
    sharding = split(mesh, axis)

    def join(part):
        if part.shape[axis] == batch_size:
            part = part[(slice(None),) * axis + (mine,)]
        whole = (*part.shape[:axis], batch_size, *part.shape[axis + 1 :])
        return jax.make_array_from_process_local_data(sharding, part, whole)

    return jax.tree.map(join, item)


def resident(mesh: Mesh, arrays: Any) -> Any:
    """Arrays that every process has, the same, onto every device."""
    whole = replicated(mesh)
    if jax.process_count() == 1:
        return jax.device_put(arrays, whole)
    return jax.tree.map(
        lambda x: jax.make_array_from_process_local_data(whole, x, x.shape), arrays
    )


def gather(mesh: Mesh, state: Any) -> Any:
    """A state whole in each process, to look at; all processes must ask.

    Where it already is, in a run of one process, it is given back as it is.
    """
    if jax.process_count() == 1 and mesh.shape[FSDP] == 1:
        return state
    state = jax.jit(_same, out_shardings=replicated(mesh))(state)
    if jax.process_count() == 1:
        return state
    return jax.tree.map(lambda x: x.addressable_data(0), state)


def agreed(flag: bool) -> bool:
    """What the main process says, in all; all processes must ask."""
    if jax.process_count() == 1:
        return flag
    return bool(multihost_utils.broadcast_one_to_all(np.asarray(flag)))


def same_everywhere(number: int) -> bool:
    """Whether all processes have the same number below 2^32; all must ask."""
    if jax.process_count() == 1:
        return True
    numbers = multihost_utils.process_allgather(np.asarray(number, np.uint32))
    return bool((np.asarray(numbers) == number).all())


def preempted(step: int) -> bool:
    """Whether to stop at this step, because some process was asked to by SIGTERM.

    Of several processes only, which all ask after the same steps and agree on one of
    them; the machinery behind it is that of `jax.distributed`.
    """
    return jax.process_count() > 1 and multihost_utils.reached_preemption_sync_point(
        step
    )


def compiled(
    algorithm: Algorithm[State],
    mesh: Mesh,
    batch_sharding: Any = None,
    state_sharding: Any = None,
) -> Algorithm[State]:
    """Compiles an algorithm over a mesh; the state passed to `step` is donated.

    Args:
        algorithm: pure functions.
        mesh: where it runs.
        batch_sharding: a sharding, or a tree of them that is a prefix of the batch;
            by default the first axis of every array is split over the devices.
        state_sharding: the same of the state, as `shardings` gives it; by default
            every device holds all of it.
    """
    whole = replicated(mesh)
    batch_sharding = split(mesh) if batch_sharding is None else batch_sharding
    state_sharding = whole if state_sharding is None else state_sharding
    # Both declare the state's sharding: undeclared, the second step compiles again.
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


def pmap(algorithm: Algorithm[State]) -> Algorithm[State]:
    """The algorithm under `jax.pmap`, for code that is built on it.

    Batches are `[devices, B / devices, ...]`; the state is not stacked. The algorithm
    must average over the axis `data` itself: `game.algorithm(game, axis_name="data")`,
    with batch normalisation told the same name. Memories are per device there and only
    the first device's survives, so games that have one belong on the mesh.
    """
    first: Callable[[Any], Any] = lambda batch: jax.tree.map(lambda x: x[0], batch)  # noqa: E731
    return Algorithm(
        lambda key, batch: algorithm.init(key, first(batch)),
        jax.pmap(algorithm.step, DATA, in_axes=(None, 0), out_axes=(None, None)),  # type: ignore[arg-type]
    )


def _same(state):
    return state
