"""What cannot be read is not damaged; and reading a run that goes on."""

import contextlib
import errno
import gc
import os
import pathlib
import resource
import shutil
import threading
import time

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import checkpoint
from jaxgan.checkpoint import reading

# Reads that orbax abandons complain to nobody, some when they are collected.
pytestmark = pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning"
)


@pytest.fixture(autouse=True)
def abandoned_reads():
    yield
    time.sleep(0.1)
    gc.collect()


def state(seed=0):
    return {"a": jax.random.normal(jax.random.key(seed), (64, 64)), "b": jnp.ones(3)}


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """Two checkpoints, of steps 1 and 2."""
    folder = tmp_path_factory.mktemp("two")
    with checkpoint.manager(folder / "c") as checkpoints:
        for step in (1, 2):
            checkpoint.save(checkpoints, step, state(step), {})
    return folder / "c"


@pytest.fixture
def open_above(tmp_path):
    """Folders that anybody may look through, as far as they are this test's."""
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_uid == os.getuid() and "pytest" in folder.name:
            folder.chmod(0o755)


def largest(folder):
    return max(folder.rglob("d/*"), key=lambda path: path.stat().st_size)


PARTS = {
    "record": lambda step: step / "record" / "metadata",
    "arrays": lambda step: largest(step / "state"),
}


@contextlib.contextmanager
def replaced(path, target):
    """A link in the place of a file."""
    shutil.move(path, path.with_name("kept"))
    path.symlink_to(target)
    try:
        yield
    finally:
        path.unlink()
        shutil.move(path.with_name("kept"), path)


@contextlib.contextmanager
def forbidden(path):
    """What this process may not read; even root may not, who is another meanwhile."""
    root, mode = os.geteuid() == 0, path.stat().st_mode
    path.chmod(0)
    if root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)
        path.chmod(mode)


@contextlib.contextmanager
def no_more_files(path):
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


@contextlib.contextmanager
def raising(error):
    """What a disk, a mount or a machine does that cannot be had in a test."""

    def read(folder, like):
        raise error

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reading, "_read_once", read)
        yield


FAULTS = {
    "input/output": lambda path: replaced(path, "/proc/self/mem"),
    "a loop of links": lambda path: replaced(path, path.name),
    "permission": forbidden,
    "open files": no_more_files,
    "stale": lambda path: raising(OSError(errno.ESTALE, "Stale file handle")),
    "busy": lambda path: raising(OSError(errno.EBUSY, "Device or resource busy")),
    "memory": lambda path: raising(MemoryError()),
    "device memory": lambda path: raising(
        jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory")
    ),
    "another orbax": lambda path: raising(TypeError("unexpected keyword")),
}
BOTH = ("input/output", "a loop of links", "permission", "open files")


@pytest.mark.usefixtures("open_above")
@pytest.mark.parametrize(
    ("part", "fault"),
    [*(("record", fault) for fault in FAULTS), *(("arrays", fault) for fault in BOTH)],
)
def test_what_cannot_be_read_is_said_and_kept(tmp_path, two, part, fault):
    shutil.copytree(two, tmp_path / "c")
    with checkpoint.manager(tmp_path / "c") as checkpoints:
        with FAULTS[fault](PARTS[part](tmp_path / "c" / "2")):
            with pytest.raises(
                checkpoint.CheckpointError, match=r"c/2 cannot be read \(.*nothing was"
            ) as said:
                checkpoint.restore(checkpoints, state())
        assert "\n" not in str(said.value)
        assert sorted(checkpoints.all_steps()) == [1, 2]
        again = checkpoint.restore(checkpoints, state())
    np.testing.assert_array_equal(again["a"], state(2)["a"])


@pytest.mark.usefixtures("open_above")
@pytest.mark.parametrize("hidden", ["c", "c/2"])
def test_a_folder_that_cannot_be_listed_is_not_an_empty_one(tmp_path, two, hidden):
    shutil.copytree(two, tmp_path / "c")
    with forbidden(tmp_path / hidden):
        with (
            pytest.raises((OSError, checkpoint.CheckpointError)) as said,
            checkpoint.manager(tmp_path / "c") as checkpoints,
        ):
            checkpoint.restore(checkpoints, state())
    assert "ermission denied" in str(said.value)
    with checkpoint.manager(tmp_path / "c") as checkpoints:
        assert sorted(checkpoints.all_steps()) == [1, 2]


def test_a_run_that_goes_on_is_read_while_it_saves_and_deletes(tmp_path, monkeypatch):
    """All numbers that are read are those of one step, the newest or one before it."""
    begun, ended, failed, tried = threading.Event(), threading.Event(), [], []

    def run():
        try:
            with checkpoint.manager(tmp_path / "c", 1) as checkpoints:
                for step in range(1, 10_000):
                    checkpoint.save(checkpoints, step, {"a": jnp.full(64, step)}, {})
                    checkpoint.wait(checkpoints)
                    begun.set()
                    if ended.wait(0.1):
                        return
        except Exception as error:
            failed.append(error)

    def slowly(folder, like):
        tried.append(folder.name)
        time.sleep(0.05)  # while which it may go
        return read_once(folder, like)

    read_once = reading._read_once
    monkeypatch.setattr(reading, "_read_once", slowly)
    like = {"a": jnp.zeros(64, int)}
    thread = threading.Thread(target=run)
    thread.start()
    try:
        assert begun.wait(60)
        found = [checkpoint.read(tmp_path / "c", like)["a"] for _ in range(30)]
    finally:
        ended.set()
        thread.join()
    assert not failed
    assert len(tried) > len(found)  # so some went while they were read
    steps = [int(x[0]) for x in found]
    assert steps == sorted(steps)
    for step, x in zip(steps, found, strict=True):
        np.testing.assert_array_equal(x, step)


def test_a_run_that_saves_too_fast_to_be_read_is_said_to(tmp_path, two, monkeypatch):
    """A step goes whenever it is read, and the one after it comes."""
    (tmp_path / "c").mkdir()
    shutil.copytree(two / "1", tmp_path / "c" / "1")

    def gone(folder, like):
        folder = pathlib.Path(folder)
        shutil.move(folder, folder.with_name(str(int(folder.name) + 1)))
        raise FileNotFoundError(errno.ENOENT, "No such file", str(folder))

    with monkeypatch.context() as patch:
        patch.setattr(reading, "_read_once", gone)
        with pytest.raises(checkpoint.CheckpointError, match="goes on and deletes"):
            checkpoint.read(tmp_path / "c", state())
    again = checkpoint.read(tmp_path / "c", state())
    np.testing.assert_array_equal(again["a"], state(1)["a"])


def test_a_reader_is_not_told_to_move_the_run_away(tmp_path, two):
    shutil.copytree(two, tmp_path / "c")
    for step in ("1", "2"):
        largest(tmp_path / "c" / step / "state").unlink()
    with pytest.raises(
        checkpoint.CheckpointError, match="no checkpoint in .* intact"
    ) as said:
        checkpoint.read(tmp_path / "c", state())
    assert "move" not in str(said.value)
