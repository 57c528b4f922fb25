"""Batches from memory, from disk and from the device: the same bits, ahead of time."""

import functools
import itertools
import logging
import threading
import time

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from jaxgan.data.batches import plan, take
from jaxgan.data.decode import CorruptImage
from jaxgan.data.load import fitted, load
from jaxgan.data.sources import ArraySource, open_source
from jaxgan.data.stream import stream


@pytest.fixture
def source(tmp_path):
    """23 pictures in two classes, on disk."""
    generator = np.random.default_rng(0)
    for i in range(23):
        path = tmp_path / "ab"[i % 2] / f"{i:02}.png"
        path.parent.mkdir(exist_ok=True)
        pixels = generator.integers(0, 256, (12, 14, 3), np.uint8)
        Image.fromarray(pixels).save(path)
    return open_source(f"folder:{tmp_path}")


@pytest.fixture
def arrays(source):
    return load(source, size=8, channels=3)


@pytest.fixture
def on_disk(source):
    return fitted(source, size=8, channels=3)


def threads():
    """Names of the threads that read, once those that end have ended."""
    for _ in range(100):
        names = {t.name for t in threading.enumerate()}
        reading = {n for n in names if n.startswith(("jaxgan", "grain"))}
        if not reading:
            break
        time.sleep(0.05)
    return reading


def assert_same(these, those):
    these, those = list(these), list(those)
    assert len(these) == len(those)
    for this, that in zip(these, those, strict=True):
        assert set(this) == set(that)
        for key in this:
            assert this[key].dtype == that[key].dtype
            np.testing.assert_array_equal(this[key], that[key])


@pytest.mark.parametrize("repeats", [1, 3])
@pytest.mark.parametrize("batch_size", [5, 40])
@pytest.mark.parametrize("flip", [False, True])
def test_memory_is_disk_is_device(arrays, on_disk, repeats, batch_size, flip):
    options = {"flip": flip, "repeats": repeats, "start": 2, "stop": 7}
    memory = list(stream(arrays, 11, batch_size, **options))
    assert_same(memory, stream(on_disk, 11, batch_size, **options))
    assert_same(memory, stream(on_disk, 11, batch_size, workers=4, **options))
    shape = (batch_size,) if repeats == 1 else (repeats, batch_size)
    assert memory[0]["image"].shape == (*shape, 8, 8, 3)
    assert memory[0]["label"].shape == shape
    compiled = jax.jit(functools.partial(take, xp=jnp))
    resident = jax.device_put(arrays)
    options = {"count": 23, "batch_size": batch_size * repeats, "flip": flip}
    for i, batch in enumerate(memory, 2):
        device = compiled(resident, plan(11, i, **options))
        for key, value in device.items():
            np.testing.assert_array_equal(value, batch[key].reshape(value.shape))


@pytest.mark.parametrize("where", ["arrays", "on_disk"])
def test_it_starts_anywhere(request, where):
    data = request.getfixturevalue(where)
    whole = list(stream(data, 0, 4, flip=True, stop=9))
    assert_same(whole[6:], stream(data, 0, 4, flip=True, start=6, stop=9))
    assert list(stream(data, 0, 4, start=3, stop=3)) == []


@pytest.mark.parametrize("where", ["arrays", "on_disk"])
def test_it_goes_on_for_ever_and_ends_when_closed(request, where):
    batches = stream(request.getfixturevalue(where), 0, 4)
    assert len(list(itertools.islice(batches, 50))) == 50
    batches.close()
    assert threads() == set()
    batches = stream(request.getfixturevalue(where), 0, 4)
    next(batches)
    del batches
    assert threads() == set()
    stream(request.getfixturevalue(where), 0, 4).close()  # nothing was started


@pytest.mark.parametrize("where", ["arrays", "on_disk"])
def test_batches_are_made_ahead_but_not_far(request, where):
    made = []

    def note(batch):
        made.append(len(made))
        return batch

    data = request.getfixturevalue(where)
    batches = stream(data, 0, 4, transform=note, prefetch=3, workers=1)
    next(batches)
    deadline = time.monotonic() + 5
    while len(made) < 4 and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.1)
    assert 4 <= len(made) <= 6
    batches.close()


@pytest.mark.parametrize("where", ["arrays", "on_disk"])
def test_parts_make_up_the_batch(request, where):
    data = request.getfixturevalue(where)
    for repeats in (1, 2):
        options = {"repeats": repeats, "stop": 4, "flip": True}
        whole = stream(data, 0, 6, **options)
        scattered = np.array([0, 4])
        parts = [
            stream(data, 0, 6, rows=rows, **options)
            for rows in (slice(0, 2), slice(2, 4), slice(4, 6), scattered)
        ]
        axis = 0 if repeats == 1 else 1
        read = list(zip(*parts, strict=True))
        joined = [
            {k: np.concatenate([b[k] for b in batch[:3]], axis) for k in batch[0]}
            for batch in read
        ]
        for batch, (*_, some) in zip(joined, read, strict=True):
            for key, value in some.items():
                np.testing.assert_array_equal(value, batch[key].take(scattered, axis))
        assert_same(whole, joined)


@pytest.mark.parametrize("where", ["arrays", "on_disk"])
def test_a_transform_sees_each_batch_once(request, where):
    def scale(batch):
        return batch | {"image": batch["image"].astype(np.float32) / 127.5 - 1}

    data = request.getfixturevalue(where)
    plain = list(stream(data, 0, 4, stop=5))
    scaled = list(stream(data, 0, 4, stop=5, transform=scale))
    assert_same([scale(batch) for batch in plain], scaled)


def test_errors_come_out_and_leave_no_threads(arrays, on_disk, source):
    def fail(batch):
        raise RuntimeError("transformed badly")

    for data in (arrays, on_disk):
        with pytest.raises(RuntimeError, match="transformed badly"):
            next(stream(data, 0, 4, transform=fail))
        assert threads() == set()
    tall = fitted(source, size=13, channels=3)
    with pytest.raises(ValueError, match=r"\.png is 12x12 .*--upscale"):
        next(stream(tall, 0, 4))
    assert threads() == set()


def test_corrupt_images_on_disk(arrays, on_disk, source, tmp_path, caplog):
    for place in (4, 5, 22):
        path = tmp_path / source.names[place]
        path.write_bytes(path.read_bytes()[:70])
    with pytest.raises(CorruptImage, match=r"\.png.*--skip-corrupt"):
        list(stream(on_disk, 0, 4, stop=6))
    options = {"flip": True, "stop": 20}
    with caplog.at_level(logging.WARNING):
        streamed = list(stream(on_disk, 0, 4, skip_corrupt=True, workers=3, **options))
    texts = sorted(record.getMessage() for record in caplog.records)
    assert len(texts) == 3  # each once, though three epochs were read
    for place in (4, 5, 22):
        assert any(source.names[place] in text for text in texts)
    assert any("(3 so far)" in text for text in texts)
    memory = load(source, size=8, channels=3, skip_corrupt=True)
    assert_same(streamed, stream(memory, 0, 4, **options))


def test_pictures_of_different_sizes_are_explained():
    source = [{"image": np.zeros((4 + i, 4, 3), np.uint8)} for i in range(3)]
    with pytest.raises(ValueError, match=r"different shapes.*jaxgan\.data\.fitted"):
        next(stream(source, 0, 3))


def test_a_list_of_examples_is_a_source(arrays):
    source = [{k: v[i] for k, v in arrays.items()} for i in range(23)]
    assert_same(stream(source, 1, 5, stop=6), stream(arrays, 1, 5, stop=6))


def test_a_mapped_file_is_arrays_and_a_source(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (9, 4, 4, 3), np.uint8)
    np.save(tmp_path / "a.npy", images)
    source = open_source(f"{tmp_path}/a.npy")
    assert isinstance(source, ArraySource)
    memory = stream({"image": images}, 0, 4, stop=5, flip=True)
    assert_same(memory, stream(source, 0, 4, stop=5, flip=True))
    memory = stream({"image": images}, 0, 4, stop=5, flip=True)
    assert_same(memory, stream(source.arrays, 0, 4, stop=5, flip=True))


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"batch_size": 0}, "batch size is 0"),
        ({"seed": -3}, "seed is -3"),
        ({"repeats": 0}, "repeats is 0"),
        ({"start": -1}, "batches -1 to None: count upwards from 0"),
        ({"start": 5, "stop": 4}, "batches 5 to 4"),
        ({"rows": slice(4, 6)}, r"rows slice\(4, 6.* of a batch of 4: .* 0 to 3, one"),
        ({"rows": np.array([1, 4])}, r"rows \[1 4\] of a batch of 4: .* 0 to 3"),
        ({"workers": 0}, "workers 0 and prefetch 4 must be at least 1"),
        ({"prefetch": 0}, "workers 2 and prefetch 0 must be"),
    ],
)
def test_bad_arguments_are_named_at_the_call(arrays, changes, text):
    with pytest.raises(ValueError, match=text):
        stream(arrays, **({"seed": 0, "batch_size": 4} | changes))
