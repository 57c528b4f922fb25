"""InfoGAN on heads as a command, and how codes are compared with factors."""

import json

import jax
import numpy as np
import pytest
from commands import call
from PIL import Image

from experiments import infogan_faces
from experiments.infogan_faces import pictures, reading
from jaxgan.data.synthetic import heads
from jaxgan.lab import drawn
from jaxgan.models import infogan

TINY = [
    "--steps", 2, "--batch-size", 8, "--heads", 40, "--tests", 64, "--devices", 1,
    "--model.width", 2, "--model.hidden", 6, "--model.recogniser", 5, "--model.noise",
    4, "--model.continuous", 2, "--model.side", 16,
]  # fmt: skip


def drawn_heads(seed, count, size):
    """What `heads.heads` gives, without drawing heads."""
    rng = np.random.default_rng(seed)
    factors = {name: rng.uniform(-1, 1, count) for name in heads.VARIED}
    return {"image": rng.integers(0, 256, (count, size, size, 1), np.uint8), **factors}


@pytest.mark.slow
def test_a_run_leaves_what_codes_tell_and_their_pictures(tmp_path, monkeypatch):
    monkeypatch.setattr(heads, "heads", drawn_heads)
    monkeypatch.setattr(drawn, "once", lambda about, draw, *modules: draw())
    argv = [*TINY, "--workdir", tmp_path / "run"]
    assert call(infogan_faces, argv, monkeypatch) == 0
    found = json.loads((tmp_path / "run" / "results.json").read_text())["heads"]
    assert set(found["best"]) == set(heads.VARIED)
    for name, best in found["best"].items():
        ranks = found["correlations"][name]
        assert max(map(abs, ranks)) == abs(best["correlation"])
        assert ranks[best["code"] - 1] == best["correlation"]
    for name in ("sweeps.png", "codes.png"):
        with Image.open(tmp_path / "run" / name) as picture:
            assert min(picture.size) > 100


def test_the_code_that_follows_a_factor_is_found():
    rng = np.random.default_rng(0)
    factors = {name: rng.normal(size=4096) for name in heads.VARIED}
    noise = rng.normal(size=4096)
    codes = np.stack([noise, -np.exp(factors["pitch"])], axis=1)
    found = reading.measured(codes, factors)
    assert found["best"]["pitch"]["code"] == 2
    np.testing.assert_allclose(found["best"]["pitch"]["correlation"], -1)
    # All pairs are in 16 of 256 bins, and what independent numbers seem to tell is
    # taken off.
    told = np.log(16) - 225 / (2 * 4096)
    np.testing.assert_allclose(found["best"]["pitch"]["information"], told)
    assert max(found["information"]["yaw"]) < 0.02
    silent = reading.measured(np.zeros((4096, 1)), factors)
    assert silent["correlations"]["yaw"] == [0.0]


@pytest.mark.parametrize("correlation", [0.3, 0.7])
def test_information_of_gaussian_numbers_is_that_of_the_formula(correlation):
    first, noise = np.random.default_rng(0).normal(size=(2, 50_000))
    second = correlation * first + np.sqrt(1 - correlation**2) * noise
    expected = -0.5 * np.log(1 - correlation**2)
    found = reading.mutual_information(first, second)
    assert 0.93 * expected < found < 1.01 * expected  # bins hide a little


def test_a_sweep_changes_one_code_alone():
    model = infogan.Config(side=16, noise=3, categories=0, continuous=2)
    latents = pictures.sweeps(model, jax.random.key(0))
    assert latents.shape == (2, pictures.ROWS, 9, 5)
    noise, codes = infogan.split(model, latents.reshape(-1, 5))
    noise = np.asarray(noise).reshape(2, pictures.ROWS, 9, 3)
    assert (noise == noise[:1, :, :1]).all()
    assert len(np.unique(noise[0, :, 0], axis=0)) == pictures.ROWS
    codes = np.asarray(codes.continuous).reshape(2, pictures.ROWS, 9, 2)
    for number in range(2):
        swept, still = codes[number, :, :, number], codes[number, :, :, 1 - number]
        np.testing.assert_allclose(swept, np.tile(np.linspace(-2, 2, 9), (5, 1)))
        assert (still == still[:, :1]).all()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (["--model.categories", 10], "heads are grey and have no kinds"),
        (["--model.side", 30], "multiple of 4"),
        (["--model.side", 12], "16 pixels or more"),
        (["--model.continuous", 0], "at least one code"),
        (["--tests", 5], "tests"),
    ],
)
def test_what_cannot_be_is_refused(tmp_path, monkeypatch, capsys, changes, words):
    argv = [*TINY, "--workdir", tmp_path / "run", *changes]
    assert call(infogan_faces, argv, monkeypatch) == 2
    error = " ".join(capsys.readouterr().err.replace("│", " ").split())
    assert words in error
    assert not (tmp_path / "run").exists()
