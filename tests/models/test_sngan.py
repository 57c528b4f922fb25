"""SNGAN: the networks and the schedule of mimicry's protocol."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.compose import parameter_count
from jaxgan.game import algorithm
from jaxgan.models import sngan


def counts(config):
    """Parameters of both networks, and what the discriminator makes of an image."""
    label = (jnp.zeros(1, jnp.int32),) if config.classes else ()
    side, key = config.resolution, jax.random.key(0)
    image = jnp.zeros((1, side, side, 3))
    generator, discriminator = sngan.Generator(config), sngan.Discriminator(config)
    latent = jnp.zeros((1, config.latent))
    drawn, made = jax.eval_shape(generator.init_with_output, key, latent, *label)
    assert drawn.shape == image.shape
    score, judged = jax.eval_shape(discriminator.init_with_output, key, image, *label)
    assert score.shape == (1,)
    return tuple(parameter_count(x["params"]) for x in (made, judged))


@pytest.mark.parametrize(
    ("resolution", "expected"),
    [(32, (4_276_739, 1_053_825)), (64, (12_220_675, 10_141_441))],
)
def test_networks_are_as_large_as_mimicry_s(resolution, expected):
    assert counts(sngan.Config(resolution=resolution)) == expected


@pytest.mark.parametrize("resolution", [48, 128])
def test_other_sizes_fit_too(resolution):
    counts(sngan.Config(resolution=resolution, width=4))


def test_classes_have_gains_biases_and_a_projection():
    plain, told = (counts(sngan.Config(classes=classes)) for classes in (0, 10))
    # Six norms of 256 channels have 2 x 10 numbers a channel in place of 2.
    assert told[0] - plain[0] == 6 * 256 * 2 * 9
    assert told[1] - plain[1] == 10 * 128
    sliced = counts(sngan.Config(classes=10, san=True))
    assert sliced[1] - plain[1] == 9 * 129  # a column and an offset for each class


def test_both_step_sizes_fall_to_zero_in_the_same_step():
    config = sngan.Config(width=1, decay=3)
    players = sngan.game(config).players
    for name, updates in (("generator", 1), ("discriminator", 5)):
        optimizer = players[name].optimizer
        opened = optimizer.init(jnp.zeros(1))
        moved = []
        for _ in range(3 * updates + 1):
            change, opened = optimizer.update(jnp.ones(1), opened)
            moved.append(abs(np.asarray(change)[0]))
        np.testing.assert_allclose(moved[0], 2e-4, rtol=1e-4)
        assert moved[-2] > 0
        assert moved[-1] == 0


def test_no_layer_of_the_discriminator_is_without_a_spectral_norm():
    config = sngan.Config(width=1, classes=3)
    made = jax.eval_shape(
        sngan.Discriminator(config).init,
        jax.random.key(0),
        jnp.zeros((1, 32, 32, 3)),
        jnp.zeros(1, jnp.int32),
    )
    names = jax.tree.leaves_with_path(made["params"])
    kernels = [path for path, _ in names if path[-1].key == "kernel"]
    normed = {path[:-2] for path, _ in jax.tree.leaves_with_path(made["spectral"])}
    assert {path[:-1] for path in kernels} == normed


def test_wgan_gp_has_a_penalty_in_place_of_spectral_norms():
    config = dataclasses.replace(sngan.WGAN_GP, width=1, latent=4, critic_steps=1)
    assert counts(config) == counts(dataclasses.replace(config, spectral=True))
    batch = sngan.batch(config, jax.random.key(0), 4)
    run = algorithm(sngan.game(config))
    state = jax.eval_shape(run.init, jax.random.key(0), batch)
    assert "spectral" not in state.stats["discriminator"]
    _, metrics = jax.eval_shape(run.step, state, batch)
    assert "discriminator/penalty" in metrics


def test_as_a_san_a_discriminator_has_two_losses():
    config = dataclasses.replace(sngan.MODEL.tiny, san=True)
    batch = sngan.batch(config, jax.random.key(0), 4)
    run = algorithm(sngan.game(config))
    state = jax.eval_shape(run.init, jax.random.key(0), batch)
    _, metrics = jax.eval_shape(run.step, state, batch)
    assert "discriminator/direction" in metrics
    last = state.params["discriminator"]["to_logit"]
    assert last["kernel"].shape == (2, 3)
    assert "to_logit" not in state.stats["discriminator"]["spectral"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"classes": 1}, "classes is 1; it must be at least 2, or 0"),
        ({"resolution": 40}, "unknown resolution 40; choose from"),
        ({"critic_steps": 0}, "critic_steps is 0"),
    ],
)
def test_wrong_settings_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        sngan.Config(**change)
