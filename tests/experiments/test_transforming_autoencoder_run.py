"""The transforming auto-encoder as a command, and how its lines are fitted."""

import json

import numpy as np
import pytest
from commands import call

from experiments import transforming_autoencoder
from experiments.transforming_autoencoder import measuring


@pytest.fixture(scope="module")
def squares(tmp_path_factory):
    """An npz of 30 pictures without labels."""
    path = tmp_path_factory.mktemp("data") / "squares.npz"
    images = np.zeros((30, 12, 12), np.uint8)
    for i, image in enumerate(images):
        image[3 + i % 4 : 7 + i % 4, 4 : 8 + i % 3] = 255
    np.savez(path, images=images)
    return path


@pytest.mark.slow
def test_trains_and_measures(tmp_path, squares, monkeypatch):
    command = [
        "--data", f"npz:{squares}", "--workdir", tmp_path, "--steps", 4,
        "--batch-size", 8, "--sample-every", 2, "--checkpoint-every", 2,
        "--log-every", 2, "--model.resolution", 12, "--model.capsules", 6,
        "--shift", 4,
    ]  # fmt: skip
    assert call(transforming_autoencoder, command, monkeypatch) == 0
    seen = json.loads((tmp_path / "results.json").read_text())
    assert seen["data"].startswith(f"npz:{squares}: 25 images to train, 5 to test")
    assert seen["largest shift"] == 4
    assert 1 <= seen["active capsules"] <= 6
    for axis in ("rows", "columns"):
        low, middle, high = (
            seen[f"slope of {axis}"][name]
            for name in ("lower quartile", "median", "upper quartile")
        )
        assert low <= middle <= high
    for picture in ("rows.png", "poses.png", "fields.png", "curves.png"):
        assert (tmp_path / picture).is_file()
    assert len(list((tmp_path / "samples").glob("shifted_*.png"))) == 3


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (["--shift", 0], "--shift is 0"),
        (["--model.transform", "affine"], "only shifts"),
        (["--model.capsules", 0], "capsules is 0"),
    ],
)
def test_what_cannot_be_is_refused(
    tmp_path, squares, monkeypatch, capsys, changes, words
):
    command = ["--data", f"npz:{squares}", "--workdir", tmp_path, *changes]
    assert call(transforming_autoencoder, command, monkeypatch) == 2
    assert words in " ".join(capsys.readouterr().err.split())


def test_lines_weigh_their_points():
    x = np.linspace(-1, 1, 21)[:, None].repeat(2, 1)
    y = np.stack([2 * x[:, 0] + 3, 0.5 * x[:, 1] - 1], 1)
    weight = np.ones_like(x)
    y[-1], weight[-1] = 50.0, 0.0  # a point that does not count
    slope, offset, correlation = measuring.line(x, y, weight)
    np.testing.assert_allclose(slope, [2, 0.5], rtol=1e-6)
    mean = x[:-1, 0].mean()
    np.testing.assert_allclose(offset, [mean + 3, -0.5 * mean - 1], rtol=1e-6)
    np.testing.assert_allclose(correlation, 1, rtol=1e-6)
