"""Makes algorithms from other algorithms, and states from other states."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import flax.struct
import jax
import jax.numpy as jnp
from jax import lax

from jaxgan.game import (
    Algorithm,
    Batch,
    Game,
    State,
    TrainState,
    Turn,
    Variables,
    variables,
)


def ema_variables(state: TrainState) -> Variables:
    """The variables of all nets, with moving averages for parameters if kept."""
    return variables(state.replace(params={**state.params, **state.ema}))


def without_optimisers(state: Any) -> Any:
    """The same state, or tree of states, without what only its optimisers know."""
    is_state = lambda x: isinstance(x, TrainState)  # noqa: E731
    without = lambda x: x.replace(opt_state={}) if is_state(x) else x  # noqa: E731
    return jax.tree.map(without, state, is_leaf=is_state)


def adopt(new: TrainState, old: TrainState) -> TrainState:
    """Carries training over to a game that has grown.

    Parameters, statistics and averages whose path and shape agree are taken from `old`;
    the rest, and all optimiser states, stay those of `new`, as in progressive growing
    of GANs (Karras et al., arXiv:1710.10196), where each resolution starts its
    optimisers afresh. The step and the key are those of `old`. Arrays taken over are
    shared with `old`: a step that donates its state consumes both.

    Raises:
        ValueError: nothing agrees, so that the two are not stages of one model.
    """
    adopted = 0

    def merge(new_tree, old_tree):
        nonlocal adopted
        known = dict(jax.tree.leaves_with_path(old_tree))

        def pick(path, leaf):
            nonlocal adopted
            same = known.get(path)
            if same is None or same.shape != leaf.shape or same.dtype != leaf.dtype:
                return leaf
            adopted += 1
            return same

        return jax.tree.map_with_path(pick, new_tree)

    state = new.replace(
        step=old.step,
        key=old.key,
        params=merge(new.params, old.params),
        stats=merge(new.stats, old.stats),
        ema=merge(new.ema, old.ema),
    )
    if not adopted:
        raise ValueError(
            f"nothing to adopt: the nets {sorted(old.params)} and {sorted(new.params)}"
            " have no leaf of the same path and shape"
        )
    return state


def product(algorithms: Mapping[str, Algorithm[Any]]) -> Algorithm[dict[str, Any]]:
    """Trains independent algorithms side by side, such as the levels of LAPGAN.

    State and batch are dictionaries with the same names; metrics are `name/metric`.
    Each part gets `fold_in(key, its position)`, and otherwise trains as it would alone.
    """

    def init(key: jax.Array, batch: Mapping[str, Batch]) -> dict[str, Any]:
        return {
            name: part.init(jax.random.fold_in(key, i), batch[name])
            for i, (name, part) in enumerate(algorithms.items())
        }

    def step(state: dict[str, Any], batch: Mapping[str, Batch]):
        states, metrics = {}, {}
        for name, part in algorithms.items():
            states[name], seen = part.step(state[name], batch[name])
            metrics |= {f"{name}/{metric}": value for metric, value in seen.items()}
        return states, metrics

    return Algorithm(init, step)


def map_batch(
    algorithm: Algorithm[State], f: Callable[[Batch], Batch]
) -> Algorithm[State]:
    """Applies a pure function to each batch first, inside the compiled step.

    Examples are normalising pixels on the device, or gathering a batch from a data set
    that resides there.
    """
    return Algorithm(
        lambda key, batch: algorithm.init(key, f(batch)),
        lambda state, batch: algorithm.step(state, f(batch)),
    )


def scanned(algorithm: Algorithm[State]) -> Algorithm[State]:
    """Plays many steps in one call: batches and metrics gain a leading axis `[S, ...]`.

    The results are those of S calls. It is faster where dispatch costs more than the
    step: on accelerators, and for small models without convolutions on CPU.
    """
    return Algorithm(
        lambda key, batches: algorithm.init(key, jax.tree.map(lambda x: x[0], batches)),
        lambda state, batches: lax.scan(algorithm.step, state, batches),
    )


def sliced(
    game: Game,
    layer: str = "to_logit",
    *,
    player: str = "discriminator",
    net: str = "discriminator",
) -> Game:
    """Turns a GAN into a SAN, whose discriminator measures a distance.

    The last linear layer scores features h by s w·h, with a direction w of length one
    and a scale s. The loss of the game trains s and h; the direction is trained to tell
    the means of s h apart, −s w·(E h(x) − E h(y)), which trains nothing else. The
    weights are those of the layer as it was, so all else that is done with the net
    stays as it is.

    Takida et al., arXiv:2301.12811, equations 6 to 8. There, the bias of the layer is
    added to the features.

    Args:
        game: in which the player has the metrics `real` and `fake`, the mean scores of
            real and of generated examples, as `two_players.adversarial` makes it.
        layer: the path of the last layer in the net, such as "to_logit"; its kernel,
            `[..., N]`, has a direction for each of N scores, as of N classes.
        player: the player whose loss to change.
        net: the net that scores.

    Returns:
        The game, with another loss for the player, whose metrics have `direction` too.

    Raises:
        ValueError: when it is played, the net has no such layer.
    """
    plain = game.players[player]

    def loss(variables: Variables, batch: Batch, turn: Turn):
        params = variables[net]["params"]
        scale, direction = (
            {**variables, net: {**variables[net], "params": part}}
            for part in slices(params, layer)
        )
        value, (after, seen) = plain.loss(scale, batch, turn)
        # The same numbers, which a compiler computes once.
        _, (_, told) = plain.loss(direction, batch, turn)
        apart = told["fake"] - told["real"]
        return value + apart, (after, {**seen, "direction": apart})

    changed = dataclasses.replace(plain, loss=loss)
    return dataclasses.replace(game, players={**game.players, player: changed})


def slices(params: Any, layer: str) -> tuple[Any, Any]:
    """The parameters of a net twice, equal in value: for `sliced`.

    Args:
        params: of a net.
        layer: the path of its last linear layer.

    Returns:
        Those without a gradient to the layer's directions, and those with a gradient to
        them alone.

    Raises:
        ValueError: the net has no such layer.
    """
    wanted = f"{layer}/kernel"

    def is_last(path):
        return jax.tree_util.keystr(path, simple=True, separator="/") == wanted

    paths = [path for path, _ in jax.tree.leaves_with_path(params)]
    if not any(map(is_last, paths)):
        names = sorted(
            jax.tree_util.keystr(p, simple=True, separator="/") for p in paths
        )
        raise ValueError(
            f"the net has no weights {wanted!r}; name the last layer among {names}"
        )

    def split(path, leaf):
        if not is_last(path):
            return leaf, lax.stop_gradient(leaf)
        axes = tuple(range(leaf.ndim - 1))
        norm = jnp.sqrt(jnp.square(leaf).sum(axes, keepdims=True) + 1e-24)
        unit = leaf / norm
        return norm * lax.stop_gradient(unit), lax.stop_gradient(norm) * unit

    both = jax.tree.map_with_path(split, params)
    is_pair = lambda x: isinstance(x, tuple)  # noqa: E731
    return tuple(  # type: ignore[return-value]
        jax.tree.map(lambda pair, i=i: pair[i], both, is_leaf=is_pair) for i in (0, 1)
    )


class Members(flax.struct.PyTreeNode):
    """The state of algorithms that train side by side: see `seeds`.

    Attributes:
        step: the number of steps played, an int32 scalar.
        members: the states of the members, with a leading axis `[K, ...]`.
    """

    step: jax.Array
    members: Any


def seeds(algorithm: Algorithm[Any], count: int) -> Algorithm[Members]:
    """Trains K runs of one algorithm at once, vectorised: K seeds in one program.

    Batches have a leading axis `[K, ...]`. Member i gets `fold_in(key, i)`, and
    otherwise trains as it would alone. Each metric is the mean over the members;
    `name_std` is its standard deviation.

    Args:
        algorithm: the algorithm that trains each of them.
        count: K, the number of seeds.

    Raises:
        ValueError: `count` is below 1; or, when called, a batch has another leading
            axis.
    """
    if count < 1:
        raise ValueError(f"count is {count}; give at least 1 seed")

    def check(batch):
        for leaf in jax.tree.leaves(batch):
            if jnp.shape(leaf)[:1] != (count,):
                raise ValueError(
                    f"a batch has shape {jnp.shape(leaf)}, but its first axis must be"
                    f" the {count} seeds"
                )

    def init(key: jax.Array, batch: Batch) -> Members:
        check(batch)
        keys = jax.vmap(jax.random.fold_in, (None, 0))(key, jnp.arange(count))
        return Members(
            step=jnp.zeros((), jnp.int32),
            members=jax.vmap(algorithm.init)(keys, batch),
        )

    def step(state: Members, batch: Batch):
        check(batch)
        members, seen = jax.vmap(algorithm.step)(state.members, batch)
        metrics = {name: value.mean(0) for name, value in seen.items()}
        metrics |= {f"{name}_std": value.std(0) for name, value in seen.items()}
        return Members(step=state.step + 1, members=members), metrics

    return Algorithm(init, step)


def parameter_count(params: Any) -> int:
    """Counts the numbers in a tree of parameters, or of their shapes."""
    return sum(leaf.size for leaf in jax.tree.leaves(params))
