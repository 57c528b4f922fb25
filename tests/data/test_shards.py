"""Shards: the batches of the set itself, and every way in which they can be damaged."""

import json
import logging
import os
from typing import Any

import numpy as np
import pytest

from jaxgan.data import shard_writing, shards
from jaxgan.data.arrays import NoSplit
from jaxgan.data.decode import CorruptImage
from jaxgan.data.load import Fitted, fingerprint, fitted, load
from jaxgan.data.protocol import classes_of
from jaxgan.data.sources import ArraySource, open_source
from jaxgan.data.stream import stream

COUNTS = [9, 9, 5]


def write(folder, arrays, counts, **about):
    """Writes arrays as shards of so many examples."""
    stop = 0
    for number, count in enumerate(counts):
        start, stop = stop, stop + count
        part = {key: value[start:stop] for key, value in arrays.items()}
        shard_writing.write_shard(folder, number, part)
    like = {key: value[0] for key, value in arrays.items()}
    return shard_writing.finish(folder, counts, like, **about)


@pytest.fixture
def arrays():
    """23 images, with a label, a mask and a number each."""
    rng = np.random.default_rng(0)
    return {
        "image": rng.integers(0, 256, (23, 8, 8, 3), np.uint8),
        "label": rng.integers(0, 4, 23).astype(np.int32),
        "mask": rng.integers(0, 256, (23, 8, 8, 3), np.uint8),
        "weight": rng.normal(size=(23, 2)),
    }


@pytest.fixture
def folder(tmp_path, arrays):
    write(tmp_path / "set", arrays, COUNTS, classes=list("abcd"))
    return tmp_path / "set"


def assert_same(these, those):
    these, those = list(these), list(those)
    assert len(these) == len(those) > 0
    for this, that in zip(these, those, strict=True):
        assert set(this) == set(that)
        for key in this:
            assert this[key].dtype == that[key].dtype
            np.testing.assert_array_equal(this[key], that[key])


@pytest.mark.parametrize("rows", [None, slice(1, 4)])
@pytest.mark.parametrize("repeats", [1, 3])
@pytest.mark.parametrize("batch_size", [5, 40])
def test_streamed_shards_are_streamed_and_loaded_arrays(
    folder, arrays, repeats, batch_size, rows
):
    source = open_source(f"shards:{folder}")
    assert fitted(source, size=8, channels=3) is source
    options = {"flip": True, "repeats": repeats, "rows": rows, "start": 2, "stop": 7}
    expected = list(stream(arrays, 11, batch_size, **options))
    assert_same(stream(source, 11, batch_size, **options), expected)
    one_by_one = ArraySource(arrays, "arrays")
    assert_same(stream(one_by_one, 11, batch_size, **options), expected)
    loaded = load(source, size=8, channels=3)
    assert_same([loaded], [arrays])
    options["start"] = 5  # a run that goes on
    assert_same(stream(source, 11, batch_size, **options), expected[3:])


def test_examples_are_those_that_were_written(folder, arrays):
    source = open_source(str(folder))  # a bare path
    assert isinstance(source, shards.ShardSource)
    assert len(source) == 23
    assert source.classes == ("a", "b", "c", "d")
    for i in (0, 8, 9, 22, -1):
        example = source[i]
        assert_same([example], [{k: np.asarray(v[i]) for k, v in arrays.items()}])
        assert example["label"].shape == ()
    with pytest.raises(IndexError, match="has 23 images, but not 23"):
        source[23]
    assert source.name(3) == f"image 3 of {folder}"
    index = np.array([[22, 0], [9, 9]])
    assert_same([source.gather(index)], [{k: v[index] for k, v in arrays.items()}])


def test_classes_without_names_are_called_by_their_numbers(tmp_path, arrays):
    write(tmp_path, arrays, COUNTS)
    expected = tuple(map(str, range(arrays["label"].max() + 1)))
    assert classes_of(open_source(f"shards:{tmp_path}")) == expected


def test_rectangles_and_opacity_are_stored(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (4, 6, 8, 4), np.uint8)
    write(tmp_path, {"image": images}, [4])
    source = open_source(f"shards:{tmp_path}")
    assert fitted(source, size=(6, 8), channels=4) is source
    assert classes_of(source) == ()
    np.testing.assert_array_equal(load(source, size="6x8", channels=4)["image"], images)


def test_any_program_can_map_the_files(folder, arrays):
    parts = [
        np.load(folder / f"image-{i:05d}.npy", mmap_mode="r", allow_pickle=False)
        for i in range(3)
    ]
    np.testing.assert_array_equal(np.concatenate(parts), arrays["image"])


def test_other_shapes_are_made_of_them(folder, arrays):
    source = open_source(f"shards:{folder}")
    plain = ArraySource(arrays, "arrays")
    shapes: list[dict[str, Any]] = [
        {"size": 4, "channels": 3},
        {"size": 8, "channels": 1},
    ]
    for shape in shapes:
        assert isinstance(fitted(source, **shape), Fitted)
        expected = load(plain, **shape)
        assert_same([load(source, **shape)], [expected])
        assert_same(
            stream(fitted(source, **shape), 0, 5, flip=True, stop=3),
            stream(expected, 0, 5, flip=True, stop=3),
        )


def test_the_digest_is_of_the_content_and_not_of_the_files(tmp_path, arrays):
    first = write(tmp_path / "a", arrays, COUNTS)
    assert write(tmp_path / "b", arrays, [20, 3]) == first
    arrays["label"][7] += 1
    assert write(tmp_path / "c", arrays, COUNTS) != first
    prints = [fingerprint(open_source(f"shards:{tmp_path / x}")) for x in "abc"]
    assert prints[0] == prints[1] != prints[2]  # an example that is not looked at


def test_numbers_of_the_other_byte_order_are_turned(tmp_path, arrays):
    images, label = arrays["image"], arrays["label"]
    turned = label.astype(label.dtype.newbyteorder())
    write(tmp_path / "a", {"image": images, "label": turned}, COUNTS)
    source: Any = open_source(f"shards:{tmp_path / 'a'}")
    np.testing.assert_array_equal(source.gather(np.arange(23))["label"], label)


@pytest.mark.parametrize("loss", ["cut", "gone"])
def test_a_file_lost_in_mid_run_is_an_error_and_not_the_end(
    folder, arrays, loss, caplog
):
    source = open_source(f"shards:{folder}")
    path = folder / "image-00001.npy"
    if loss == "cut":  # in the middle of example 4 of the second shard
        os.truncate(path, path.stat().st_size - 4 * 192 - 100)
    else:
        path.unlink()
    text = "cut short.*intact" if loss == "cut" else "No such file.*intact"
    with pytest.raises(CorruptImage, match=text):
        list(stream(source, 0, 23, stop=1))
    with pytest.raises(CorruptImage, match=text):
        load(source, size=8, channels=3)
    lost = range(13 if loss == "cut" else 9, 18)
    with pytest.raises(CorruptImage, match=text):
        source[lost[0]]
    np.testing.assert_array_equal(
        source[lost[0] - 1]["mask"], arrays["mask"][lost[0] - 1]
    )
    # The next readable one stands in, example 18.
    good = np.array([18 if i in lost else i for i in range(23)])
    expected = {key: value[good] for key, value in arrays.items()}
    with caplog.at_level(logging.WARNING):
        assert_same(
            stream(source, 0, 6, flip=True, stop=8, skip_corrupt=True),
            stream(expected, 0, 6, flip=True, stop=8),
        )
    assert f"({len(lost)} so far)" in caplog.text
    assert_same([load(source, size=8, channels=3, skip_corrupt=True)], [expected])


def change(folder, **values):
    path = folder / "shards.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"format": "tar"}, "its format is 'tar'"),
        ({"count": 24}, "shards of 23 examples for 24"),
        ({"shards": []}, "shards of 0 examples for 23"),
        ({"shards": [9, 9, -5]}, "-5 where a number from 1 is expected"),
        ({"shards": [9, 9, True]}, "True where a number"),
        ({"shards": [10**400]}, "where a number from 1"),
        ({"shards": None}, "is damaged"),
        ({"fields": {}}, "is damaged .*image"),
        ({"fields": []}, "is damaged"),
        ({"fields": {"../image": {"dtype": "uint8", "shape": [1]}}}, "use letters"),
        ({"fields": {"image": {"dtype": "O", "shape": [8, 8, 3]}}}, "only numbers"),
        ({"fields": {"image": {"dtype": "lion", "shape": [8, 8, 3]}}}, "lion"),
        ({"fields": {"image": {"dtype": "uint8", "shape": [8, 8]}}}, r"shape \(8, 8\)"),
        ({"fields": {"image": {"dtype": "int8", "shape": [8, 8, 3]}}}, "type int8"),
        ({"classes": 3}, "is damaged"),
    ],
)
def test_an_index_that_makes_no_sense_is_refused(folder, values, text):
    change(folder, **values)
    with pytest.raises(ValueError, match=text) as error:
        open_source(f"shards:{folder}")
    assert "shards.json' is damaged" in str(error.value)
    assert "make_shards" in str(error.value)


@pytest.mark.parametrize("text", ["", "[]", "{}", "[" * 100_000, "\xff", "3"])
def test_an_index_that_is_none_is_refused(folder, text):
    (folder / "shards.json").write_text(text, "latin-1")
    with pytest.raises(ValueError, match=r"shards\.json' is damaged"):
        open_source(f"shards:{folder}")


def test_a_large_index_is_not_read(folder, monkeypatch):
    monkeypatch.setattr(shards, "_MOST_INDEX", 100)
    with pytest.raises(ValueError, match="over 100 bytes"):
        open_source(f"shards:{folder}")


def spoil(kind, path):
    """Replaces a shard of five images by something else."""
    if kind == "pickle":
        np.save(path, np.array([{}] * 5, object), allow_pickle=True)
    elif kind == "npz":
        with path.open("wb") as file:
            np.savez(file, np.zeros((5, 8, 8, 3), np.uint8))
    elif kind == "pipe":
        path.unlink()
        os.mkfifo(path)
    elif kind == "fortran":
        np.save(path, np.asfortranarray(np.zeros((5, 8, 8, 3), np.uint8)))
    elif kind == "fewer":
        np.save(path, np.zeros((4, 8, 8, 3), np.uint8))
    elif kind == "type":
        np.save(path, np.zeros((5, 8, 8, 3), np.int8))
    elif kind == "claims":
        with path.open("r+b") as file:
            header = file.read(128).replace(b"(5, 8", b"(5000000000, 8")
            file.seek(0)
            file.write(header[:118] + b"          ")
    elif kind == "cut":
        os.truncate(path, path.stat().st_size - 1)
    elif kind == "long":
        with path.open("ab") as file:
            file.write(b"x")
    elif kind == "gone":
        path.unlink()
    elif kind == "empty":
        path.write_bytes(b"")


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("pickle", "Python objects"),
        ("npz", "magic"),
        ("pipe", "no such file"),
        ("fortran", "the index says"),
        ("fewer", r"uint8 \(4, 8, 8, 3\), the index says uint8 \(5, 8, 8, 3\)"),
        ("type", "it has int8"),
        ("claims", r"greater|overflow"),
        ("cut", "mmap length is greater"),
        ("long", r"bytes of \d+"),
        ("gone", "no such file"),
        ("empty", "EOF"),
    ],
)
def test_a_shard_that_is_not_what_the_index_says_is_refused(folder, kind, text):
    spoil(kind, folder / "image-00002.npy")
    match = rf"cannot use the shard .*image-00002\.npy.*{text}.*make_shards"
    with pytest.raises(ValueError, match=match):
        open_source(f"shards:{folder}")


def test_what_is_not_whole_or_no_set_is_refused(folder, tmp_path):
    (folder / "shards.json").rename(folder / "unfinished.json")
    for spec in (f"shards:{folder}", str(folder)):
        with pytest.raises(ValueError, match=r"not all there.*once more"):
            open_source(spec)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match=r"has no shards\.json: it is not"):
        open_source(f"shards:{tmp_path / 'empty'}")
    with pytest.raises(ValueError, match="no such data path"):
        open_source(f"shards:{tmp_path / 'none'}")


def test_shards_have_no_splits_and_no_parts(folder):
    with pytest.raises(NoSplit, match="no split 'test'"):
        open_source(f"shards:{folder}", split="test")
    with pytest.raises(ValueError, match="shards have no parts: leave out #a"):
        open_source(f"shards:{folder}#a")


@pytest.mark.parametrize(
    ("arrays", "text"),
    [
        ({"label": np.zeros(3)}, "needs 'image'"),
        ({"image": np.zeros((3, 4, 4, 3))}, "needs 'image', a uint8"),
        (
            {"image": np.zeros((3, 4, 4, 3), np.uint8), "label": np.zeros(2)},
            "has 2 of 'label' for 3 images",
        ),
        (
            {"image": np.zeros((3, 4, 4, 3), np.uint8), "a/b": np.zeros(3)},
            "a field called 'a/b': use letters",
        ),
        (
            {"image": np.zeros((3, 4, 4, 3), np.uint8), "name": np.array(list("abc"))},
            "name is of type <U1: only numbers",
        ),
    ],
)
def test_what_cannot_be_stored_is_said(tmp_path, arrays, text):
    with pytest.raises(ValueError, match=text):
        shard_writing.write_shard(tmp_path, 0, arrays)
    assert not any(tmp_path.iterdir())


def test_a_write_that_fails_leaves_nothing(tmp_path, monkeypatch):
    def fail(*names):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fail)
    images = np.zeros((3, 4, 4, 3), np.uint8)
    with pytest.raises(OSError, match="No space"):
        shard_writing.write_shard(tmp_path, 0, {"image": images})
    assert not any(tmp_path.iterdir())


def test_what_a_killed_process_left_is_swept(tmp_path, arrays):
    (tmp_path / "image-00000.npy.17.part").write_bytes(b"half")
    write(tmp_path, arrays, COUNTS)
    assert not list(tmp_path.glob("*.part"))
    assert len(open_source(f"shards:{tmp_path}")) == 23
