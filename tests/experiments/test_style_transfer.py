"""Styles of portraits as a command, on a GAN-CLS that has just begun."""

import json

import numpy as np
import pytest
from commands import call
from PIL import Image
from test_stackgan_run import Judge, drawn
from test_text_to_faces_run import TINY

from experiments import style_transfer, text_to_faces
from jaxgan.data.synthetic import faces
from jaxgan.lab.judges import attributes


@pytest.mark.slow
def test_styles_are_found_and_given_to_captions(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(faces, "dataset", drawn)
    monkeypatch.setattr(attributes, "trained", Judge)
    run, out = tmp_path / "run", tmp_path / "out"
    assert (
        call(text_to_faces, [*TINY, "--workdir", run, "--no-judge"], monkeypatch) == 0
    )
    argv = ["--run", run, "--workdir", out, "--steps", 2, "--batch-size", 4]
    argv += ["--width", 2, "--tests", 20]
    assert call(style_transfer, argv, monkeypatch) == 0
    found = json.loads((out / "results.json").read_text())
    assert found["explained"] < 0.5  # two steps find nothing
    assert 0 <= found["same wall"] <= 1
    assert 0 <= found["wall kept"] <= 1
    with Image.open(out / "styles.png") as image:
        assert min(image.size) > 300


def test_the_area_under_the_curve_is_the_share_of_pairs_in_order():
    rng = np.random.default_rng(0)
    styles, kind = rng.normal(size=(30, 5)), rng.integers(0, 3, 30)
    unit = styles / np.linalg.norm(styles, axis=1, keepdims=True)
    pairs = [
        (unit[i] @ unit[j], kind[i] == kind[j]) for i in range(30) for j in range(i)
    ]
    same = np.array([x for x, alike in pairs if alike])
    not_same = np.array([x for x, alike in pairs if not alike])
    wanted = (same[:, None] > not_same[None]).mean()
    assert style_transfer.same_style(styles, kind) == pytest.approx(wanted)
    assert (
        style_transfer.same_style(np.eye(3)[[0, 0, 1, 2]], np.array([1, 1, 2, 0])) == 1
    )


def test_other_runs_are_refused(tiny_run, monkeypatch, capsys):
    assert call(style_transfer, ["--run", tiny_run], monkeypatch) == 2
    assert "is a run of dcgan; give one of text_to_faces" in " ".join(
        capsys.readouterr().err.replace("│", " ").split()
    )
