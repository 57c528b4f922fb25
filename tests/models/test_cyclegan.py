"""CycleGAN: the orders of its players, its losses, its rate, refused images."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import game
from jaxgan.models import cyclegan

TINY = dataclasses.replace(cyclegan.MODEL.tiny, identity=0.5)


def test_the_defaults_are_the_papers():
    config = cyclegan.Config()
    assert (config.cycle, config.identity, config.pool) == (10, 0.5, 50)
    assert (config.learning_rate, config.beta1, config.blocks) == (2e-4, 0.5, 9)


def test_orders_have_the_players_of_either_release():
    joint = cyclegan.game(TINY)
    assert [move.players for move in joint.moves] == [("generators",), ("critics",)]
    turns = cyclegan.game(dataclasses.replace(TINY, order="in_turn"))
    assert [move.players[0] for move in turns.moves] == [
        *("a_to_b", "critic_b", "b_to_a", "critic_a")
    ]
    run = game.algorithm(turns)
    batch = cyclegan.batch(TINY, jax.random.key(0), 2)
    state = jax.eval_shape(run.init, jax.random.key(1), batch)
    _, metrics = jax.eval_shape(run.step, state, batch)
    # Either generator's loss has both cycles.
    assert {"a_to_b/cycle", "b_to_a/cycle", "critic_a/fake"} <= set(metrics)


def test_losses_are_those_of_the_paper_and_the_pool_fills():
    batch = cyclegan.batch(TINY, jax.random.key(0), 2)
    played = cyclegan.game(TINY)

    @jax.jit
    def losses(key):
        nets = game.variables(game.algorithm(played).init(key, batch))
        turn = game.Turn(key, jnp.zeros((), int))
        made = {
            n: player.loss(nets, batch, turn) for n, player in played.players.items()
        }
        loss, (_, seen) = made["generators"]
        critics, (after, _) = made["critics"]
        return loss, seen, critics, [after[f"pool_{end}"]["memory"] for end in "ab"]

    loss, seen, critics, memories = losses(jax.random.key(1))
    expected = seen["adversarial"] + 10 * seen["cycle"] + 5 * seen["identity"]
    np.testing.assert_allclose(loss, expected, rtol=1e-5)
    # Untrained discriminators return about 0: a half for each, and one for each fake.
    np.testing.assert_allclose(critics, 2 * 0.5, atol=0.2)
    np.testing.assert_allclose(seen["adversarial"], 2.0, atol=0.4)
    for memory in memories:
        assert memory["filled"].tolist() == [True, True, False]
        assert np.abs(memory["images"][:2]).max() > 0


def test_sides_and_domains_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="the generator needs .* use 32x64 or 36x64"):
        cyclegan.Config(resolution="34x64")
    with pytest.raises(ValueError, match="patches of 70 needs .* use 24x24"):
        cyclegan.Config(resolution="16x16")
    batch = dict(cyclegan.batch(TINY, jax.random.key(0), 1))
    batch["b"] = batch["b"][..., :1]
    with pytest.raises(ValueError, match=r"\(16, 24, 1\).* to the same channels"):
        cyclegan.game(TINY).inputs(batch)
