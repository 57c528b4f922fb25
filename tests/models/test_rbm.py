"""The machine on few units, where every sum can be written out."""

import itertools
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from commands import call
from scipy import special

from experiments import rbm_digits
from jaxgan.models import rbm

RNG = np.random.default_rng(0)
VISIBLE, HIDDEN = 5, 4


def states(units):
    return np.array(list(itertools.product((0.0, 1.0), repeat=units)))


def machine(scale=1.0):
    drawn = {
        "weight": RNG.normal(size=(VISIBLE, HIDDEN)),
        "visible": RNG.normal(size=VISIBLE),
        "hidden": RNG.normal(size=HIDDEN),
    }
    return {name: jnp.float32(scale * value) for name, value in drawn.items()}


def table(p):
    """All visible states, all hidden ones, and the logits of each pair."""
    w, b, c = (np.asarray(p[n], np.float64) for n in ("weight", "visible", "hidden"))
    v, h = states(VISIBLE), states(HIDDEN)
    return v, h, v @ w @ h.T + (v @ b)[:, None] + h @ c


def exact_gradient(p, data):
    """Of the mean log-likelihood: expectations under the data less the model's."""
    v, h, logits = table(p)
    joint = np.exp(logits - special.logsumexp(logits))
    rates = special.expit(data @ np.asarray(p["weight"]) + np.asarray(p["hidden"]))
    return {
        "weight": data.T @ rates / len(data) - v.T @ joint @ h,
        "visible": data.mean(0) - joint.sum(1) @ v,
        "hidden": rates.mean(0) - joint.sum(0) @ h,
    }


def test_energies_and_the_partition_function_are_the_sums():
    p = machine()
    v, _, logits = table(p)
    np.testing.assert_allclose(
        -rbm.free_energy(p, jnp.float32(v)), special.logsumexp(logits, 1), rtol=1e-5
    )
    np.testing.assert_allclose(
        rbm.log_partition(p), special.logsumexp(logits), rtol=1e-6
    )
    with pytest.raises(ValueError, match="21 hidden units have 2"):
        rbm.log_partition({"hidden": jnp.zeros(21)})


def test_the_gradient_of_the_likelihood_is_the_difference_of_expectations():
    p, data = machine(), states(VISIBLE)[RNG.integers(0, 2**VISIBLE, 7)]

    def likelihood(p):
        return (-rbm.free_energy(p, jnp.float32(data))).mean() - rbm.log_partition(p)

    found, expected = jax.grad(likelihood)(p), exact_gradient(p, data)
    for name in expected:
        np.testing.assert_allclose(found[name], expected[name], atol=1e-5)


def test_the_loss_has_the_gradient_of_contrastive_divergence():
    p = machine()
    data, model = (states(VISIBLE)[RNG.integers(0, 2**VISIBLE, n)] for n in (6, 9))
    found = jax.grad(rbm.contrastive_loss)(p, jnp.float32(data), jnp.float32(model))
    w, c = np.asarray(p["weight"]), np.asarray(p["hidden"])
    near, far = (special.expit(v @ w + c) for v in (data, model))
    expected = {
        "weight": data.T @ near / 6 - model.T @ far / 9,
        "visible": data.mean(0) - model.mean(0),
        "hidden": near.mean(0) - far.mean(0),
    }
    for name in expected:  # a loss falls where the likelihood rises
        np.testing.assert_allclose(found[name], -expected[name], atol=1e-5)
    np.testing.assert_array_equal(
        jax.grad(rbm.contrastive_loss, 2)(p, jnp.float32(data), jnp.float32(model)), 0
    )


def test_longer_chains_come_nearer_to_the_exact_direction():
    """With 2,000 chains at each state of the data, noise is small."""
    p, data = machine(1.5), states(VISIBLE)[[1, 6, 24]]
    start = jnp.float32(np.repeat(data, 2_000, 0))
    exact = exact_gradient(p, data)

    @jax.jit
    def directions(start):
        keys = jax.random.split(jax.random.key(0), 3)
        near = rbm.gibbs(p, start, keys[0], 1)
        far = rbm.gibbs(p, near, keys[1], 9)
        ends = near, far, rbm.gibbs(p, far, keys[2], 90)
        return [jax.grad(rbm.contrastive_loss)(p, start, end) for end in ends]

    def cosine(found):
        one, two = (
            np.concatenate([np.ravel(x[n]) for n in sorted(exact)])
            for x in (found, exact)
        )
        return -one @ two / np.linalg.norm(one) / np.linalg.norm(two)

    one, ten, many = map(cosine, directions(start))
    assert 0 < one < ten < many
    assert many > 0.99


def test_importance_sampling_finds_the_partition_function():
    p = machine()
    base = jnp.zeros(VISIBLE)
    found, weights = rbm.annealed_log_partition(
        p, base, jax.random.key(1), chains=500, temperatures=200
    )
    error = np.asarray(weights).std() / 500**0.5
    assert abs(found - rbm.log_partition(p)) < 4 * error < 0.2
    nothing = jax.tree.map(jnp.zeros_like, p)  # then there is nothing to sample
    found, _ = rbm.annealed_log_partition(
        nothing, base, jax.random.key(1), chains=2, temperatures=2
    )
    np.testing.assert_allclose(found, (VISIBLE + HIDDEN) * np.log(2), rtol=1e-6)


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["--batch-size", 4001], "--batch-size is 4001, but there are 4000 images"),
        (["--model.gibbs", 3], "--model.gibbs 3; leave both out"),
    ],
)
def test_what_would_change_nothing_is_refused(
    argv, words, tmp_path, monkeypatch, capsys
):
    assert call(rbm_digits, [*argv, "--workdir", tmp_path / "out"], monkeypatch) == 2
    assert words in " ".join(capsys.readouterr().err.replace("│", " ").split())
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_the_command_learns_more_than_the_rates_of_pixels(tmp_path, monkeypatch):
    argv = [
        "--epochs", 2, "--seeds", 2, "--model.hidden", 8, "--chain-steps", 3,
        "--measure-every", 1, "--model.learning-rate", 0.02, "--workdir", tmp_path,
    ]  # fmt: skip
    assert call(rbm_digits, argv, monkeypatch) == 0
    found = json.loads((tmp_path / "results.json").read_text())
    for method in ("CD-1", "CD-10", "PCD"):
        values = np.asarray(found["curves"][method]["log_likelihood"])
        assert values.shape == (3, 2)
        assert (values[-1] > found["independent_pixels"]).all()
    assert {"rbm.png", "rbm.md"} <= {path.name for path in tmp_path.iterdir()}
