"""Games of chess between two scripted players of different styles.

Both look at their own move alone, and add a little noise. The *raider* takes the
dearest piece that it can take, and otherwise pushes the pawn that is furthest forward;
only a push beyond the middle is dearer to it than a pawn of the other side. The
*builder* takes nothing that it need not take, brings its pieces from the back rank and
to the centre, and leaves its pawns where they are.

Every game is a function of the seed and its number, and is played with python-chess.
"""

from typing import Any, NamedTuple

import numpy as np

from jaxgan.lab import kept
from jaxgan.train.terminal import say

PLAYERS = ("raider", "builder")
VALUES = (1, 3, 3, 5, 9, 0)  # of pawn, knight, bishop, rook, queen and king
NOISE = 0.15  # scale of the Gumbel noise on the worth of a move
OPENING = (6, 16)  # random plies before a game, from one number to below the other
PLIES = 40  # of the players, at most
RULES = 1  # changes with what games are like


class Positions(NamedTuple):
    """Positions of games, seen from the side to move, which plays up the board.

    Squares count from the side's own left corner, along the rank: a1 is 0 and h8 63. A
    move is `64 * from + to`. Pawns promote to queens; there is neither castling nor
    taking en passant, so that two squares say all of a move.

    Attributes:
        board: pieces `[N, 64]` int8, 1 to 6 of the side to move, 7 to 12 of the other,
            in the order of `VALUES`; 0 where there is none.
        legal: bits `[N, 512]` uint8 of the 4,096 moves.
        player: which of `PLAYERS` is to move `[N]`.
        moves: what each player plays here `[N, 2]` int32, by the draw of the game.
        again: the same `[N, 2]`, by a draw of its own.
        best: their choice without noise `[N, 2]`.
        game: the game's number `[N]`.
    """

    board: np.ndarray
    legal: np.ndarray
    player: np.ndarray
    moves: np.ndarray
    again: np.ndarray
    best: np.ndarray
    game: np.ndarray

    @property
    def played(self) -> np.ndarray:
        """The moves of the games `[N]`."""
        return np.take_along_axis(self.moves, self.player[:, None], 1)[:, 0]

    def where(self, chosen: np.ndarray) -> "Positions":
        """Some of the positions."""
        return Positions(*(x[chosen] for x in self))


def opened(count: int, seed: int) -> Positions:
    """Plays games, or reads those that were played before from the user's cache.

    Args:
        count: of games, numbered from 0.
        seed: of the set.
    """
    about = repr((RULES, NOISE, OPENING, PLIES, VALUES, seed, count))

    def draw():
        say(f"playing {count:,} games of chess")
        rows = [row for number in range(count) for row in play(seed, number)]
        columns = map(np.array, zip(*rows, strict=True))
        return dict(zip(Positions._fields, columns, strict=True))

    arrays = kept.once(kept.place("chess_games", about), draw, "games")
    return Positions(**arrays)


def worth(board: np.ndarray, moves: np.ndarray) -> np.ndarray:
    """What each player thinks of moves, before its noise: `[2, M]`.

    Args:
        board: one position `[64]`.
        moves: some of its moves `[M]`.
    """
    start, end = moves // 64, moves % 64
    piece, taken = board[start], board[end]
    gain = np.array((0, *(0,) * 6, *VALUES))[taken]
    pawn = piece == 1
    forward = end // 8

    def central(square):
        return 3.5 - np.maximum(abs(square // 8 - 3.5), abs(square % 8 - 3.5))

    raider = 4 * gain + pawn * (2 + forward) - 0.3 * abs(end % 8 - 3.5)
    closer = central(end) - central(start)
    develops = (start < 8) & (piece > 1) & (piece < 5)
    builder = 2 * closer + 3 * develops - 3 * (gain > 0) - 3 * pawn - 6 * (piece == 6)
    return np.stack([raider, builder + 0.3 * forward])


def play(seed: int, number: int) -> list[tuple]:
    """Plays one game; a row of `Positions` a ply.

    Args:
        seed: of the set.
        number: of the game, which also says who has the white pieces.
    """
    chess = _chess()
    random = np.random.default_rng((seed, number))
    board = chess.Board()
    board.castling_rights = 0
    rows = []
    opening = random.integers(*OPENING)
    for ply in range(opening + PLIES):
        if board.is_insufficient_material():
            break
        moves = _moves(board)
        if not len(moves):
            break
        pieces = _pieces(board)
        if ply < opening:
            chosen = int(random.choice(moves))
        else:
            player = (number + ply) % 2
            thought = worth(pieces, moves)
            found = [
                moves[(thought + NOISE * noise).argmax(1)]
                for noise in (*random.gumbel(size=(2, *thought.shape)), 0)
            ]
            bits = np.zeros(4096, bool)
            bits[moves] = True
            rows.append((pieces, np.packbits(bits), player, *found, number))
            chosen = int(found[0][player])
        board.push(_as_move(chess, board, chosen))
    return rows


def _pieces(board: Any) -> np.ndarray:
    """The board `[64]`, from the side to move."""
    found = np.zeros(64, np.int8)
    flip = 0 if board.turn else 56  # turns the board upside down
    for square, piece in board.piece_map().items():
        own = piece.color == board.turn
        found[square ^ flip] = piece.piece_type + (0 if own else 6)
    return found


def _moves(board: Any) -> np.ndarray:
    """Legal moves `[M]`, sorted."""
    flip = 0 if board.turn else 56
    found = {
        64 * (move.from_square ^ flip) + (move.to_square ^ flip)
        for move in board.legal_moves
        if not board.is_en_passant(move)
    }
    return np.array(sorted(found), np.int32)


def _as_move(chess: Any, board: Any, number: int) -> Any:
    flip = 0 if board.turn else 56
    start, end = (number // 64) ^ flip, (number % 64) ^ flip
    last = chess.square_rank(end) in (0, 7)
    queens = last and board.piece_type_at(start) == chess.PAWN
    return chess.Move(start, end, chess.QUEEN if queens else None)


def _chess() -> Any:
    try:
        import chess
    except ImportError:
        raise ValueError(
            "games are played with python-chess, which is missing: install it with"
            ' pip install -e ".[chess]"'
        ) from None
    return chess
