"""Boundary-seeking GANs: what the weights teach, and what passes no gradient."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import linen

from jaxgan.game import Turn, algorithm, variables
from jaxgan.models import bgan
from jaxgan.models.parts import digit_nets

TINY = bgan.Config(latent=3, samples=4, width=2, hidden=5, norm=False)
SIZE = 3
TURN = Turn(jax.random.key(5), jnp.int32(0))


def batch(seed=0):
    rng = np.random.default_rng(seed)
    return {
        "image": rng.uniform(size=(SIZE, 28, 28, 1)).astype("float32"),
        "latent": rng.normal(size=(SIZE, 3)).astype("float32"),
    }


@pytest.fixture(scope="module")
def discrete():
    """The game, and its variables at the start."""
    game = bgan.game(TINY)
    state = jax.jit(algorithm(game).init)(jax.random.key(0), batch())
    return game, variables(state)


def gradient(game, before, net):
    """The gradient of the generator's loss with respect to the parameters of a net."""

    def loss(params):
        changed = {**before, net: {**before[net], "params": params}}
        return game.players["generator"].loss(changed, batch(), TURN)[0]

    return jax.tree.leaves(jax.jit(jax.grad(loss))(before[net]["params"]))


# --- discrete ------------------------------------------------------------------------


def test_no_gradient_passes_through_the_weights(discrete):
    game, before = discrete
    # The discriminator says how much a sample weighs, and that is its only way in.
    assert not any(np.asarray(x).any() for x in gradient(game, before, "discriminator"))
    assert all(np.asarray(x).any() for x in gradient(game, before, "generator"))


def test_the_likelihood_is_a_sum_over_pixels(discrete):
    game, before = discrete
    # All pixels undecided: every image has the probability 2^-784, however weighed.
    zeros = jax.tree.map(jnp.zeros_like, before["generator"]["params"])
    undecided = {**before, "generator": {"params": zeros}}
    loss, _ = game.players["generator"].loss(undecided, batch(), TURN)
    np.testing.assert_allclose(loss, 784 * np.log(2), rtol=1e-5)


def test_log_likelihoods_are_those_of_independent_coins():
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 3, (2, 4, 3, 1))
    samples = rng.integers(0, 2, (2, 5, 4, 3, 1))
    expected = np.zeros((2, 5))
    for b, m in np.ndindex(2, 5):
        p = 1 / (1 + np.exp(-logits[b]))
        chance = np.where(samples[b, m] == 1, p, 1 - p)
        expected[b, m] = np.log(chance).sum()
    found = bgan.log_likelihoods(
        jnp.asarray(samples, "float32"), jnp.asarray(logits, "float32")
    )
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_the_discriminator_sees_binary_images_real_and_drawn(discrete, monkeypatch):
    game, before = discrete
    seen = []
    look = digit_nets.Discriminator.__call__

    def spy(self, image):
        seen.append(np.asarray(image))
        return look(self, image)

    monkeypatch.setattr(digit_nets.Discriminator, "__call__", spy)
    game.players["discriminator"].loss(before, batch(), TURN)
    game.players["generator"].loss(before, batch(), TURN)
    real, fake, drawn = seen
    np.testing.assert_array_equal(real, batch()["image"] > 0.5)
    assert set(np.unique(fake)) == set(np.unique(drawn)) == {0, 1}
    assert fake.shape == real.shape
    # Four images of each of three latents, no two alike.
    assert drawn.shape == (SIZE * 4, 28, 28, 1)
    assert len(np.unique(drawn.reshape(SIZE * 4, -1), axis=0)) == SIZE * 4


class Pixels(linen.Module):
    """The same logits for every latent."""

    @linen.compact
    def __call__(self, latent):
        logits = self.param("logits", linen.initializers.zeros_init(), (28, 28, 1))
        return jnp.broadcast_to(logits[None], (len(latent), 28, 28, 1))


class Whiteness(linen.Module):
    """Likes white in the left half and black in the right one."""

    @linen.compact
    def __call__(self, image):
        scale = self.param("scale", linen.initializers.ones_init(), ())
        return scale * (image[:, :, :14] - image[:, :, 14:]).sum((1, 2, 3))


def test_pixels_become_what_the_discriminator_takes_for_real(monkeypatch):
    nets = {"generator": Pixels(), "discriminator": Whiteness()}
    monkeypatch.setattr(bgan, "_nets", lambda config: nets)
    game = bgan.game(dataclasses.replace(TINY, samples=20))
    before = {net: nets[net].init(TURN.key, batch()["image"]) for net in nets}

    def loss(params):
        changed = {**before, "generator": {"params": params}}
        return game.players["generator"].loss(changed, batch(), TURN)

    slope, (_, seen) = jax.grad(loss, has_aux=True)(before["generator"]["params"])
    # Down the gradient: logits rise on the left and fall on the right.
    left, right = np.split(-np.asarray(slope["logits"]), 2, axis=1)
    assert left.mean() > 0.005
    assert right.mean() < -0.005
    # Scores have a deviation of 14, so one or two samples of the twenty count.
    assert 1 <= seen["effective_samples"] < 3


def test_a_blind_discriminator_teaches_nothing_but_noise(monkeypatch):
    """With equal weights the expected gradient is 0: E[x] is the probability."""
    nets = {"generator": Pixels(), "discriminator": Whiteness()}
    monkeypatch.setattr(bgan, "_nets", lambda config: nets)
    game = bgan.game(dataclasses.replace(TINY, samples=20))
    before = {net: nets[net].init(TURN.key, batch()["image"]) for net in nets}
    before["discriminator"] = {"params": {"scale": jnp.zeros(())}}

    def loss(params):
        changed = {**before, "generator": {"params": params}}
        return game.players["generator"].loss(changed, batch(), TURN)

    slope, (_, seen) = jax.grad(loss, has_aux=True)(before["generator"]["params"])
    np.testing.assert_allclose(seen["effective_samples"], 20, rtol=1e-5)
    # Means of 60 coins: a deviation of 0.065 a pixel, of 0.0023 over all of them.
    assert abs(np.asarray(slope["logits"]).mean()) < 0.01


def test_drawn_pixels_follow_the_probabilities():
    logits = jnp.broadcast_to(jnp.array([-2.0, 0.0, 2.0])[None, :], (4000, 3))
    drawn = np.asarray(bgan.draw_pixels(jax.random.key(0), logits))
    assert set(np.unique(drawn)) == {0, 1}
    expected = 1 / (1 + np.exp([2.0, 0.0, -2.0]))
    np.testing.assert_allclose(drawn.mean(0), expected, atol=0.032)  # 4 deviations


def test_samples_are_probabilities_and_draws_are_binary(discrete):
    _, before = discrete
    z = bgan.latent(TINY, jax.random.key(1), 5)
    probability = np.asarray(bgan.sample(TINY, before, z))
    assert probability.shape == (5, 28, 28, 1)
    assert 0 < probability.min() < probability.max() < 1
    drawn = np.asarray(bgan.draw(TINY, before, z, jax.random.key(2)))
    assert drawn.shape == probability.shape
    assert set(np.unique(drawn)) == {0, 1}


def test_dense_networks_take_the_same_batches():
    config = dataclasses.replace(TINY, dense=True, norm=True)
    run = algorithm(bgan.game(config))
    state = jax.jit(run.init)(jax.random.key(0), batch())
    state, metrics = jax.jit(run.step)(state, batch())
    shapes = jax.tree.map(jnp.shape, state.params)
    assert shapes["generator"]["Dense_2"]["kernel"] == (5, 784)
    assert shapes["generator"]["Dense_1"] == {"kernel": (5, 5)}  # a norm has the bias
    assert shapes["discriminator"]["MLP_0"]["Dense_1"]["kernel"] == (5, 2)
    assert np.isfinite(metrics["generator/loss"])
    images = bgan.sample(config, variables(state), jnp.zeros((2, 3)))
    assert images.shape == (2, 28, 28, 1)


# --- continuous ----------------------------------------------------------------------


def test_the_continuous_generator_pays_half_the_squared_logit():
    config = dataclasses.replace(TINY, kind="continuous")
    game = bgan.game(config)
    still = {
        name: dataclasses.replace(player, optimizer=optax.sgd(0.0))
        for name, player in game.players.items()
    }
    run = algorithm(dataclasses.replace(game, players=still))
    state = jax.jit(run.init)(jax.random.key(0), batch())
    # Logits away from 0, where half a square and a softplus differ.
    head = state.params["discriminator"]
    head = {**head, "Dense_0": {**head["Dense_0"], "bias": jnp.array([1.7])}}
    state = state.replace(params={**state.params, "discriminator": head})
    _, metrics = jax.jit(run.step)(state, batch())
    drawn = bgan.sample(config, variables(state), jnp.asarray(batch()["latent"]))
    judge = digit_nets.Discriminator(config.width, config.hidden, norm=False)
    logits = np.asarray(judge.apply({"params": head}, drawn), "float64")
    real = np.asarray(judge.apply({"params": head}, batch()["image"]), "float64")
    np.testing.assert_allclose(
        metrics["generator/loss"], (logits**2 / 2).mean(), rtol=1e-4
    )
    cross_entropy = np.log1p(np.exp(-real)) + np.log1p(np.exp(logits))
    np.testing.assert_allclose(
        metrics["discriminator/loss"], cross_entropy.mean(), rtol=1e-4
    )
    assert 0 < np.asarray(drawn).min() < np.asarray(drawn).max() < 1
    with pytest.raises(ValueError, match="kind is 'continuous', expected 'discrete'"):
        bgan.draw(config, variables(state), jnp.zeros((1, 3)), jax.random.key(0))


def test_the_defaults_are_the_paper_s():
    config = bgan.Config()
    found = (config.latent, config.samples, config.learning_rate, config.beta1)
    assert found == (64, 20, 1e-4, 0.5)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"samples": 1}, "samples is 1.*at least 2"),
        ({"kind": "binary"}, "unknown kind 'binary'.*discrete"),
        ({"dtype": "float16"}, "unknown dtype 'float16'"),
        ({"latent": 0}, "latent is 0.*at least 1"),
    ],
)
def test_a_wrong_setting_is_refused_with_its_value(changes, message):
    with pytest.raises(ValueError, match=message):
        bgan.Config(**changes)
