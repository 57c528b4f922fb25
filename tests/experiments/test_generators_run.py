"""Autoencoders, D alone and the study of latents as commands, tiny."""

import json
import re

import jax
import numpy as np
import pytest
from commands import call
from PIL import Image

from experiments import autoencoder_mnist, discriminator_only, latent_study
from experiments.autoencoder_mnist import codes, edits
from experiments.discriminator_only import digits, rounds
from experiments.latent_study import networks, tables
from jaxgan import game
from jaxgan.lab.judges import classifier as lab_classifier
from jaxgan.lab.judges import scores
from jaxgan.models import classifier


@pytest.fixture(scope="module")
def bars(tmp_path_factory):
    """An npz of 60 labelled pictures with three crosses' worth of ink each."""
    path = tmp_path_factory.mktemp("data") / "bars.npz"
    labels = np.arange(60) % 10
    images = np.zeros((60, 28, 28), np.uint8)
    for image, label in zip(images, labels, strict=True):
        image[8:20, 7 + label : 11 + label] = 250
    np.savez(path, images=images, labels=labels)
    return path


@pytest.fixture(autouse=True)
def judged(monkeypatch):
    """A classifier that was not trained: its scores are numbers, which is enough."""
    config = classifier.Config(width=2, hidden=4)
    run = game.algorithm(classifier.game(config))
    batch = {"image": np.zeros((2, 28, 28, 1), "f"), "label": np.zeros(2, "i")}
    made = []

    def trained(sets):
        del sets
        if not made:
            state = jax.jit(run.init)(jax.random.key(0), batch)
            made.append(
                lab_classifier.Classifier(
                    config, game.variables(state), accuracy=0.1, tested=10
                )
            )
        return made[0]

    monkeypatch.setattr(lab_classifier, "trained", trained)


def results(folder):
    return json.loads((folder / "results.json").read_text())


def refused(module, command, monkeypatch, capsys, words):
    assert call(module, command, monkeypatch) == 2
    error = " ".join(capsys.readouterr().err.split())
    assert re.search(words, error), error


# --- autoencoders --------------------------------------------------------------------

CODES = [
    "--autoencoder.hidden", 4, "--vae.hidden", 4, "--critic.width", 2,
    "--critic.hidden", 4, "--critic.latent", 3, "--steps", 2, "--critic-steps", 1,
    "--batch-size", 8, "--devices", 1,
]  # fmt: skip


@pytest.mark.slow
def test_autoencoders_are_trained_measured_and_drawn(tmp_path, bars, monkeypatch):
    monkeypatch.setattr(codes, "SCORED", 20)
    monkeypatch.setattr(scores, "score", lambda *_: {"mnist_score": 1.0})
    monkeypatch.setattr(codes, "DRAWS", 1)
    command = [*CODES, "--data", f"npz:{bars}", "--workdir", tmp_path]
    assert call(autoencoder_mnist, command, monkeypatch) == 0
    found = results(tmp_path)
    assert found["vae"]["bound"] < 0 <= found["vae"]["divergence"]
    assert found["edits"]["digits"] == 10
    assert found["edits"]["squared_error_of_one_stray_pixel"] == pytest.approx(1)
    assert found["edits"]["squared_error_of_six_at_a_stroke"] == pytest.approx(6)
    assert found["edits"]["squared_error_prefers_the_stray_pixel"] == 1
    for name in ("grids.png", "codes.png", "pixels.png"):
        with Image.open(tmp_path / name) as image:
            assert image.width > 800


def test_the_edits_are_one_stray_pixel_and_six_at_a_stroke():
    image = np.zeros((28, 28, 1), np.float32)
    image[10:20, 13:15] = 1
    rng = np.random.default_rng(0)
    for _ in range(5):
        edited = edits.edit(image, rng)
        assert edited is not None
        ((y, x),) = np.argwhere((edited[0] != image)[..., 0])
        # At least three pixels away, in rows or in columns; and near.
        assert max(10 - y, y - 19, 13 - x, x - 14) == 3
        six = np.argwhere((edited[1] != image)[..., 0])
        assert len(six) == 6
        assert all(max(10 - y, y - 19, 13 - x, x - 14) == 1 for y, x in six)
        assert np.ptp(six, axis=0).max() <= 6
        strays = np.argwhere((edited[2] != image)[..., 0])
        assert len(strays) == 6
        assert all(max(10 - y, y - 19, 13 - x, x - 14) == 3 for y, x in strays)
    assert edits.edit(np.zeros((28, 28, 1)), rng) is None


def test_the_grids_are_quantiles():
    grid = codes.grid("vae", np.zeros((3, 2)))
    assert grid.shape == (15, 15, 2)
    np.testing.assert_allclose(grid[7, 7], 0, atol=1e-6)
    np.testing.assert_allclose(grid[0, -1], 1.8808, atol=1e-3)  # 0.97 of N(0, 1)
    known = np.stack([np.arange(101.0), 1000 - np.arange(101.0)], -1)
    grid = codes.grid("autoencoder", known)
    np.testing.assert_allclose(grid[0, 0], [3, 997], rtol=1e-5)
    np.testing.assert_allclose(grid[-1, -1], [97, 903], rtol=1e-5)


def test_codes_that_cannot_be_drawn_are_refused(tmp_path, bars, monkeypatch, capsys):
    command = [*CODES, "--data", f"npz:{bars}", "--workdir", tmp_path]
    command += ["--vae.code", 3]
    refused(autoencoder_mnist, command, monkeypatch, capsys, "--vae has codes of 3")


# --- D alone -------------------------------------------------------------------------

ALONE = [
    "--plane.hidden", 6, "--plane.round-steps", 2, "--plane.negatives", 4,
    "--plane.rounds-kept", 2, "--plane.ascent-steps", 3, "--digits.width", 2,
    "--digits.hidden", 4, "--digits.round-steps", 1, "--digits.negatives", 16,
    "--digits.rounds-kept", 2, "--digits.ascent-steps", 2, "--batch-size", 8,
    "--devices", 1,
]  # fmt: skip


def test_rounds_are_played_and_drawn(tmp_path, bars, monkeypatch):
    command = [*ALONE, "--data", f"npz:{bars}", "--workdir", tmp_path]
    command += ["--plane-rounds", 4, "--digit-rounds", 2]
    assert call(discriminator_only, command, monkeypatch) == 0
    found = results(tmp_path)
    assert found["plane"]["rounds"] == 4
    assert found["digits"]["rounds"] == 2
    for name in ("plane.png", "rounds.png", "digits.png"):
        assert (tmp_path / name).is_file()


def test_peaks_are_local_maxima():
    place = np.linspace(-3, 3, 41)
    x, y = np.meshgrid(place, place)
    bump = lambda a, b, high: high * np.exp(-8 * ((x - a) ** 2 + (y - b) ** 2))  # noqa: E731
    landscape = bump(-1.5, 0, 1) + bump(1.5, 1.5, 2)
    found = {(place[j], place[i]) for i, j in rounds.peaks(landscape)}
    assert len(found) == 2
    for near in ((-1.5, 0), (1.5, 1.5)):
        assert min(np.hypot(a - near[0], b - near[1]) for a, b in found) < 0.2
    assert not len(rounds.peaks(np.zeros((9, 9))))


def test_a_sheet_gives_its_tiles_back():
    from jaxgan import report

    images = np.random.default_rng(0).integers(0, 256, (6, 28, 28, 1), np.uint8)
    sheet = report.sheet(images, 3)[..., 0]
    np.testing.assert_array_equal(digits.tiles(sheet, 28, 28, 1)[:6], images)


def test_other_shapes_are_refused(tmp_path, monkeypatch, capsys):
    command = [*ALONE, "--workdir", tmp_path, "--plane.shape", 3]
    words = r"--plane.shape is \(3,\)"
    refused(discriminator_only, command, monkeypatch, capsys, words)


# --- latents -------------------------------------------------------------------------

STUDY = [
    "--model.width", 2, "--model.discriminator", 2, 2, "--model.hidden", 3,
    "--model.latent", 4, "--few", 2, "--large", 2, "--steps", 2, "--large-steps", 2,
    "--batch-size", 8, "--devices", 1,
]  # fmt: skip


@pytest.mark.slow
def test_the_study_trains_each_network_once(tmp_path, bars, monkeypatch, capsys):
    for name in ("LOOKED_AT", "SCORED"):
        monkeypatch.setattr(networks, name, 50)
    every = latent_study.parts

    def parts(config):
        rows = every(config)
        assert list(rows) == ["z of 4", "z of 2", "G before D", "2 times as wide"]
        return {"z of 4": rows["z of 4"]}

    monkeypatch.setattr(latent_study, "parts", parts)
    noises = list(networks.NOISES.items())
    few = dict([noises[0], noises[4]])
    monkeypatch.setattr(networks, "NOISES", few)
    monkeypatch.setattr(tables, "NOISES", few)
    command = [*STUDY, "--data", f"npz:{bars}", "--workdir", tmp_path]
    assert call(latent_study, command, monkeypatch) == 0
    assert capsys.readouterr().err.count("training  ") == 1
    found = results(tmp_path)
    noises = found["networks"]["z of 4"]["noises"]
    assert list(noises) == list(networks.NOISES)
    # The batch's own statistics take out shift and scale of the noise.
    shifted = noises["uniform, shifted by 2"]["batch"]["pairwise_distance"]
    assert shifted == pytest.approx(
        noises["uniform on [-1, 1]"]["batch"]["pairwise_distance"], rel=1e-2
    )
    table = (tmp_path / "table.md").read_text()
    assert table.count("\n| ") == 2 + 1 + 2 * len(noises)
    picture = (tmp_path / "latent_study.png").read_bytes()
    assert call(latent_study, command, monkeypatch) == 0
    assert "training  " not in capsys.readouterr().err
    assert (tmp_path / "latent_study.png").read_bytes() == picture


def test_the_networks_differ_where_they_should():
    rows = latent_study.parts(latent_study.PRESETS["laptop"])
    first, few, order, large = rows.values()
    assert (first.model.latent, few.model.latent) == (100, 10)
    assert order.model == first.model
    assert [m.players for m in networks.ordered_game(first).moves] == [
        ("discriminator",), ("generator",)
    ]  # fmt: skip
    assert [m.players for m in networks.ordered_game(order).moves] == [
        ("generator",), ("discriminator",)
    ]  # fmt: skip
    assert large.model.width == 4 * first.model.width
    assert large.model.hidden == 4 * first.model.hidden


def test_labels_and_other_latents_are_refused(tmp_path, monkeypatch, capsys):
    for flags, words in (
        (["--model.classes", 10], "--model.classes is 10"),
        (["--model.latent-distribution", "normal"], "trains on uniform"),
    ):
        command = [*STUDY, *flags, "--workdir", tmp_path]
        refused(latent_study, command, monkeypatch, capsys, words)
