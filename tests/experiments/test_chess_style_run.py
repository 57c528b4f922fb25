"""Games of two styles: their rules, what is measured on them, and the command."""

import json
import sys

import numpy as np
import pytest
from commands import call

from experiments import chess_style
from experiments.chess_style import games, measuring
from jaxgan.models import chess_style as model

RULED = "games are played with python-chess"


@pytest.fixture(scope="module")
def played():
    pytest.importorskip("chess", reason=RULED)
    rows = [row for number in (3, 4) for row in games.play(7, number)]
    return games.Positions(*map(np.array, zip(*rows, strict=True)))


def test_a_position_follows_from_the_one_before(played):
    """By the planes of the model, seen from the other side: python-chess agrees."""
    moves = np.zeros((len(played.game), 4096), np.float32)
    moves[np.arange(len(moves)), played.played] = 1
    planes = model.planes(played.board.astype(int))
    found = np.asarray(model.after(planes, moves.reshape(-1, 64, 64)))
    board = np.where(found.any(-1), found.argmax(-1) + 1, 0)
    turned = board[:, np.arange(64) ^ 56]
    swapped = np.where(turned > 6, turned - 6, np.where(turned > 0, turned + 6, 0))
    same = played.game[1:] == played.game[:-1]
    np.testing.assert_array_equal(swapped[:-1][same], played.board[1:][same])
    legal = np.unpackbits(played.legal, axis=1)
    for each in (played.moves, played.again, played.best):
        assert np.take_along_axis(legal, each, 1).all()
    assert (played.player[1:] != played.player[:-1])[same].all()


def test_a_game_is_a_function_of_its_seed_and_number(played):
    again = games.play(7, 4)
    mine = played.where(played.game == 4)
    np.testing.assert_array_equal(mine.moves, [row[3] for row in again])
    other = games.play(8, 4)
    assert [row[3].tolist() for row in other] != mine.moves.tolist()


def test_what_the_players_like():
    """The raider: a queen, a pawn, a push of its own; the builder: a quiet knight."""
    board = np.zeros(64, np.int8)
    board[[1, 8, 35]] = 2, 1, 11  # knight b1, pawn a2, the other's queen d5
    board[18] = 7  # the other's pawn on c3
    moves = np.array([64 * 8 + 16, 64 * 1 + 18, 64 * 1 + 11, 64 * 8 + 35])
    raider, builder = games.worth(board, moves)
    assert raider.argsort().tolist() == [2, 0, 1, 3]
    assert builder.argmax() == 2
    gain = games.VALUES[4] * 4
    assert raider[3] == pytest.approx(gain + 2 + 4 - 0.3 * 0.5)


def test_agreement_is_a_share_of_places():
    """By arithmetic: four positions, two of each player."""
    moves = np.array([[1, 2], [3, 4], [5, 6], [7, 8]])
    player = np.array([0, 1, 0, 1])
    some = games.Positions(*np.zeros((2, 4)), player, moves, moves, moves, player)
    found = measuring.agreement(some, np.array([1, 3, 0, 8]), 0)
    assert found == {"own": 0.5, "transferred": 0.5, "other": 0.5}
    found = measuring.agreement(some, np.array([2, 3, 5, 7]), 1)
    assert found == {"own": 0.0, "transferred": 0.5, "other": 0.5}


SHORT = ["--steps", 2, "--batch-size", 4, "--devices", 1, "--games", 2, "--tests", 1]


@pytest.mark.slow
def test_nets_stand_beside_rules(tmp_path, monkeypatch):
    pytest.importorskip("chess", reason=RULED)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    argv = [*SHORT, "--model.width", 2, "--model.judge-width", 2, "--styles", 1]
    argv += ["--workdir", tmp_path / "run"]
    assert call(chess_style, argv, monkeypatch) == 0
    found = json.loads((tmp_path / "run" / "results.json").read_text())
    assert list(found["nets"]) == [measuring.ALONE, "style 1"]
    for row in [*found["rules"].values(), *found["nets"].values()]:
        assert {"own", "transferred", "other"} <= set(row)
    assert found["rules"]["the player itself, without noise"]["own"] > 0.7
    assert 0 <= found["nets"]["style 1"]["judge_net"]["mean"] <= 1
    assert (tmp_path / "run" / "style.png").exists()
    # The games come from the cache, and the runs are finished.
    monkeypatch.setattr(games, "play", None)
    assert call(chess_style, argv, monkeypatch) == 0


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--styles", 1, 1], "give one or more, each once"),
        (["--model.style", 1], "leave it out, as --styles chooses it"),
    ],
)
def test_flags_that_cannot_be_are_refused(flags, words, tmp_path, monkeypatch, capsys):
    argv = [*SHORT, "--workdir", tmp_path / "run", *flags]
    assert call(chess_style, argv, monkeypatch) == 2
    assert words in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "run").exists()


def test_without_python_chess_one_sentence_says_what_to_install(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setitem(sys.modules, "chess", None)
    argv = [*SHORT, "--workdir", tmp_path / "run"]
    assert call(chess_style, argv, monkeypatch) == 2
    assert 'pip install -e ".[chess]"' in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
