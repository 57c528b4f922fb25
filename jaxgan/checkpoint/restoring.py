"""Restores the newest intact state, in all processes or in none."""

import os
import pathlib
import warnings
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp

from jaxgan import parallel
from jaxgan.checkpoint import checksums, reading
from jaxgan.checkpoint.parts import CheckpointError, Damaged, describe, is_key
from jaxgan.checkpoint.saving import manager, wait

if TYPE_CHECKING:  # importing orbax is slow, and `--help` does not need it
    from orbax.checkpoint import CheckpointManager

TRIES = 10  # of a reader, where checkpoints go while it reads them


def restore(checkpoints: "CheckpointManager", like: Any) -> Any | None:
    """Restores the newest intact state, or returns None where nothing was saved yet.

    Args:
        checkpoints: from `manager`.
        like: a state of the same structure, of arrays or `jax.ShapeDtypeStruct`s; each
            array is placed by the sharding of its counterpart.

    Raises:
        CheckpointError: the checkpoints belong to another model, one cannot be read, or
            none is intact.
    """
    wait(checkpoints)
    state, damaged = _newest(checkpoints, like)
    if state is None and damaged:
        raise CheckpointError(
            f"no checkpoint in {checkpoints.directory} is intact ({damaged}); move that"
            " directory away to start anew"
        )
    return state


def read(directory: pathlib.Path, like: Any) -> Any | None:
    """Restores as `restore` does, from a run that may be going on; nothing is changed.

    A run deletes old checkpoints when it saves. Where one goes while it is read, the
    list of them is read anew, and the newest after it.

    Args:
        directory: where the checkpoints are.
        like: as for `restore`.

    Raises:
        CheckpointError: as by `restore`, or new ones come faster than they can be read.
    """
    for _ in range(TRIES):
        before = _listed(directory)
        state, damaged, error = None, "", None
        try:
            with manager(directory, read_only=True) as checkpoints:
                state, damaged = _newest(checkpoints, like)
        except (CheckpointError, OSError) as found:
            error = found
        if (state is None or damaged) and _listed(directory) != before:
            continue
        if error:
            raise error
        if state is None and damaged:
            raise CheckpointError(
                f"no checkpoint in {directory} is intact ({damaged}); the run has to"
                " save another one first"
            )
        return state
    raise CheckpointError(
        f"the run in {directory} goes on and deletes its checkpoints faster than they"
        " can be read; read it when it has ended, or let it --keep more of them"
    )


def _newest(checkpoints, like) -> tuple[Any, str]:
    """The newest intact state, or None; and what is wrong with later ones."""
    damaged = []
    for step in sorted(checkpoints.all_steps(), reverse=True):
        try:
            state = _restore_step(checkpoints.directory / str(step), like)
        except Damaged as damage:
            damaged.append(f"step {step}: {damage}")
            continue
        if damaged:
            warnings.warn(
                f"skipped damaged checkpoints ({'; '.join(damaged)}); going on from"
                f" step {step}",
                stacklevel=3,
            )
        return state, "; ".join(damaged)
    return None, "; ".join(damaged)


def _listed(directory: pathlib.Path) -> list[str]:
    """The steps in a directory, without looking into them."""
    return sorted(name for name in os.listdir(directory) if name.isdigit())


def _restore_step(folder, like):
    """The state of a step; all processes fail alike.

    Raises:
        Damaged: in some process.
        CheckpointError: it belongs to another model, or some process cannot read it.
    """
    record, arrays, error = {}, None, None
    try:
        record, arrays = reading.read(folder, like)
    except (CheckpointError, Damaged) as found:
        error = found
    _raise_together(error)
    described = record["arrays"]
    for path, checksum in zip(describe(arrays), checksums.of(arrays), strict=True):
        # Version 0.1.0 wrote another sum, under another name; that one is not checked.
        if checksum != described[path].get("checksum", checksum):
            error = Damaged(f"the checksum of {path} does not match")
            break
    _raise_together(error)
    return jax.tree.map(_own, arrays, like)


def _raise_together(error: Exception | None) -> None:
    """Raises the gravest error of any process in all of them."""
    told = parallel.gathered(f"{type(error).__name__}:{error}" if error else "")
    for kind in (CheckpointError, Damaged):
        for text in told:
            name, _, said = text.partition(":")
            if name == kind.__name__:
                raise kind(said) from error


def _own(array, like):
    # A copy is made because the state will be donated, which borrowed memory cannot be.
    array = jnp.copy(array)
    return jax.random.wrap_key_data(array) if is_key(like) else array
