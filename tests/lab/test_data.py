"""Opened sets and their batches: labels, shapes, the same from memory and streamed."""

import dataclasses
import shutil

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import parallel, train
from jaxgan.lab import feeds
from jaxgan.lab.data import Data, channels_of, of_arrays, of_plain, open_set

DIGIT = (28, 28, 1)


def npz(path, shape=(28, 28), **more):
    rng = np.random.default_rng(0)
    np.savez(path, images=rng.integers(0, 256, (40, *shape), np.uint8), **more)
    return Data(f"npz:{path}")


@pytest.fixture
def data(tmp_path):
    return npz(tmp_path / "set.npz", labels=np.arange(40) % 10)


@pytest.mark.parametrize("repeats", [1, 3])
def test_batches_of_the_resident_set_are_those_of_the_stream(
    tmp_path, data, monkeypatch, repeats
):
    data = Data(data.data, shift=2 if repeats > 1 else 0, flip=repeats > 1)
    opened = open_set(data, DIGIT, test=True)
    run = train.Run(workdir=tmp_path, batch_size=16, seed=5)
    mesh = parallel.mesh(jax.devices()[:1])

    def batches():
        feed = feeds.feed(opened, run, mesh, repeats)
        items, prepare = feed.items(2), jax.jit(feed.prepare)  # past the first epoch
        return feed, [prepare(feed.arrays, next(items)) for _ in range(3)]

    resident, one = batches()
    monkeypatch.setattr("jaxgan.lab.data.RESIDENT_BYTES", 0)
    streamed, other = batches()
    assert resident.arrays
    assert not streamed.arrays
    chex.assert_trees_all_equal(one, other)
    shape = (16, *DIGIT) if repeats == 1 else (3, 16, *DIGIT)
    assert one[0]["image"].shape == shape
    assert one[0]["image"].dtype == jnp.float32
    assert 0 <= one[0]["image"].min() < 0.1
    assert 0.9 < one[0]["image"].max() <= 1
    images = np.round(np.asarray(one[0]["image"]) * 255).astype(np.uint8)
    images, labels = images.reshape(-1, *DIGIT), one[0]["label"].reshape(-1)
    if repeats == 1:  # labels stay with their images
        of = {x.tobytes(): y for x, y in zip(*opened.train.values(), strict=True)}
        assert [of[x.tobytes()] for x in images] == labels.tolist()
        return
    # The inner part of a shifted image is a part of an original, mirrored or not.
    of = {y: [] for y in range(10)}
    for x, y in zip(*opened.train.values(), strict=True):
        of[int(y)] += [x, x[:, ::-1]]
    moves = set()
    for x, y in zip(images[:12], labels.tolist(), strict=False):
        found = [
            (i - 2, j - 2)
            for whole in of[y]
            for i in range(5)
            for j in range(5)
            if (x[4:24, 4:24] == whole[2 + i : 22 + i, 2 + j : 22 + j]).all()
        ]
        assert len(found) == 1
        moves |= set(found)
    assert len(moves) > 5


def test_the_numbers_between_which_pixels_are(tmp_path, data):
    opened = open_set(data, DIGIT)
    run = train.Run(workdir=tmp_path, batch_size=4)
    mesh = parallel.mesh(jax.devices()[:1])

    def images(between):
        feed = feeds.feed(opened, run, mesh, between=between)
        return np.asarray(feed.prepare(feed.arrays, next(feed.items(0)))["image"])

    bytes_ = images(None)
    assert bytes_.dtype == np.uint8
    np.testing.assert_allclose(images((-1, 1)), bytes_ / 127.5 - 1, atol=1e-6)
    np.testing.assert_allclose(images((0, 2)), bytes_ / 127.5, atol=1e-6)


def test_classes_have_names(tmp_path, data):
    opened = open_set(data, DIGIT, test=True)
    assert opened.classes == tuple("0123456789")
    assert opened.shape == DIGIT
    plain = open_set(npz(tmp_path / "plain.npz"), DIGIT, test=True)
    assert "label" not in plain.train
    assert plain.classes == ()
    for folder in ("cats", "dogs"):
        (tmp_path / "pets" / folder).mkdir(parents=True)
        from PIL import Image

        image = Image.fromarray(np.zeros((8, 8, 3), np.uint8))
        image.save(tmp_path / "pets" / folder / "0.png")
    pets = open_set(Data(f"folder:{tmp_path / 'pets'}"), (8, 8, 3))
    assert pets.classes == ("cats", "dogs")


def test_classes_that_are_left_out_keep_their_names(data):
    opened = open_set(Data(data.data, leave_out=(0, 3)), DIGIT)
    assert set(opened.train["label"]) == {1, 2, 4, 5, 6, 7, 8, 9}
    assert len(opened.classes) == 10


@pytest.mark.parametrize("form", ["{}", "day {}", "{}-x"])
def test_classes_are_left_out_by_name_before_number(tmp_path, form):
    """Numbered folders are in the order of their numbers; a name is a name first."""
    from PIL import Image

    for c in range(12):
        folder = tmp_path / form.format(c)
        folder.mkdir()
        Image.new("RGB", (8, 8), (c,) * 3).save(folder / "x.png")

    def left_out(*wanted):
        data = Data(f"folder:{tmp_path}", leave_out=wanted)
        image = open_set(data, (8, 8, 3)).train["image"]
        return sorted(set(range(12)) - set(image[:, 0, 0, 0].tolist()))

    assert left_out(2) == left_out("2") == left_out(form.format(2)) == [2]
    assert left_out(form.format(10), 3) == [3, 10]
    with pytest.raises(ValueError, match="no class 12; the classes are"):
        left_out(12)


def test_names_that_are_numbers_are_saved_as_runs_always_had_them():
    assert Data(leave_out=("3", "007", "cat", 2)).leave_out == (3, "007", "cat", 2)


def test_unlabelled_images_are_trained_on_where_labels_play_no_part(tmp_path):
    data = npz(tmp_path / "set.npz", labels=np.arange(40) % 4 - 1)
    opened = open_set(data, DIGIT)
    assert opened.classes == ("0", "1", "2")
    assert len(opened.train["image"]) == 40
    nothing = open_set(npz(tmp_path / "none.npz", labels=np.full(40, -1)), DIGIT)
    assert nothing.classes == ()


def test_rectangles_and_channels(tmp_path):
    data = npz(tmp_path / "wide.npz", shape=(12, 20, 3))
    opened = open_set(data, (12, 20, 3))
    assert opened.train["image"].shape == (40, 12, 20, 3)
    assert "12x20x3" in opened.about


@pytest.mark.parametrize("kind", ["folder", "npz", "zip"])
def test_every_class_is_trained_on_and_tested_on(tmp_path, kind):
    """Sets lie in the order of their classes, with or without a test part."""
    from PIL import Image

    image = np.arange(120, dtype=np.uint8)[:, None, None].repeat(28, 1).repeat(28, 2)
    label = np.repeat(np.arange(10), 12)
    np.savez(tmp_path / "set.npz", images=image, labels=label)
    for i in range(120 if kind != "npz" else 0):
        (tmp_path / "set" / f"class{label[i]}").mkdir(parents=True, exist_ok=True)
        Image.fromarray(image[i]).save(tmp_path / f"set/class{label[i]}/{i:03}.png")
    if kind == "zip":
        shutil.make_archive(str(tmp_path / "set"), "zip", tmp_path / "set")
    suffix = "" if kind == "folder" else f".{kind}"
    flags = Data(f"{kind}:{tmp_path / 'set'}{suffix}")
    opened = open_set(flags, DIGIT, test=True)
    assert "100 images to train, 20 to test (a sixth of each class" in opened.about
    assert np.bincount(opened.train["label"]).tolist() == [10] * 10
    assert np.bincount(opened.test["label"]).tolist() == [2] * 10
    few = open_set(dataclasses.replace(flags, tests=10), DIGIT, test=True)
    assert np.bincount(few.test["label"]).tolist() == [1] * 10
    assert few.fingerprint == opened.fingerprint
    # Runs that held out the last sixth are told apart, and can have it back.
    last = open_set(dataclasses.replace(flags, set_aside="last"), DIGIT, test=True)
    assert set(last.test["label"]) == {8, 9}
    assert "the last sixth" in last.about
    assert last.fingerprint != opened.fingerprint
    plain = {"data": {"data": flags.data, "flip": False}}
    assert of_plain(plain).set_aside == "last"


def test_fingerprints_of_older_runs_still_hold(data):
    """Without a test part they are of the images alone, with one of the labels too."""
    from jaxgan.data import fingerprint

    alone = open_set(data, DIGIT)
    assert alone.fingerprint == fingerprint({"image": alone.train["image"]})
    tested = open_set(data, DIGIT, test=True)
    assert tested.fingerprint == fingerprint(tested.train)


def test_arrays_of_one_length_are_a_set():
    points = np.zeros((6, 2), np.float32)
    opened = of_arrays({"point": points})
    assert opened.about == "6 examples of point (2,)"
    with pytest.raises(ValueError, match="lengths.*'b': 3"):
        of_arrays({"a": points, "b": points[:3]})


def test_a_file_that_is_not_idx_is_refused_in_a_sentence(tmp_path):
    path = tmp_path / "train-images-idx3-ubyte"
    path.write_bytes(b"no images at all")
    with pytest.raises(ValueError, match="idx"):
        open_set(Data(f"idx:{path}"), DIGIT)


@pytest.mark.parametrize("name", ["data_processes", "shift", "tests"])
def test_bounds_name_the_flag(name):
    with pytest.raises(ValueError, match=f"--{name.replace('_', '-')} is -1"):
        Data(**{name: -1})


def test_the_channels_of_a_set_are_those_of_its_images(tmp_path):
    """A colour image is found anywhere among grey ones; opacity is not colour."""
    from PIL import Image

    for channels, found in ((1, 1), (2, 1), (3, 3), (4, 3)):
        data = npz(tmp_path / f"{channels}.npz", shape=(8, 8, channels))
        assert channels_of(data) == found
    for i in range(9):
        (tmp_path / "mixed").mkdir(exist_ok=True)
        image = np.zeros((8, 8) if i < 8 else (8, 8, 3), np.uint8)
        Image.fromarray(image).save(tmp_path / "mixed" / f"{i}.png")
    assert channels_of(Data(f"folder:{tmp_path}/mixed")) == 3
    assert channels_of(Data("faces:8192")) == 3


def test_a_run_that_set_aside_the_last_is_told_how_to_go_on(tmp_path):
    """Otherwise it would be tested on images that it was trained on."""
    from jaxgan.train import directory

    now = {"data": {"set_aside": "each"}, "fingerprint": "new"}
    (tmp_path / "config.json").write_text('{"data": {}, "fingerprint": "old"}')
    known = {"data": {"set_aside": "each"}}
    with pytest.raises(ValueError, match=r"old -> new.*--set-aside last has"):
        directory.check(tmp_path, now, defaults=known)
    last = {"data": {"set_aside": "last"}, "fingerprint": "old"}
    assert directory.check(tmp_path, last, defaults=known) == []
