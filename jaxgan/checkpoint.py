"""Saving and restoring training: the only importer of orbax.

A checkpoint is the state and a record of it: the configuration, and for every array its
path, shape, dtype and CRC-32. Restoring checks all of them, because orbax by itself
restores a flipped byte without a word, and names a wrong shape without its array. A
damaged newest step is reported and the one before it used.
"""

import contextlib
import logging
import pathlib
import threading
import warnings
import zlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

if TYPE_CHECKING:  # importing orbax takes a while, which `--help` need not wait for
    from orbax.checkpoint import CheckpointManager

_STATE, _RECORD = "state", "record"


class CheckpointError(ValueError):
    """A checkpoint that cannot be used, and what to do about it."""


@contextlib.contextmanager
def manager(
    directory: pathlib.Path, keep: int | None = None, *, read_only: bool = False
) -> Iterator["CheckpointManager"]:
    """Opens a directory of checkpoints; leaving waits for the last to be written.

    Args:
        directory: made if absent.
        keep: how many of the latest steps stay on disk; all by default.
        read_only: change nothing; for looking into a run that may still be going.
    """
    import orbax.checkpoint as ocp

    logging.getLogger("absl").setLevel(logging.ERROR)
    options = ocp.CheckpointManagerOptions(max_to_keep=keep, read_only=read_only)
    opened = ocp.CheckpointManager(directory.resolve(), options=options)
    # A failure in a writing thread comes back from the next call, as one sentence; the
    # tracebacks that its threads would print on the way say nothing more.
    hook, threading.excepthook = threading.excepthook, lambda args: None
    try:
        yield opened
        with _as_checkpoint_error(opened):
            opened.wait_until_finished()
    finally:
        threading.excepthook = hook
        # After a failed write, closing raises its error once more; one is enough.
        with contextlib.suppress(Exception):
            opened.close()


def save(
    checkpoints: "CheckpointManager",
    step: int,
    state: Any,
    config: Mapping[str, Any],
) -> None:
    """Writes a state in the background, all of it or nothing.

    The arrays are copied before this returns, so the state may be donated right after.
    A step already on disk is left as it is.

    Raises:
        CheckpointError: this one, or the one before, could not be written.
    """
    import orbax.checkpoint as ocp

    if step in checkpoints.all_steps():
        return
    host = jax.device_get(_unwrap_keys(state))
    record = {"config": config, "arrays": _describe(host)}
    parts = {
        _STATE: ocp.args.StandardSave(host),
        _RECORD: ocp.args.JsonSave(record),
    }
    with _as_checkpoint_error(checkpoints):
        checkpoints.save(step, args=ocp.args.Composite(**parts))


def restore(checkpoints: "CheckpointManager", like: Any) -> Any | None:
    """The newest intact state, or None where nothing was saved yet.

    Args:
        checkpoints: from `manager`.
        like: a state of the same structure, of arrays or `jax.ShapeDtypeStruct`s; an
            array is placed where its counterpart's sharding says.

    Raises:
        CheckpointError: they belong to another model, or none is intact.
    """
    failures = []
    for step in sorted(checkpoints.all_steps(), reverse=True):
        try:
            state = _restore_step(checkpoints, step, like)
        except CheckpointError:
            raise
        except Exception as error:  # orbax raises many kinds for damage, some bare
            failures.append(f"step {step}: {_brief(error)}")
            continue
        if failures:
            warnings.warn(
                f"damaged checkpoints were passed over ({'; '.join(failures)});"
                f" going on from step {step}",
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
    """Deletes what lies after a step: damaged, since `restore` passed it over.

    Those steps are played again, and must be free to be saved again.
    """
    for later in [s for s in checkpoints.all_steps() if s > step]:
        checkpoints.delete(later)


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """What differs between two nested dictionaries, as `path: old -> new`."""
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
    target = jax.eval_shape(_unwrap_keys, like)
    expected = {path: _layout(about) for path, about in _describe(target).items()}
    if wrong := differences(stored, expected):
        more = f" and {len(wrong) - 3} more" if len(wrong) > 3 else ""
        raise CheckpointError(
            f"the checkpoint in {checkpoints.directory} is of another model"
            f" ({'; '.join(wrong[:3])}{more}); use the configuration it was trained"
            " with, or another directory"
        )
    empty = jax.tree.map(lambda x: np.empty(x.shape, x.dtype), target)
    host = checkpoints.restore(
        step, args=ocp.args.Composite(**{_STATE: ocp.args.StandardRestore(empty)})
    )[_STATE]
    for path, about in _describe(host).items():
        if about["crc"] != record["arrays"][path]["crc"]:
            raise OSError(f"the checksum of {path} does not match")
    return jax.tree.map(_place, host, like)


def _describe(tree) -> dict[str, dict[str, Any]]:
    """Path -> shape, dtype and, for concrete arrays, CRC-32."""

    def about(x):
        known = {"shape": list(x.shape), "dtype": str(x.dtype)}
        if isinstance(x, jax.ShapeDtypeStruct):
            return known
        return known | {"crc": zlib.crc32(np.ascontiguousarray(x).view(np.uint8).data)}

    return {
        jax.tree_util.keystr(path, simple=True, separator="/"): about(x)
        for path, x in jax.tree.leaves_with_path(tree)
    }


def _layout(about):
    return f"{about['dtype']}{about['shape']}"


def _is_key(x):
    return jnp.issubdtype(x.dtype, jax.dtypes.prng_key)


def _unwrap_keys(tree):
    return jax.tree.map(lambda x: jax.random.key_data(x) if _is_key(x) else x, tree)


def _place(host, like):
    # A copy of its own: the state will be donated, which borrowed memory cannot be.
    array = jnp.array(host)
    if _is_key(like):
        array = jax.random.wrap_key_data(array)
    return jax.device_put(array, like.sharding) if like.sharding else array


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
        raise CheckpointError(
            f"could not save in {checkpoints.directory} ({_brief(error)}); what was"
            " saved before is intact. Free some space, or give another directory, and"
            " run the same command again"
        ) from error


def _brief(error) -> str:
    text = str(error).strip().splitlines()
    return f"{type(error).__name__}: {text[0][:160]}" if text else type(error).__name__
