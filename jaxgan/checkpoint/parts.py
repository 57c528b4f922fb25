"""What saving and restoring share: the parts of a checkpoint, errors and words."""

import errno
import os
import re
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp

STATE, RECORD = "state", "record"


class CheckpointError(ValueError):
    """A checkpoint cannot be used; the message says what to do about it."""


class Damaged(Exception):
    """A part of a checkpoint is missing, cut short or changed."""


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Lists the differences between two nested dictionaries, as `path: old -> new`."""
    old, new = _flatten(old), _flatten(new)
    return [
        f"{path}: {old.get(path, '(absent)')} -> {new.get(path, '(absent)')}"
        for path in sorted(old.keys() | new.keys())
        if old.get(path) != new.get(path)
    ]


def describe(
    tree: Any, checksums: Sequence[int] | None = None
) -> dict[str, dict[str, Any]]:
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


def layout(about: Mapping[str, Any]) -> str:
    """The dtype and the shape of an array that was described, as text."""
    return f"{about['dtype']}{about['shape']}"


def is_key(x: Any) -> bool:
    """Whether an array is one of random keys."""
    return jnp.issubdtype(x.dtype, jax.dtypes.prng_key)


def unwrap_keys(tree: Any) -> Any:
    """A tree with the numbers of its random keys in their place."""
    return jax.tree.map(lambda x: jax.random.key_data(x) if is_key(x) else x, tree)


def brief(error: BaseException) -> str:
    """An error in a few words; orbax wraps those of tensorstore, which have many."""
    cause = error.__cause__ or error
    for number in (errno.ENOSPC, errno.EDQUOT):  # the disk or a share of it is full
        if os.strerror(number) in str(cause):
            return os.strerror(number)
    words = (
        r'Error opening "\w+" driver: | in OCDBT database at local file "[^"]*"'
        r"| \[(tensorstore_spec|os_error_code|source).*"
    )
    text = re.sub(words, "", str(cause)).strip().splitlines()
    return f"{type(cause).__name__}: {text[0][:160]}" if text else type(cause).__name__


def _flatten(tree, prefix=""):
    if not isinstance(tree, Mapping):
        return {prefix: tree}
    flat = {}
    for name, value in tree.items():
        flat |= _flatten(value, f"{prefix}.{name}" if prefix else str(name))
    return flat
