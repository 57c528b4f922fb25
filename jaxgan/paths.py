"""Checks paths that are absent or would be misread, and writes files that are whole."""

import contextlib
import functools
import glob
import os
import pathlib
import re
from collections.abc import Iterator
from typing import IO, Any


def user_cache() -> pathlib.Path | None:
    """The folder for what is kept between runs; None for a user without a home."""
    cache = os.environ.get("XDG_CACHE_HOME")
    try:
        return (pathlib.Path(cache) if cache else pathlib.Path.home() / ".cache") / (
            "jaxgan"
        )
    except RuntimeError:
        return None


@contextlib.contextmanager
def replacing(path: pathlib.Path) -> Iterator[IO[bytes]]:
    """A file to write that takes the place of `path` once it is whole, or never.

    It is on disk before it has its name, so a power failure leaves no half of it. Each
    process writes one of its own.
    """
    beside = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        with beside.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def expanded(path: str) -> pathlib.Path:
    """A path whose `~` is the user's home; as it is where there is no such home."""
    try:
        return pathlib.Path(path).expanduser()
    except RuntimeError:
        return pathlib.Path(path)


def check_local(path: pathlib.Path, flag: str = "--workdir") -> None:
    """Refuses a URL, which would become a folder called `gs:`.

    Raises:
        ValueError: the path begins with a scheme; the message says what to do.
    """
    scheme, *rest = path.parts or ("",)
    if re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]+:", scheme):
        raise ValueError(
            f"{flag} is {scheme}//{'/'.join(rest)}, but must be a path: mount what the"
            " URL names (by gcsfuse for gs://, mount-s3 for s3://), and give the folder"
        )


def check(directory: pathlib.Path) -> None:
    """Refuses a folder under which no checkpoint could be saved, or none restored.

    TensorStore, which writes the arrays, takes a backslash for a slash and `gs:/` or
    `s3:/` for a bucket, and knows no names that are not UTF-8.

    Raises:
        ValueError: the path has one of these; the message says which.
    """
    check_local(directory)
    path = directory.absolute()
    buckets = [part for part in path.parts if part in ("gs:", "s3:")]
    if buckets:
        wrong = f"{buckets[0]!r}, as buckets have: mount the bucket as a folder"
    elif os.sep == "/" and "\\" in str(path):
        wrong = "a backslash"
    elif str(path).encode(errors="replace").decode() != str(path):
        wrong = "a name that is not UTF-8"
    else:
        return
    raise ValueError(
        f"no checkpoint can be kept in {str(directory)!a}, whose path has {wrong};"
        " give another --workdir"
    )


def literal(directory: pathlib.Path) -> Any:
    """A folder as orbax wants it, whose name is no pattern: `[a]` is a folder `[a]`.

    Orbax finds the parts of a checkpoint by `path.glob`, which without this takes the
    folders above for patterns too, finds nothing, and calls the save complete.
    """
    return _literal()(directory.resolve())


@functools.cache
def _literal() -> type:
    from etils import epath  # orbax brings it, and is imported where it is used

    class Literal(type(epath.Path("."))):
        def glob(self, pattern):
            for name in glob.glob(pattern, root_dir=str(self)):
                yield self / name

    return Literal
