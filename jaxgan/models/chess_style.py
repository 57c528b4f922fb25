"""Style transfer in chess: a net of moves whose moves shall look like one player's.

"Style transfer generative adversarial networks: learning to play chess differently",
arXiv:1702.06762, of which the abstract and the introduction were read. A generator
learns its task from all games; a discriminator is shown positions before and after a
move, and says whether the chosen player made it. Its judgement regularises the
generator.

Reproduced: two losses of the generator, that of the task and the weighted judgement;
positions as planes of pieces from the side to move; a discriminator of pairs of
positions.

Known differences: the paper's layout, sizes and data are not public, so networks,
optimiser and weight are this file's. The task is the cross-entropy of the moves of all
games, on legal moves alone. A move that is drawn is shown to the discriminator as hard
planes, like a real one, and the gradient is that of the expected position
(straight-through); `choice="expected"` shows the expected position itself, by which a
discriminator can tell the two apart.
"""

import dataclasses
from typing import Literal

import chex
import jax
import jax.numpy as jnp
import optax
from flax import linen
from jax import lax

from jaxgan import bounds, losses, nn
from jaxgan.game import Batch, Game, Move, Player, Variables, pure
from jaxgan.models.model import Model

SQUARES = 64
PIECES = 12  # six kinds of the side to move, then six of the other
PAWN, QUEEN = 0, 4  # planes of the side to move


@dataclasses.dataclass(frozen=True)
class Config:
    """Networks and training."""

    width: bounds.Count = 32
    """Channels of the generator's convolutions."""
    judge_width: bounds.Count = 16
    """Channels of the discriminator's."""
    layers: bounds.Count = 3
    """Convolutions of 3x3 squares of both nets."""
    features: bounds.Count = 32
    """Numbers by which a square a move leaves is matched with one it goes to."""
    style: bounds.Weight = 0.1
    """Weight of the discriminator's judgement; with 0 there is no discriminator."""
    choice: Literal["drawn", "expected"] = "drawn"
    """What the discriminator sees of the generator's moves: one that is drawn, or the
    mean of all by their probabilities."""
    learning_rate: bounds.Rate = 2e-4
    """Adam's step size for both players, with beta1 0.5."""

    def __post_init__(self):
        bounds.check(self)


def planes(board: jax.Array) -> jax.Array:
    """Boards `[B, 64]` of 0 (nothing) to 12 as `[B, 64, 12]` of 0 and 1."""
    return jax.nn.one_hot(board - 1, PIECES)


def after(before: jax.Array, moves: jax.Array) -> jax.Array:
    """The position after moves, or the expected one: `[B, 64, 12]`.

    It is still seen from the side that moved. A pawn on the last rank is a queen.

    Args:
        before: planes `[B, 64, 12]`.
        moves: probabilities of moves `[B, 64, 64]`, from and to.
    """
    chex.assert_rank([before, moves], 3)
    own, others = before[..., :6], before[..., 6:]
    arriving = jnp.einsum("bft,bfp->btp", moves, own)
    promoted = arriving[:, -8:, PAWN]
    arriving = arriving.at[:, -8:, PAWN].add(-promoted)
    arriving = arriving.at[:, -8:, QUEEN].add(promoted)
    left = moves.sum(2)[..., None]
    reached = moves.sum(1)[..., None]
    return jnp.concatenate(
        [own * (1 - left) + arriving, others * (1 - reached)], axis=-1
    )


class _Trunk(linen.Module):
    """Planes `[B, 64, P]` to features of squares `[B, 64, W]`."""

    width: int
    layers: int

    @linen.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        shape = (1, 8, 8, self.width)
        place = self.param("place", linen.initializers.normal(0.1), shape)
        x = x.reshape(-1, 8, 8, x.shape[-1])
        x = linen.relu(nn.Conv(self.width, 3, name="conv0")(x) + place)
        for i in range(1, self.layers):
            x = x + linen.relu(nn.Conv(self.width, 3, name=f"conv{i}")(x))
        return x.reshape(-1, SQUARES, self.width)


class Generator(linen.Module):
    """Planes `[B, 64, 12]` to logits of moves `[B, 64, 64]`, from and to."""

    width: int
    layers: int
    features: int

    @linen.compact
    def __call__(self, board: jax.Array) -> jax.Array:
        """Rates every pair of squares, legal or not."""
        x = _Trunk(self.width, self.layers, name="trunk")(board)
        start = linen.Dense(self.features, name="start")(x)
        end = linen.Dense(self.features, name="end")(x)
        both = jnp.einsum("bfk,btk->bft", start, end) / self.features**0.5
        # Without a bias, which would raise all moves alike.
        alone = linen.Dense(2, use_bias=False, name="alone")(x)
        return both + alone[..., :1] + alone[:, None, :, 1]


class Discriminator(linen.Module):
    """Planes before and after, `[B, 64, 12]` each, to logits `[B]` of the player."""

    width: int
    layers: int

    @linen.compact
    def __call__(self, before: jax.Array, after: jax.Array) -> jax.Array:
        """Judges whether the chosen player made this move."""
        pair = jnp.concatenate([before, after - before], axis=-1)
        x = _Trunk(self.width, self.layers, name="trunk")(pair)
        x = linen.leaky_relu(linen.Dense(self.width, name="hidden")(x), 0.2)
        return linen.Dense(1, name="logit")(x.reshape(len(x), -1))[:, 0]


def _nets(config: Config) -> dict[str, linen.Module]:
    return {
        "generator": Generator(config.width, config.layers, config.features),
        "discriminator": Discriminator(config.judge_width, config.layers),
    }


def log_policy(
    config: Config, variables: Variables, board: jax.Array, legal: jax.Array
) -> jax.Array:
    """Log-probabilities of moves `[B, 4096]`; -inf where a move is not legal.

    Args:
        config: of the model.
        variables: of the game.
        board: `[B, 64]`, 0 to 12.
        legal: which moves are legal `[B, 4096]`, at least one; move `64 * from + to`.
    """
    generator = pure(_nets(config)["generator"], "generator")
    logits = generator(variables, planes(board))[0].reshape(-1, SQUARES**2)
    return jax.nn.log_softmax(jnp.where(legal, logits, -jnp.inf))


def judged(
    config: Config, variables: Variables, board: jax.Array, moves: jax.Array
) -> jax.Array:
    """The discriminator's logits `[B]`.

    Args:
        config: of the model.
        variables: of the game.
        board: before the move `[B, 64]`.
        moves: its number `[B]`.
    """
    judge = pure(_nets(config)["discriminator"], "discriminator")
    before = planes(board)
    moved = jax.nn.one_hot(moves, SQUARES**2).reshape(-1, SQUARES, SQUARES)
    return judge(variables, before, after(before, moved))[0]


def game(config: Config) -> Game:
    """The discriminator moves, then the generator, which is alone without `style`.

    Batches have positions of all games, `board [B, 64]`, `legal [B, 4096]` and
    `move [B]`, and of the chosen player `own_board [B, 64]` and `own_move [B]`. The
    judgement, too, is of the generator's moves in positions of all games: where the
    chosen player is to move, the task alone makes the net move like it.
    """
    nets = _nets(config)
    judge = pure(nets["discriminator"], "discriminator")

    def chosen(variables, board, legal, key):
        """The generator's moves, as planes before and after."""
        log = log_policy(config, variables, board, legal)
        share = jnp.exp(log)
        if config.choice == "drawn":
            drawn = jax.nn.one_hot(jax.random.categorical(key, log), SQUARES**2)
            share = share + lax.stop_gradient(drawn - share)
        before = planes(board)
        return before, after(before, share.reshape(-1, SQUARES, SQUARES))

    def judge_loss(variables, batch, turn):
        fake = chosen(variables, batch["board"], batch["legal"], turn.key)
        fake = judge(variables, *lax.stop_gradient(fake))[0]
        real = judged(config, variables, batch["own_board"], batch["own_move"])
        loss = losses.non_saturating_discriminator_loss(real, fake).mean()
        return loss, (variables, {"real": real.mean(), "fake": fake.mean()})

    def move_loss(variables, batch, turn):
        board, legal = batch["board"], batch["legal"]
        log = log_policy(config, variables, board, legal)
        task = -jnp.take_along_axis(log, batch["move"][:, None], 1).mean()
        terms = {"task": task}
        loss = task
        if config.style:
            fake = judge(variables, *chosen(variables, board, legal, turn.key))[0]
            terms["style"] = losses.non_saturating_generator_loss(fake).mean()
            loss += config.style * terms["style"]
        return loss, (variables, terms)

    adam = optax.adam(config.learning_rate, 0.5)
    players = {"generator": Player(move_loss, ("generator",), adam)}
    if config.style:
        players["discriminator"] = Player(judge_loss, ("discriminator",), adam)

    def inputs(batch):
        first = planes(batch["board"][:1])
        return {"generator": (first,), "discriminator": (first, first)}

    return Game(
        nets={name: nets[name] for name in players},
        inputs=lambda batch: {name: inputs(batch)[name] for name in players},
        players=players,
        moves=tuple(Move(name) for name in reversed(players)),
    )


def batch(config: Config, key: jax.Array, count: int) -> Batch:
    """Makes random boards and moves, of which a quarter is legal."""
    del config
    keys = jax.random.split(key, 5)
    moves = [jax.random.randint(k, (count,), 0, SQUARES**2) for k in keys[:2]]
    boards = [jax.random.randint(k, (count, 64), 0, PIECES + 1) for k in keys[2:4]]
    some = jax.random.bernoulli(keys[4], 0.25, (count, SQUARES**2))
    return {
        "board": boards[0],
        "legal": some | (jax.nn.one_hot(moves[0], SQUARES**2) > 0),
        "move": moves[0],
        "own_board": boards[1],
        "own_move": moves[1],
    }


MODEL = Model(
    paper="1702.06762",
    config=Config,
    game=game,
    batch=batch,
    show=None,
    tiny=Config(width=3, judge_width=2, layers=2, features=2),
)
