"""LAPGAN as a command: level by level, with the best states, and again for nothing."""

import json

import numpy as np
import pytest
from commands import call
from PIL import Image

from experiments import lapgan_faces, sample

TINY = [
    "--model.sizes", 4, 9, "--model.hidden", 5, "--model.discriminator-hidden", 4,
    "--model.width", 2, "--model.kernels", 3, 3, "--model.classes", "None",
    "--shares", 1, 0.5, "--parzen.images", 3, "--parzen.draws", 2, "--devices", 1,
    "--steps", 4, "--batch-size", 8, "--log-every", 1, "--sample-every", 2,
    "--checkpoint-every", 2, "--evaluate-every", 1,
]  # fmt: skip


@pytest.mark.slow
def test_trains_level_after_level_on_classes_and_draws_them(
    tmp_path, bars, monkeypatch, capsys
):
    command = [*TINY, "--data", f"npz:{bars}", "--model.channels", 1]
    command += ["--workdir", tmp_path]
    assert call(lapgan_faces, command, monkeypatch) == 0
    said = capsys.readouterr().err
    assert "LAPGAN, level4, 4 steps" in said
    assert "LAPGAN, level9, 2 steps" in said
    found = json.loads((tmp_path / "results.json").read_text())
    assert found["runs"].keys() == {"level4", "level9"}
    assert np.isfinite(found["runs"]["level9"]["distance_to_data"])
    assert (tmp_path / "level4" / "best").is_dir()
    with Image.open(tmp_path / "coarse_to_fine.png") as strip:
        assert strip.width > strip.height > 0
    before = (tmp_path / "coarse_to_fine.png").read_bytes()
    assert call(lapgan_faces, command, monkeypatch) == 0
    assert " training  " not in capsys.readouterr().err
    assert (tmp_path / "coarse_to_fine.png").read_bytes() == before
    drawn = ["--run", tmp_path / "level9", "--count", 3]
    assert call(sample, drawn, monkeypatch) == 0


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--shares", "1"], "--shares is"),
        (["--model.levels", "4"], "--model.levels is"),
        (["--model.sizes", "9", "4"], "sides that grow"),
    ],
)
def test_settings_that_do_not_fit_are_refused(flags, message, monkeypatch, capsys):
    assert call(lapgan_faces, [*TINY, *flags], monkeypatch) == 2
    error = " ".join(capsys.readouterr().err.replace("│", " ").split())
    assert message in error
