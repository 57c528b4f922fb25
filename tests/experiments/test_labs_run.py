"""The laboratories as commands: points, the line, the bilinear game."""

import json
import re

import numpy as np
import pytest
from commands import call
from PIL import Image
from scipy import stats

from experiments import game_dynamics, gan_1d, gan_2d
from experiments.gan_1d import training
from jaxgan.data.synthetic import points
from jaxgan.lab import clouds
from jaxgan.train import Run

PLANE = [
    "--seeds", 3, "--points", 40, "--batch-size", 8, "--log-every", 1,
    "--sample-every", 2, "--checkpoint-every", 2, "--devices", 1,
    "--model.generator", 5, "--model.discriminator", 6, "--model.penalty", "none",
]  # fmt: skip


def results(path):
    return json.loads(path.read_text())


@pytest.mark.slow
def test_points_train_and_measure(tmp_path, monkeypatch, capsys):
    command = [*PLANE, "--data", "grid25", "--model.discriminator-steps", 2]
    run = tmp_path / "run"
    argv = [*command, "--workdir", run, "--steps", 4]
    assert call(gan_2d, argv, monkeypatch) == 0
    assert "of 3 seeds" in capsys.readouterr().err
    whole = results(run / "results.json")
    assert whole["modes_there"] == 25
    assert len(whole["modes"]["seeds"]) == 3
    assert whole["modes"]["mean"] == pytest.approx(np.mean(whole["modes"]["seeds"]))
    for name in ("kl_real_fake", "kl_fake_real"):
        assert np.shape(whole[name]["seeds"]) == (3, 2)
        assert np.isfinite(whole[name]["std"]).all()
    frames = sorted(p.name for p in (run / "samples").iterdir())
    assert frames == [f"frame_000000{s}.png" for s in (0, 2, 4)]
    rows = (run / "scalars.jsonl").read_text()
    assert rows.count('"samples/modes"') == 3
    assert rows.count('"discriminator/loss_std"') == 4
    with Image.open(run / "animation.gif") as animation:
        assert animation.n_frames > 1  # type: ignore[attr-defined]
    assert all((run / name).is_file() for name in ("samples.png", "curves.png"))


def test_each_seed_has_data_of_its_own_and_each_step_new_ones():
    run = Run(workdir=None, batch_size=4, seed=1)  # type: ignore[arg-type]
    feed = clouds.feed(points.ring(8), run, repeats=2, seeds=3)
    items = feed.items(5)
    batches = [np.asarray(feed.prepare((), next(items))["data"]) for _ in range(2)]
    assert batches[0].shape == (3, 2, 4, 2)
    everything = np.concatenate([b.reshape(-1, 2) for b in batches])
    assert len(np.unique(everything, axis=0)) == len(everything)
    again = np.asarray(feed.prepare((), next(feed.items(6)))["data"])
    np.testing.assert_array_equal(again, batches[1])
    single = clouds.feed(points.ring(8), run, repeats=1, seeds=3)
    assert single.prepare((), next(single.items(0)))["data"].shape == (3, 4, 2)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (["--model.loss", "quadratic"], "quadratic"),
        (["--data", "star"], "star"),
        (["--model.discriminator-steps", -1], "discriminator_steps is -1"),
        (["--model.dynamics", "extragradient"], "set order to simultaneous"),
        (["--model.data", 3], "--model.data is 3"),
        (["--seeds", 0], "--seeds is 0; it must be at least 1"),
        (["--points", 0], "--points is 0"),
    ],
)
def test_what_cannot_be_is_refused(tmp_path, monkeypatch, capsys, changes, words):
    argv = [*PLANE, "--workdir", tmp_path / "run", *changes]
    assert call(gan_2d, argv, monkeypatch) == 2
    error = " ".join(capsys.readouterr().err.split())
    assert re.search(words, error), error
    assert not (tmp_path / "run").exists()


def test_the_line_is_trained_and_drawn(tmp_path, monkeypatch, capsys):
    command = ["--steps", 20, "--batch-size", 16, "--workdir", tmp_path]
    command += ["--data", "mixture", "--frames", 2]
    command += ["--model.generator", 4, "--model.discriminator", 6]
    command += ["--model.discriminator-steps", 1, "--model.penalty", "none"]
    assert call(gan_1d, command, monkeypatch) == 0
    assert "tends to -log 4 = -1.3863" in capsys.readouterr().err
    found = results(tmp_path / "results.json")
    assert -np.log(4) <= found["c"] <= 0.001
    assert found["v"] <= found["c"] + 0.02  # the best D is the best
    assert (tmp_path / "evolution.png").is_file()
    assert (tmp_path / "animation.gif").is_file()


def test_the_value_of_the_game_at_equal_and_at_separate_densities():
    """-log 4 where fakes are the data and D is 1/2; near 0 where they are apart."""
    of = gan_1d.SETS["gaussian"]
    u = (np.arange(training.LATENTS) + 0.5) / training.LATENTS
    data = stats.norm(2.0, 0.6).ppf(u)
    seen = {
        "samples": np.stack([data, data * 0 - 2]).astype("float32"),
        "logits": np.zeros((2, len(training.GRID)), "float32"),
    }
    values = gan_1d.values(of, seen)
    np.testing.assert_allclose(values["c"], [-np.log(4), 0], atol=2e-3)
    np.testing.assert_allclose(values["v"], -np.log(4), atol=2e-3)
    np.testing.assert_allclose(values["d"], 0.5, atol=1e-3)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (["--steps", 0], "--steps is 0"),
        (["--model.latent", 2], "--model.latent is 2"),
        (["--model.loss", "wasserstein"], "not logits"),
        (["--model.discriminator-steps", -2], "discriminator_steps is -2"),
    ],
)
def test_wrong_flags_of_the_line(tmp_path, monkeypatch, capsys, changes, words):
    assert call(gan_1d, ["--workdir", tmp_path / "run", *changes], monkeypatch) == 2
    assert words in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "run").exists()


def test_dynamics_are_what_linear_algebra_says(tmp_path, monkeypatch):
    command = ["--steps", 400, "--workdir", tmp_path]
    assert call(game_dynamics, command, monkeypatch) == 0
    found = results(tmp_path / "dynamics.json")
    eta = 0.2
    expected = {
        "simultaneous": (1 + eta**2) ** 0.5,
        "alternating": 1.0,
        "k-steps": 1.0,
        "extragradient": (1 - eta**2 + eta**4) ** 0.5,
    }
    for play, factor in expected.items():
        assert found[play]["spectral_radius"] == pytest.approx(factor, abs=1e-6)
        assert found[play]["factor_a_step"] == pytest.approx(factor, abs=2e-3)
    optimistic = found["optimistic"]
    assert optimistic["spectral_radius"] < 0.99
    assert optimistic["factor_a_step"] == pytest.approx(
        optimistic["spectral_radius"], abs=1e-3
    )
    assert (tmp_path / "dynamics.png").is_file()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (["--k", -1], "--k is -1"),
        (["--steps", 1], "--steps is 1"),
        (["--learning-rate", 0], "--learning-rate is 0.0"),
        (["--play", "greedy"], "greedy"),
    ],
)
def test_wrong_flags_of_the_dynamics(tmp_path, monkeypatch, capsys, changes, words):
    argv = ["--workdir", tmp_path / "run", *changes]
    assert call(game_dynamics, argv, monkeypatch) == 2
    assert words in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "run").exists()
