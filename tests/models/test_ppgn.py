"""PPGN: sizes of the released generator, and where the gradients of its errors go."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import game
from jaxgan.compose import parameter_count
from jaxgan.models import ppgn

CONFIG = ppgn.MODEL.tiny
ENCODER = dataclasses.replace(CONFIG, stage="encoder")
NETS = ("encoder", "generator", "discriminator")


def test_the_generator_is_as_large_as_the_released_one():
    generator, code = ppgn.Generator(ppgn.Config()), jnp.zeros((1, 4096))
    variables = jax.eval_shape(generator.init, jax.random.key(0), code)
    params = variables["params"]
    assert parameter_count(params) == 56_097_891
    dense = [params[f"Dense_{i}"]["kernel"].shape for i in range(3)]
    assert dense == [(4096, 4096)] * 3
    image = jax.eval_shape(generator.apply, variables, code)
    assert image.shape == (1, 227, 227, 3)


@pytest.mark.parametrize(("side", "doublings"), [(227, 6), (64, 4), (28, 3), (14, 2)])
def test_maps_are_doubled_until_they_hold_an_image(side, doublings):
    config = dataclasses.replace(CONFIG, resolution=side)
    assert config.doublings == doublings
    generator, code = ppgn.Generator(config), jnp.zeros((2, CONFIG.code))
    image = jax.eval_shape(lambda k: generator.init_with_output(k, code)[0], _key())
    assert image.shape == (2, side, side, 1)


def _key():
    return jax.random.key(0)


def test_no_gradient_goes_to_what_a_player_does_not_own():
    batch = ppgn.batch(CONFIG, jax.random.key(1), 4)
    state = jax.jit(game.algorithm(ppgn.game(CONFIG)).init)(_key(), batch)
    turn = game.Turn(jax.random.key(3), jnp.zeros((), int))
    stages = [ppgn.game(config).players for config in (ENCODER, CONFIG)]
    players = {**stages[0], **stages[1]}
    assert set(players) == set(NETS)

    def loss(params, player):
        nets = {n: {"params": p, **state.stats[n]} for n, p in params.items()}
        return player.loss(nets, batch, turn)[0]

    @jax.jit
    def every(params):
        return {n: jax.grad(loss)(params, p) for n, p in players.items()}

    for player, gradient in every(state.params).items():
        for net in NETS:
            largest = max(np.abs(x).max() for x in jax.tree.leaves(gradient[net]))
            assert (largest > 0) == (net == player), (player, net, largest)


def test_codes_come_out_of_a_rectifier():
    batch = ppgn.batch(CONFIG, jax.random.key(1), 4)
    net = ppgn.Encoder(CONFIG)
    seen, _ = jax.jit(net.init_with_output)(_key(), batch["image"])
    assert seen.code.shape == (4, CONFIG.code)
    assert seen.code.min() == 0
    assert seen.logits.shape == (4, CONFIG.classes)


def test_sizes_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="width 12 is no multiple of 8.*use 16"):
        dataclasses.replace(CONFIG, width=12)
    with pytest.raises(ValueError, match="resolution is 300; expected 8 to 256"):
        dataclasses.replace(CONFIG, resolution=300)
