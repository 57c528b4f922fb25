"""Saves states, and deletes those that are no longer wanted."""

import contextlib
import logging
import math
import os
import pathlib
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import jax

from jaxgan import paths
from jaxgan.checkpoint import checksums
from jaxgan.checkpoint.parts import (
    RECORD,
    STATE,
    CheckpointError,
    brief,
    describe,
    unwrap_keys,
)

if TYPE_CHECKING:  # importing orbax is slow, and `--help` does not need it
    from orbax.checkpoint import CheckpointManager


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
        OSError: the directory cannot be listed.
    """
    paths.check(directory)
    import orbax.checkpoint as ocp

    # Some versions of Python say of a folder that is out of reach that there is none.
    with contextlib.suppress(FileNotFoundError):
        os.listdir(directory)
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
        CheckpointError: this checkpoint, or the one before, could not be written, or
            there are later ones.
    """
    import orbax.checkpoint as ocp

    if step in checkpoints.all_steps():
        return
    arrays = unwrap_keys(state)
    record = {"config": config, "arrays": describe(arrays, checksums.of(arrays))}
    parts = {
        STATE: ocp.args.StandardSave(arrays),
        RECORD: ocp.args.JsonSave(record),
    }
    with _as_checkpoint_error(checkpoints):
        saved = checkpoints.save(step, args=ocp.args.Composite(**parts))
    if not saved:  # orbax passes over a step that is not its latest
        raise CheckpointError(
            f"step {step} cannot be saved in {checkpoints.directory}, where there are"
            " later ones; move those away"
        )


def wait(checkpoints: "CheckpointManager") -> None:
    """Waits until what was saved is on disk.

    Raises:
        CheckpointError: it could not be written.
    """
    with _as_checkpoint_error(checkpoints):
        checkpoints.wait_until_finished()


def check(checkpoints: "CheckpointManager") -> None:
    """Raises what `wait` would, if that is known by now, and does not wait."""
    if not checkpoints.is_saving_in_progress():
        wait(checkpoints)


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


@contextlib.contextmanager
def _as_checkpoint_error(checkpoints):
    try:
        yield
    except Exception as error:
        several = jax.process_count() > 1
        gone = "Check whether another process is gone, free" if several else "Free"
        raise CheckpointError(
            f"could not save in {checkpoints.directory} ({brief(error)}); what was"
            f" saved before is intact. {gone} some space, or give another directory,"
            " and run the same command again"
        ) from error
