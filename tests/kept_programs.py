"""Compiled programs kept between runs of the tests, in the user's cache folder.

JAX writes entries of its compilation cache in place, so that a second process may read
half of one. Here each process that runs tests has a folder of its own: it begins with
hard links to the entries of the shared folder, and its new entries are linked back, in
one step each, when the process ends. With JAXGAN_TEST_CACHE=0 every run starts with
no entries.
"""

import contextlib
import os
import pathlib
import platform
import shutil
import tempfile
import time

import jax
import jaxlib

MONTH = 30 * 86400
BYTES = 2 * 2**30

_own: pathlib.Path | None = None


def shared_folder() -> pathlib.Path | None:
    """The directory of entries for these versions, or None if none should be kept."""
    if os.environ.get("JAXGAN_TEST_CACHE") == "0":
        return None
    cache = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    versions = [jax.__version__, jaxlib.__version__, platform.python_version()]
    return pathlib.Path(cache) / "jaxgan" / "tests" / "-".join(versions)


def start() -> None:
    """Points JAX at a folder of this process that holds the shared entries."""
    global _own
    shared = shared_folder()
    try:
        if shared:
            shared.mkdir(parents=True, exist_ok=True)
            _own = pathlib.Path(tempfile.mkdtemp(prefix="own-", dir=shared.parent))
            link(shared, _own)
    except OSError:  # a folder that cannot be written to, or holds no links
        pass
    _own = _own or pathlib.Path(tempfile.mkdtemp(prefix="jaxgan-compiled-"))
    jax.config.update("jax_compilation_cache_dir", str(_own))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    # By default the folder's own name is a part of every key.
    jax.config.update("jax_persistent_cache_enable_xla_caches", "none")


def finish() -> None:
    """Links new entries back, drops old ones, removes the folder of this process."""
    global _own
    if not _own:
        return
    shared = shared_folder()
    with contextlib.suppress(OSError):
        if shared and _own.parent == shared.parent:
            link(_own, shared)
            trim(shared)
            for left in shared.parent.glob("own-*"):  # by processes that were killed
                if left.stat().st_mtime < time.time() - 86400:
                    shutil.rmtree(left, ignore_errors=True)
    shutil.rmtree(_own, ignore_errors=True)
    _own = None


def link(source: pathlib.Path, target: pathlib.Path) -> None:
    """Links the entries of one folder into another; those that are there stay."""
    there = {entry.name for entry in os.scandir(target)}
    for entry in os.scandir(source):
        if entry.name not in there:
            # Another process may have linked or dropped it meanwhile.
            with contextlib.suppress(FileExistsError, FileNotFoundError):
                os.link(entry.path, target / entry.name)


def trim(folder, age: float = MONTH, size: int = BYTES, now: float | None = None):
    """Drops entries older than `age` seconds, and the oldest beyond `size` bytes."""
    now = time.time() if now is None else now
    found = [(entry.stat(), entry.path) for entry in os.scandir(folder)]
    total = 0
    for stat, path in sorted(found, key=lambda each: -each[0].st_mtime):
        total += stat.st_size
        if total > size or stat.st_mtime < now - age:
            pathlib.Path(path).unlink(missing_ok=True)
