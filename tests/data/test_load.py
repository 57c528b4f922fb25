"""Whole sets in memory: the same images as one by one, and what stops them."""

import logging
import os
from typing import Any

import numpy as np
import pytest
from PIL import Image

from jaxgan.data.decode import CorruptImage
from jaxgan.data.load import fingerprint, fits, fitted, load
from jaxgan.data.protocol import classes_of
from jaxgan.data.sources import ArraySource, open_source


@pytest.fixture
def folder(tmp_path):
    """200 pictures of different sizes, some grey, in three classes."""
    generator = np.random.default_rng(0)
    for i in range(200):
        shape = (*generator.integers(16, 40, 2), 3)[: 2 if i % 5 == 0 else 3]
        path = tmp_path / "set" / "abc"[i % 3] / f"{i:03}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(generator.integers(0, 256, shape, np.uint8)).save(path)
    return tmp_path / "set"


def damage(folder, places):
    """Cuts the files at these places of the sorted set short."""
    files = sorted(folder.rglob("*.png"))
    for place in places:
        files[place].write_bytes(files[place].read_bytes()[:60])
    return [files[place] for place in places]


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("workers", [1, 4])
def test_loaded_is_fitted(folder, channels, workers):
    source = open_source(f"folder:{folder}")
    arrays = load(source, size=16, channels=channels, workers=workers)
    assert arrays["image"].shape == (200, 16, 16, channels)
    assert arrays["image"].dtype == np.uint8
    assert arrays["label"].dtype == np.int32
    one_by_one = fitted(source, size=16, channels=channels)
    assert len(one_by_one) == 200
    for i in range(200):
        np.testing.assert_array_equal(arrays["image"][i], one_by_one[i]["image"])
        assert arrays["label"][i] == one_by_one[i]["label"]


def test_rectangles_in_memory_and_one_by_one(folder):
    source = open_source(f"folder:{folder}")
    for size in ((16, 12), "16x12"):
        arrays = load(source, size=size, channels=2)
        one_by_one = fitted(source, size=size, channels=2)
        assert arrays["image"].shape == (200, 16, 12, 2)
        for i in (0, 77, 199):
            np.testing.assert_array_equal(arrays["image"][i], one_by_one[i]["image"])
    bytes_ = 200 * 16 * 12 * 2
    assert fits(source, size="16x12", channels=2, limit_bytes=bytes_)
    with pytest.raises(ValueError, match="200 images of 16x12x2 take more than"):
        load(source, size=(16, 12), channels=2, limit_bytes=bytes_ - 1)
    same = ArraySource({"image": arrays["image"]}, "mine")
    assert load(same, size=(16, 12), channels=2)["image"] is arrays["image"]


def test_a_fitted_set_has_the_classes_of_the_set(folder):
    source = open_source(f"folder:{folder}")
    assert classes_of(fitted(source, size=16, channels=3)) == ("a", "b", "c")
    examples: list = [{"image": np.zeros((4, 4, 3), np.uint8)}]
    assert classes_of(fitted(examples, size=4, channels=3)) == ()


@pytest.mark.parametrize("have", [1, 2, 3, 4])
@pytest.mark.parametrize("want", [1, 2, 3, 4])
def test_arrays_of_the_right_size_go_the_short_way(have, want):
    images = np.random.default_rng(0).integers(0, 256, (100, 8, 8, have), np.uint8)
    source = ArraySource({"image": images, "label": np.arange(100)}, "mine")
    arrays = load(source, size=8, channels=want)
    one_by_one = fitted(source, size=8, channels=want)
    expected = np.stack([one_by_one[i]["image"] for i in range(100)])
    np.testing.assert_array_equal(arrays["image"], expected)
    np.testing.assert_array_equal(arrays["label"], np.arange(100))
    if have == want:
        assert arrays["image"] is images


def test_a_mapped_array_is_read_into_memory(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (9, 8, 8, 3), np.uint8)
    np.save(tmp_path / "a.npy", images)
    np.save(tmp_path / "b.npy", np.asfortranarray(images))
    for name in "ab":
        source: Any = open_source(f"{tmp_path}/{name}.npy")
        assert isinstance(source.arrays["image"], np.memmap)
        read = load(source, size=8, channels=3)["image"]
        assert type(read) is np.ndarray
        assert not np.shares_memory(read, source.arrays["image"])
        np.testing.assert_array_equal(read, images)
        np.testing.assert_array_equal(source[8]["image"], images[8])
        os.truncate(tmp_path / f"{name}.npy", 128 + 8 * 8 * 8 * 3 + 1)
        with pytest.raises(CorruptImage, match="cut short to 1665 bytes.*is intact"):
            load(source, size=8, channels=3)
        with pytest.raises(CorruptImage, match=r"image 8 of .* cut short"):
            source[8]


def test_pairs_stay_pairs():
    images = np.random.default_rng(0).integers(0, 256, (4, 16, 16, 3), np.uint8)
    pairs = ArraySource({"image": images, "target": images[::-1]}, "pairs")
    for size in (16, 8):
        arrays = load(pairs, size=size, channels=3)
        assert arrays["image"].shape == arrays["target"].shape == (4, size, size, 3)
        np.testing.assert_array_equal(arrays["image"], arrays["target"][::-1])


def test_the_first_corrupt_image_is_named(folder):
    first, _ = damage(folder, [150, 190])
    source = open_source(f"folder:{folder}")
    for workers in (1, 4):
        with pytest.raises(CorruptImage, match=f"{first.name}.*--skip-corrupt"):
            load(source, size=16, channels=3, workers=workers)


def test_corrupt_images_are_skipped_and_counted(folder, caplog):
    whole = load(open_source(f"folder:{folder}"), size=16, channels=3)
    first, *_ = damage(folder, [0, 70, 71, 199])
    source = open_source(f"folder:{folder}")
    with caplog.at_level(logging.WARNING):
        arrays = load(source, size=16, channels=3, skip_corrupt=True)
    (record,) = caplog.records
    assert "skipped 4 of 200 images" in record.getMessage()
    assert str(first) in record.getMessage()
    stand_ins = np.arange(200)
    stand_ins[[0, 70, 71, 199]] = [1, 72, 72, 1]
    for key in arrays:
        np.testing.assert_array_equal(arrays[key], whole[key][stand_ins])


def test_nothing_but_corrupt_images(folder):
    damage(folder, range(200))
    source = open_source(f"folder:{folder}")
    with pytest.raises(
        CorruptImage, match="none of the 200 images can be read, the fi"
    ):
        load(source, size=16, channels=3, skip_corrupt=True)


def test_small_images_are_named_and_not_skipped(folder):
    Image.new("RGB", (12, 30)).save(folder / "a" / "tiny.png")
    source = open_source(f"folder:{folder}")
    with pytest.raises(
        ValueError, match=r"tiny\.png is 12x12 .*at most 12, or pass --up"
    ):
        load(source, size=16, channels=3, skip_corrupt=True)
    assert load(source, size=16, channels=3, upscale=True)["image"].shape[0] == 201


def test_a_set_too_large_is_refused_before_reading(folder):
    source = open_source(f"folder:{folder}")
    bytes_ = 200 * 16 * 16 * 3
    assert fits(source, size=16, channels=3, limit_bytes=bytes_)
    assert not fits(source, size=16, channels=3, limit_bytes=bytes_ - 1)
    with pytest.raises(
        ValueError, match=f"200 images of 16x16x3 take more than {bytes_ - 1}"
    ):
        load(source, size=16, channels=3, limit_bytes=bytes_ - 1)


def test_quick_sets_show_no_progress(folder, capsys):
    load(open_source(f"folder:{folder}"), size=16, channels=3)
    assert capsys.readouterr().err.strip() == ""


def test_fingerprints_change_with_the_data(folder):
    arrays = load(open_source(f"folder:{folder}"), size=16, channels=3)
    known = fingerprint(arrays)
    assert len(known) == 16
    assert known == fingerprint({k: v.copy() for k, v in reversed(arrays.items())})
    changed = {k: v.copy() for k, v in arrays.items()}
    changed["image"][77, 3, 3, 0] ^= 1
    relabelled = arrays | {"label": arrays["label"][::-1]}
    shaped = arrays | {"image": arrays["image"].reshape(200, 16, 48, 1)}
    unlabelled = {"image": arrays["image"]}
    prints = {fingerprint(a) for a in (arrays, changed, relabelled, shaped, unlabelled)}
    assert len(prints) == 5


def test_fingerprints_of_sources(folder):
    source = open_source(f"folder:{folder}")
    known = fingerprint(fitted(source, size=16, channels=3))
    assert known == fingerprint(fitted(source, size=16, channels=3))
    assert known != fingerprint(fitted(source, size=8, channels=3))
    damage(folder, [0])  # it is about the data, not about whether a file is whole
    assert known != fingerprint(fitted(source, size=16, channels=3))
    shorter = ArraySource({"image": np.zeros((3, 4, 4, 1), np.uint8)}, "a")
    longer = ArraySource({"image": np.zeros((4, 4, 4, 1), np.uint8)}, "a")
    assert fingerprint(shorter) != fingerprint(longer)


def test_real_sets(real_data):
    digits = open_source(f"idx:{real_data}/mnist")
    arrays = load(digits, size=28, channels=1)
    assert arrays["image"] is digits.arrays["image"]
    faces = open_source(f"npz:{real_data}/faces/faces64_train.npz")
    grey = load(faces, size=64, channels=1)["image"]
    luma = faces.arrays["image"] @ np.array([0.299, 0.587, 0.114])  # ITU-R BT.601
    assert abs(grey[..., 0] - luma).max() < 0.51
    # The set's 64 pixels are 2 x 2 means of the 128 in the other file, before JPEG.
    photos = open_source(f"zip:{real_data}/faces/faces128_train.zip")
    halves = {np.asarray(faces.arrays["image"][i]).tobytes() for i in range(3)}
    assert len(halves) == 3
    with np.load(f"{real_data}/faces/faces64_train.npz") as file:
        name = f"{file['source'][0]}/{file['photo_id'][0]}.jpg"
        small = file["images"][0]
    place = photos.names.index(name)
    image = photos[place]["image"].astype(float)
    means = image.reshape(64, 2, 64, 2, 3).mean((1, 3))
    assert abs(means - small).mean() < 2
    ours = fitted(photos, size=64, channels=3)[place]["image"]
    assert abs(ours.astype(float) - small).mean() < 4
