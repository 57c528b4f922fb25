"""Saves and restores training; the only module that imports orbax.

A checkpoint has the state and a record of it: the configuration, and for every array
its path, shape, dtype and checksum. Restoring checks all of them, because orbax by
itself restores a flipped byte silently, and reports a wrong shape without naming its
array. If the newest step is damaged, that is reported and the one before it is used.

When several processes train together, all call these functions, and each writes its own
part. The checksum of an array does not depend on how it is split, so a state may be
restored to other devices, and to more or fewer processes, than it was saved from.
"""

import contextlib
import errno
import logging
import math
import os
import pathlib
import warnings
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental import multihost_utils

from jaxgan import paths

if TYPE_CHECKING:  # importing orbax is slow, and `--help` does not need it
    from orbax.checkpoint import CheckpointManager

_STATE, _RECORD = "state", "record"


class CheckpointError(ValueError):
    """A checkpoint cannot be used; the message says what to do about it."""


@contextlib.contextmanager
def manager(
    directory: pathlib.Path, keep: int | None = None, *, read_only: bool = False
) -> Iterator["CheckpointManager"]:
    """Opens a directory of checkpoints; on leaving, waits until the last is written.

    Args:
        directory: where the checkpoints are; created if absent.
        keep: how many of the latest steps stay on disk; all by default.
        read_only: whether to change nothing, for looking into a run that may be going
            on.

    Raises:
        ValueError: nothing could be saved under such a path, see `paths.check`.
    """
    paths.check(directory)
    import orbax.checkpoint as ocp

    logging.getLogger("absl").setLevel(logging.CRITICAL)
    options = ocp.CheckpointManagerOptions(max_to_keep=keep, read_only=read_only)
    opened = ocp.CheckpointManager(paths.literal(directory), options=options)
    lost = False
    try:
        yield opened
        wait(opened)
    except BaseException:
        lost = jax.process_count() > 1
        raise
    finally:
        # After a failed write, closing would raise its error once more, and would wait
        # for other processes, which may not know of the error here.
        if not lost:
            with contextlib.suppress(Exception):
                opened.close()


def save(
    checkpoints: "CheckpointManager",
    step: int,
    state: Any,
    config: Mapping[str, Any],
) -> None:
    """Writes a state in the background, either wholly or not at all.

    The arrays are copied before this returns, so the state may be donated right after.
    A step already on disk is left as it is.

    Raises:
        CheckpointError: this checkpoint, or the one before, could not be written.
    """
    import orbax.checkpoint as ocp

    if step in checkpoints.all_steps():
        return
    arrays = _unwrap_keys(state)
    record = {"config": config, "arrays": _describe(arrays, _checksums(arrays))}
    parts = {
        _STATE: ocp.args.StandardSave(arrays),
        _RECORD: ocp.args.JsonSave(record),
    }
    with _as_checkpoint_error(checkpoints):
        # Orbax passes over a step that is not its latest, and says so by this alone.
        if not checkpoints.save(step, args=ocp.args.Composite(**parts)):
            raise OSError(f"there is a later step than {step}")


def wait(checkpoints: "CheckpointManager") -> None:
    """Waits until what was saved is on disk.

    Raises:
        CheckpointError: it could not be written.
    """
    with _as_checkpoint_error(checkpoints):
        checkpoints.wait_until_finished()


def restore(checkpoints: "CheckpointManager", like: Any) -> Any | None:
    """Restores the newest intact state, or returns None where nothing was saved yet.

    Args:
        checkpoints: from `manager`.
        like: a state of the same structure, of arrays or `jax.ShapeDtypeStruct`s; each
            array is placed by the sharding of its counterpart.

    Raises:
        CheckpointError: the checkpoints belong to another model, or none is intact.
    """
    wait(checkpoints)
    failures = []
    for step in sorted(checkpoints.all_steps(), reverse=True):
        failure = "another process could not read it"
        try:
            state = _restore_step(checkpoints, step, like)
        except CheckpointError:
            raise
        except Exception as error:  # orbax raises many types for damaged files
            state, failure = None, _brief(error)
        if not _all(state is not None):
            failures.append(f"step {step}: {failure}")
            continue
        if failures:
            warnings.warn(
                f"skipped damaged checkpoints ({'; '.join(failures)}); going on from"
                f" step {step}",
                stacklevel=2,
            )
        return state
    if failures:
        raise CheckpointError(
            f"no checkpoint in {checkpoints.directory} is intact"
            f" ({'; '.join(failures)}); move that directory away to start anew"
        )
    return None


def drop_after(checkpoints: "CheckpointManager", step: int) -> None:
    """Deletes the checkpoints after a step, which `restore` found to be damaged.

    Training will reach those steps again, and must be able to save them.
    """
    for later in [s for s in checkpoints.all_steps() if s > step]:
        checkpoints.delete(later)


def drop_superseded(checkpoints: "CheckpointManager", steps: Iterable[int]) -> None:
    """Deletes all but the newest, and but the newest as of each of some steps."""
    there = sorted(checkpoints.all_steps())
    kept = {
        max((s for s in there if s <= step), default=None)
        for step in (*steps, math.inf)
    }
    for superseded in [s for s in there if s not in kept]:
        checkpoints.delete(superseded)


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Lists the differences between two nested dictionaries, as `path: old -> new`."""
    old, new = _flatten(old), _flatten(new)
    return [
        f"{path}: {old.get(path, '(absent)')} -> {new.get(path, '(absent)')}"
        for path in sorted(old.keys() | new.keys())
        if old.get(path) != new.get(path)
    ]


def _restore_step(checkpoints, step, like):
    import orbax.checkpoint as ocp

    record = checkpoints.restore(
        step, args=ocp.args.Composite(**{_RECORD: ocp.args.JsonRestore()})
    )[_RECORD]
    stored = {path: _layout(about) for path, about in record["arrays"].items()}
    target = jax.tree.map(_target, jax.eval_shape(_unwrap_keys, like), like)
    expected = {path: _layout(about) for path, about in _describe(target).items()}
    if wrong := differences(stored, expected):
        more = f" and {len(wrong) - 3} more" if len(wrong) > 3 else ""
        raise CheckpointError(
            f"the checkpoint in {checkpoints.directory} belongs to another model"
            f" ({'; '.join(wrong[:3])}{more}); use the configuration it was trained"
            " with, or another directory"
        )
    arrays = checkpoints.restore(
        step, args=ocp.args.Composite(**{_STATE: ocp.args.StandardRestore(target)})
    )[_STATE]
    for path, checksum in zip(_describe(target), _checksums(arrays), strict=True):
        # Version 0.1.0 wrote another sum, under another name; that one is not checked.
        if checksum != record["arrays"][path].get("checksum", checksum):
            raise OSError(f"the checksum of {path} does not match")
    return jax.tree.map(_own, arrays, like)


def _describe(tree, checksums=None) -> dict[str, dict[str, Any]]:
    """Maps the path of each array to shape, dtype and, if given, checksum."""
    described = {
        jax.tree_util.keystr(path, simple=True, separator="/"): {
            "shape": list(x.shape),
            "dtype": str(x.dtype),
        }
        for path, x in jax.tree.leaves_with_path(tree)
    }
    if checksums is not None:
        for about, checksum in zip(described.values(), checksums, strict=True):
            about["checksum"] = checksum
    return described


def _checksums(tree) -> list[int]:
    """Computes a checksum of every array that does not depend on how it is split.

    Each byte is weighted by its place in the whole array, so that the sums of shards
    can be added up over devices and processes.
    """
    sums = np.array([_checksum(x) for x in jax.tree.leaves(tree)], np.uint32)
    if jax.process_count() > 1:
        sums = np.asarray(multihost_utils.process_allgather(sums)).sum(
            0, dtype=np.uint32
        )
    return [int(x) for x in sums]


def _checksum(array) -> np.uint32:
    """Sums up this process's part of an array, counting each piece once."""
    total = np.uint32(0)
    with np.errstate(over="ignore"):
        for shard in array.addressable_shards:
            if shard.replica_id == 0:
                start = [piece.start or 0 for piece in shard.index]
                total += _weighted(np.asarray(shard.data), start, array.shape)
    return total


def _weighted(piece: np.ndarray, start, shape) -> np.uint32:
    """Sums words, modulo 2^32, each times an odd number that depends on its place.

    An odd factor has an inverse modulo 2^32, so every change of a single word shows.
    """
    size = piece.dtype.itemsize
    unit = next(u for u in (np.uint32, np.uint16, np.uint8) if size % u().itemsize == 0)
    words = np.ascontiguousarray(piece).view(unit)
    words = words.reshape(*piece.shape, size // unit().itemsize)
    # The places in row-major order, one axis after the other.
    place = np.zeros((1,) * words.ndim, np.uint32)
    stride = 1
    for axis, length in reversed(list(enumerate((*shape, words.shape[-1])))):
        first = start[axis] if axis < len(start) else 0
        steps = np.arange(first, first + words.shape[axis], dtype=np.uint32)
        steps *= np.uint32(stride % 2**32)
        place = place + steps.reshape(-1, *[1] * (words.ndim - 1 - axis))
        stride *= length
    weights = place * np.uint32(0x9E3779B1) | np.uint32(1)
    return (words * weights).sum(dtype=np.uint32)


def _layout(about):
    return f"{about['dtype']}{about['shape']}"


def _is_key(x):
    return jnp.issubdtype(x.dtype, jax.dtypes.prng_key)


def _unwrap_keys(tree):
    return jax.tree.map(lambda x: jax.random.key_data(x) if _is_key(x) else x, tree)


def _all(flag: bool) -> bool:
    """Whether the flag is true in every process."""
    if jax.process_count() == 1:
        return flag
    return bool(np.asarray(multihost_utils.process_allgather(np.asarray(flag))).all())


def _target(array, like):
    """Describes an array to restore, placed like `like` or else on the first device."""
    sharding = like.sharding or jax.sharding.SingleDeviceSharding(
        jax.local_devices()[0]
    )
    return jax.ShapeDtypeStruct(array.shape, array.dtype, sharding=sharding)


def _own(array, like):
    # A copy is made because the state will be donated, which borrowed memory cannot be.
    array = jnp.copy(array)
    return jax.random.wrap_key_data(array) if _is_key(like) else array


def _flatten(tree, prefix=""):
    if not isinstance(tree, Mapping):
        return {prefix: tree}
    flat = {}
    for name, value in tree.items():
        flat |= _flatten(value, f"{prefix}.{name}" if prefix else str(name))
    return flat


@contextlib.contextmanager
def _as_checkpoint_error(checkpoints):
    try:
        yield
    except Exception as error:
        several = jax.process_count() > 1
        gone = "Check whether another process is gone, free" if several else "Free"
        raise CheckpointError(
            f"could not save in {checkpoints.directory} ({_brief(error)}); what was"
            f" saved before is intact. {gone} some space, or give another directory,"
            " and run the same command again"
        ) from error


def _brief(error) -> str:
    # Orbax and tensorstore say in many words that a disk, or a share of it, is full.
    for number in (errno.ENOSPC, errno.EDQUOT):
        if os.strerror(number) in str(error):
            return os.strerror(number)
    text = str(error).strip().splitlines()
    return f"{type(error).__name__}: {text[0][:160]}" if text else type(error).__name__
