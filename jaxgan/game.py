"""The engine: a model is a game of players over named nets, played in moves.

Five words carry the library.

- A **Game** is named nets (flax linen modules), named players, and a schedule.
- A **Player** is a pure loss, the nets it *owns* (the only ones whose parameters it
  may change) and an optax optimiser. Nets and players differ: CycleGAN has four nets
  and two players; a frozen text encoder is a net that nobody owns.
- A **Move** is one or more players who update at the same time from the same state,
  `repeat` times, each time on a fresh minibatch.
- A **Turn** is what a loss may know of the moment: a key and the step.
- A **TrainState** is one pytree of arrays; no function lives in it, so it vmaps,
  scans, shards and checkpoints as it is.

Outside, every model is an **Algorithm**: `init(key, batch) -> TrainState` and
`step(state, batch) -> (TrainState, metrics)`, two pure functions. `algorithm(game)` is
one way to make them; a paper that does not fit a game writes its own pair.

The rules of play:

1. A step's randomness is `fold_in(state.key, state.step)`, so nothing random needs
   saving beyond the key and the step. Each move gets its own key, and so does each
   repeat; players of one move share a key, and so see the same fakes.
2. A step takes one batch `[B, ...]`, or `[k, B, ...]` where k, the largest `repeat`
   of the game, exceeds one. A move with `repeat=r` plays the first r minibatches.
3. A player's gradient is taken with respect to the nets it owns, at the state the
   move began with. A net's statistics (batch norm averages, spectral vectors,
   memories) are those handed back by the player that owns it; what a loss hands back
   for other nets is dropped.
4. Two players of one move may not own the same net.
5. Under `axis_name` (pmap, shard_map), gradients, losses, metrics and `batch_stats`
   are averaged over the axis; memories never are. Every device draws its own noise.
6. Metrics are named `player/metric`; over repeats, they are averaged.
"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, Generic, NamedTuple, TypeVar

import flax.linen as nn
import flax.struct
import jax
import jax.numpy as jnp
import optax
from jax import lax

Variables = Mapping[str, Mapping[str, Any]]  # net -> collection -> arrays
Batch = Any
Metrics = dict[str, jax.Array]
State = TypeVar("State")  # TrainState, unless an algorithm is made by other means


class Turn(NamedTuple):
    """What a loss may know of the moment: its own `key`, and the `step` (int32)."""

    key: jax.Array
    step: jax.Array


Loss = Callable[[Variables, Batch, Turn], tuple[jax.Array, tuple[Variables, Metrics]]]


@dataclasses.dataclass(frozen=True)
class Player:
    """One side of a game.

    Attributes:
        loss: `loss(variables, batch, turn) -> (scalar, (variables, metrics))`, pure.
        owns: names of the nets whose parameters and statistics it updates.
        optimizer: how it updates them.
    """

    loss: Loss
    owns: tuple[str, ...]
    optimizer: optax.GradientTransformation


@dataclasses.dataclass(frozen=True, init=False)
class Move:
    """Players that update together, `repeat` times: `Move("critic", repeat=5)`."""

    players: tuple[str, ...]
    repeat: int

    def __init__(self, *players: str, repeat: int = 1):
        object.__setattr__(self, "players", players)
        object.__setattr__(self, "repeat", repeat)


@dataclasses.dataclass(frozen=True)
class Game:
    """Nets, players, and the schedule they play by.

    Attributes:
        nets: name -> linen module. A net without parameters is a memory.
        inputs: `inputs(batch) -> {net: arguments}`, one example call per net, to
            initialise it with. Only shapes matter to most modules.
        players: name -> Player.
        moves: the schedule of one step.
        ema: net -> decay, for nets of which an exponential moving average is kept.

    Raises:
        ValueError: a name that does not exist, a net owned twice in one move, a player
            who never plays, a repeat below 1, a decay outside [0, 1).
    """

    nets: Mapping[str, nn.Module]
    inputs: Callable[[Batch], Mapping[str, tuple]]
    players: Mapping[str, Player]
    moves: tuple[Move, ...]
    ema: Mapping[str, float] = dataclasses.field(default_factory=dict)

    def __post_init__(self):
        for name, player in self.players.items():
            _known(player.owns, self.nets, f"player {name!r} owns net")
        for move in self.moves:
            _known(move.players, self.players, "a move names player")
            if not move.players or move.repeat < 1:
                raise ValueError(
                    f"{move} is empty: a move needs at least one player and repeat >= 1"
                )
            owned = [net for name in move.players for net in self.players[name].owns]
            if twice := {net for net in owned if owned.count(net) > 1}:
                raise ValueError(
                    f"players {move.players} move together and both own"
                    f" {sorted(twice)}; give each net to one, or play them in two moves"
                )
        if idle := set(self.players) - {n for move in self.moves for n in move.players}:
            raise ValueError(
                f"players {sorted(idle)} are in no move; add one, or drop them"
            )
        _known(self.ema, self.nets, "ema names net")
        for net, decay in self.ema.items():
            if not 0 <= decay < 1:
                raise ValueError(
                    f"ema decay of {net!r} is {decay}; it must be in [0, 1)"
                )

    @property
    def repeats(self) -> int:
        """How many minibatches one step consumes: the largest `repeat`."""
        return max(move.repeat for move in self.moves)


class TrainState(flax.struct.PyTreeNode):
    """Everything that training changes: arrays only.

    Attributes:
        step: int32 scalar, steps played.
        key: the run's typed random key; never changes.
        params: net -> parameters.
        stats: net -> every other collection (batch statistics, memories).
        opt_state: player -> optimiser state.
        ema: net -> moving average of its parameters.
    """

    step: jax.Array
    key: jax.Array
    params: dict[str, Any]
    stats: dict[str, Any]
    opt_state: dict[str, Any]
    ema: dict[str, Any]


class Algorithm(NamedTuple, Generic[State]):
    """A way to train, as two pure functions over states of one type.

    Attributes:
        init: `init(key, batch) -> state`.
        step: `step(state, batch) -> (state, metrics)`.
    """

    init: Callable[[jax.Array, Batch], State]
    step: Callable[[State, Batch], tuple[State, Metrics]]


def pure(module: nn.Module, name: str) -> Callable[..., tuple[Any, Variables]]:
    """Turns a module into `f(variables, *args, **kwargs) -> (out, variables)`.

    The one place where a module is applied. Whatever the call changes (batch
    statistics, memories) comes back in `variables`; the argument is left as it was.
    Keywords go to the module, but for `rngs` and `method`, which mean what they mean to
    `module.apply`.
    """

    def apply(variables: Variables, *args, rngs=None, method=None, **kwargs):
        own = variables[name]
        out, changed = module.apply(
            own,
            *args,
            rngs=rngs,
            method=method,
            mutable=[collection for collection in own if collection != "params"],
            **kwargs,
        )
        return out, {**variables, name: {**own, **changed}}

    return apply


def variables(state: TrainState) -> Variables:
    """The variables of all nets, as losses and samplers take them."""
    return {net: {"params": p, **state.stats[net]} for net, p in state.params.items()}


def algorithm(
    game: Game,
    *,
    axis_name: str | None = None,
    accumulate: int = 1,
    gather: Callable[[Variables], Variables] = lambda variables: variables,
) -> Algorithm[TrainState]:
    """The engine: makes `init` and `step` from a game.

    Args:
        game: what is played.
        axis_name: the mapped axis to average over, when the step itself runs under
            `pmap` or `shard_map`. Leave it out under `jit` over a mesh.
        accumulate: in how many parts, one after the other, a minibatch is played whose
            gradients are then averaged: the memory of a part, the gradient of the
            whole. What looks at its batch (batch norm, minibatch features) sees a part
            at a time, and every part draws its own noise. Every array of the batch must
            have examples on its first axis, a multiple of this many.
        gather: what becomes of the variables before a loss sees them: where parameters
            are split over devices, `parallel.gathering` brings them together.
    """
    if accumulate < 1:
        raise ValueError(f"accumulate is {accumulate}; it must be at least 1")

    options = (axis_name, accumulate, gather)

    def init(key: jax.Array, batch: Batch) -> TrainState:
        init_key, key = jax.random.split(key)
        inputs = game.inputs(_minibatch(batch, 0) if game.repeats > 1 else batch)
        _known(game.nets, inputs, "`inputs` gives no arguments for net")
        params, stats = {}, {}
        for i, (net, module) in enumerate(game.nets.items()):
            made = dict(module.init(jax.random.fold_in(init_key, i), *inputs[net]))
            params[net] = made.pop("params", {})
            stats[net] = made
        return TrainState(
            step=jnp.zeros((), jnp.int32),
            key=key,
            params=params,
            stats=stats,
            opt_state={
                name: player.optimizer.init({net: params[net] for net in player.owns})
                for name, player in game.players.items()
            },
            ema={net: jax.tree.map(jnp.copy, params[net]) for net in game.ema},
        )

    def step(state: TrainState, batch: Batch) -> tuple[TrainState, Metrics]:
        key = jax.random.fold_in(state.key, state.step)
        metrics: Metrics = {}
        for i, move in enumerate(game.moves):
            state, seen = _play_move(
                game, move, state, batch, jax.random.fold_in(key, i), options
            )
            metrics |= seen
        return state.replace(step=state.step + 1, ema=_averages(game, state)), metrics

    return Algorithm(init, step)


def _play_move(game, move, state, batch, key, options):
    if game.repeats == 1:
        return _update(game, move, state, batch, key, options)

    def body(state, repeat):
        i, minibatch = repeat
        return _update(
            game, move, state, minibatch, jax.random.fold_in(key, i), options
        )

    minibatches = jax.tree.map(lambda x: x[: move.repeat], batch)
    # XLA's CPU convolution is some twenty times slower in a loop body: leave no loop.
    unroll = jax.default_backend() == "cpu"
    state, metrics = lax.scan(
        body, state, (jnp.arange(move.repeat), minibatches), unroll=unroll
    )
    return state, jax.tree.map(lambda x: x.mean(0), metrics)


def _update(game, move, state, batch, key, options):
    """One simultaneous update of a move's players, all from the same `state`."""
    axis_name, accumulate, gather = options
    if axis_name is not None:
        key = jax.random.fold_in(key, lax.axis_index(axis_name))
    turn = Turn(key, state.step)
    params, stats, opt_state = (
        dict(state.params),
        dict(state.stats),
        dict(state.opt_state),
    )
    metrics: Metrics = {}
    for name in move.players:
        player = game.players[name]
        owned = {net: state.params[net] for net in player.owns}

        def objective(owned, own_stats, batch, turn, name=name, player=player):
            before = variables(
                state.replace(
                    params={**state.params, **owned},
                    stats={**state.stats, **own_stats},
                )
            )
            loss, (after, seen) = player.loss(gather(before), batch, turn)
            if jnp.shape(loss):
                raise ValueError(
                    f"the loss of player {name!r} has shape {jnp.shape(loss)}, expected"
                    " a scalar: losses are per example, so reduce them, as in `.mean()`"
                )
            kept = {
                net: {c: after[net][c] for c in state.stats[net]} for net in player.owns
            }
            return loss, (kept, {"loss": loss, **seen})

        own_stats = {net: state.stats[net] for net in player.owns}
        gradient = jax.grad(objective, has_aux=True)
        if accumulate == 1:
            grads, (kept, seen) = gradient(owned, own_stats, batch, turn)
        else:
            grads, kept, seen = _in_parts(
                gradient, owned, own_stats, batch, turn, accumulate
            )
        if axis_name is not None:
            grads, seen = lax.pmean((grads, seen), axis_name)
            kept = {net: _mean_batch_stats(c, axis_name) for net, c in kept.items()}
        updates, opt_state[name] = player.optimizer.update(
            grads, state.opt_state[name], owned
        )
        params.update(dict(optax.apply_updates(owned, updates)))  # type: ignore[call-overload]
        stats |= kept
        metrics |= {f"{name}/{metric}": value for metric, value in seen.items()}
    return state.replace(params=params, stats=stats, opt_state=opt_state), metrics


def _in_parts(gradient, owned, stats, batch, turn, count):
    """The mean gradient of the parts of a batch; statistics go from part to part."""

    def split(x):
        if not jnp.ndim(x) or len(x) % count:
            raise ValueError(
                f"a batch with an array of shape {jnp.shape(x)} cannot be played in"
                f" {count} parts; its first axis must be a multiple of that"
            )
        # Every count-th example: each device finds its share of a part in what it has.
        return jnp.swapaxes(x.reshape(-1, count, *x.shape[1:]), 0, 1)

    def play(stats, i, batch):
        key = jax.random.fold_in(turn.key, i)
        grads, (stats, seen) = gradient(owned, stats, batch, turn._replace(key=key))
        return stats, (grads, seen)

    def body(carry, part):
        stats, total = carry
        stats, new = play(stats, *part)
        return (stats, jax.tree.map(jnp.add, total, new)), None

    parts = (jnp.arange(count), jax.tree.map(split, batch))
    first = jax.tree.map(lambda x: x[0], parts)
    _, new = jax.eval_shape(play, stats, *first)
    total = jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), new)
    unroll = jax.default_backend() == "cpu"  # as in `_play_move`
    (stats, total), _ = lax.scan(body, (stats, total), parts, unroll=unroll)
    grads, seen = jax.tree.map(lambda x: x / count, total)
    return grads, stats, seen


def _averages(game, state):
    """Moving averages, warmed up so that short runs are not mostly initial weights."""
    t = state.step.astype(jnp.float32)
    ramp = (1 + t) / (10 + t)
    return {
        net: optax.incremental_update(
            state.params[net], state.ema[net], 1 - jnp.minimum(decay, ramp)
        )
        for net, decay in game.ema.items()
    }


def _mean_batch_stats(collections, axis_name):
    return {
        name: lax.pmean(value, axis_name) if name == "batch_stats" else value
        for name, value in collections.items()
    }


def _minibatch(batch, i):
    return jax.tree.map(lambda x: x[i], batch)


def _known(names, among, what):
    if unknown := [name for name in names if name not in among]:
        raise ValueError(f"{what} {unknown}, but there are only {sorted(among)}")
