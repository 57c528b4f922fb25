"""The curve of truncation: numbers for each threshold, and two pictures."""

import json

import numpy as np
import pytest
from commands import call
from PIL import Image

from experiments import truncation_curve
from jaxgan.lab import inference


@pytest.mark.slow
def test_every_threshold_has_its_numbers(tiny_run, untouched, tmp_path, monkeypatch):
    before = untouched(tiny_run)
    argv = ["--run", tiny_run, "--workdir", tmp_path, "--count", 12]
    argv += ["--thresholds", 2, 0.5, "--extractor", "random"]
    assert call(truncation_curve, argv, monkeypatch) == 0
    found = json.loads((tmp_path / "results.json").read_text())
    assert [row["threshold"] for row in found["rows"]] == [0.5, 2, None]
    for row in found["rows"]:
        assert row.keys() == {"threshold", *truncation_curve.SHOWN}
        assert all(np.isfinite(row[name]) for name in truncation_curve.SHOWN)
    for name in ("truncation", "sheet"):
        with Image.open(tmp_path / f"{name}.png") as picture:
            assert picture.width > picture.height > 0
    assert untouched(tiny_run) == before


def test_latents_that_are_not_gaussian_are_refused(
    tiny_run, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(inference, "are_gaussian", lambda trained: False)
    argv = ["--run", tiny_run, "--workdir", tmp_path, "--count", 12]
    assert call(truncation_curve, argv, monkeypatch) == 2
    assert "truncation is for Gaussian" in capsys.readouterr().err
