"""The engine: a model is a game of players over named nets, played in moves.

The library is built on five words.

- A **Game** is named nets (flax linen modules, or other `Net`s), named players, and a
  schedule.
- A **Player** is a pure loss, the nets it *owns* (the only ones whose parameters it may
  change) and an optax optimiser. Nets are not players: CycleGAN has four nets and two
  players; a frozen text encoder is a net that nobody owns.
- A **Move** is one or more players who update at the same time from the same state,
  `repeat` times, each time on a fresh minibatch.
- A **Turn** tells a loss where training is: it has a key and the step.
- A **TrainState** is one pytree of arrays without functions, so it can be vmapped,
  scanned, sharded and saved as it is.

From outside, every model is an **Algorithm**: `init(key, batch) -> TrainState` and
`step(state, batch) -> (TrainState, metrics)`, two pure functions. `algorithm(game)` is
one way to make them; a paper that is not a game gets its own pair.

The rules:

1. A step's randomness is `fold_in(state.key, state.step)`, so only the key and the step
   need saving. Each move gets its own key, and so does each repeat; players of one move
   share a key, so they see the same fakes.
2. A step takes one batch `[B, ...]`, or `[k, B, ...]` where k, the largest `repeat`
   of the game, exceeds one. A move with `repeat=r` plays the first r minibatches.
3. A player's gradient is taken with respect to the nets it owns, at the state the
   move began with. A net's statistics (batch norm averages, spectral vectors,
   memories) are those returned by the player that owns it; those that a loss returns
   for other nets are dropped.
4. Two players of one move may not own the same net.
5. Under `axis_name` (pmap, shard_map), gradients, losses, metrics and `batch_stats`
   are averaged over the axis, but memories are not. Every device draws its own noise.
6. Metrics are named `player/metric`, and averaged over repeats.
"""

from jaxgan.game.engine import algorithm
from jaxgan.game.rules import (
    Algorithm,
    Batch,
    Game,
    Loss,
    Metrics,
    Move,
    Net,
    Player,
    State,
    TrainState,
    Turn,
    Variables,
    pure,
    variables,
)

__all__ = [
    "Algorithm",
    "Batch",
    "Game",
    "Loss",
    "Metrics",
    "Move",
    "Net",
    "Player",
    "State",
    "TrainState",
    "Turn",
    "Variables",
    "algorithm",
    "pure",
    "variables",
]
