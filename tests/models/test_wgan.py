"""WGAN: clipping after every critic step, RMSProp, a critic without batch norm."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen

from jaxgan.compose import parameter_count
from jaxgan.game import algorithm, pure, variables
from jaxgan.models import wgan


class Brightness(linen.Module):
    """A critic of one weight that starts at 0: w times the mean pixel."""

    @linen.compact
    def __call__(self, image):
        return image.mean((1, 2, 3)) * self.param("w", linen.initializers.zeros, ())


class Fill(linen.Module):
    """Images filled with g times the first entry of the latent."""

    @linen.compact
    def __call__(self, latent):
        g = self.param("g", linen.initializers.ones, ())
        return jnp.broadcast_to(
            g * latent[:, 0, None, None, None], (len(latent), 28, 28, 1)
        )


@pytest.fixture
def play(monkeypatch):
    """`play(config, levels)`: a step on grey images, with latents of one half."""
    monkeypatch.setattr(wgan.digit_nets, "Discriminator", lambda *a, **k: Brightness())
    monkeypatch.setattr(wgan.digit_nets, "Generator", lambda *a, **k: Fill())

    def play(config, levels):
        levels = np.asarray(levels, "float32")
        shape = (*levels.shape, 2)
        batch = {
            "image": np.broadcast_to(
                levels[..., None, None, None, None], (*shape, 28, 28, 1)
            ),
            "latent": np.full((*shape, 1), 0.5, "float32"),
        }
        run = algorithm(wgan.game(config))
        return run.step(run.init(jax.random.key(0), batch), batch)

    return play


def test_weights_are_clipped_after_every_step_of_the_critic(play):
    # Slopes are fake - real: -1, then +1. RMSProp moves w by 0.02 / sqrt(0.01) = 0.2 up
    # to the limit 0.01, then by 0.02 / sqrt(0.0199) = 0.14 down: below -0.01. Clipped
    # but once, at the end, it would stop at 0.2 - 0.14, and so at +0.01.
    config = wgan.Config(latent=1, critic_steps=2, learning_rate=0.02)
    state, _ = play(config, [1.5, -0.5])
    assert float(state.params["discriminator"]["w"]) == pytest.approx(-0.01)


def test_losses_are_scores_and_the_generator_is_not_clipped(play):
    config = wgan.Config(latent=1, critic_steps=1, learning_rate=0.02)
    state, metrics = play(config, 1.5)
    np.testing.assert_allclose(metrics["discriminator/loss"], 0.0, atol=1e-7)  # w = 0
    # Now w = 0.01: the generator loses -w g z, and RMSProp moves it by 0.2 too.
    np.testing.assert_allclose(metrics["generator/loss"], -0.01 * 0.5, rtol=1e-5)
    np.testing.assert_allclose(state.params["generator"]["g"], 1.2, rtol=1e-4)


def test_the_optimiser_is_rmsprop_as_torch_has_it():
    optimizer = wgan.game(wgan.Config()).players["generator"].optimizer
    params, second = jnp.zeros(1), 0.0
    state = optimizer.init(params)
    for gradient in (1.0, -0.5, 3e-8):
        second = 0.99 * second + 0.01 * gradient**2
        updates, state = optimizer.update(jnp.full(1, gradient), state, params)
        expected = -5e-5 * gradient / (second**0.5 + 1e-8)
        np.testing.assert_allclose(updates, [expected], rtol=1e-4)
    # A gradient as small as epsilon, which stands outside the root.
    state = optimizer.init(params)
    updates, _ = optimizer.update(jnp.full(1, 1e-7), state, params)
    np.testing.assert_allclose(updates, [-5e-5 * 1e-7 / (1e-8 + 1e-8)], rtol=1e-4)


@pytest.fixture(scope="module")
def real_nets():
    """A game with its own networks after a step, from latents it drew itself."""
    config = wgan.Config(width=2, hidden=6, latent=3, critic_steps=2, clip=0.005)
    run = algorithm(wgan.game(config))
    image = np.random.default_rng(0).uniform(size=(2, 4, 28, 28, 1)).astype("float32")
    state = jax.jit(run.init)(jax.random.key(0), {"image": image})
    return config, jax.jit(run.step)(state, {"image": image})[0], image[0]


def largest(params):
    return max(float(jnp.abs(leaf).max()) for leaf in jax.tree.leaves(params))


def test_all_weights_of_the_critic_and_only_its_are_within_the_limit(real_nets):
    _, state, _ = real_nets
    assert largest(state.params["discriminator"]) == pytest.approx(0.005)
    assert largest(state.params["generator"]) > 0.02


def test_the_critic_has_no_batch_norm(real_nets):
    config, state, image = real_nets
    assert state.stats["discriminator"] == {}
    assert "batch_stats" in state.stats["generator"]
    critic = pure(wgan.game(config).nets["discriminator"], "discriminator")
    scores, _ = critic(variables(state), image)
    alone, _ = critic(variables(state), image[2:3])
    np.testing.assert_allclose(alone, scores[2:3], rtol=1e-5)


def test_samples_are_images(real_nets):
    config, state, _ = real_nets
    latent = wgan.latent(config, jax.random.key(1), 5)
    images = wgan.sample(config, variables(state), latent)
    assert (latent.shape, images.shape) == ((5, 3), (5, 28, 28, 1))
    assert ((images >= 0) & (images <= 1)).all()


def test_the_defaults_are_the_papers():
    config = wgan.Config()
    assert (config.clip, config.critic_steps, config.learning_rate) == (0.01, 5, 5e-5)
    game = wgan.game(config)
    assert [(move.players, move.repeat) for move in game.moves] == [
        (("discriminator",), 5),
        (("generator",), 1),
    ]
    batch = {"image": jnp.zeros((5, 4, 28, 28, 1))}
    state = jax.eval_shape(algorithm(game).init, jax.random.key(0), batch)
    # 4x4 convolutions 1-64-128, 7x7x128 to 1024 units, and the score; all with biases.
    critic = (16 * 64 + 64) + (16 * 64 * 128 + 128) + (49 * 128 * 1024 + 1024) + 1025
    assert parameter_count(state.params["discriminator"]) == critic


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"critic_steps": -3}, "critic_steps is -3.*at least 1"),
        ({"critic_steps": 0}, "critic_steps is 0.*at least 1"),
        ({"clip": 0.0}, r"clip is 0\.0.*above 0"),
        ({"clip": float("nan")}, "clip is nan.*above 0"),
        ({"learning_rate": -1.0}, r"learning_rate is -1\.0.*above 0"),
        ({"width": 0}, "width is 0.*at least 1"),
    ],
)
def test_a_wrong_setting_is_refused_with_its_value(changes, message):
    with pytest.raises(ValueError, match=message):
        wgan.Config(**changes)
