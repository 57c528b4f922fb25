"""The terms of the engine: what a game is, and what training changes."""

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

import flax.struct
import jax
import optax

Variables = Mapping[str, Mapping[str, Any]]  # net -> collection -> arrays
Batch = Any
Metrics = dict[str, jax.Array]
State = TypeVar("State")  # TrainState, unless an algorithm is made in another way


class Turn(NamedTuple):
    """Where training is, for a loss: its own random `key`, and the `step` (int32)."""

    key: jax.Array
    step: jax.Array


class Net(Protocol):
    """What a net of a game must be able to do; every flax linen module is one.

    `jaxgan.nets` makes nets of flax NNX, of equinox and of plain functions.
    """

    def init(self, rngs: jax.Array, /, *args: Any) -> Any:
        """Makes variables, collection -> arrays; what is trained is "params"."""
        ...

    def apply(self, variables: Any, /, *args: Any, **kwargs: Any) -> Any:
        """Gives `(out, changed)`: also the collections that the call changed.

        Beside those of the caller, it is given the keywords `rngs`, name -> key or
        None, `method`, the name of another method or None, and `mutable`, the names
        of the collections that may change.
        """
        ...


Loss = Callable[[Variables, Batch, Turn], tuple[jax.Array, tuple[Variables, Metrics]]]


@dataclasses.dataclass(frozen=True)
class Player:
    """One side of a game.

    Attributes:
        loss: `loss(variables, batch, turn) -> (scalar, (variables, metrics))`, pure.
        owns: names of the nets whose parameters and statistics it updates.
        optimizer: the optax optimiser that updates them.
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
    """Nets, players, and a schedule of moves.

    Attributes:
        nets: name -> linen module, or another `Net`. A net without parameters is a
            memory.
        inputs: `inputs(batch) -> {net: arguments}`, the arguments of one call of each
            net, to initialise it with. For most modules only their shapes matter.
        players: name -> Player.
        moves: the schedule of one step.
        ema: net -> decay, for nets whose exponential moving average is kept.

    Raises:
        ValueError: a name that does not exist, a net owned twice in one move, a player
            who never plays, a repeat below 1, a decay outside [0, 1).
    """

    nets: Mapping[str, Net]
    inputs: Callable[[Batch], Mapping[str, tuple]]
    players: Mapping[str, Player]
    moves: tuple[Move, ...]
    ema: Mapping[str, float] = dataclasses.field(default_factory=dict)

    def __post_init__(self):
        for name, player in self.players.items():
            known(player.owns, self.nets, f"player {name!r} owns net")
        for move in self.moves:
            known(move.players, self.players, "a move names player")
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
        known(self.ema, self.nets, "ema names net")
        for net, decay in self.ema.items():
            if not 0 <= decay < 1:
                raise ValueError(
                    f"ema decay of {net!r} is {decay}; it must be in [0, 1)"
                )

    @property
    def repeats(self) -> int:
        """The number of minibatches that one step takes: the largest `repeat`."""
        return max(move.repeat for move in self.moves)


class TrainState(flax.struct.PyTreeNode):
    """Everything that training changes: arrays only.

    Attributes:
        step: the number of steps played, an int32 scalar.
        key: the typed random key of the run, which never changes.
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
    """A way to train, as two pure functions of states of one type.

    Attributes:
        init: `init(key, batch) -> state`.
        step: `step(state, batch) -> (state, metrics)`.
    """

    init: Callable[[jax.Array, Batch], State]
    step: Callable[[State, Batch], tuple[State, Metrics]]


def pure(module: Net, name: str) -> Callable[..., tuple[Any, Variables]]:
    """Turns a net into `f(variables, *args, **kwargs) -> (out, variables)`.

    This is the only place where a module is applied. Whatever the call changes (batch
    statistics, memories) is in the returned `variables`; the argument is not changed.
    Keywords go to the module, except `rngs` and `method`, which mean the same as for
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
    """Gathers the variables of all nets, in the form that losses and samplers take."""
    return {net: {"params": p, **state.stats[net]} for net, p in state.params.items()}


def known(names: Iterable[str], among: Iterable[str], what: str) -> None:
    """Raises ValueError for names that do not exist; its message begins with `what`."""
    among = sorted(among)
    if unknown := [name for name in names if name not in among]:
        raise ValueError(f"{what} {unknown}, but there are only {among}")
