"""The encoder's reality check as a command, on pictures of one colour each."""

import json

import numpy as np
import pytest
from commands import call
from PIL import Image

from experiments import real_captions

TINY = ["--width", 3, "--embedding", 4, "--resolution", 8, "--batch-size", 4]


@pytest.mark.slow
def test_captions_are_looked_up_among_pictures(tmp_path, monkeypatch, capsys):
    folder = tmp_path / "photos"
    folder.mkdir()
    entries = []
    for i in range(15):
        image = np.full((9, 12, 3), 15 * i, np.uint8)
        Image.fromarray(image).save(folder / f"{i}.png")
        about = {"file": f"{i}.png", "sentence": f"the shade of this one is {i}"}
        entries += [about, about | {"label": False}]
    (folder / "captions.json").write_text(json.dumps(entries))
    argv = ["--data", folder, "--workdir", tmp_path / "out", "--steps", 2, *TINY]
    assert call(real_captions, argv, monkeypatch) == 0
    found = json.loads((tmp_path / "out" / "results.json").read_text())
    assert found["data"] == "15 images, 15 captions"
    assert found["set aside"]["pictures"] == found["trained on"]["pictures"] == 3
    assert found["set aside"]["chance"] == pytest.approx(1 / 3)
    # Their sentences are the same, and so are their scores: none is above the other.
    assert 0 <= found["true above false"] <= 1
    assert found["false sentences set aside"] == 3
    assert "among 3" in capsys.readouterr().err


def test_ranks_of_pictures():
    image = np.eye(6)
    found = real_captions.looked_up(image, image)
    assert found["nearest"] == found["near"] == 1
    found = real_captions.looked_up(image, np.roll(image, 1, 0))
    assert found["nearest"] == 0
    assert found["near"] == 1  # all others are as near as the right one
    worst = 1 - image
    assert real_captions.looked_up(image, worst)["near"] == 0


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("x" * 300, "has 300 characters, and the encoder reads 201: shorten it"),
        ("ein schöner Tag", "has 'ö', which the encoder of characters never saw"),
        ("42", "has no words"),
    ],
)
def test_captions_that_cannot_be_read_are_refused(
    said, words, tmp_path, monkeypatch, capsys
):
    for i in range(12):
        Image.new("RGB", (8, 8)).save(tmp_path / f"{i}.png")
    entries = [{"file": f"{i}.png", "captions": [said]} for i in range(12)]
    (tmp_path / "captions.json").write_text(json.dumps(entries))
    argv = ["--data", tmp_path, "--workdir", tmp_path / "out", *TINY]
    assert call(real_captions, argv, monkeypatch) == 2
    assert words in " ".join(capsys.readouterr().err.replace("│", " ").split())
