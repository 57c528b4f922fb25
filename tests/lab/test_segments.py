"""The segmenter of drawn faces: scores by arithmetic, trained once and then kept."""

import numpy as np
import pytest

from jaxgan.data.synthetic import faces
from jaxgan.lab.judges import segments


def test_scores_are_those_of_arithmetic():
    truth = np.array([[[0, 0, 0, 1], [1, 2, 2, 0]]])
    found = np.array([[[0, 0, 1, 1], [1, 2, 0, 3]]])
    score = segments.score(truth, found, 5)
    np.testing.assert_allclose(score.pixel, 5 / 8)
    np.testing.assert_allclose(score.class_, np.mean([2 / 4, 2 / 2, 1 / 2]))
    # Class 3 is found where it is not; class 4 is nowhere and does not count.
    expected = np.mean([2 / 5, 2 / 3, 1 / 2, 0])
    np.testing.assert_allclose(score.iou, expected)
    assert segments.score(truth, truth, 5) == (1, 1, 1)


def test_colours_that_are_nearly_a_label_s_are_named_by_it():
    label = np.arange(10, dtype=np.uint8).reshape(1, 2, 5)
    picture = np.clip(faces.COLOURS[label] + np.array([9, -9, 9]), 0, 255)
    np.testing.assert_array_equal(segments.nearest(picture.astype(np.uint8)), label)


def pretended(seed, count, size, *, view, aligned=False):
    """Noise whose pixels are as bright as the colour of their label."""
    rng = np.random.default_rng([seed, aligned])
    label = rng.integers(0, 2, (count, 2, 2)).repeat(size // 2, 1).repeat(size // 2, 2)
    if view == "labels":
        return {"image": faces.COLOURS[4 * label]}
    noise = rng.integers(0, 40, (count, size, size, 3))
    return {"image": (200 * label[..., None] + noise).astype(np.uint8)}


def test_is_trained_once_and_kept(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(faces, "dataset", pretended)
    for name, value in (("COUNT", 32), ("TESTED", 10), ("STEPS", 60), ("BATCH", 8)):
        monkeypatch.setattr(segments, name, value)
    monkeypatch.setattr(segments, "BLOCK", 8)
    made = segments.trained(16)
    assert "training the segmenter" in capsys.readouterr().err
    assert made.quality.pixel > 0.9
    monkeypatch.setattr(segments, "_train", None)  # what is kept needs no training
    found = segments.trained(16)
    assert capsys.readouterr().err == ""
    np.testing.assert_allclose(found.quality, made.quality)
    test = pretended(segments.SEEDS[1], 10, 16, view="portrait")["image"]
    np.testing.assert_array_equal(found.labels(test), made.labels(test))
    with pytest.raises(ValueError, match=r"expected uint8 \[N, 16, 16, 3\]"):
        found.labels(test[:, :8])
