"""Moves on planes against the rules of chess, and what each player learns from."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import game
from jaxgan.models import chess_style

SMALL = chess_style.MODEL.tiny


def started(config=SMALL):
    init = game.algorithm(chess_style.game(config)).init
    batch = chess_style.batch(config, jax.random.key(1), 2)
    return game.variables(init(jax.random.key(0), batch)), batch


def moved(board, start, end):
    moves = np.zeros((1, 64, 64), np.float32)
    moves[0, start, end] = 1
    found = chess_style.after(chess_style.planes(jnp.array(board)[None]), moves)[0]
    assert set(np.unique(found)) <= {0, 1}
    return np.where(found.any(-1), found.argmax(-1) + 1, 0)


def test_moves_captures_and_promotions():
    board = np.zeros(64, int)
    board[[12, 27, 50]] = 1, 10, 1  # own pawns, and a rook of the other side
    expected = board.copy()
    expected[[12, 28]] = 0, 1
    np.testing.assert_array_equal(moved(board, 12, 28), expected)
    taken = board.copy()
    taken[[12, 27]] = 0, 1
    np.testing.assert_array_equal(moved(board, 12, 27), taken)
    queen = board.copy()
    queen[[50, 58]] = 0, 5
    np.testing.assert_array_equal(moved(board, 50, 58), queen)


def test_an_expected_position_is_the_mean_of_positions():
    board = np.zeros((1, 64), int)
    board[0, [12, 27, 50]] = 1, 10, 2
    before = chess_style.planes(jnp.array(board))
    moves = np.zeros((2, 64, 64), np.float32)
    moves[0, 12, 27] = moves[1, 50, 44] = 1
    each = [chess_style.after(before, one[None]) for one in moves]
    share = 0.3 * moves[:1] + 0.7 * moves[1:]
    expected = 0.3 * each[0] + 0.7 * each[1]
    np.testing.assert_allclose(chess_style.after(before, share), expected, atol=1e-6)


def test_only_legal_moves_have_a_probability():
    variables, batch = started()
    log = chess_style.log_policy(SMALL, variables, batch["board"], batch["legal"])
    share = np.exp(log)
    assert (share[~batch["legal"]] == 0).all()
    assert (share[batch["legal"]] > 0).all()
    np.testing.assert_allclose(share.sum(1), 1, rtol=1e-5)
    level = jax.tree.map(jnp.zeros_like, variables)
    log = chess_style.log_policy(SMALL, level, batch["board"], batch["legal"])
    expected = -np.log(batch["legal"].sum(1))
    found = np.take_along_axis(np.asarray(log), np.asarray(batch["move"])[:, None], 1)
    np.testing.assert_allclose(found[:, 0], expected, rtol=1e-5)


@pytest.mark.parametrize("choice", ["drawn", "expected"])
def test_the_judgement_reaches_the_generator(choice):
    """Its gradient is not zero, and without style there is no discriminator."""
    config = chess_style.Config(
        width=3, judge_width=2, layers=1, features=2, style=1.0, choice=choice
    )
    variables, batch = started(config)
    play = chess_style.game(config).players["generator"]
    turn = game.Turn(key=jax.random.key(2), step=jnp.zeros((), int))

    def style(own):
        whole = {**variables, "generator": own}
        return play.loss(whole, batch, turn)[1][1]["style"]

    slopes = jax.tree.leaves(jax.grad(style)(variables["generator"]))
    assert max(float(jnp.abs(x).max()) for x in slopes) > 0
    alone = chess_style.game(chess_style.Config(style=0.0))
    assert set(alone.players) == set(alone.nets) == {"generator"}
