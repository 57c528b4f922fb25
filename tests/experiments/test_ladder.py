"""The ladder trains each cell once, and compares all of them."""

import dataclasses
import json

import numpy as np
import pytest
from commands import call
from PIL import Image

from experiments import ladder
from experiments.ladder.rungs import Rung
from jaxgan.lab import generator
from jaxgan.models import dcgan, progan


@pytest.mark.slow
def test_cells_are_trained_once_and_compared(tmp_path, monkeypatch, capsys):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (24, 8, 8, 3), np.uint8)
    np.savez(tmp_path / "set.npz", images=images)
    tiny = dcgan.Config(resolution=8, width=2, latent=3, kernel=4)
    growing = progan.Config(resolution=8, base=8, width=2, latent=3, group=2)
    monkeypatch.setattr(ladder.Config, "shape", (8, 8, 3))
    both = {
        "dcgan": Rung(dcgan.MODEL, tiny),
        "progan": Rung(progan.MODEL, growing),
    }
    monkeypatch.setattr(ladder, "rungs_for", lambda resolution, steps: both)
    argv = ["--data", f"npz:{tmp_path / 'set.npz'}", "--images", 16, "--samples", 12]
    argv += [
        "--batch-size",
        8,
        "--rungs",
        "dcgan",
        "progan",
        "--devices",
        1,
        "--extractor",
    ]
    argv += ["random", "--workdir", tmp_path / "ladder", "--seeds"]
    assert call(ladder, [*argv, 0], monkeypatch) == 0
    assert "dcgan, seed 0, 2 steps" in capsys.readouterr().err
    assert call(ladder, [*argv, 0, 1], monkeypatch) == 0
    # Those of the new seed: one run, and one for each of two resolutions.
    assert capsys.readouterr().err.count(" training  ") == 3
    found = json.loads((tmp_path / "ladder" / "results.json").read_text())
    assert found["images_seen"] == 16
    for scores in found["rungs"].values():
        # No factors: these are no faces.
        assert scores.keys() == {*ladder.SCORES, "minutes"}
        for score in scores.values():
            assert np.isfinite([score["mean"], score["standard_deviation"]]).all()
    with Image.open(tmp_path / "ladder" / "ladder.png") as picture:
        assert picture.width > 100


@pytest.mark.parametrize("resolution", [32, 64])
def test_every_rung_plays_on_images_of_the_size(resolution):
    found = ladder.rungs_for(resolution, 10)
    assert tuple(found) == ladder.PRESETS["laptop"].rungs
    for name, (record, model) in found.items():
        if name == "biggan":
            model = dataclasses.replace(model, classes=2)  # of the data
        shape = generator.image_shape(record, model)
        assert shape == (resolution, resolution, 3)


@pytest.mark.parametrize("change", [{"rungs": ("san", "san")}, {"seeds": (1, 1)}])
def test_nothing_is_trained_twice(change):
    with pytest.raises(ValueError, match="each once"):
        dataclasses.replace(ladder.PRESETS["laptop"], **change)


def test_a_model_of_classes_is_refused_before_anything_is_trained(
    tmp_path, monkeypatch, capsys
):
    np.savez(tmp_path / "set.npz", images=np.zeros((24, 32, 32, 3), np.uint8))
    argv = ["--data", f"npz:{tmp_path / 'set.npz'}", "--workdir", tmp_path / "ladder"]
    assert call(ladder, argv, monkeypatch) == 2
    said = capsys.readouterr().err
    assert "has no labels, but biggan is told of classes: leave it out" in said
    assert " training  " not in said
