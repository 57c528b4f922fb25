"""Turns a game into the two pure functions that play it."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import optax
from jax import lax

from jaxgan.game.rules import (
    Algorithm,
    Batch,
    Game,
    Metrics,
    TrainState,
    Turn,
    Variables,
    known,
    variables,
)


def algorithm(
    game: Game,
    *,
    axis_name: str | None = None,
    accumulate: int = 1,
    gather: Callable[[Variables], Variables] = lambda variables: variables,
    unroll: bool | None = None,
) -> Algorithm[TrainState]:
    """Makes `init` and `step` from a game: the engine.

    Args:
        game: the game to play.
        axis_name: the mapped axis to average over, when the step itself runs under
            `pmap` or `shard_map`. Leave it out under `jit` over a mesh.
        accumulate: the number of parts in which a minibatch is played, one after the
            other; their gradients are averaged. This needs the memory of one part and
            gives the gradient of the whole. Layers that look at their batch (batch
            norm, minibatch features) see one part at a time, and every part draws its
            own noise. Every array of the batch must have the examples on its first
            axis, and their number must be a multiple of this one.
        gather: applied to the variables before a loss sees them. Where parameters are
            split over devices, `parallel.gathering` brings them together.
        unroll: whether the repeats of a move and the parts of a minibatch are written
            out, instead of being a loop, which compiles faster. By default they are on
            CPU, where a convolution in a loop is about twenty times slower.
    """
    if accumulate < 1:
        raise ValueError(f"accumulate is {accumulate}; it must be at least 1")

    if unroll is None:
        unroll = jax.default_backend() == "cpu"
    options = (axis_name, accumulate, gather, unroll)

    def init(key: jax.Array, batch: Batch) -> TrainState:
        init_key, key = jax.random.split(key)
        inputs = game.inputs(_minibatch(batch, 0) if game.repeats > 1 else batch)
        known(game.nets, inputs, "`inputs` gives no arguments for net")
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
    *_, unroll = options
    state, metrics = lax.scan(
        body, state, (jnp.arange(move.repeat), minibatches), unroll=unroll
    )
    return state, jax.tree.map(lambda x: x.mean(0), metrics)


def _update(game, move, state, batch, key, options):
    """Updates a move's players simultaneously, all from the same `state`."""
    axis_name, accumulate, gather, unroll = options
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
                gradient, owned, own_stats, batch, turn, accumulate, unroll
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


def _in_parts(gradient, owned, stats, batch, turn, count, unroll):
    """Averages the gradients of a batch's parts; statistics go from part to part."""

    def split(x):
        if not jnp.ndim(x) or len(x) % count:
            raise ValueError(
                f"a batch with an array of shape {jnp.shape(x)} cannot be played in"
                f" {count} parts; its first axis must be a multiple of that"
            )
        # A part has every count-th example, so that each device has its share of each
        # part.
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
    (stats, total), _ = lax.scan(body, (stats, total), parts, unroll=unroll)
    grads, seen = jax.tree.map(lambda x: x / count, total)
    return grads, stats, seen


def _averages(game, state):
    """Updates moving averages, with a warm-up so that initial weights fade fast."""
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
