"""Decides which part of a state and of a batch is on which device."""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental import mesh_utils
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from jaxgan.game import Variables
from jaxgan.linear_call import linear_call

DATA, FSDP = "data", "fsdp"  # the axes of every mesh
_LEAST = 2**14  # elements; gathering smaller arrays costs more than keeping them

Rule = Callable[[str, tuple[int, ...], int], PartitionSpec]
"""`rule(path, shape, size)`: how an array of the state is split over the axis `fsdp`,
which has `size` devices. Paths read `params/generator/Dense_0/kernel`."""


def mesh(devices: Sequence[Any] | None = None, fsdp: int = 1) -> Mesh:
    """Makes a mesh of the axes `data` and `fsdp` over the given devices, or over all.

    Raises:
        ValueError: `fsdp` does not divide the number of devices.
    """
    devices = jax.devices() if devices is None else list(devices)
    if fsdp < 1 or len(devices) % fsdp:
        sizes = [n for n in range(1, len(devices) + 1) if len(devices) % n == 0]
        raise ValueError(
            f"--fsdp is {fsdp}, which does not divide {len(devices)} devices; use one"
            f" of {', '.join(map(str, sizes))}"
        )
    devices = sorted(devices, key=lambda device: (device.process_index, device.id))
    grid = _grid(devices, fsdp)
    # Ordinary code does not work with explicit sharding in types, the default
    # elsewhere.
    return Mesh(grid, (DATA, FSDP), axis_types=(AxisType.Auto, AxisType.Auto))


def _grid(devices, fsdp):
    """The devices as `[data, fsdp]`: those that gather parameters lie close together.

    They are in the order of processes where a row stays inside a process, and where
    there is no torus; otherwise each row is as straight a line of the torus as there
    is, such as one of the rings of 16 chips of a v5e-256.
    """
    rows = np.array(devices).reshape(-1, fsdp)
    alone = all(len({device.process_index for device in row}) == 1 for row in rows)
    if alone or devices[0].platform != "tpu":
        return rows
    slices = len({getattr(device, "slice_index", 0) for device in devices})
    shape = (len(devices) // slices // fsdp, fsdp)
    make = functools.partial(mesh_utils.create_hybrid_device_mesh, shape, (slices, 1))
    if slices == 1:
        make = functools.partial(mesh_utils.create_device_mesh, shape)
    try:
        return make(devices, allow_split_physical_axes=True)
    except (AssertionError, NotImplementedError, ValueError):
        return rows  # the chips are no cuboid, or a row is longer than a slice


def local_mesh() -> Mesh:
    """Makes a mesh of the devices of this process."""
    return mesh(jax.local_devices())


def replicated(mesh: Mesh) -> NamedSharding:
    """Every device holds the whole array, as for states and resident data sets."""
    return NamedSharding(mesh, PartitionSpec())


def split(mesh: Mesh, axis: int = 0) -> NamedSharding:
    """Splits an axis over the devices: 0 for `[B, ...]`, 1 for `[k, B, ...]`."""
    return NamedSharding(mesh, PartitionSpec(*[None] * axis, (DATA, FSDP)))


def largest_axis(
    path: str, shape: tuple[int, ...], size: int, *, least: int = _LEAST
) -> PartitionSpec:
    """The default rule: splits the longest axis that divides evenly.

    Statistics, keys, counters and arrays of fewer than `least` elements are not split.
    """
    learned = path.startswith(("params/", "opt_state/", "ema/"))
    fits = [axis for axis, length in enumerate(shape) if length % size == 0]
    if not learned or not fits or np.prod(shape) < least:
        return PartitionSpec()
    axis = max(fits, key=lambda axis: shape[axis])
    return PartitionSpec(*[None] * axis, FSDP)


def shardings(mesh: Mesh, state: Any, rule: Rule = largest_axis) -> Any:
    """The place of each array of a state, as a tree of `NamedSharding`s.

    Args:
        mesh: a mesh of the axes `data` and `fsdp`.
        state: the state, as arrays or `jax.ShapeDtypeStruct`s.
        rule: how to split an array; used only where `fsdp` exceeds one.
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
    """Makes the `gather` of `game.algorithm` for parameters that a rule splits.

    Parameters are brought together just before they are used, and their gradients are
    summed directly into the parts. Without it, the compiler handles a convolution with
    a split kernel in a far slower way.
    """
    size = mesh.shape[FSDP]

    def whole(path, x):
        path = jax.tree_util.keystr(path, simple=True, separator="/")
        net, collection, *rest = path.split("/")
        spec = rule("/".join((collection, net, *rest)), x.shape, size)
        if not any(spec):
            return x
        return _gathered(x, NamedSharding(mesh, spec), replicated(mesh))

    def gather(variables):
        return variables if size == 1 else jax.tree.map_with_path(whole, variables)

    return gather


def _gathered(x, part, whole):
    """Brings an array together on every device; its gradient is split again."""
    constrain = jax.lax.with_sharding_constraint
    return linear_call(
        lambda _, x: constrain(x, whole),
        lambda _, gradient: constrain(gradient, part),
        (),
        x,
    )


def check_batch_size(batch_size: int, mesh: Mesh, accumulate: int = 1) -> None:
    """Refuses a batch that the devices cannot share equally in `accumulate` parts.

    Raises:
        ValueError: the size does not divide evenly; the message names the nearest that
            do.
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


def rows(mesh: Mesh, batch_size: int) -> np.ndarray:
    """The places, ascending, of the examples of every batch that this process needs.

    They need not be consecutive: the order of a torus is not that of its processes.
    """
    share = batch_size // mesh.size
    of = np.array([device.process_index for device in mesh.devices.flat])
    mine = np.flatnonzero(of == jax.process_index())
    return (mine[:, None] * share + np.arange(share)).ravel()


def assemble(mesh: Mesh, item: Any, batch_size: int, axis: int = 0) -> Any:
    """Makes global arrays from the part of a batch that each process has.

    Args:
        mesh: the mesh of all processes.
        item: arrays whose axis `axis` has this process's `rows`, or the whole batch.
        batch_size: the size of the global batch.
        axis: the axis of the examples.
    """
    if jax.process_count() == 1:
        return item
    mine, sharding = rows(mesh, batch_size), split(mesh, axis)

    def join(part):
        held = np.arange(batch_size) if part.shape[axis] == batch_size else mine
        whole = (*part.shape[:axis], batch_size, *part.shape[axis + 1 :])

        def shard(index):  # a device's examples are consecutive, and held together
            first, stop, _ = index[axis].indices(batch_size)
            start = int(np.searchsorted(held, first))
            return part[(*index[:axis], slice(start, start + stop - first))]

        return jax.make_array_from_callback(whole, sharding, shard)

    return jax.tree.map(join, item)


def resident(mesh: Mesh, arrays: Any) -> Any:
    """Puts arrays, which every process has in full, onto every device."""
    whole = replicated(mesh)
    if jax.process_count() == 1:
        return jax.device_put(arrays, whole)
    return jax.tree.map(
        lambda x: jax.make_array_from_process_local_data(whole, x, x.shape), arrays
    )


def gather(mesh: Mesh, state: Any) -> Any:
    """Makes a state whole in each process; all processes must call this.

    Every device holds all of it, so give the part of a state that is needed. In a run
    of one process, a state that is not split is returned as it is.
    """
    if jax.process_count() == 1 and mesh.shape[FSDP] == 1:
        return state
    return local(jax.jit(_same, out_shardings=replicated(mesh))(state))


def to_host(mesh: Mesh, state: Any) -> Any:
    """Makes a state whole in the memory of each host; all processes must call this.

    Arrays are brought together one by one, so that devices never hold the whole state.
    Keys stay on a device. In a run of one process, a state that is not split is
    returned as it is.
    """
    if jax.process_count() == 1 and mesh.shape[FSDP] == 1:
        return state

    def whole(x):
        if jnp.issubdtype(x.dtype, jax.dtypes.prng_key):
            return gather(mesh, x).addressable_data(0)
        there = x.is_fully_addressable or x.is_fully_replicated
        return np.asarray(x if there else gather(mesh, x))

    return jax.tree.map(whole, state)


def local(arrays: Any) -> Any:
    """Whole arrays of many processes, as arrays of a device of this one."""
    if jax.process_count() == 1:
        return arrays
    return jax.tree.map(lambda x: x.addressable_data(0), arrays)


def _same(state):
    return state
