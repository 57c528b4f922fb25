"""WGAN-GP: with linear nets whose every number is known, and on images."""

import dataclasses
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import linen

from jaxgan.compose import parameter_count
from jaxgan.game import algorithm, pure, variables
from jaxgan.models import wgan_gp

# A linear critic has the gradient w everywhere, wherever the penalty looks.
LINEAR = wgan_gp.Config(data=3, latent=2, hidden=(), critic_steps=2, penalty=0.7)
RATE = 0.1
CRITIC_METRICS = ("real", "fake", "penalty", "loss")


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
    (a, c), (w, b) = weights(before, "generator"), weights(before, "discriminator")
    w, seen = w[:, 0], []
    for data, latent in zip(batch["data"], batch["latent"], strict=True):
        fake, norm = latent @ a + c, np.linalg.norm(w)
        distance = (data @ w).mean() - (fake @ w).mean()
        penalty = 0.7 * (norm - 1) ** 2
        seen.append((distance, penalty, penalty - distance))
        gradient = fake.mean(0) - data.mean(0) + 0.7 * 2 * (norm - 1) * w / norm
        w = w - RATE * gradient
    new_w, new_b = weights(after, "discriminator")
    np.testing.assert_allclose(new_w[:, 0], w, rtol=1e-4)
    np.testing.assert_allclose(new_b, b, atol=1e-6)  # it cancels between the scores
    critic = {name: metrics[f"discriminator/{name}"] for name in CRITIC_METRICS}
    distance, penalty, loss = np.mean(seen, axis=0)
    np.testing.assert_allclose(critic["real"] - critic["fake"], distance, rtol=1e-4)
    np.testing.assert_allclose(critic["penalty"], penalty, rtol=1e-4)
    np.testing.assert_allclose(critic["loss"], loss, rtol=1e-4)
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
        (("discriminator",), 5),
        (("generator",), 1),
    ]
    batch = {"data": jnp.zeros((5, 4, 2))}
    state = jax.eval_shape(algorithm(game).init, jax.random.key(0), batch)
    hidden = (2 * 512 + 512) + 2 * (512 * 512 + 512)
    counts = {net: parameter_count(tree) for net, tree in state.params.items()}
    assert counts == {
        "generator": hidden + 512 * 2 + 2,
        "discriminator": hidden + 512 + 1,
    }
    assert config.penalty == 0.1


def test_the_defaults_on_images_are_the_papers_for_mnist():
    config = wgan_gp.ImageConfig()
    batch = {"image": jnp.zeros((5, 4, 28, 28, 1))}
    init = algorithm(wgan_gp.game(config)).init
    state = jax.eval_shape(init, jax.random.key(0), batch)
    counts = {net: parameter_count(tree) for net, tree in state.params.items()}
    assert counts == {
        "generator": (128 + 1) * 4096
        + (25 * 256 * 128 + 128)
        + (25 * 128 * 64 + 64)
        + (25 * 64 + 1),
        "discriminator": (25 * 64 + 64)
        + (25 * 64 * 128 + 128)
        + (25 * 128 * 256 + 256)
        + (4 * 4 * 256 + 1),
    }
    assert state.stats == {"generator": {}, "discriminator": {}}  # no normalisation
    assert (config.penalty, config.critic_steps, config.learning_rate) == (10, 5, 1e-4)


@pytest.fixture(scope="module")
def digits():
    """An image game after a step: the configuration, states, metrics, reals."""
    config = wgan_gp.ImageConfig(width=2, latent=3, critic_steps=2)
    run = algorithm(wgan_gp.game(config))
    image = np.random.default_rng(0).uniform(size=(2, 3, 28, 28, 1)).astype("float32")
    before = jax.jit(run.init)(jax.random.key(0), {"image": image})
    after, metrics = jax.jit(run.step)(before, {"image": image})
    return config, before, after, metrics, image[0]


def test_a_step_on_images_moves_all_but_the_bias_that_cancels(digits):
    _, before, after, metrics, _ = digits
    assert all(np.isfinite(value) for value in metrics.values())
    still = [
        jax.tree_util.keystr(path, simple=True, separator="/")
        for (path, x), y in zip(
            jax.tree.leaves_with_path(before.params),
            jax.tree.leaves(after.params),
            strict=True,
        )
        if np.array_equal(x, y)
    ]
    assert still == ["discriminator/Dense_0/bias"]


def test_images_are_drawn_and_judged_each_by_itself(digits):
    config, _, state, _, real = digits
    latent = wgan_gp.latent(config, jax.random.key(1), 3)
    assert latent.shape == (3, 3)
    images = wgan_gp.sample(config, variables(state), latent)
    assert images.shape == (3, 28, 28, 1)
    assert ((images >= 0) & (images <= 1)).all()
    alone = wgan_gp.sample(config, variables(state), latent[:1])
    np.testing.assert_allclose(alone, images[:1], atol=1e-6)
    critic = pure(config.nets()[1], "discriminator")
    scores, _ = critic(variables(state), real)
    np.testing.assert_allclose(
        critic(variables(state), real[1:2])[0], scores[1:2], rtol=1e-4, atol=1e-6
    )


class Constant(linen.Module):
    """A generator that returns a learnt vector for every latent."""

    see: Callable

    @linen.compact
    def __call__(self, latent):
        jax.debug.callback(lambda z: self.see(np.asarray(z)), latent)
        zero = self.param("vector", linen.initializers.zeros, (3,))
        return jnp.broadcast_to(zero[None], (len(latent), 3))


class Spy(linen.Module):
    """A linear critic that shows what it is asked."""

    see: Callable

    @linen.compact
    def __call__(self, x):
        jax.debug.callback(lambda x: self.see(np.asarray(x)), x)
        return linen.Dense(1)(x)


@pytest.fixture(scope="module")
def seen():
    """Records the inputs of both nets in a step: real vectors are ones, fakes zeros."""
    latents, examples = [], []

    class Watched(wgan_gp.Config):
        def nets(self):
            return Constant(latents.append), Spy(examples.append)

    run = algorithm(wgan_gp.game(Watched(data=3, critic_steps=3, learning_rate=1e-9)))
    batch = {"data": np.ones((3, 4, 3), "float32")}
    state = run.init(jax.random.key(0), batch)
    jax.effects_barrier()
    latents.clear()
    examples.clear()
    jax.block_until_ready(run.step(state, batch))
    jax.effects_barrier()
    return np.stack(latents), np.stack(examples)


def test_the_penalty_looks_between_with_one_u_an_example(seen):
    examples = seen[1].reshape(-1, 3)
    mixed = examples[((examples > 1e-4) & (examples < 1 - 1e-4)).all(axis=1)]
    assert (mixed == mixed[:, :1]).all()  # one u for all entries of an example
    assert len(np.unique(mixed[:, 0])) == 3 * 4  # and another for each


def test_every_repeat_of_the_critic_and_the_generator_draw_new_latents(seen):
    latents = seen[0]
    assert latents.shape == (4, 4, 2)
    assert len(np.unique(latents)) == latents.size


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
        ({"critic_steps": -5}, "critic_steps is -5.*at least 1"),
        ({"penalty": -1.0}, r"penalty is -1\.0.*at least 0"),
        ({"latent": 0}, "latent is 0.*at least 1"),
        ({"learning_rate": 0.0}, r"learning_rate is 0\.0.*above 0"),
    ],
)
@pytest.mark.parametrize("kind", [wgan_gp.Config, wgan_gp.ImageConfig])
def test_a_wrong_setting_is_refused_with_its_value(kind, changes, message):
    with pytest.raises(ValueError, match=message):
        kind(**changes)


def test_an_image_generator_needs_channels():
    with pytest.raises(ValueError, match="width is 0.*at least 1"):
        wgan_gp.ImageConfig(width=0)
