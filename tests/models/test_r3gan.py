"""R3GAN: the pairing loss, both penalties with their half, and no normalisation."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import linen

from jaxgan.game import Turn, algorithm, variables
from jaxgan.models import r3gan


class Square(linen.Module):
    """A discriminator with slopes that differ: half the squared length of an image."""

    @linen.compact
    def __call__(self, image):
        w = self.param("w", linen.initializers.ones, ())
        return w * 0.5 * jnp.square(image).sum((1, 2, 3))


class Fill(linen.Module):
    """Images filled with g times the first entry of the latent."""

    @linen.compact
    def __call__(self, latent):
        g = self.param("g", linen.initializers.ones, ())
        return jnp.broadcast_to(
            g * latent[:, 0, None, None, None], (len(latent), 28, 28, 1)
        )


def test_losses_are_of_pairs_and_penalties_are_halved(monkeypatch):
    monkeypatch.setattr(r3gan.digit_nets, "Discriminator", lambda *a, **k: Square())
    monkeypatch.setattr(r3gan.digit_nets, "Generator", lambda *a, **k: Fill())
    monkeypatch.setattr(r3gan.optax, "adam", lambda *a: optax.sgd(0.0))
    run = algorithm(r3gan.game(r3gan.Config(latent=1, gamma=3.0, annealing=0)))
    real, fake = np.float32([0.05, 0.02]), np.float32([0.01, 0.04])
    batch = {
        "image": np.broadcast_to(real[:, None, None, None], (2, 28, 28, 1)),
        "latent": fake[:, None],
    }
    state = jax.jit(run.init)(jax.random.key(0), batch)
    _, metrics = jax.jit(run.step)(state, batch)
    # The slope is the image, whose squared length is 784 times that of a pixel.
    r1, r2 = 784 * real**2, 784 * fake**2
    np.testing.assert_allclose(
        metrics["discriminator/penalty"], 3 / 2 * np.mean(r1 + r2), rtol=1e-5
    )
    gap = (r1 - r2) / 2  # real i against fake i
    pairs = np.log1p(np.exp(-gap))
    np.testing.assert_allclose(
        metrics["discriminator/loss"], np.mean(pairs + 1.5 * (r1 + r2)), rtol=1e-5
    )
    np.testing.assert_allclose(
        metrics["generator/loss"], np.mean(np.log1p(np.exp(gap))), rtol=1e-5
    )


@pytest.fixture(scope="module")
def tiny():
    config = r3gan.Config(width=2, hidden=6, latent=3)
    game = r3gan.game(config)
    image = np.random.default_rng(0).uniform(size=(4, 28, 28, 1)).astype("float32")
    state = jax.jit(algorithm(game).init)(jax.random.key(0), {"image": image})
    return config, game, state, image


def test_a_constant_added_to_all_logits_changes_no_loss_and_no_gradient(tiny):
    _, game, state, image = tiny
    latent = np.random.default_rng(1).normal(size=(4, 3)).astype("float32")
    turn = Turn(jax.random.key(1), jnp.zeros((), jnp.int32))
    batch = {"image": image, "latent": latent}

    @jax.jit
    def play(shift):
        params = jax.tree.map(lambda x: x, state.params)
        params["discriminator"]["Dense_0"]["bias"] += shift
        before = variables(state.replace(params=params))
        return [
            jax.value_and_grad(lambda v, p=p: p.loss(v, batch, turn)[0])(before)
            for p in game.players.values()
        ]

    for one, other in zip(play(0.0), play(3.0), strict=True):
        jax.tree.map(
            lambda x, y: np.testing.assert_allclose(x, y, rtol=1e-3, atol=1e-6),
            one,
            other,
        )


def test_neither_network_normalises(tiny):
    config, game, state, image = tiny
    assert state.stats == {"generator": {}, "discriminator": {}}
    latent = r3gan.latent(config, jax.random.key(2), 5)
    images = r3gan.sample(config, variables(state), latent)
    assert images.shape == (5, 28, 28, 1)
    assert ((images >= 0) & (images <= 1)).all()
    alone = r3gan.sample(config, variables(state), latent[3:4])
    np.testing.assert_allclose(alone, images[3:4], atol=1e-6)
    discriminator = game.nets["discriminator"]
    logits = discriminator.apply({"params": state.params["discriminator"]}, image)
    one = discriminator.apply({"params": state.params["discriminator"]}, image[1:2])
    np.testing.assert_allclose(one, logits[1:2], rtol=1e-4, atol=1e-7)


def test_adam_has_no_first_momentum_and_its_settings_follow_half_a_cosine():
    config = r3gan.Config(
        annealing=4, learning_rate=0.4, last_learning_rate=0.1, beta2=0.5,
        last_beta2=0.9,
    )  # fmt: skip
    adam = r3gan.game(config).players["generator"].optimizer
    params = jnp.zeros(1)
    state, second = adam.init(params), 0.0
    for step, gradient in enumerate([1.0, 0.0, 2.0, 1.0, 3.0, 1.0, 0.5]):
        updates, state = adam.update(jnp.full(1, gradient), state, params)
        left = (1 + np.cos(np.pi * min(step / 4, 1))) / 2
        beta2 = 0.9 - 0.4 * left
        second = beta2 * second + (1 - beta2) * gradient**2
        root = np.sqrt(second / (1 - beta2 ** (step + 1)))
        expected = -(0.1 + 0.3 * left) * gradient / (root + 1e-8)
        np.testing.assert_allclose(updates, expected, rtol=1e-5, atol=1e-12)


def test_without_annealing_adam_is_as_it_was_before_there_was_any():
    config = r3gan.Config(annealing=0, beta2=0.99)
    adam = r3gan.game(config).players["generator"].optimizer
    params = jnp.zeros(1)
    ours, theirs = adam.init(params), optax.adam(2e-4, 0.0, 0.99).init(params)
    assert jax.tree.structure(ours) == jax.tree.structure(theirs)
    updates, _ = adam.update(jnp.ones(1), ours, params)
    np.testing.assert_allclose(updates, -2e-4, rtol=1e-4)


def test_the_penalty_weighs_less_at_the_end(tiny):
    _, _, state, image = tiny
    config = r3gan.Config(width=2, hidden=6, latent=3, annealing=10, gamma=2.0)
    player = r3gan.game(config).players["discriminator"]
    latent = np.random.default_rng(1).normal(size=(4, 3)).astype("float32")
    batch = {"image": image, "latent": latent}
    seen = variables(state)

    @jax.jit
    def penalty(step):
        return player.loss(seen, batch, Turn(jax.random.key(1), step))[1][1]["penalty"]

    first, middle, last = (float(penalty(step)) for step in (0, 5, 20))
    np.testing.assert_allclose([middle / first, last / first], [1.05 / 2, 0.05], 1e-4)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"gamma": -0.1}, r"gamma is -0\.1.*at least 0"),
        ({"beta2": 1.0}, r"beta2 is 1\.0.*below 1"),
        ({"hidden": 0}, "hidden is 0.*at least 1"),
        ({"learning_rate": 0.0}, r"learning_rate is 0\.0.*above 0"),
    ],
)
def test_a_wrong_setting_is_refused_with_its_value(changes, message):
    with pytest.raises(ValueError, match=message):
        r3gan.Config(**changes)
