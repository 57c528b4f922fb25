"""Pairs of images in one file or in two folders, and what cannot be a pair."""

import numpy as np
import pytest
from PIL import Image

from jaxgan.data import load, name_of, open_source


def save(path, value, size=(4, 6)):
    """A picture whose left half is `value` and whose right half is one more."""
    picture = np.full((*size, 3), value, np.uint8)
    picture[:, size[1] // 2 :] += 1
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture).save(path)


def test_halves_of_a_file_are_a_pair(tmp_path):
    for i in range(3):
        save(tmp_path / "train" / f"{i}.png", 10 * i)
    for spec in (f"pairs:{tmp_path}#train", f"pairs:{tmp_path / 'train'}"):
        source = open_source(spec)
        assert len(source) == 3
        pair = source[2]
        assert pair["input"].shape == pair["image"].shape == (4, 3, 3)
        assert (pair["input"] == 20).all()
        assert (pair["image"] == 21).all()
    held = load(source, size=2, channels=1)
    assert held["input"].shape == held["image"].shape == (3, 2, 2, 1)
    assert (held["image"] == held["input"] + 1).all()


def test_files_of_one_name_in_two_folders_are_a_pair(tmp_path):
    for i, end in enumerate((".png", ".bmp")):
        for name in ("x", "y", "a/z"):
            save(tmp_path / "AB"[i] / f"{name}{end}", 7 * len(name) + 50 * i)
    source = open_source(f"pairs:{tmp_path}")
    assert [name_of(source, i)[-7:] for i in range(3)] == [
        "a/z.png",
        "A/x.png",
        "A/y.png",
    ]
    assert (source[0]["image"] == source[0]["input"] + 50).all()


def test_what_cannot_be_a_pair_is_refused(tmp_path):
    save(tmp_path / "odd" / "x.png", 0, (4, 5))
    with pytest.raises(ValueError, match="x.png is 5 pixels wide.* an even width"):
        open_source(f"pairs:{tmp_path / 'odd'}")[0]
    for size, name in ((4, 6), "input"), ((4, 8), "target"):
        save(tmp_path / "sizes" / name / "x.png", 0, size)
    with pytest.raises(ValueError, match=r"x\.png is 4x6 .* is 4x8: both ends"):
        open_source(f"pairs:{tmp_path / 'sizes'}")[0]
    save(tmp_path / "sizes" / "target" / "alone.png", 0)
    with pytest.raises(ValueError, match=r"'alone' without a partner .*\(1 in all\)"):
        open_source(f"pairs:{tmp_path / 'sizes'}")
    (tmp_path / "none").mkdir()
    with pytest.raises(ValueError, match="none"):
        open_source(f"pairs:{tmp_path / 'none'}")
    with pytest.raises(ValueError, match="pairs:.* has no split 'test'"):
        open_source(f"pairs:{tmp_path / 'odd'}", split="test")
    with pytest.raises(ValueError, match="unknown view 'owl'"):
        open_source("faces:2#owl")
