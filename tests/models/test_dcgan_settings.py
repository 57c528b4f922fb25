"""The choices of DCGAN: its losses, its optimisers, and settings that are refused."""

import dataclasses
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from dcgans import PAPER, TINIER, images, started

from jaxgan.game import Turn, variables
from jaxgan.models import dcgan

LOG2 = math.log(2)


@pytest.mark.parametrize(
    ("loss", "discriminator", "generator"),
    [
        ("non_saturating", 2 * LOG2, LOG2),
        ("minimax", 2 * LOG2, -LOG2),
        ("hinge", 2, 0),
        ("least_squares", 0.5, 0.5),
    ],
)
def test_every_loss_starts_where_logits_of_zero_put_it(loss, discriminator, generator):
    config = dataclasses.replace(TINIER, loss=loss)
    players = dcgan.game(config).players
    net, batch = variables(started(TINIER)), {"image": images(TINIER)}
    turn = Turn(jax.random.key(0), jnp.zeros((), jnp.int32))
    seen = jax.jit(
        lambda: {name: p.loss(net, batch, turn)[0] for name, p in players.items()}
    )()
    np.testing.assert_allclose(seen["discriminator"], discriminator, atol=0.02)
    np.testing.assert_allclose(seen["generator"], generator, atol=0.02)


def test_the_optimisers_are_the_papers_adam_and_decay_is_off():
    params = {"w": jnp.asarray([2.0])}
    for name in ("generator", "discriminator"):
        adam = dcgan.game(PAPER).players[name].optimizer
        updates, state = adam.update({"w": jnp.ones(1)}, adam.init(params), params)
        np.testing.assert_allclose(updates["w"], -2e-4, rtol=1e-4)
        updates, _ = adam.update({"w": jnp.zeros(1)}, state, params)
        # Moments 0.5 * 0.5 and 0.999 * 0.001, each over its correction for bias.
        first = 0.25 / (1 - 0.5**2)
        second = 0.999e-3 / (1 - 0.999**2)
        np.testing.assert_allclose(updates["w"], -2e-4 * first / second**0.5, rtol=1e-3)
    config = dataclasses.replace(PAPER, weight_decay=1e-5)
    decayed = dcgan.game(config).players["generator"].optimizer
    updates, _ = decayed.update({"w": jnp.zeros(1)}, decayed.init(params), params)
    np.testing.assert_allclose(updates["w"], -2e-4, rtol=1e-2)  # of 1e-5 * 2, by Adam


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"resolution": 48}, "resolution 48 .* 32 or 64"),
        ({"resolution": 100}, "resolution 100 .* 64 or 128"),
        ({"resolution": 4}, "resolution 4 .* 8 or 16"),
        ({"resolution": -64}, "resolution is -64; it must be at least 1"),
        ({"channels": 0}, "channels is 0.*at least 1"),
        ({"width": -1}, "width is -1.*at least 1"),
        ({"latent": 0}, "latent is 0.*at least 1"),
        ({"kernel": 7}, "kernel is 7; it must be at least 3 and at most 5"),
        ({"augment": ("flip",)}, r"unknown augment 'flip'.*cutout"),
        ({"loss": "wasserstein"}, "loss 'wasserstein'.*non_saturating"),
        ({"norm": "layer"}, "norm 'layer'.*'batch', 'spectral'"),
        ({"latent_distribution": "gauss"}, "latent_distribution 'gauss'.*'uniform'"),
        ({"dtype": "float16"}, "dtype 'float16'.*bfloat16"),
    ],
)
def test_a_wrong_setting_is_refused_with_its_value_and_what_would_do(changes, message):
    with pytest.raises(ValueError, match=message):
        dcgan.Config(**changes)


def test_a_decay_outside_its_range_is_refused():
    with pytest.raises(ValueError, match="ema is 1.0; it must be .* below 1"):
        dcgan.Config(ema=1.0)
