"""Whose a directory is: that of one run at a time, whose processes all see it."""

import contextlib
import datetime
import functools
import os
import pathlib
import secrets
import socket
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TextIO

from jaxgan import parallel
from jaxgan.train import directory

LOCK = ".lock"
SEEN_WITHIN = 60  # seconds for which NFS may go on with what it knew of a folder


@contextlib.contextmanager
def owned(
    workdir: pathlib.Path,
    config: Mapping[str, Any],
    *,
    defaults: Mapping[str, Any] | None = None,
    accept_changes: bool = False,
) -> Iterator[Callable[[], None]]:
    """Holds a directory for a run, and changes nothing in it until `claim()` is called.

    All processes of the run must call this. The arguments are those of
    `directory.check`.

    Raises:
        ValueError: the directory cannot be used, belongs to another run, or another
            process trains in it; the processes differ in their configurations, or do
            not share the directory.
    """
    directory.check_alike(config)
    if parallel.is_main():
        directory.check_place(workdir)
    check_shared(workdir)
    with alone(workdir):
        # What another run left, or has begun, is only certain under the lock.
        changed = directory.check(
            workdir, config, defaults=defaults, accept_changes=accept_changes
        )
        yield functools.partial(directory.claim, workdir, config, changed)


@contextlib.contextmanager
def alone(workdir: pathlib.Path) -> Iterator[None]:
    """Locks a directory, so that no other run writes in it at the same time.

    The lock is on the file `.lock`, which says who holds it; it is empty where nobody
    does. The system releases the lock when the process ends, however it ends.

    Raises:
        ValueError: another process holds the lock; the message says which.
    """
    if not parallel.is_main():
        yield
        return
    # NFS locks only what is open for writing.
    with (workdir / LOCK).open("a+", encoding="utf-8") as file:
        _lock(file, workdir)
        _write(file, _self())
        try:
            yield
        finally:
            _write(file, "")


def _lock(file: TextIO, workdir: pathlib.Path) -> None:
    try:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        time.sleep(0.2)  # the other may have yet to write who it is
        holder = _read(file)
        who = f" ({holder})" if holder else ""
        raise ValueError(
            f"another process is training in {workdir}{who}; wait for it, or give"
            f" another --workdir. If its host is gone for good, delete {workdir / LOCK}"
        ) from None
    except (ImportError, OSError) as error:  # Windows, or a file system without locks
        holder = _read(file)
        who = f", as {holder} may" if holder else ""
        warnings.warn(
            f"{workdir} cannot be locked ({getattr(error, 'strerror', error)}): make"
            f" sure that no other process trains in it{who}",
            stacklevel=2,
        )


def _self() -> str:
    now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M:%S")
    return f"process {os.getpid()} on {socket.gethostname()}, since {now} UTC"


def _read(file: TextIO) -> str:
    file.seek(0)
    return file.read(200).strip()


def _write(file: TextIO, text: str) -> None:
    with contextlib.suppress(OSError):  # a full disk is for others to tell
        file.truncate(0)
        os.write(file.fileno(), text.encode())  # a buffer would tell when it is closed


def check_shared(workdir: pathlib.Path) -> None:
    """Checks that all processes see the same directory, and can write in it.

    The main process makes a file in it, for which the others look.

    Raises:
        ValueError: one of them does not; the message says which.
    """
    token = workdir.absolute() / f".shared-{secrets.token_hex(8)}"
    if parallel.is_main():
        token.touch()
    try:
        main = parallel.told(f"{socket.gethostname()}:{token}")  # that of the main one
        answers = parallel.gathered(_unseen(workdir / pathlib.Path(main).name))
    finally:
        if parallel.is_main():
            token.unlink()
    if wrong := [f"process {i}{text}" for i, text in enumerate(answers) if text]:
        more = f", nor do {len(wrong) - 1} more" if len(wrong) > 1 else ""
        raise ValueError(
            f"{wrong[0]} the work directory of process 0, {main.rpartition('/')[0]}"
            f"{more}; give a --workdir on a disk that all hosts share and may write to,"
            " such as NFS, Lustre or a mounted bucket"
        )


def _unseen(token: pathlib.Path) -> str:
    """What keeps this process from using the directory of a file that was made."""
    until = time.monotonic() + SEEN_WITHIN
    while not os.path.exists(token):
        if time.monotonic() > until:
            return f" on {socket.gethostname()} does not see"
        time.sleep(0.5)
    try:
        tempfile.TemporaryFile(dir=token.parent).close()
    except OSError as error:
        return f" on {socket.gethostname()} cannot write in ({error.strerror})"
    return ""
