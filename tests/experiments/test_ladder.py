"""The ladder trains each cell once, and compares all of them."""

import dataclasses
import json

import numpy as np
import pytest
from commands import call
from PIL import Image

from experiments import ladder
from jaxgan.models import dcgan


@pytest.mark.slow
def test_cells_are_trained_once_and_compared(tmp_path, monkeypatch, capsys):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (24, 8, 8, 3), np.uint8)
    np.savez(tmp_path / "set.npz", images=images)
    tiny = dcgan.Config(resolution=8, width=2, latent=3, kernel=4)
    monkeypatch.setattr(ladder, "SHAPE", (8, 8, 3))
    monkeypatch.setattr(ladder, "RUNGS", {"dcgan": ladder.Rung(dcgan.MODEL, tiny)})
    argv = ["--data", f"npz:{tmp_path / 'set.npz'}", "--images", 16, "--samples", 12]
    argv += ["--batch-size", 8, "--rungs", "dcgan", "--devices", 1, "--extractor"]
    argv += ["random", "--workdir", tmp_path / "ladder", "--seeds"]
    assert call(ladder, [*argv, 0], monkeypatch) == 0
    assert "dcgan, seed 0, 2 steps" in capsys.readouterr().err
    assert call(ladder, [*argv, 0, 1], monkeypatch) == 0
    assert capsys.readouterr().err.count(" training  ") == 1  # of the new seed
    found = json.loads((tmp_path / "ladder" / "results.json").read_text())
    assert found["images_seen"] == 16
    scores = found["rungs"]["dcgan"]
    assert scores.keys() == set(ladder.SCORES)  # no factors: these are no faces
    for score in scores.values():
        assert np.isfinite([score["mean"], score["standard_deviation"]]).all()
    with Image.open(tmp_path / "ladder" / "ladder.png") as picture:
        assert picture.width > 100


def test_the_images_seen_are_those_of_the_discriminator():
    """So all cells of the preset take as many steps."""
    for record, model in ladder.RUNGS.values():
        assert record.game(model).repeats == 1


@pytest.mark.parametrize("change", [{"rungs": ("san", "san")}, {"seeds": (1, 1)}])
def test_nothing_is_trained_twice(change):
    with pytest.raises(ValueError, match="each once"):
        dataclasses.replace(ladder.PRESETS["laptop"], **change)
