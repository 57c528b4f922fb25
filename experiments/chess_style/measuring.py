"""Trains the nets, and measures how often they move as a player does."""

import dataclasses
import hashlib
import itertools
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from experiments.chess_style import games, pictures
from jaxgan import data as jaxgan_data
from jaxgan import game, parallel, report
from jaxgan.lab import blocks, figures, runs, session
from jaxgan.lab.session import Result
from jaxgan.lab.spread import Spread, spread
from jaxgan.models import chess_style
from jaxgan.train import Feed, Run, directory
from jaxgan.train.terminal import say

GAMES_SEED = 0  # the world is the same for every run
ALONE = "player's moves alone"


@dataclasses.dataclass(frozen=True)
class Learned:
    """What a net learns from; part of the setting of its run."""

    player: str
    games: int
    alone: bool


class World(NamedTuple):
    """Games, split by game.

    Attributes:
        about: a line that describes them.
        fingerprint: changes when they do.
        train: positions to learn from.
        test: positions of other games.
    """

    about: str
    fingerprint: str
    train: games.Positions
    test: games.Positions


def opened(count: int, tests: int) -> World:
    """Plays the games, or reads them.

    Args:
        count: of games to train on.
        tests: of games to measure on.
    """
    every = games.opened(count + tests, GAMES_SEED)
    parts = [every.where(x) for x in (every.game < count, every.game >= count)]
    sizes = [len(part.game) for part in parts]
    moves = hashlib.sha256(every.moves.tobytes()).hexdigest()[:16]
    return World(
        f"{count:,} games, {sizes[0]:,} positions to train on; {tests:,} games,"
        f" {sizes[1]:,} positions to measure on",
        f"chess {moves}",
        *parts,
    )


def compare(config: Any) -> None:
    """Trains each net with each seed; writes a table and a picture."""
    world = opened(config.games, config.tests)
    chosen = games.PLAYERS.index(config.player)
    nets = {ALONE: 0.0} | {f"style {weight:g}": weight for weight in config.styles}
    found = {name: [] for name in nets}
    for name, seed in itertools.product(nets, config.seeds):
        model = dataclasses.replace(config.model, style=nets[name])
        learned = Learned(config.player, config.games, name == ALONE)
        folder = f"{name.replace(' ', '_').replace(chr(39), '')}_{seed}"
        place = config.run.workdir / folder
        run = dataclasses.replace(config.run, workdir=place, seed=seed)
        part = runs.Part(run, learned, model)
        say(f"{name}, seed {seed}: {place}")
        numbers = runs.once(part, lambda part=part: _train(part, world, chosen))
        found[name].append(numbers["scores"])
    table = {
        name: {measure: spread([one[measure] for one in each]) for measure in each[0]}
        for name, each in found.items()
    }
    rules = baselines(world, chosen)
    text = _table(rules, table)
    say(text)
    report.write(config.run.workdir / "style.md", text)
    pictures.draw(config.run.workdir / "style.png", rules, table, config.player)
    figures.save_results(
        config.run.workdir / directory.RESULTS,
        {
            "data": world.about,
            "player": config.player,
            "steps": config.run.steps,
            "batch_size": config.run.batch_size,
            "seeds": config.seeds,
            "device": jax.devices()[0].device_kind,
            "known_positions": known(world),
            "rules": rules,
            "nets": {
                name: {measure: value._asdict() for measure, value in row.items()}
                for name, row in table.items()
            },
        },
    )


def known(world: World) -> float:
    """The share of positions to measure on that are in games to train on as well."""
    seen = {board.tobytes() for board in world.train.board}
    return float(np.mean([board.tobytes() in seen for board in world.test.board]))


def agreement(
    test: games.Positions, moves: np.ndarray, chosen: int
) -> dict[str, float]:
    """How often moves `[N]` are those that the players make in these positions.

    Returns:
        `own`: the player's, where it is to move; `transferred`: the player's, where the
        other is to move; `other`: the other's, there.
    """
    own = test.player == chosen
    same = moves[:, None] == test.moves
    return {
        "own": float(same[own, chosen].mean()),
        "transferred": float(same[~own, chosen].mean()),
        "other": float(same[~own, 1 - chosen].mean()),
    }


def baselines(world: World, chosen: int) -> dict[str, dict[str, float]]:
    """The agreement of rules without a net, and of the scripts with themselves."""
    test = world.test
    legal = np.unpackbits(test.legal, axis=1).astype(bool)
    mine = world.train.player == chosen
    counts = np.bincount(world.train.played[mine], minlength=4096)
    common = np.where(legal, counts, -1)
    captured = np.array((0, *(0,) * 6, *games.VALUES))[test.board] + (test.board > 6)
    captures = np.where(legal, 1e6 * np.tile(captured, (1, 64)) + counts, -1)
    rules = {
        "most frequent legal move": common.argmax(1),
        "dearest capture, else the most frequent": captures.argmax(1),
        "the player itself, another draw": test.again[:, chosen],
        "the player itself, without noise": test.best[:, chosen],
        "the other player, another draw": test.again[:, 1 - chosen],
    }
    chance = 1 / legal.sum(1)
    own = test.player == chosen
    uniform = {
        "own": float(chance[own].mean()),
        "transferred": float(chance[~own].mean()),
        "other": float(chance[~own].mean()),
    }
    return {"a legal move at random": uniform} | {
        name: agreement(test, moves, chosen) for name, moves in rules.items()
    }


def feed(world: World, learned: Learned, run: Run, mesh: Any) -> Feed:
    """Batches of positions; which, is a function of the seed and the step."""
    train = world.train
    own = np.flatnonzero(train.player == games.PLAYERS.index(learned.player))
    every = own if learned.alone else np.arange(len(train.player))
    arrays = {"board": train.board, "legal": train.legal, "move": train.played}

    def items(start: int) -> Iterator[dict[str, np.ndarray]]:
        for step in itertools.count(start):
            some, mine = (
                from_[
                    jaxgan_data.plan(
                        seed, step, count=len(from_), batch_size=run.batch_size
                    )["index"]
                ]
                for from_, seed in ((every, run.seed), (own, run.seed + 1))
            )
            yield {"index": some, "own": mine}

    def prepare(held, item):
        some, mine = item["index"], item["own"]
        return {
            "board": held["board"][some].astype(jnp.int32),
            "legal": unpacked(held["legal"][some]),
            "move": held["move"][some],
            "own_board": held["board"][mine].astype(jnp.int32),
            "own_move": held["move"][mine],
        }

    return Feed(parallel.resident(mesh, arrays), items, prepare)


def unpacked(legal: jax.Array) -> jax.Array:
    """Which of 4,096 moves are legal, of their bits."""
    return jnp.unpackbits(legal, axis=-1).astype(bool)


def _train(part: runs.Part, world: World, chosen: int) -> Result:
    model, run = part.model, part.run
    work = session.begin("Chess style", part, world)
    test = world.test

    @jax.jit
    def policy(variables, board, legal):
        legal = unpacked(legal)
        return chess_style.log_policy(model, variables, board.astype(int), legal)

    def show(state):
        del state
        return {}

    def measure(state):
        variables = game.variables(state)
        log = blocks.in_blocks(lambda *x: policy(variables, *x), test.board, test.legal)
        own = test.player == chosen
        scores = agreement(test, log.argmax(1), chosen)
        each = np.take_along_axis(log, test.moves, 1)
        scores |= {
            "task": float(-each[np.arange(len(own)), test.player].mean()),
            "probability_own": float(np.exp(each[own, chosen]).mean()),
            "probability_transferred": float(np.exp(each[~own, chosen]).mean()),
        }
        if model.style:
            drawn = np.random.default_rng(run.seed).gumbel(size=log.shape) + log
            scores |= _told(model, variables, test, drawn.argmax(1), chosen)
        return Result({"scores": scores}, {})

    batches = feed(world, part.data, run, work.mesh)
    return session.train(
        work, chess_style.game(model), batches, show=show, measure=measure
    )


def _told(model, variables, test, drawn, chosen) -> dict[str, float]:
    """How well the discriminator tells the player's moves from others, in its places.

    Half means that it does not: shares of the player's moves taken for its own, and of
    the net's and the other player's moves not taken for that, are averaged.
    """
    own = test.player == chosen

    @jax.jit
    def judged(board, moves):
        return chess_style.judged(model, variables, board.astype(int), moves)

    def taken(moves):
        return blocks.in_blocks(judged, test.board[own], moves[own]) > 0

    real, fake, other = (
        float(taken(x).mean()) for x in (test.played, drawn, test.moves[:, 1 - chosen])
    )
    return {
        "judge_net": (real + 1 - fake) / 2,
        "judge_other": (real + 1 - other) / 2,
    }


def _table(
    rules: Mapping[str, Mapping[str, float]], nets: Mapping[str, Mapping[str, Spread]]
) -> str:
    """Writes agreements in percent as Markdown."""
    columns = ("own", "transferred", "other")
    lines = [
        "| | player's, own places | player's, the other's places | the other's, there |"
        " task, nats | told from the net | told from the other |",
        "|---" * 7 + "|",
    ]
    for name, row in rules.items():
        cells = [f"{row[x]:.1%}" for x in columns]
        lines.append(f"| {name} | {' | '.join(cells)} | | | |")
    for name, row in nets.items():
        cells = [f"{row[x].mean:.1%}" for x in columns]
        cells.append(f"{row['task'].mean:.2f}")
        told = [row[x] if x in row else None for x in ("judge_net", "judge_other")]
        cells += ["" if x is None else f"{x.mean:.1%}" for x in told]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"
