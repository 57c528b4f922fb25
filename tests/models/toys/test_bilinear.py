"""The bilinear game: who pays whom, and what a wrong setting says."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.game import Turn, algorithm
from jaxgan.models.toys import bilinear


def test_x_pays_y_the_product_at_the_mean_payoff():
    game = bilinear.game(bilinear.Config())
    variables = {
        n: {"params": {"value": jnp.float32(v)}} for n, v in (("x", 2), ("y", 3))
    }
    batch = {"payoff": jnp.array([0.5, 1.0, 3.0])}  # 1.5 on average
    turn = Turn(jax.random.key(0), jnp.int32(0))
    assert float(game.players["x"].loss(variables, batch, turn)[0]) == 9.0
    assert float(game.players["y"].loss(variables, batch, turn)[0]) == -9.0


def test_each_player_owns_its_number_and_starts_at_random():
    game = bilinear.game(bilinear.Config())
    assert {name: p.owns for name, p in game.players.items()} == {
        "x": ("x",),
        "y": ("y",),
    }
    state = algorithm(game).init(jax.random.key(0), {"payoff": jnp.ones(1)})
    values = {name: p["value"] for name, p in state.params.items()}
    assert all(v.shape == () for v in values.values())
    assert values["x"] != values["y"]


def test_a_random_payoff_is_averaged_over_its_minibatch_and_new_in_each_move():
    game = bilinear.game(bilinear.Config("alternating", 2, learning_rate=0.1))
    batch = {"payoff": jnp.array([[1.0, 3.0], [0.0, 1.0]])}
    run = algorithm(game)
    state = run.init(jax.random.key(0), batch)
    x, y = (float(state.params[n]["value"]) for n in "xy")
    state, _ = jax.jit(run.step)(state, batch)
    y += 0.1 * (2.0 + 0.5) * x  # both minibatches
    x -= 0.1 * 2.0 * y  # the first
    after = [float(state.params[n]["value"]) for n in "xy"]
    np.testing.assert_allclose(after, [x, y], rtol=1e-5)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"learning_rate": 0.0}, r"learning_rate is 0\.0; it must be above 0"),
        ({"learning_rate": float("nan")}, "learning_rate is nan"),
        ({"steps": 0}, "steps is 0; it must be at least 1"),
        ({"steps": 2}, "y moves 2 times.*simultaneous"),
        ({"play": "optimistic", "steps": 2}, "y moves 2 times.*simultaneous"),
        ({"play": "greedy"}, "unknown play 'greedy'"),
    ],
)
def test_a_wrong_setting_is_refused_with_its_value(changes, message):
    with pytest.raises(ValueError, match=message):
        bilinear.Config(**changes)
