"""Known damage: that it is what it says, and that the command reports it."""

import json

import numpy as np
import pytest
import scipy.ndimage
from commands import call

from experiments import metric_sanity
from experiments.metric_sanity import damage


def test_noise_has_its_deviation_and_stays_within_bytes():
    grey = np.full((4, 50, 50, 1), 128, np.uint8)
    noisy = damage.noisy(grey, 8.0, np.random.default_rng(0))
    assert noisy.dtype == np.uint8
    np.testing.assert_allclose(noisy.std(), 8, rtol=0.05)
    white = damage.noisy(255 * (grey > 0), 30.0, np.random.default_rng(0))
    assert white.min() < 200
    assert white.max() == 255
    np.testing.assert_array_equal(
        damage.noisy(grey, 0.0, np.random.default_rng(0)), grey
    )


@pytest.mark.parametrize("channels", [1, 3])
def test_blur_is_that_of_scipy(channels):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (2, 24, 24, channels), np.uint8)
    soft = damage.blurred(images, 2.0)
    assert soft.shape == images.shape
    expected = scipy.ndimage.gaussian_filter(images.astype(float), (0, 2, 2, 0))
    inside = np.s_[:, 6:-6, 6:-6]  # borders are a matter of taste
    # Pillow's blur is three boxes, which come near to a Gaussian.
    assert np.abs(soft[inside] - expected[inside]).mean() < 2
    assert damage.blurred(images, 0) is images


def test_modes_are_classes_or_tenths_by_brightness():
    images = np.arange(40, dtype=np.uint8)[::-1, None, None, None]
    modes = damage.modes_of(images, None)
    assert np.bincount(modes).tolist() == [4] * 10
    assert (np.diff(modes) <= 0).all()
    labels = np.arange(40) % 3
    assert damage.modes_of(images, labels) is labels


@pytest.mark.slow
def test_the_command_draws_and_writes(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    smooth = rng.integers(0, 256, (60, 3, 3, 3), np.uint8).repeat(4, 1).repeat(4, 2)
    np.savez(tmp_path / "photos.npz", images=smooth)
    argv = ["--data", f"npz:{tmp_path / 'photos.npz'}", "--subset-size", 10]
    argv += ["--subsets", 4, "--batch-size", 30, "--workdir", tmp_path / "out"]
    assert call(metric_sanity, argv, monkeypatch) == 0
    assert (tmp_path / "out" / "sanity.png").stat().st_size > 10_000
    (found,) = json.loads((tmp_path / "out" / "results.json").read_text())[
        "sets"
    ].values()
    for kind in ("noise", "blur", "modes kept"):
        first, *_, last = found[kind]
        assert last["kernel"] > first["kernel"] + first["kernel_spread"]
        assert last["frechet"] > first["frechet"]
    collapsed, *_, whole = found["different images"]
    assert collapsed["strength"] == 1
    assert collapsed["recall"] == 0
    assert collapsed["precision"] == 1
    assert whole["recall"] > 0.5


def test_wrong_flags_are_one_sentence(tmp_path, monkeypatch, capsys):
    assert call(metric_sanity, ["--count", 10, "--workdir", tmp_path], monkeypatch) == 2
    assert "--count is 10" in capsys.readouterr().err
