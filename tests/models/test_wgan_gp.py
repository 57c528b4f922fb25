"""WGAN-GP, with linear nets whose every number is known in closed form."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxgan.compose import parameter_count
from jaxgan.game import algorithm, variables
from jaxgan.models import wgan_gp

# A linear critic has the gradient w everywhere, wherever the penalty looks.
LINEAR = wgan_gp.Config(data=3, latent=2, hidden=(), critic_steps=2, penalty=0.7)
RATE = 0.1


def minibatches(seed=0):
    rng = np.random.default_rng(seed)
    return {
        "data": rng.normal(1.0, 1.0, (2, 4, 3)).astype("float32"),
        "latent": rng.normal(size=(2, 4, 2)).astype("float32"),
    }


@pytest.fixture(scope="module")
def played():
    """The state before and after a step of gradient descent, and what it reported."""
    game = wgan_gp.game(LINEAR)
    players = {
        name: dataclasses.replace(player, optimizer=optax.sgd(RATE))
        for name, player in game.players.items()
    }
    run = algorithm(dataclasses.replace(game, players=players))
    before = jax.jit(run.init)(jax.random.key(0), minibatches())
    after, metrics = jax.jit(run.step)(before, minibatches())
    return before, after, metrics


def weights(state, net):
    dense = state.params[net]["Dense_0"]
    return np.asarray(dense["kernel"], "float64"), np.asarray(dense["bias"], "float64")


def test_a_step_is_that_of_algorithm_1(played):
    before, after, metrics = played
    batch = minibatches()
    (a, c), (w, b) = weights(before, "generator"), weights(before, "critic")
    w, seen = w[:, 0], []
    for data, latent in zip(batch["data"], batch["latent"], strict=True):
        fake, norm = latent @ a + c, np.linalg.norm(w)
        distance = (data @ w).mean() - (fake @ w).mean()
        penalty = (norm - 1) ** 2
        seen.append((distance, penalty, 0.7 * penalty - distance))
        gradient = fake.mean(0) - data.mean(0) + 0.7 * 2 * (norm - 1) * w / norm
        w = w - RATE * gradient
    new_w, new_b = weights(after, "critic")
    np.testing.assert_allclose(new_w[:, 0], w, rtol=1e-4)
    np.testing.assert_allclose(new_b, b, atol=1e-6)  # it cancels between the scores
    names = ("critic/distance", "critic/penalty", "critic/loss")
    for name, value in zip(names, np.mean(seen, axis=0), strict=True):
        np.testing.assert_allclose(metrics[name], value, rtol=1e-4, err_msg=name)
    # Then the generator, on the first minibatch's latents, against the new critic.
    latent = batch["latent"][0]
    loss = -((latent @ a + c) @ w).mean() - b[0]
    np.testing.assert_allclose(metrics["generator/loss"], loss, rtol=1e-4)
    new_a, new_c = weights(after, "generator")
    np.testing.assert_allclose(new_a, a + RATE * np.outer(latent.mean(0), w), rtol=1e-4)
    np.testing.assert_allclose(new_c, c + RATE * w, rtol=1e-4)


def test_samples_are_the_generators_output(played):
    state, latent = played[0], minibatches()["latent"][0]
    a, c = weights(state, "generator")
    out = wgan_gp.sample(LINEAR, variables(state), latent)
    np.testing.assert_allclose(out, latent @ a + c, rtol=1e-4, atol=1e-6)


def test_the_defaults_are_the_papers_toy_networks():
    config = wgan_gp.Config()
    game = wgan_gp.game(config)
    assert [(move.players, move.repeat) for move in game.moves] == [
        (("critic",), 5),
        (("generator",), 1),
    ]
    batch = {"data": jnp.zeros((5, 4, 2))}
    state = jax.eval_shape(algorithm(game).init, jax.random.key(0), batch)
    hidden = (2 * 512 + 512) + 2 * (512 * 512 + 512)
    counts = {net: parameter_count(tree) for net, tree in state.params.items()}
    assert counts == {"generator": hidden + 512 * 2 + 2, "critic": hidden + 512 + 1}
    assert config.penalty == 0.1


def test_the_optimiser_is_adam_with_moments_a_half_and_nine_tenths():
    for player in wgan_gp.game(wgan_gp.Config()).players.values():
        params = jnp.zeros(1)
        state = player.optimizer.init(params)
        updates, state = player.optimizer.update(jnp.ones(1), state, params)
        np.testing.assert_allclose(updates, -1e-4, rtol=1e-4)
        updates, _ = player.optimizer.update(jnp.zeros(1), state, params)
        first, second = 0.25 / (1 - 0.5**2), 0.09 / (1 - 0.9**2)
        np.testing.assert_allclose(updates, -1e-4 * first / second**0.5, rtol=1e-3)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"critic_steps": 0}, "critic_steps is 0.*at least 1"),
        ({"penalty": -1.0}, r"penalty is -1\.0.*not be negative"),
    ],
)
def test_a_wrong_setting_is_refused_with_its_value(changes, message):
    with pytest.raises(ValueError, match=message):
        wgan_gp.Config(**changes)
