"""Key-points around given ones: what is kept, which are given, losses, bad input."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.game import Turn, algorithm, pure, variables
from jaxgan.models import keypoint_gan

TINY = keypoint_gan.MODEL.tiny


@pytest.fixture(scope="module")
def begun():
    """A batch and the first variables."""
    batch = keypoint_gan.batch(TINY, jax.random.key(1), 5)
    init = algorithm(keypoint_gan.game(TINY)).init
    return batch, variables(jax.jit(init)(jax.random.key(0), batch))


def test_given_points_stay_and_others_depend_on_them_and_on_noise_and_text(begun):
    batch, nets = begun
    given = np.tile([1.0, 0.0, 0.0], (5, 1))
    noise = jax.random.normal(jax.random.key(2), (5, TINY.latent))

    @jax.jit
    def put(text, points, noise):
        return keypoint_gan.sample(TINY, nets, text, points, given, noise)

    text, points = batch["text"], batch["points"]
    first = put(text, points, noise)
    np.testing.assert_array_equal(first[:, 0], points[:, 0])
    assert np.abs(first[:, 1:] - points[:, 1:]).min() > 0
    assert 0 < first[:, 1:].min()
    assert first[:, 1:].max() < 1
    for changed in (
        put(text, points.at[:, 0].multiply(0.5), noise),
        put(text, points, noise + 1),
        put(text + 1, points, noise),
    ):
        assert np.abs(changed - first)[:, 1:].max() > 1e-3
    # What is not given is not looked at.
    hidden = put(text, points.at[:, 1:].multiply(0.5), noise)
    np.testing.assert_array_equal(hidden[:, 1:], first[:, 1:])


@pytest.mark.parametrize("drop", [(0.9, 0.9), (0.2, 1.0), (0.0, 0.0)])
def test_points_are_given_with_the_probability_of_their_example(drop):
    config = dataclasses.replace(TINY, points=10, drop=drop)
    given = np.asarray(keypoint_gan.switches(config, jax.random.key(0), 4000))
    assert set(np.unique(given)) <= {0.0, 1.0}
    share = given.mean()
    assert share == pytest.approx(1 - np.mean(drop), abs=0.01)
    # The number of given points is binomial, its probability uniform between both.
    spread = 10 * share * (1 - share) + 90 * (drop[1] - drop[0]) ** 2 / 12
    assert given.sum(1).var() == pytest.approx(spread, rel=0.1)


def test_losses_are_of_true_and_completed_sets(begun):
    batch, nets = begun
    played = keypoint_gan.game(TINY)
    given = jnp.tile(jnp.array([0.0, 1.0, 0.0]), (5, 1))
    whole = {**batch, "given": given}
    turn = Turn(jax.random.key(3), jnp.zeros((), int))
    judge = pure(played.nets["discriminator"], "discriminator")
    text, points = batch["text"], batch["points"]

    @jax.jit
    def found(nets):
        told = {n: p.loss(nets, whole, turn) for n, p in played.players.items()}
        key, *_ = jax.random.split(turn.key, 3)
        noise = jax.random.normal(key, (5, TINY.latent))
        sets = keypoint_gan.sample(TINY, nets, text, points, given, noise)
        return told, judge(nets, points, text)[0], judge(nets, sets, text)[0]

    told, real, fake = found(nets)
    soft = np.logaddexp
    expected = soft(0, -real).mean() + soft(0, fake).mean()
    np.testing.assert_allclose(told["discriminator"][0], expected, rtol=1e-5)
    loss, (_, seen) = told["generator"]
    expected = soft(0, -fake).mean() + TINY.seeking * seen["mode_seeking"]
    np.testing.assert_allclose(loss, expected, rtol=1e-5)
    # The other set of the same given points has noise of its own.
    assert 0 < seen["mode_seeking"] < 9e4


def test_bad_input_is_refused(begun):
    batch, _ = begun
    with pytest.raises(ValueError, match="the smaller probability before the larger"):
        keypoint_gan.Config(drop=(0.9, 0.1))
    game = keypoint_gan.game(dataclasses.replace(TINY, points=4))
    with pytest.raises(ValueError, match=r"'points': \(3, 3\).*or change points"):
        game.inputs(batch)
