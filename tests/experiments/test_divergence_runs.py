"""Wasserstein, least-squares, f- and relativistic GANs as commands: train, refuse."""

import json
import re

import numpy as np
import pytest
import scipy.optimize
from commands import call

from experiments import (
    fgan_1d,
    fgan_mnist,
    lsgan_mnist,
    r3gan_mnist,
    wgan_gp_mnist,
    wgan_mnist,
)
from experiments.fgan_1d import exact, fitting
from jaxgan import losses
from jaxgan.lab import scored
from jaxgan.models import fgan, lsgan, r3gan, wgan, wgan_gp

DIGITS = {
    wgan_mnist: (wgan, wgan.Config),
    wgan_gp_mnist: (wgan_gp, wgan_gp.ImageConfig),
    lsgan_mnist: (lsgan, lsgan.Config),
    r3gan_mnist: (r3gan, r3gan.Config),
    fgan_mnist: (fgan, fgan.Config),
}
TINY = [
    "--batch-size", 8, "--log-every", 1, "--sample-every", 2, "--checkpoint-every", 1,
    "--model.latent", 2, "--devices", 1,
]  # fmt: skip


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """An npz of 24 small pictures without labels, on which nothing is scored."""
    path = tmp_path_factory.mktemp("data") / "pictures.npz"
    images = np.random.default_rng(0).integers(0, 256, (24, 28, 28), np.uint8)
    np.savez(path, images=images)
    return path


@pytest.mark.parametrize("experiment", DIGITS, ids=lambda module: module.__name__)
def test_presets_are_of_the_model_and_flags_reach_it(experiment, monkeypatch):
    trained = []
    monkeypatch.setattr(scored, "train", lambda *args, **kwargs: trained.append(args))
    module, kind = DIGITS[experiment]
    for preset, made in experiment.PRESETS.items():
        command = ["--preset", preset, "--model.latent", 7, "--steps", 3]
        assert call(experiment, command, monkeypatch) == 0
        _, given, config = trained.pop()
        assert given is module.MODEL
        assert isinstance(config.model, kind)
        assert (config.model.latent, config.run.steps) == (7, 3)
        assert config.preset == made.preset == preset
    # The last preset is the paper's: but for the average, which is for pictures.
    assert made.model in (kind(), kind(ema=0.999))


def test_an_fgan_is_trained_and_tells_real_from_generated(
    tmp_path, pictures, monkeypatch
):
    command = [*TINY, "--model.hidden", 4, "--model.variational", 4, "--steps", 2]
    command += ["--data", f"npz:{pictures}", "--model.divergence", "reverse_kl"]
    command += ["--workdir", tmp_path]
    assert call(fgan_mnist, command, monkeypatch) == 0
    sheets = {p.name for p in (tmp_path / "samples").iterdir()}
    assert {"ema_0000002.png", "raw_0000002.png"} <= sheets
    rows = (tmp_path / "scalars.jsonl").read_text().splitlines()
    assert np.isfinite([json.loads(row)["discriminator/loss"] for row in rows]).all()
    results = json.loads((tmp_path / "results.json").read_text())
    assert results["model"] == "f-GAN, reverse_kl"
    for kind in ("real", "generated"):
        assert 0 <= results[f"{kind}_taken_for_data"] <= 1
    assert "f-GAN, reverse_kl" in (tmp_path / "report.html").read_text()


def test_a_critic_that_moves_more_often_gets_its_minibatches(
    tmp_path, pictures, monkeypatch
):
    command = [*TINY, "--model.width", 1, "--model.hidden", 2, "--steps", 1]
    command += ["--model.critic-steps", 2, "--data", f"npz:{pictures}"]
    assert call(wgan_mnist, [*command, "--workdir", tmp_path], monkeypatch) == 0
    (row,) = (tmp_path / "scalars.jsonl").read_text().splitlines()
    assert np.isfinite(json.loads(row)["discriminator/loss"])


@pytest.mark.parametrize(
    ("experiment", "flags", "words"),
    [
        (wgan_mnist, ["--model.critic-steps", -2], "critic_steps is -2.*at least 1"),
        (wgan_gp_mnist, ["--model.critic-steps", 0], "critic_steps is 0.*at least 1"),
        (wgan_gp_mnist, ["--model.penalty", -1], r"penalty is -1\.0"),
        (r3gan_mnist, ["--model.gamma", -1], r"gamma is -1\.0"),
        (fgan_mnist, ["--model.divergence", "jeffrey"], "jeffrey"),
        (fgan_1d, ["--seeds", 0], "--seeds is 0; it must be at least 1"),
        (fgan_1d, ["--batch-size", -4], "--batch-size is -4"),
        (fgan_1d, ["--learning-rate", 0], r"--learning-rate is 0\.0"),
    ],
)
def test_what_cannot_be_is_refused(
    tmp_path, monkeypatch, capsys, experiment, flags, words
):
    command = [*flags, "--workdir", tmp_path / "run"]
    assert call(experiment, command, monkeypatch) == 2
    said = capsys.readouterr()
    assert re.search(words, " ".join((said.err + said.out).split()))
    assert not (tmp_path / "run").exists()


def test_integrals_are_those_of_the_table_of_divergences():
    mean, deviation = np.array(0.3), np.array(1.5)
    x = np.linspace(-8, 9, 4001)
    p = np.exp(exact.log_data(x))
    q = np.exp(exact.log_normal(0.3, 1.5, x))
    for name in fitting.TITLES:
        if name == "neyman":  # 1.5 is too wide for its integral
            continue
        f = losses.f_divergence(name).generator
        expected = np.trapezoid(q * np.asarray(f((p / q).astype("float32"))), x)
        found = exact.divergence(name, mean, deviation)
        np.testing.assert_allclose(found, expected, rtol=2e-3, err_msg=name)
    narrow = exact.divergence("neyman", mean, np.array(0.8))
    q = np.exp(exact.log_normal(0.3, 0.8, x))
    np.testing.assert_allclose(narrow, np.trapezoid((p - q) ** 2 / p, x), rtol=1e-6)


def test_integrals_that_do_not_exist_are_infinite():
    # The widest component has deviation 0.9; see the tails of p^2 / q and q^2 / p.
    edge = 0.9 * 2**0.5
    deviation = np.array([0.9 / 2**0.5 - 1e-3, 0.9, edge + 1e-3])
    mean = np.zeros(3)
    pearson = exact.divergence("pearson", mean, deviation)
    assert np.isinf(pearson).tolist() == [True, False, False]
    neyman = exact.divergence("neyman", mean, deviation)
    assert np.isinf(neyman).tolist() == [False, False, True]


def test_minimisers_are_minima():
    found = exact.minimisers()
    # KL: the moments of the data.
    mean = 0.7 * -0.8 + 0.3 * 1.4
    square = 0.7 * (0.5**2 + 0.8**2) + 0.3 * (0.9**2 + 1.4**2)
    np.testing.assert_allclose(
        found["kl"], (mean, (square - mean**2) ** 0.5), atol=1e-4
    )
    for name in ("reverse_kl", "pearson", "neyman", "squared_hellinger"):
        best = scipy.optimize.minimize(
            lambda at, name=name: float(exact.divergence(name, *at[:, None])[0]),
            np.add(found[name], 0.02),
            method="Nelder-Mead",
            options={"xatol": 1e-5, "fatol": 1e-9},
        )
        np.testing.assert_allclose(found[name], best.x, atol=1e-3, err_msg=name)
    assert found["gan"] == pytest.approx(found["jensen_shannon"], abs=1e-3)
    # What the experiment is to show: which divergence covers, and which one seeks.
    deviation = {name: at[1] for name, at in found.items()}
    assert deviation["neyman"] < deviation["reverse_kl"] < 0.7
    assert 1.1 < deviation["jensen_shannon"] < deviation["kl"] < deviation["pearson"]


def test_the_data_are_a_mixture():
    import jax

    x = np.asarray(fitting.draw(jax.random.key(0), 20_000))
    assert x.shape == (20_000, 1)
    # Four standard errors of the mean and of the share to the right.
    np.testing.assert_allclose(x.mean(), -0.14, atol=4 * 1.2 / 20_000**0.5)
    assert (x > 0.9).mean() == pytest.approx(0.3 * 0.7107 + 0.7 * 0.0003, abs=0.013)


def test_the_fits_are_drawn_and_tabled(tmp_path, monkeypatch, capsys):
    for name in set(fitting.TITLES) - {"kl", "reverse_kl"}:
        monkeypatch.delitem(fitting.TITLES, name)
    command = ["--steps", 2, "--seeds", 2, "--batch-size", 4, "--hidden", 3]
    assert call(fgan_1d, [*command, "--workdir", tmp_path], monkeypatch) == 0
    results = json.loads((tmp_path / "results.json").read_text())
    assert np.shape(results["fitted"]["kl"]) == (2, 2)  # seeds, mean and deviation
    assert results["fitted"]["kl"][0] != results["fitted"]["kl"][1]
    # Two steps from a standard normal.
    np.testing.assert_allclose(results["fitted"]["kl"], [[0, 1]] * 2, atol=0.01)
    cross = results["cross"]["kl"]["reverse_kl"]
    fitted = np.mean(results["fitted"]["kl"], axis=0)
    assert cross == pytest.approx(exact.divergence("reverse_kl", *fitted), rel=1e-3)
    table = (tmp_path / "fgan_1d.md").read_text()
    assert table in capsys.readouterr().err
    assert f"| KL | {fitted[0]:.3f} ±" in table
    assert (tmp_path / "fgan_1d.png").stat().st_size > 5000
