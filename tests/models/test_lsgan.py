"""LSGAN: the codings a, b, c reach the right players, with the paper's halves."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import linen

from jaxgan.game import algorithm, variables
from jaxgan.models import lsgan


class Brightness(linen.Module):
    """A discriminator without parameters that move: twice the mean pixel."""

    @linen.compact
    def __call__(self, image):
        return image.mean((1, 2, 3)) * self.param("w", lambda key: jnp.full((), 2.0))


class Fill(linen.Module):
    """Images filled with the first entry of the latent, times 1."""

    @linen.compact
    def __call__(self, latent):
        g = self.param("g", linen.initializers.ones, ())
        return jnp.broadcast_to(
            g * latent[:, 0, None, None, None], (len(latent), 28, 28, 1)
        )


@pytest.mark.parametrize(("a", "b", "c"), [(0.0, 1.0, 1.0), (-1.0, 1.0, 0.0)])
def test_losses_are_half_the_squared_distances_to_the_codes(monkeypatch, a, b, c):
    monkeypatch.setattr(lsgan.digit_nets, "Discriminator", lambda *x, **k: Brightness())
    monkeypatch.setattr(lsgan.digit_nets, "Generator", lambda *x, **k: Fill())
    monkeypatch.setattr(lsgan.optax, "adam", lambda *x: optax.sgd(0.0))
    config = lsgan.Config(latent=1, fake_label=a, real_label=b, target=c)
    run = algorithm(lsgan.game(config))
    real, fake = np.float32([0.9, 0.2, 0.4]), np.float32([0.1, 0.3, 0.8])
    batch = {
        "image": np.broadcast_to(real[:, None, None, None], (3, 28, 28, 1)),
        "latent": fake[:, None],
    }
    _, metrics = run.step(run.init(jax.random.key(0), batch), batch)
    loss = 0.5 * np.mean((2 * real - b) ** 2 + (2 * fake - a) ** 2)
    np.testing.assert_allclose(metrics["discriminator/loss"], loss, rtol=1e-4)
    loss = 0.5 * np.mean((2 * fake - c) ** 2)
    np.testing.assert_allclose(metrics["generator/loss"], loss, rtol=1e-4)


def test_the_defaults_are_the_papers():
    config = lsgan.Config()
    assert (config.fake_label, config.real_label, config.target) == (0, 1, 1)
    assert (config.learning_rate, config.latent) == (1e-3, 1024)
    game = lsgan.game(config)
    batch = {"image": jnp.zeros((2, 28, 28, 1))}
    state = jax.eval_shape(algorithm(game).init, jax.random.key(0), batch)
    assert all("batch_stats" in stats for stats in state.stats.values())
    adam = game.players["generator"].optimizer
    params = jnp.zeros(1)
    updates, moments = adam.update(jnp.ones(1), adam.init(params), params)
    np.testing.assert_allclose(updates, -1e-3, rtol=1e-4)
    updates, _ = adam.update(jnp.zeros(1), moments, params)
    first, second = 0.25 / (1 - 0.5**2), 0.000999 / (1 - 0.999**2)
    np.testing.assert_allclose(updates, -1e-3 * first / second**0.5, rtol=1e-3)


def test_samples_are_images():
    config = lsgan.Config(width=2, hidden=6, latent=3)
    run = algorithm(lsgan.game(config))
    state = run.init(jax.random.key(0), {"image": jnp.zeros((2, 28, 28, 1))})
    latent = lsgan.latent(config, jax.random.key(1), 5)
    images = lsgan.sample(config, variables(state), latent)
    assert (latent.shape, images.shape) == ((5, 3), (5, 28, 28, 1))
    assert ((images >= 0) & (images <= 1)).all()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"fake_label": 1.0}, r"both 1\.0.*different ones"),
        ({"target": 0.0}, r"target is 0\.0, which is fake_label"),
        ({"latent": 0}, "latent is 0.*at least 1"),
        ({"learning_rate": 0.0}, r"learning_rate is 0\.0.*above 0"),
    ],
)
def test_a_wrong_setting_is_refused_with_its_value(changes, message):
    with pytest.raises(ValueError, match=message):
        lsgan.Config(**changes)
