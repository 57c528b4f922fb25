"""Age-cGAN: where classes enter, what the encoder learns from, what a guess costs."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import game
from jaxgan.models import age_cgan

GAN = age_cgan.MODEL.tiny
ENCODER = dataclasses.replace(GAN, stage="encoder")


@pytest.fixture(scope="module")
def start():
    batch = age_cgan.batch(ENCODER, jax.random.key(1), 4)
    batch = {**batch, "latent": age_cgan.latent(ENCODER, jax.random.key(2), 4)}
    init = jax.jit(game.algorithm(age_cgan.game(ENCODER)).init)
    return batch, init(jax.random.key(0), batch)


def test_classes_are_told_beside_the_noise_and_as_maps_after_the_first_layer():
    config = age_cgan.Config()
    batch = age_cgan.batch(config, jax.random.key(0), 2)
    init = game.algorithm(age_cgan.game(config)).init
    params = jax.eval_shape(init, jax.random.key(0), batch).params
    first, second = (params["discriminator"][f"Conv_{i}"]["kernel"] for i in (0, 1))
    assert first.shape[2] == 3
    assert second.shape[2] == config.width + 6
    project = params["generator"]["Generator_0"]["project"]["kernel"]
    assert project.shape[0] == config.latent + 6


def test_the_encoder_learns_from_generated_pairs_alone(start):
    """Of the data it takes ages, and no pixel; no gradient goes to the generator."""
    batch, state = start
    player = age_cgan.game(ENCODER).players["encoder"]
    turn = game.Turn(jax.random.key(3), jnp.zeros((), int))

    def loss(params, batch):
        nets = {n: {"params": p, **state.stats[n]} for n, p in params.items()}
        return player.loss(nets, batch, turn)[0]

    both = jax.jit(jax.value_and_grad(loss))
    value, gradient = both(state.params, batch)
    again, _ = both(state.params, {**batch, "image": -batch["image"]})
    assert value == again
    older, _ = both(state.params, {**batch, "label": (batch["label"] + 1) % 3})
    assert value != older
    for net, own in gradient.items():
        largest = max(np.abs(x).max() for x in jax.tree.leaves(own))
        assert (largest > 0) == (net == "encoder"), net
    # A guess of 0 costs the mean square of the latents, about 1.
    last = jax.tree.map(jnp.zeros_like, state.params["encoder"]["to_latent"])
    blind = {**state.params, "encoder": {**state.params["encoder"], "to_latent": last}}
    expected = np.square(batch["latent"]).mean()
    np.testing.assert_allclose(both(blind, batch)[0], expected, rtol=1e-5)


def test_a_latent_s_image_depends_on_it_and_on_the_age_alone(start):
    batch, state = start
    nets = game.variables(state)
    draw = jax.jit(lambda z, y: age_cgan.sample(GAN, nets, z, y))
    all_, z, label = draw(batch["latent"], batch["label"]), batch["latent"], jnp.ones(4)
    one = draw(z.at[1:].set(7.0), batch["label"])
    np.testing.assert_allclose(all_[0], one[0], atol=1e-6)
    label = (batch["label"] + 1) % 3
    assert not np.allclose(all_, draw(z, label), atol=1e-6)


def test_both_stages_have_all_nets_and_their_own_players():
    one, other = age_cgan.game(GAN), age_cgan.game(ENCODER)
    assert list(one.nets) == list(other.nets)
    assert set(one.players) == {"generator", "discriminator"}
    assert set(other.players) == {"encoder"}


def test_images_too_small_for_the_encoder_are_refused():
    with pytest.raises(ValueError, match="resolution 8 is not a power of two of at"):
        age_cgan.Config(resolution=8)
