"""DCGAN and the improved GAN side by side as a command, tiny."""

import json

import numpy as np
import pytest
from commands import call
from PIL import Image

from experiments import improved_gan_images
from jaxgan.lab import scored

TINY = [
    "--model.width", 2, "--model.generator-width", 2, "--model.kernels", 2,
    "--model.latent", 3, "--dcgan.width", 2, "--dcgan.latent", 3, "--batch-size", 4,
    "--devices", 1, "--constant", 1, "--evaluation.samples", 12, "--flip",
]  # fmt: skip


@pytest.fixture
def pictures():
    """60 pictures of three classes, each of one colour."""
    labels = np.arange(60) % 3
    images = np.random.default_rng(1).integers(0, 60, (60, 32, 32, 3), np.uint8)
    images[np.arange(60), :, :, labels] += 190
    return {"images": images, "labels": labels}


def run(tmp_path, held, monkeypatch, *flags):
    np.savez(tmp_path / "colours.npz", **held)
    words = [*TINY, "--data", tmp_path / "colours.npz", "--workdir", tmp_path / "both"]
    return call(improved_gan_images, [*words, *flags], monkeypatch)


def results(folder):
    return json.loads((folder / "results.json").read_text())


@pytest.mark.slow
def test_trains_both_goes_on_and_repeats_nothing(
    tmp_path, pictures, monkeypatch, capsys
):
    asked = []

    def score(record, part, judged, state):
        asked.append((record.paper, judged.fingerprint, int(state.step)))
        names = ("class_score", "confidence")
        return {f"{x}{y}": 0.5 for x in names for y in ("", "_of_test_images")}

    monkeypatch.setattr(scored, "score", score)
    assert run(tmp_path, pictures, monkeypatch, "--steps", 1) == 0
    assert "images to train" in capsys.readouterr().err
    both = tmp_path / "both"
    ended = both / "dcgan" / "results.json"
    written = ended.stat().st_mtime_ns
    (both / "improved_gan" / "results.json").unlink()
    assert run(tmp_path, pictures, monkeypatch, "--steps", 1) == 0
    said = capsys.readouterr().err
    assert ended.stat().st_mtime_ns == written
    assert "training  DCGAN" not in said
    assert run(tmp_path, pictures, monkeypatch, "--steps", 2) == 0
    # The same classifier names the samples of both.
    assert [(paper, step) for paper, _, step in asked] == [
        ("1511.06434", 1), ("1606.03498", 1), ("1606.03498", 1),
        ("1511.06434", 2), ("1606.03498", 2),
    ]  # fmt: skip
    assert len({fingerprint for _, fingerprint, _ in asked}) == 1
    found = results(both)
    assert found["steps"] == 2
    for name in ("dcgan", "improved_gan"):
        assert found["runs"][name]["fixed_features_frechet_distance"] > 0
        assert found["runs"][name]["confidence"] == 0.5
    with Image.open(both / "samples.png") as picture:
        assert picture.width > 1.5 * picture.height
        colours = np.asarray(picture)
    assert (colours[..., 0] != colours[..., 1]).any()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (["--dcgan.resolution", 64], "--dcgan.resolution is 64"),
        (["--model.channels", 1], "--model.channels 1; they must be 32 and 3"),
        (["--model.decay", 1, 2], "--model.decay is (1, 2); leave it out"),
        (["--constant", 1.5], "--constant is 1.5"),
    ],
)
def test_settings_that_cannot_be_are_refused(
    tmp_path, pictures, monkeypatch, capsys, changes, words
):
    assert run(tmp_path, pictures, monkeypatch, *changes) == 2
    assert words in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "both").exists()


@pytest.mark.parametrize(
    ("lacking", "words"),
    [
        ("labels", "has no labels; every image needs its class"),
        ("colours", "has grey images, and this command is for colour"),
    ],
)
def test_images_that_cannot_be_named_are_refused(
    tmp_path, pictures, monkeypatch, capsys, lacking, words
):
    if lacking == "labels":
        pictures.pop("labels")
    else:
        pictures["images"] = pictures["images"][..., :1]
    assert run(tmp_path, pictures, monkeypatch) == 2
    assert words in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "both").exists()


def test_shifts_are_refused_before_anything_is_trained(
    tmp_path, pictures, monkeypatch, capsys
):
    assert run(tmp_path, pictures, monkeypatch, "--shift", 2) == 2
    assert "--shift is 2" in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "both").exists()
