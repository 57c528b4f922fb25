"""Prepared tfds sets, read without TensorFlow; absent ones, said at once."""

import io
import json
import os
import shutil
import socket
import time

import numpy as np
import pytest
from PIL import Image

import jaxgan.data.tfds as ours
from jaxgan.data.decode import CorruptImage
from jaxgan.data.load import fitted, load
from jaxgan.data.sources import open_source
from jaxgan.data.stream import stream

tfds = pytest.importorskip("tensorflow_datasets")


def pixels(i):
    return np.random.default_rng(i).integers(0, 256, (6, 8, 3), np.uint8)


def encoded(i):
    stream = io.BytesIO()
    Image.fromarray(pixels(i)).save(stream, "PNG")
    return stream.getvalue()


class TinySet(tfds.core.GeneratorBasedBuilder):
    """Needs no TensorFlow to write: raw tensors, and images already encoded."""

    VERSION = tfds.core.Version("1.0.0")

    def _info(self):
        image = tfds.features.Tensor(shape=(6, 8, 3), dtype=np.uint8)
        return self.described({"image": image, "label": tfds.features.Scalar(np.int64)})

    def described(self, features):
        return tfds.core.DatasetInfo(
            builder=self, features=tfds.features.FeaturesDict(features)
        )

    def _split_generators(self, dl_manager):
        return {"train": self.examples(range(11)), "test": self.examples(range(11, 14))}

    def _generate_examples(self):
        raise NotImplementedError

    def examples(self, places):
        for i in places:
            yield i, {"image": pixels(i), "label": i % 3}


class TinyPictures(TinySet):
    VERSION = tfds.core.Version("1.2.0")

    def _info(self):
        return self.described(
            {
                "photo": tfds.features.Image(shape=(None, None, 3)),
                "label": tfds.features.ClassLabel(names=["ant", "bee", "cow"]),
                "caption": tfds.features.Text(),
            }
        )

    def examples(self, places):
        for i in places:
            broken = 60 if i == 12 else None
            yield i, {"photo": encoded(i)[:broken], "label": i % 3, "caption": f"{i}"}


class TinyNumbers(TinySet):
    def _info(self):
        return self.described({"value": tfds.features.Scalar(np.int64)})

    def examples(self, places):
        for i in places:
            yield i, {"value": i}


class TinyPairs(TinySet):
    def _info(self):
        pictures = {n: tfds.features.Image(shape=(None, None, 3)) for n in ("a", "b")}
        return self.described({"image": pictures["a"], "mask": pictures["b"]})

    def examples(self, places):
        for i in places:
            yield i, {"image": encoded(i), "mask": b"\x89PNG\r\n\x1a\nno image"}


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """A folder with all sets, and one of them once more in parquet."""
    folder = tmp_path_factory.mktemp("sets")
    for builder, kind, where in [
        (TinySet, "array_record", folder),
        (TinyPictures, "array_record", folder),
        (TinyNumbers, "array_record", folder),
        (TinyPairs, "array_record", folder),
        (TinySet, "parquet", folder / "parquet"),
    ]:
        builder(data_dir=where, file_format=kind).download_and_prepare()
    return folder


def contents(source):
    """Pictures of a source as a set: tfds shuffles when it writes."""
    return {source[i]["image"].tobytes() for i in range(len(source))}


@pytest.mark.parametrize("inner", ["", "parquet"])
def test_tensors_by_name(prepared, inner):
    source = open_source("tfds:tiny_set", data_dir=str(prepared / inner))
    assert len(source) == 11
    assert contents(source) == {pixels(i).tobytes() for i in range(11)}
    assert source[0]["image"].shape == (6, 8, 3)
    assert source[0]["image"].dtype == np.uint8
    assert source[0]["label"].dtype == np.int32
    assert source.name(3) == "image 3 of tfds:tiny_set (train)"
    places = {pixels(i).tobytes(): i for i in range(11)}
    for i in range(11):
        example = source[i]
        assert example["label"] == places[example["image"].tobytes()] % 3


def test_pictures_by_name_environment_version_and_path(prepared, monkeypatch):
    monkeypatch.setenv("TFDS_DATA_DIR", str(prepared))
    path = prepared / "tiny_pictures" / "1.2.0"
    specs = [
        "tfds:tiny_pictures",
        "tfds:tiny_pictures:1.2.0",
        f"tfds:{path}",
        str(path),
    ]
    for spec in specs:
        source = open_source(spec)
        assert contents(source) == {pixels(i).tobytes() for i in range(11)}
        assert source.classes == ("ant", "bee", "cow")
        assert set(source[0]) == {"image", "label"}


def test_other_splits(prepared):
    options = {"data_dir": str(prepared)}
    test = open_source("tfds:tiny_set", split="test", **options)
    assert contents(test) == {pixels(i).tobytes() for i in range(11, 14)}
    assert len(open_source("tfds:tiny_set", split="train[:4]", **options)) == 4
    with pytest.raises(ValueError, match="no split 'valid': it has 'train', 'test'"):
        open_source("tfds:tiny_set", split="valid", **options)
    with pytest.raises(ValueError, match=r"no split 'train\[:0\]'"):
        open_source("tfds:tiny_set", split="train[:0]", **options)


def test_memory_is_disk(prepared):
    source = open_source("tfds:tiny_pictures", data_dir=str(prepared))
    shape = {"size": 6, "channels": 3}
    memory = stream(load(source, **shape), 0, 4, flip=True, stop=8)
    disk = stream(fitted(source, **shape), 0, 4, flip=True, stop=8)
    for this, that in zip(memory, disk, strict=True):
        for key in this:
            np.testing.assert_array_equal(this[key], that[key])


def test_a_corrupt_picture_is_named(prepared):
    source = open_source("tfds:tiny_pictures", split="test", data_dir=str(prepared))
    with pytest.raises(CorruptImage, match=r"image \d of tfds:tiny_pictures \(test\)"):
        load(source, size=6, channels=3)
    arrays = load(source, size=6, channels=3, skip_corrupt=True)
    assert arrays["image"].shape == (3, 6, 6, 3)


def test_a_damaged_shard_is_named(prepared, tmp_path):
    whole = prepared / "tiny_set" / "1.0.0"
    copy = tmp_path / "tiny_set" / "1.0.0"
    copy.mkdir(parents=True)
    for file in whole.iterdir():
        data = file.read_bytes()
        cut = "train.array_record" in file.name
        (copy / file.name).write_bytes(data[: len(data) // 2] if cut else data)
    with pytest.raises(ValueError, match=r"of tfds:tiny_set .*: copy or prepare"):
        open_source("tfds:tiny_set", data_dir=str(tmp_path))[0]


@pytest.mark.parametrize("damage", ["cut", "emptied", "removed", "flipped"])
def test_a_shard_damaged_while_it_is_read(prepared, tmp_path, damage):
    path = tmp_path / "1.0.0"
    shutil.copytree(prepared / "tiny_set" / "1.0.0", path)
    source = open_source(f"tfds:{path}")
    whole = load(source, size=6, channels=3)
    shard = next(f for f in path.iterdir() if "train.array_record" in f.name)
    data = bytearray(shard.read_bytes())
    data[100:-1] = bytes(255 - byte for byte in data[100:-1])
    if damage == "removed":
        shard.unlink()  # what is open stays
        read = load(source, size=6, channels=3)
        np.testing.assert_array_equal(read["image"], whole["image"])
        return
    if damage == "flipped":
        shard.write_bytes(data)
    else:
        os.truncate(shard, {"cut": 400, "emptied": 0}[damage])
    again = r"copy or prepare the set again and run the same command again .*intact"
    with pytest.raises(CorruptImage, match=again) as caught:
        load(source, size=6, channels=3)
    assert "\n" not in str(caught.value)
    if damage == "emptied":
        with pytest.raises(CorruptImage, match="none of the 11 images can be read"):
            load(source, size=6, channels=3, skip_corrupt=True)


def test_a_set_of_another_length_than_it_says(prepared):
    # Parquet has no parts: tfds would give the whole split without a word.
    with pytest.raises(ValueError, match=r"has 11 examples, but .* says 4: .*array_r"):
        open_source("tfds:tiny_set", split="train[:4]", data_dir=f"{prepared}/parquet")


def test_other_pictures_are_not_decoded(prepared):
    source = open_source("tfds:tiny_pairs", data_dir=str(prepared))
    assert contents(source) == {pixels(i).tobytes() for i in range(11)}


def test_code_beside_a_set_is_not_run(prepared, tmp_path, monkeypatch):
    path = tmp_path / "1.0.0"
    shutil.copytree(prepared / "tiny_set" / "1.0.0", path)
    features = (path / "features.json").read_text()
    named = "tensorflow_datasets.core.features.scalar.Scalar"
    assert named in features
    (path / "features.json").write_text(features.replace(named, "code_beside.Scalar"))
    marker = tmp_path / "code-was-run"
    (tmp_path / "code_beside.py").write_text(f"open({str(marker)!r}, 'w').close()\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ValueError, match=r"code outside .* \(code_beside\.Scalar\)"):
        open_source(f"tfds:{path}")
    assert not marker.exists()
    monkeypatch.setattr(ours, "_check_features", lambda path: None)
    with pytest.raises(ValueError, match=r"tfds cannot open .*copy or prepare"):
        open_source(f"tfds:{path}")
    assert marker.exists()  # so much for what tfds does by itself


@pytest.mark.parametrize("content", ["{", "[]", "[" * 100_000, '{"a": 1}', "\udcff"])
@pytest.mark.parametrize("name", ["features.json", "dataset_info.json"])
def test_damaged_descriptions(prepared, tmp_path, name, content):
    path = tmp_path / "1.0.0"
    shutil.copytree(prepared / "tiny_set" / "1.0.0", path)
    (path / name).write_text(content, errors="surrogateescape")
    text = "is damaged|cannot open|is prepared as tfrecord"
    with pytest.raises(ValueError, match=text) as caught:
        open_source(f"tfds:{path}")
    assert len(str(caught.value)) < 500


def test_no_pictures_among_the_features(prepared):
    with pytest.raises(ValueError, match=r"no pictures among its features \(value\)"):
        open_source("tfds:tiny_numbers", data_dir=str(prepared))


def describe(folder, **info):
    """A prepared directory as far as its description goes."""
    folder.mkdir(parents=True)
    (folder / "dataset_info.json").write_text(json.dumps(info))


def test_the_newest_version_and_the_only_configuration(tmp_path):
    for version in ("1.9.0", "1.10.0", "1.2.3"):
        describe(tmp_path / "a" / version)
    describe(tmp_path / "a" / "incomplete.XYZ_2.0.0")
    assert ours._find(tmp_path, "a") == tmp_path / "a" / "1.10.0"
    assert ours._find(tmp_path, "a:1.2.3") == tmp_path / "a" / "1.2.3"
    assert ours._find(tmp_path, "a:2.0.0") is None
    describe(tmp_path / "b" / "small" / "1.0.0")
    assert ours._find(tmp_path, "b") == tmp_path / "b" / "small" / "1.0.0"
    describe(tmp_path / "b" / "large" / "1.0.0")
    assert ours._find(tmp_path, "b/large") == tmp_path / "b" / "large" / "1.0.0"
    with pytest.raises(ValueError, match="choose one of tfds:b/large, tfds:b/small"):
        ours._find(tmp_path, "b")


def test_sets_that_cannot_be_read_at_random(tmp_path):
    describe(tmp_path / "a" / "1.0.0", fileFormat="tfrecord")
    describe(tmp_path / "b" / "1.0.0")
    for name in "ab":
        with pytest.raises(ValueError, match=f"{name}/1.0.0' is prepared as tfrecord"):
            open_source(f"tfds:{name}", data_dir=str(tmp_path))
    (tmp_path / "b" / "1.0.0" / "dataset_info.json").write_text("{")
    with pytest.raises(ValueError, match=r"dataset_info\.json' is damaged"):
        open_source("tfds:b", data_dir=str(tmp_path))


def test_an_absent_set_says_how_to_get_it_and_writes_nothing(tmp_path):
    start = time.monotonic()
    with pytest.raises(ValueError, match="tfds:mnist is not prepared under") as error:
        open_source("tfds:mnist", data_dir=str(tmp_path / "sets"))
    assert time.monotonic() - start < 5
    for help_ in (str(tmp_path / "sets"), "--download", "jaxgan[prepare]", "TFDS_DATA"):
        assert help_ in str(error.value)
    assert list(tmp_path.iterdir()) == []


def test_downloading_an_unknown_set(tmp_path):
    with pytest.raises(ValueError, match=r"cannot offer 'no_such_set' .*catalog"):
        open_source("tfds:no_such_set", data_dir=str(tmp_path), download=True)
    assert list(tmp_path.iterdir()) == []


def test_downloading_without_tensorflow(tmp_path, monkeypatch):
    monkeypatch.setattr(ours.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r'pip install "jaxgan\[prepare\]"'):
        open_source("tfds:mnist", data_dir=str(tmp_path), download=True)
    assert list(tmp_path.iterdir()) == []


def test_downloading_without_a_network(tmp_path, monkeypatch):
    monkeypatch.setattr(ours.importlib.util, "find_spec", lambda name: True)
    monkeypatch.setattr(TinySet, "download_and_prepare", NotImplemented)
    monkeypatch.setattr(ours, "_PATIENCE", 0.3)
    for name in ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with socket.create_server(("127.0.0.1", 0)) as silent:  # it listens, no more
        mute = f"https://127.0.0.1:{silent.getsockname()[1]}"
        for host in (mute, "https://127.0.0.1:1"):
            monkeypatch.setattr(ours, "_HOST", host)
            start = time.monotonic()
            with pytest.raises(ValueError, match=f"{host} does not .*TFDS_DATA_DIR"):
                open_source("tfds:tiny_set", data_dir=str(tmp_path), download=True)
            assert time.monotonic() - start < 5
    assert list(tmp_path.iterdir()) == []


def test_downloading_prepares_what_can_be_read(tmp_path, monkeypatch):
    monkeypatch.setattr(ours.importlib.util, "find_spec", lambda name: True)
    monkeypatch.setattr(ours, "_online", lambda: True)
    options = {"data_dir": str(tmp_path), "download": True}
    source = open_source("tfds:tiny_set", **options)
    assert len(source) == 11
    assert len(open_source("tfds:tiny_set", data_dir=str(tmp_path))) == 11

    def fail(*args, **kwargs):
        raise OSError("the disk is full")

    monkeypatch.setattr(TinyPictures, "download_and_prepare", fail)
    with pytest.raises(
        ValueError, match="not prepare 'tiny_pictures': the disk is full"
    ):
        open_source("tfds:tiny_pictures", **options)
