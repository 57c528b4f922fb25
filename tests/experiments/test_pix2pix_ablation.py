"""The table of the losses of pix2pix, from runs that are only pretended."""

import json

import numpy as np
import pytest
from commands import call

from experiments import pix2pix_ablation
from jaxgan import report
from jaxgan.lab import figures, translation
from jaxgan.lab.session import Result

LEVELS = {"l1": 40, "l1+cgan": 80}


@pytest.fixture
def pretended(monkeypatch):
    """Runs that leave a sheet of flat tiles: 10, the level of the loss, and 200."""

    def train(part, task, *, judge):
        assert (task, judge) == ("labels-to-portrait", True)
        level = LEVELS[part.model.loss]
        three = np.array([10, level, 200], np.uint8).reshape(1, 3, 1, 1, 1)
        tiles = np.tile(three, (6, 3, 8, 16, 3))
        path = part.run.workdir / "samples" / "pairs_0000002.png"
        report.save_png(path, report.sheet(tiles))
        found = {"pixel": level / 100, "class_": 0.5, "iou": 0.01 * part.run.seed}
        scores = {"output": found, "truth": {"pixel": 0.99, "class_": 0.9, "iou": 0.8}}
        errors = {"output": {"l1": 0.1}, "mean": {"l1": 0.2}}
        about = {"data": "people", "device": "cpu"}
        return Result({**about, "labels_found": scores, "errors": errors}, {})

    monkeypatch.setattr(translation, "train", train)


def test_losses_are_compared_over_seeds_and_beside_the_ceiling(
    pretended, tmp_path, monkeypatch, capsys
):
    seen = {}

    def save_rows(path, rows, names, about):
        seen.update(path=path, rows=rows, names=names)

    monkeypatch.setattr(figures, "save_rows", save_rows)
    argv = [
        *("--workdir", tmp_path / "out", "--losses", *LEVELS, "--seeds", 0, 2),
        *("--model.resolution", "8x16", "--model.patch", 16),
    ]
    assert call(pix2pix_ablation, argv, monkeypatch) == 0
    said = capsys.readouterr().err
    assert "l1+cgan    0.800 ± 0.000     0.500 ± 0.000     0.010 ± 0.014" in said
    assert "true       0.990             0.900             0.800" in said
    found = json.loads((tmp_path / "out" / "results.json").read_text())
    assert found["losses"]["l1"]["pixel"]["mean"] == 0.4
    assert found["ceiling"]["iou"] == 0.8
    assert seen["names"] == ["labels", "l1", "l1+cgan", "true"]
    assert seen["rows"].shape == (4, 6, 8, 16, 3)
    for level, row in zip((10, 40, 80, 200), seen["rows"], strict=True):
        assert (row == level).all()


def test_losses_are_given_once_each(tmp_path, monkeypatch, capsys):
    argv = ["--workdir", tmp_path / "out", "--losses", "l1", "l1"]
    assert call(pix2pix_ablation, argv, monkeypatch) == 2
    assert "--losses is ('l1', 'l1'); give one or more" in capsys.readouterr().err
