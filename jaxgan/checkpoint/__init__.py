"""Saves and restores training; the only part of the library that imports orbax.

A checkpoint has the state and a record of it: the configuration, and for every array
its path, shape, dtype and checksum. Restoring checks all of them, because orbax by
itself restores a flipped byte silently, and reports a wrong shape without naming its
array. If the newest step is damaged, that is reported and the one before it is used.

When several processes train together, all call these functions, and each writes its own
part. The checksum of an array does not depend on how it is split, so a state may be
restored to other devices, and to more or fewer processes, than it was saved from.
"""

from jaxgan.checkpoint.parts import CheckpointError, Damaged, differences
from jaxgan.checkpoint.restoring import read, restore
from jaxgan.checkpoint.saving import (
    check,
    drop_after,
    drop_superseded,
    manager,
    save,
    wait,
)

__all__ = [
    "CheckpointError",
    "Damaged",
    "check",
    "differences",
    "drop_after",
    "drop_superseded",
    "manager",
    "read",
    "restore",
    "save",
    "wait",
]
