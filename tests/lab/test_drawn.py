"""Drawn faces are drawn once, and then kept, wherever that can be done."""

import numpy as np
import pytest

from jaxgan.data import ArraySource, transforms
from jaxgan.data.synthetic import faces
from jaxgan.lab import drawn
from jaxgan.lab.data import Data, open_set


@pytest.fixture
def calls(tmp_path, monkeypatch):
    """The sets drawn so far; they cost nothing. The cache is the test's own."""
    calls = []

    def dataset(seed, count, size, aligned, view):
        calls.append((seed, count, size))
        image = np.random.default_rng(seed).integers(0, 256, (count, size, size, 3))
        return {"image": image.astype(np.uint8), "factors": {}}

    monkeypatch.setattr(faces, "dataset", dataset)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return calls


def images(spec="faces:3", split="train", size: transforms.Size = 16):
    source = drawn.open_source(spec, split=split, size=size)
    assert isinstance(source, ArraySource)
    return source.arrays["image"]


def test_faces_are_drawn_once_and_other_faces_by_themselves(calls, monkeypatch):
    first = images()
    np.testing.assert_array_equal(images(), first)
    opened = open_set(Data("faces:3"), (16, 16, 3))
    np.testing.assert_array_equal(opened.train["image"], first)
    assert calls == [(0, 3, 16)]
    images("faces:2")
    images(split="test")
    images(size=(16, 24))
    assert calls[1:] == [(0, 2, 16), (1, 3, 16), (0, 3, 24)]
    for change in (
        lambda: monkeypatch.setattr(drawn, "code", lambda: ["another renderer"]),
        lambda: monkeypatch.setattr("jax.__version__", "0.0"),
        lambda: monkeypatch.setenv("XLA_FLAGS", "--xla_cpu_enable_fast_math=true"),
    ):
        before = len(calls)
        change()
        images()
        images()
        assert len(calls) == before + 1


@pytest.mark.parametrize("damage", ["cut short", "a bit flipped", "no archive"])
def test_a_damaged_file_is_replaced(calls, tmp_path, capsys, damage):
    first = images()
    (path,) = (tmp_path / "cache" / "jaxgan" / "faces").iterdir()
    content = bytearray(path.read_bytes())
    if damage == "a bit flipped":
        content[len(content) // 2] ^= 1
    else:
        content = content[:-200] if damage == "cut short" else b"faces"
    path.write_bytes(content)
    np.testing.assert_array_equal(images(), first)
    assert "damaged: drawing the faces again" in capsys.readouterr().err
    np.testing.assert_array_equal(images(), first)
    assert len(calls) == 2
    assert list(path.parent.iterdir()) == [path]


def test_faces_that_cannot_be_kept_are_drawn_each_time(
    calls, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(drawn, "LIMIT_BYTES", 3 * 16 * 16 * 3 - 1)
    images()
    assert not (tmp_path / "cache").exists()
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(drawn, "LIMIT_BYTES", 1 << 20)
    (tmp_path / "cache").write_text("a file where the folder should be")
    images()
    assert "cannot keep the faces" in capsys.readouterr().err
    (tmp_path / "cache").unlink()

    def full(file, **arrays):
        file.write(b"as far as it goes")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    images()
    assert "No space left on device" in capsys.readouterr().err
    assert not list((tmp_path / "cache" / "jaxgan" / "faces").iterdir())
    assert len(calls) == 3


def test_other_sets_are_opened_as_ever(calls, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.savez(tmp_path / "faces:3.npz", images=np.zeros((2, 16, 16, 3), np.uint8))
    assert len(images("npz:faces:3.npz")) == len(images("faces:3.npz")) == 2
    with pytest.raises(ValueError, match="give the number of faces"):
        images("faces:many")
    assert not calls
    assert not (tmp_path / "cache").exists()


def test_a_factor_makes_classes(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    styles, made = np.array([1, 8, 0], np.int32), []

    def dataset(seed, count, size, aligned, view):
        made.append(view)
        image = np.zeros((count, size, size, 3), np.uint8)
        return {"image": image, "factors": {"hair_style": styles}}

    monkeypatch.setattr(faces, "dataset", dataset)
    for _ in range(2):
        opened = open_set(Data("portraits:3@hair_style#old"), (16, 16, 3))
        np.testing.assert_array_equal(opened.train["label"], styles)
        assert opened.classes[:3] == ("bald", "buzz", "short")
    assert made == ["old"]  # drawn, then kept
    with pytest.raises(ValueError, match=r"no classes of faces by 'age'.*hair_style"):
        drawn.open_source("faces@age")
