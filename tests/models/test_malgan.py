"""MalGAN only adds, learns before the threshold, and imitates answers."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from commands import call

from experiments import malgan_study
from experiments.malgan_study import vectors
from jaxgan import game
from jaxgan.models import malgan

SMALL = malgan.Config(features=6, latent=2, hidden=5)


def started(config=SMALL):
    init = game.algorithm(malgan.game(config)).init
    state = init(jax.random.key(0), malgan.batch(config, jax.random.key(1), 2))
    return game.variables(state)


def test_the_sizes_are_those_of_the_paper():
    for latent, size in ((10, 84_896), (20, 87_456)):
        config = malgan.Config(latent=latent)
        shapes = jax.eval_shape(lambda c=config: started(c))
        counts = {
            name: sum(np.prod(x.shape) for x in jax.tree.leaves(shapes[name]))
            for name in ("generator", "substitute")
        }
        assert counts == {"generator": size, "substitute": 41_473}


def test_ones_stay_and_nothing_is_learnt_through_the_threshold():
    keys = jax.random.split(jax.random.key(3), 3)
    loud = jax.tree.map(  # so that some features are wanted, and others not
        lambda x: 9 * jax.random.normal(keys[0], x.shape), started()["generator"]
    )
    variables = {**started(), "generator": loud}
    vector = jax.random.bernoulli(keys[1], 0.4, (64, 6)).astype(jnp.float32)
    latent = malgan.latent(SMALL, keys[2], 64)

    def total(function):
        return lambda own: function(
            SMALL, {**variables, "generator": own}, vector, latent
        ).sum()

    def slopes(function):
        found = jax.tree.leaves(jax.grad(total(function))(loud))
        return max(float(np.abs(x).max()) for x in found)

    made = np.asarray(malgan.perturbed(SMALL, variables, vector, latent))
    assert set(np.unique(made)) == {0, 1}
    assert (made >= vector).all()
    assert (made > vector).any()
    assert (made == 0).any()
    assert slopes(malgan.perturbed) == 0
    assert slopes(malgan.softened) > 0


def test_the_substitute_learns_what_the_detector_said():
    logits = np.array([2.0, -1.0, 0.5, 3.0])
    answers = np.array([1.0, 0.0, 0.0, 1.0])
    d = 1 / (1 + np.exp(-logits))
    expected = -np.log(d[[0, 3]]).mean() - np.log(1 - d[[1, 2]]).mean()
    found = malgan.substitute_loss(jnp.float32(logits), jnp.float32(answers))
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    alone = malgan.substitute_loss(jnp.float32(logits), jnp.ones(4))  # no other class
    np.testing.assert_allclose(alone, -np.log(d).mean(), rtol=1e-5)


def test_splits_share_no_vector_s_draw_and_classes_differ():
    made = vectors.drawn(24, (40, 20, 20), seed=0)
    assert [len(x.positive) for x in made] == [40, 20, 20]
    assert all(len(x.negative) > len(x.positive) for x in made)
    ones = np.concatenate([x.positive for x in made])
    assert set(np.unique(ones)) == {0.0, 1.0}
    assert not np.array_equal(made[1].positive, made[2].positive)


@pytest.mark.slow
def test_the_study_reports_rates_and_bits(tmp_path, monkeypatch):
    pytest.importorskip("sklearn", reason="the detectors are scikit-learn's")
    argv = [
        "--model.features", 24, "--model.hidden", 8, "--examples", 40, 20, 20,
        "--epochs", 2, "--batch-size", 20, "--seeds", 1, "--detectors", "DT", "LR",
        "--workdir", tmp_path,
    ]  # fmt: skip
    assert call(malgan_study, argv, monkeypatch) == 0
    found = json.loads((tmp_path / "results.json").read_text())
    assert set(found["detectors"]) == {"DT", "LR"}
    for rates in found["detectors"].values():
        assert 0 <= rates["after"]["mean"] <= 1
        assert rates["bits"]["mean"] >= 0
    assert (tmp_path / "malgan.png").exists()
