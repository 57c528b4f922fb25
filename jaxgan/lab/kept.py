"""Files of arrays that are made once and then kept in the user's cache folder.

A file's name is made from all that its arrays depend on, so that it never stands for
others. Whoever keeps one goes on without it where it is damaged, or where the folder
cannot be written.
"""

import hashlib
import pathlib
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from jaxgan import paths
from jaxgan.data.arrays import check_entry
from jaxgan.train.terminal import say


def place(kind: str, about: str) -> pathlib.Path | None:
    """Where the arrays are kept: `jaxgan/KIND` of `XDG_CACHE_HOME`.

    None for a user without a home, who has no cache.

    Args:
        kind: what they are, such as classifier.
        about: all that they depend on; the name changes with it.
    """
    name = hashlib.sha256(about.encode()).hexdigest()[:16]
    cache = paths.user_cache()
    return None if cache is None else cache / kind / f"{name}.npz"


def save(path: pathlib.Path, arrays: Mapping[str, Any]) -> None:
    """Writes arrays, all of them or nothing.

    Args:
        path: of `place`.
        arrays: by name, or numbers.

    Raises:
        OSError: the folder cannot be written, or the disk is full.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with paths.replacing(path) as file:
        np.savez(file, **arrays)


def load(path: pathlib.Path) -> dict[str, np.ndarray]:
    """Reads arrays back, with a checksum each.

    Raises:
        Exception: a dozen kinds, where the file is damaged.
    """
    with path.open("rb") as file, np.load(file, allow_pickle=False) as held:
        for entry in held.zip.infolist():
            check_entry(entry)
        return dict(held)


def once(
    path: pathlib.Path | None,
    draw: Callable[[], dict[str, np.ndarray]],
    title: str,
    limit: int = 1 << 30,
) -> dict[str, np.ndarray]:
    """Reads arrays that were drawn before; draws and keeps them if they are new.

    Args:
        path: of `place`.
        draw: draws them.
        title: what they are, in the plural, for what is said where that fails.
        limit: bytes up to which they are kept.
    """
    if path is not None and path.is_file():
        try:
            return load(path)
        except Exception:  # of a damaged file, a dozen kinds
            say(f"{path} is damaged: drawing the {title} again")
    arrays = draw()
    if path is not None and sum(x.nbytes for x in arrays.values()) <= limit:
        try:
            save(path, arrays)
        except OSError as error:
            say(f"cannot keep the {title} in {path.parent} ({error.strerror}): they")
            say("will be drawn again next time; set XDG_CACHE_HOME to a writable")
            say("directory")
    return arrays
