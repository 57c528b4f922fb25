"""A source read in separate processes gives the same bits, and no process remains."""

import logging
import multiprocessing
import os
import pathlib
import subprocess
import sys
import time
from typing import Any

import numpy as np
import pytest
from PIL import Image

from jaxgan.data.decode import CorruptImage
from jaxgan.data.load import fitted, load
from jaxgan.data.shard_writing import finish, write_shard
from jaxgan.data.shards import open_shards
from jaxgan.data.sources import ArraySource, open_source
from jaxgan.data.stream import stream


@pytest.fixture
def source(tmp_path):
    """11 pictures in two classes, on disk."""
    generator = np.random.default_rng(0)
    for i in range(11):
        path = tmp_path / "ab"[i % 2] / f"{i:02}.png"
        path.parent.mkdir(exist_ok=True)
        pixels = generator.integers(0, 256, (12, 14, 3), np.uint8)
        Image.fromarray(pixels).save(path)
    return open_source(f"folder:{tmp_path}")


@pytest.fixture
def on_disk(source):
    return fitted(source, size=8, channels=3)


def assert_same(these, those):
    for this, that in zip(these, those, strict=True):
        assert set(this) == set(that)
        for key in this:
            assert this[key].dtype == that[key].dtype
            assert this[key].flags.writeable
            np.testing.assert_array_equal(this[key], that[key])


def cut(source, tmp_path, place):
    path = tmp_path / source.names[place]
    path.write_bytes(path.read_bytes()[:70])
    return str(path)


def children():
    return multiprocessing.active_children()


def test_the_same_bits_as_threads_and_memory(source, tmp_path, caplog):
    fitting: Any = {"size": 80, "channels": 3, "upscale": True}
    on_disk = fitted(source, **fitting)  # large enough to go through shared memory
    lost = [cut(source, tmp_path, place) for place in (3, 4)]
    options = {"flip": True, "repeats": 2, "start": 1, "stop": 6, "skip_corrupt": True}
    kinds = []

    def note(batch):  # in this process, and it need not pickle
        kinds.append(os.getpid())
        return batch

    with caplog.at_level(logging.WARNING):
        read = stream(
            on_disk, 5, 6, rows=slice(1, 5), transform=note, processes=2, **options
        )
        first = next(read)
        assert children() == []  # none before the second batch is asked for
        read = [first, *read]
    assert children() == []
    assert set(kinds) == {os.getpid()}
    assert len(kinds) == len(read) == 5
    texts = [record.getMessage() for record in caplog.records]
    assert len(texts) == 2  # each once, though two processes read
    for path in lost:
        assert any(path in text for text in texts)
    assert any("(2 so far)" in text for text in texts)
    threads = stream(on_disk, 5, 6, rows=slice(1, 5), **options)
    assert_same(read, threads)
    memory = load(source, skip_corrupt=True, **fitting)
    del options["skip_corrupt"]
    assert_same(read, stream(memory, 5, 6, rows=slice(1, 5), **options))


def test_a_dropped_iterator_and_an_error_end_the_processes(source, on_disk, tmp_path):
    batches = stream(on_disk, 0, 4, processes=1)
    next(batches), next(batches)
    (child,) = children()
    del batches
    assert children() == []
    assert child.exitcode == 0
    name = cut(source, tmp_path, 0)
    with pytest.raises(
        CorruptImage, match=r"cannot read the image .*--skip-corrupt"
    ) as e:
        list(stream(on_disk, 0, 4, processes=1))
    assert name in str(e.value)
    assert children() == []


def test_a_process_that_was_killed_is_explained(on_disk):
    batches = stream(on_disk, 0, 4, processes=1)
    next(batches), next(batches)
    (child,) = children()
    child.kill()
    with pytest.raises(RuntimeError, match=r"has ended: keep .*__main__.*memory"):
        list(batches)
    assert children() == []


SCRIPT = """
import multiprocessing, sys, time
from jaxgan.data import fitted, open_source, stream

if __name__ == "__main__":
    source = fitted(open_source(sys.argv[1]), size=8, channels=3)
    batches = stream(source, 0, 4, processes=1)
    next(batches), next(batches)
    (child,) = multiprocessing.active_children()
    print(child.pid, flush=True)
    time.sleep(60)
"""


def alive(pid):
    """Whether a process runs; one that ended and was not waited for does not."""
    try:
        return ") Z " not in pathlib.Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False


@pytest.mark.skipif(not pathlib.Path("/proc/self/stat").exists(), reason="no /proc")
def test_a_killed_parent_takes_its_processes_along(source, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    command = [sys.executable, str(script), f"folder:{tmp_path}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = parent.stdout.readline().strip()
        assert alive(int(pid))
        maps = pathlib.Path(f"/proc/{pid}/maps").read_text()
        assert "numpy" in maps
        assert "jaxlib" not in maps
        parent.kill()
    deadline = time.monotonic() + 10
    while alive(int(pid)) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not alive(int(pid))


def test_what_is_not_decoded_needs_no_processes(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (9, 8, 8, 3), np.uint8)
    write_shard(tmp_path, 0, {"image": images})
    finish(tmp_path, [9], {"image": images[0]})
    held = ArraySource({"image": images}, "held")
    larger = fitted(held, size=8, channels=3)
    expected = list(stream({"image": images}, 0, 4, stop=3))
    for data in ({"image": images}, open_shards(tmp_path), held, larger):
        batches = stream(data, 0, 4, stop=3, processes=1)
        first = next(batches)
        assert children() == []
        assert_same([first, *batches], expected)


def test_a_source_that_does_not_pickle_is_named_at_the_call():
    examples: Any = [{"image": lambda: None}]
    source = fitted(examples, size=8, channels=3)
    with pytest.raises(ValueError, match=r"cannot be sent .*lambda.*processes at 0"):
        stream(source, 0, 4, processes=1)


def test_fewer_than_no_processes_are_refused(on_disk):
    with pytest.raises(ValueError, match="processes is -1: give 0 for threads"):
        stream(on_disk, 0, 4, processes=-1)
