"""Makes algorithms from other algorithms, and states from other states."""

from collections.abc import Callable, Mapping
from typing import Any

import flax.struct
import jax
import jax.numpy as jnp
from jax import lax

from jaxgan.game import Algorithm, Batch, State, TrainState, Variables, variables


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
