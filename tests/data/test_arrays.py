"""npz, npy and idx files, whole and damaged."""

import gzip
import os
import struct

import numpy as np
import pytest

from jaxgan.data import mapped, open_source
from jaxgan.data.arrays import NoSplit, read_npz
from jaxgan.data.mnist import read_idx

IMAGES = np.random.default_rng(0).integers(0, 256, (5, 4, 6, 4), np.uint8)


@pytest.mark.parametrize("name", ["images", "image", "x", "x_train", "anything"])
@pytest.mark.parametrize("channels", [None, 1, 2, 3, 4])
def test_npz_images_under_any_name(tmp_path, name, channels):
    images = IMAGES[..., 0] if channels is None else IMAGES[..., :channels]
    other = np.zeros((5, 2), np.uint8)
    np.savez(tmp_path / "a.npz", **{"a": other, name: images, "z": IMAGES[:2]})
    arrays, classes = read_npz(tmp_path / "a.npz")
    expected = images[..., None] if channels is None else images
    np.testing.assert_array_equal(arrays["image"], expected)
    assert set(arrays) == {"image"}
    assert classes == ()


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.int32])
def test_npz_labels_become_int32(tmp_path, dtype):
    given = np.array([3, 0, 1, 2, 2], dtype)
    np.savez(tmp_path / "a.npz", images=IMAGES, y=given, label_names=["a", "b", "c"])
    arrays, classes = read_npz(tmp_path / "a.npz")
    assert arrays["label"].dtype == np.int32
    np.testing.assert_array_equal(arrays["label"], given)
    assert classes == ("a", "b", "c")


def test_npz_labels_may_be_words(tmp_path):
    np.savez(tmp_path / "a.npz", images=IMAGES, labels=["b", "a", "b", "c", "a"])
    arrays, classes = read_npz(tmp_path / "a.npz")
    np.testing.assert_array_equal(arrays["label"], [1, 0, 1, 2, 0])
    assert classes == ("a", "b", "c")


def test_npz_classes_without_names_are_called_by_their_numbers(tmp_path):
    np.savez(tmp_path / "a.npz", images=IMAGES, labels=[3, 0, 1, 1, 0])
    assert read_npz(tmp_path / "a.npz")[1] == ("0", "1", "2", "3")
    np.savez(tmp_path / "b.npz", images=IMAGES, labels=np.arange(5) * 10**6)
    assert read_npz(tmp_path / "b.npz")[1] == ()  # too many for classes
    np.savez(tmp_path / "c.npz", images=IMAGES, labels=np.array([b"\xc3\xa9"] * 5))
    assert read_npz(tmp_path / "c.npz")[1] == ("é",)


@pytest.mark.parametrize(
    ("images", "labels"),
    [("x_test", "y_test"), ("images_val", "labels_val"), ("image_b", "label_b")],
)
def test_npz_images_have_the_labels_of_their_own_part(tmp_path, images, labels):
    parts = {"x_train": IMAGES, "y_train": np.arange(5), images: IMAGES[:3]}
    np.savez(tmp_path / "a.npz", **parts, **{labels: [7, 8, 9]})
    arrays, _ = read_npz(tmp_path / "a.npz", images)
    np.testing.assert_array_equal(arrays["label"], [7, 8, 9])
    np.testing.assert_array_equal(
        read_npz(tmp_path / "a.npz", "x_train")[0]["label"], np.arange(5)
    )
    np.savez(tmp_path / "b.npz", **parts)
    assert set(read_npz(tmp_path / "b.npz", images)[0]) == {"image"}


@pytest.mark.parametrize(
    ("images", "labels"),
    [
        ("x_{}", "y_{}"),
        ("X_{}", "y_{}"),
        ("{}_images", "{}_labels"),
        ("image_{}", "label_{}"),
        ("{}_data", "{}_labels"),
    ],
)
def test_npz_has_the_parts_of_keras_and_its_like(tmp_path, images, labels):
    counts = {"train": 5, "test": 3}
    arrays = {images.format(p): IMAGES[:n] for p, n in counts.items()}
    arrays |= {labels.format(p): np.arange(n)[:, None] + n for p, n in counts.items()}
    np.savez(tmp_path / "a.npz", **dict(sorted(arrays.items())))
    for split, count in counts.items():
        found = open_source(f"npz:{tmp_path}/a.npz", split=split)
        assert len(found) == count
        np.testing.assert_array_equal(found.arrays["label"], np.arange(count) + count)
    with pytest.raises(NoSplit, match="no array x_val or val_images"):
        read_npz(tmp_path / "a.npz", split="val")
    with pytest.raises(NoSplit, match="read as one array"):
        read_npz(tmp_path / "a.npz", images.format("train"), "test")
    # Without names there are no labels, rather than those of other images.
    del arrays[labels.format("test")]
    np.savez(tmp_path / "b.npz", **arrays)
    assert set(read_npz(tmp_path / "b.npz", split="test")[0]) == {"image"}


def test_npz_of_a_test_part_alone_is_the_whole_set(tmp_path):
    np.savez(tmp_path / "a.npz", x_test=IMAGES, y_test=np.arange(5), y_train=[1])
    np.testing.assert_array_equal(
        read_npz(tmp_path / "a.npz")[0]["label"], np.arange(5)
    )


def test_npz_by_key(tmp_path):
    np.savez(tmp_path / "a.npz", images=IMAGES, smiling=IMAGES[::-1])
    arrays, _ = read_npz(tmp_path / "a.npz", "smiling")
    np.testing.assert_array_equal(arrays["image"], IMAGES[::-1])
    with pytest.raises(ValueError, match="no array 'angry': it has images, smiling"):
        read_npz(tmp_path / "a.npz", "angry")


def test_npy_is_mapped_not_read(tmp_path):
    np.save(tmp_path / "a.npy", IMAGES)
    arrays, _ = read_npz(tmp_path / "a.npy")
    assert isinstance(arrays["image"], np.memmap)
    np.testing.assert_array_equal(arrays["image"], IMAGES)
    with pytest.raises(ValueError, match="single array: leave out #images"):
        read_npz(tmp_path / "a.npy", "images")


def test_large_arrays_are_mapped_and_what_is_packed_is_refused(tmp_path, monkeypatch):
    """Their size is asked of headers, before anything is read."""
    monkeypatch.setattr(mapped, "LIMIT_BYTES", IMAGES.nbytes - 1)
    others = {"a": np.zeros((5, 2)), "labels": np.arange(5)}
    np.savez(tmp_path / "a.npz", **others, anything=IMAGES)
    arrays, _ = read_npz(tmp_path / "a.npz")
    assert isinstance(arrays["image"], np.memmap)
    np.testing.assert_array_equal(arrays["image"], IMAGES)
    np.testing.assert_array_equal(arrays["label"], np.arange(5))
    source = open_source(f"npz:{tmp_path}/a.npz")
    np.testing.assert_array_equal(source[-1]["image"], IMAGES[4])
    packed = tmp_path / "b.npz"
    np.savez_compressed(packed, images=IMAGES)
    with pytest.raises(ValueError, match=r"takes 480 bytes .* packed array.*savez"):
        read_npz(packed)
    plain = tmp_path / "train-images-idx3-ubyte"
    plain.write_bytes(idx(np.repeat(IMAGES[..., 0], 4, 0)))
    arrays = read_idx(plain)
    assert isinstance(arrays["image"], np.memmap)
    np.testing.assert_array_equal(arrays["image"][::4], IMAGES[..., :1])
    os.truncate(plain, 16 + 479)
    with pytest.raises(ValueError, match="cut short or too long"):
        read_idx(plain)
    packed = tmp_path / "t10k-images-idx3-ubyte.gz"
    packed.write_bytes(gzip.compress(idx(np.repeat(IMAGES[..., 0], 4, 0))))
    with pytest.raises(ValueError, match=r"takes 480 bytes .*gunzip"):
        read_idx(packed)


def test_arrays_beside_the_images_are_not_read(tmp_path, monkeypatch):
    np.savez(tmp_path / "a.npz", a=np.zeros((9, 9)), b=IMAGES[0, 0], images_of=IMAGES)
    read, get = [], np.lib.npyio.NpzFile.__getitem__

    def note(file, name):
        read.append(name)
        return get(file, name)

    monkeypatch.setattr(np.lib.npyio.NpzFile, "__getitem__", note)
    np.testing.assert_array_equal(read_npz(tmp_path / "a.npz")[0]["image"], IMAGES)
    assert read == ["images_of"]


@pytest.mark.parametrize(
    ("arrays", "text"),
    [
        ({"images": IMAGES / 255}, "type float64: save uint8 from 0 to 255"),
        (
            {"images": np.zeros((5, 5, 4, 6), np.uint8)},
            r"\(5, 5, 4, 6\): save \[N, H, W\]",
        ),
        ({"images": IMAGES[:0]}, r"no images: its shape is \(0, 4, 6, 4\)"),
        ({"a": np.ones(3), "b": np.ones(2)}, r"no images among its arrays \(a, b\)"),
        ({"images": IMAGES, "labels": np.arange(4)}, r"shape \(4,\) for 5 images"),
        ({"images": IMAGES, "labels": np.ones(5)}, "type float64: save integers"),
        ({"images": np.array([None, 1])}, "Object arrays.*numpy.savez"),
    ],
)
def test_npz_that_does_not_fit(tmp_path, arrays, text):
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(ValueError, match=rf"a\.npz'.*{text}"):
        read_npz(tmp_path / "a.npz")


def test_npz_damaged(tmp_path):
    path = tmp_path / "a.npz"
    np.savez_compressed(path, images=IMAGES)
    whole = path.read_bytes()
    middle = bytearray(whole)
    middle[len(whole) // 2] ^= 255
    for data in (whole[:-40], whole[:100], b"", b"text", bytes(middle)):
        path.write_bytes(data)
        with pytest.raises(ValueError, match=r"cannot read '.*a\.npz'.*numpy.savez"):
            read_npz(path)


def idx(array):
    """An array of bytes in MNIST's form."""
    head = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return head + array.astype(np.uint8).tobytes()


@pytest.fixture
def digits(tmp_path):
    grey = IMAGES[..., 0]
    (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx(grey)))
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(idx(np.arange(5)))
    (tmp_path / "t10k-images-idx3-ubyte").write_bytes(idx(grey[:2]))
    (tmp_path / "t10k-labels-idx1-ubyte.gz").write_bytes(
        gzip.compress(idx(np.array([7, 9])))
    )
    return tmp_path


def test_idx_splits_plain_and_compressed(digits):
    train = read_idx(digits)
    np.testing.assert_array_equal(train["image"], IMAGES[..., :1])
    np.testing.assert_array_equal(train["label"], np.arange(5))
    assert train["label"].dtype == np.int32
    test = read_idx(digits, "test")
    np.testing.assert_array_equal(test["image"], IMAGES[:2, ..., :1])
    np.testing.assert_array_equal(test["label"], [7, 9])


def test_idx_one_file_with_and_without_labels(digits):
    alone = read_idx(digits / "t10k-images-idx3-ubyte")
    np.testing.assert_array_equal(alone["label"], [7, 9])
    (digits / "t10k-labels-idx1-ubyte.gz").unlink()
    assert set(read_idx(digits / "t10k-images-idx3-ubyte")) == {"image"}


def test_idx_other_spellings(tmp_path):
    (tmp_path / "emnist-train-images.idx3-ubyte").write_bytes(idx(IMAGES[..., 0]))
    (tmp_path / "emnist-train-labels.idx1-ubyte").write_bytes(idx(np.arange(5)))
    assert set(read_idx(tmp_path)) == {"image", "label"}


def test_idx_missing_or_ambiguous(digits):
    with pytest.raises(ValueError, match=r"no valid-images-idx3-ubyte\[\.gz\]"):
        read_idx(digits, "valid")
    (digits / "other-train-images-idx3-ubyte").write_bytes(b"")
    with pytest.raises(ValueError, match="several sets .*give one file"):
        read_idx(digits)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", "not an idx file of bytes: it must begin with 00 00 08"),
        (b"\x00\x00\x0d\x03" + bytes(12), "not an idx file of bytes"),
        (b"\x00\x00\x08\x03\x00", r"cut short or too long for its shape \(\)"),
        (idx(IMAGES[..., 0])[:-1], "cut short or too long"),
        (idx(IMAGES[..., 0]) + b"1", "cut short or too long"),
        (idx(np.arange(4)), r"images of shape \(4, 1\)|images of shape \(4,\)"),
    ],
)
def test_idx_damaged(tmp_path, content, text):
    path = tmp_path / "train-images-idx3-ubyte"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=f"train-images-idx3-ubyte'.*({text})"):
        read_idx(path)


def test_idx_compressed_badly(tmp_path):
    path = tmp_path / "train-images-idx3-ubyte.gz"
    whole = gzip.compress(idx(IMAGES[..., 0]))
    for data in (whole[:-12], b"not compressed", whole[:30] + b"\xff\xff" + whole[32:]):
        path.write_bytes(data)
        with pytest.raises(ValueError, match=r"ubyte\.gz'.*fetch it again"):
            read_idx(path)


def test_idx_labels_of_another_set(digits):
    (digits / "train-labels-idx1-ubyte").write_bytes(idx(np.arange(4)))
    with pytest.raises(
        ValueError, match=r"labels-idx1-ubyte' has labels .*for 5 images"
    ):
        read_idx(digits)


def test_real_files(real_data):
    train = read_idx(real_data / "mnist")
    assert train["image"].shape == (60_000, 28, 28, 1)
    # From the README of the set: the first digits and how often each comes.
    assert train["label"][:5].tolist() == [5, 0, 4, 1, 9]
    assert read_idx(real_data / "mnist", "test")["image"].shape == (10_000, 28, 28, 1)
    with pytest.raises(ValueError, match="no t10k-images"):
        read_idx(real_data / "fashion_mnist", "test")
    arrays, classes = read_npz(real_data / "tf_flowers" / "flowers64_train.npz")
    assert arrays["image"].shape == (3300, 64, 64, 3)
    assert arrays["label"].max() == 4
    assert set(classes) == {"daisy", "dandelion", "roses", "sunflowers", "tulips"}
    pairs = real_data / "faces_paired" / "neutral_smiling128_train.npz"
    assert read_npz(pairs)[0]["image"].shape == (94, 128, 128, 3)
    assert read_npz(pairs, "smiling")[0]["image"].shape == (94, 128, 128, 3)
