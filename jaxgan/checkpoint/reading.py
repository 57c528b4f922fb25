"""Reads one checkpoint in one process, and tells damage from what only seems so."""

import json
import os
import re
from collections.abc import Mapping
from typing import Any

import jax

from jaxgan.checkpoint.parts import (
    RECORD,
    STATE,
    CheckpointError,
    Damaged,
    brief,
    describe,
    differences,
    layout,
    unwrap_keys,
)


def read(folder: Any, like: Any) -> tuple[Mapping[str, Any], Any]:
    """What this process reads of a step, without waiting for others.

    Raises:
        Damaged: a part is missing, cut short or changed.
        CheckpointError: it belongs to another model, or cannot be read.
    """
    try:
        try:
            return _read_once(folder, like)
        except Exception as error:
            if not _is_damage(error):
                raise
            # A disk that fails may look as if a part were missing or cut short.
            _read_all_files(folder)
            return _read_once(folder, like)
    except CheckpointError:
        raise
    except Exception as error:
        if _is_damage(error):
            raise Damaged(brief(error)) from error
        raise CheckpointError(
            f"the checkpoint {folder} cannot be read ({brief(error)}), which does not"
            " mean that it is damaged; nothing was changed. Run the same command again"
            " when it can be read, or move it away to go on from the one before"
        ) from error


def _read_once(folder, like):
    import orbax.checkpoint as ocp

    record = ocp.JsonCheckpointHandler().restore(folder / RECORD)
    try:
        stored = {path: layout(about) for path, about in record["arrays"].items()}
    except (AttributeError, KeyError, TypeError):
        raise Damaged("its record makes no sense") from None
    target = jax.tree.map(_target, jax.eval_shape(unwrap_keys, like), like)
    expected = {path: layout(about) for path, about in describe(target).items()}
    if wrong := differences(stored, expected):
        more = f" and {len(wrong) - 3} more" if len(wrong) > 3 else ""
        raise CheckpointError(
            f"the checkpoint in {folder.parent} belongs to another model"
            f" ({'; '.join(wrong[:3])}{more}); use the configuration it was trained"
            " with, or another directory"
        )
    # By itself the handler waits for no other process, as the manager's `restore` does.
    wanted = ocp.args.StandardRestore(target)
    return record, ocp.StandardCheckpointHandler().restore(folder / STATE, args=wanted)


def _read_all_files(folder) -> None:
    def fail(error):
        raise error

    for parent, _, names in os.walk(folder, onerror=fail):
        for name in names:
            with open(os.path.join(parent, name), "rb") as file:
                while file.read(2**20):
                    pass


def _is_damage(error: BaseException) -> bool:
    """Whether a part is missing, cut short or changed, for all that an error says.

    All others, such as those of permissions, of a disk that fails, of too little memory
    or of another version of orbax, are none.
    """
    cause = error.__cause__ or error  # orbax wraps what tensorstore raises
    if isinstance(cause, Damaged | FileNotFoundError | UnicodeDecodeError):
        return True
    if isinstance(cause, json.JSONDecodeError):
        return True
    if type(cause) is not ValueError or "os_error_code" in str(cause):
        return False
    # Tensorstore: `KIND: Error reading ...`, and without KIND for what makes no sense.
    said = re.match(r"([A-Z_]+: )?Error (opening|reading) ", str(cause))
    kinds = "NOT_FOUND", "OUT_OF_RANGE", "DATA_LOSS", "FAILED_PRECONDITION"
    return said is not None and (not said[1] or said[1][:-2] in kinds)


def _target(array, like):
    """Describes an array to restore, placed like `like` or else on the first device."""
    sharding = like.sharding or jax.sharding.SingleDeviceSharding(
        jax.local_devices()[0]
    )
    return jax.ShapeDtypeStruct(array.shape, array.dtype, sharding=sharding)
