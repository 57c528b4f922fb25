"""What every model of the catalogue must do, whatever its paper."""

import dataclasses
import importlib
import pkgutil

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxgan.models
from jaxgan import compose, parallel
from jaxgan.game import Move, algorithm
from jaxgan.models.catalogue import CATALOGUE

BATCH = 8


@pytest.fixture(params=sorted(CATALOGUE), scope="module")
def entry(request):
    return CATALOGUE[request.param]


@pytest.fixture(scope="module")
def played(entry):
    """The game, its compiled algorithm, a batch, and the states of the first steps."""
    game = entry.make()
    run = algorithm(game)
    step = jax.jit(run.step)
    batch = entry.batch(jax.random.key(1), BATCH)
    states = [jax.jit(run.init)(jax.random.key(0), batch)]
    metrics = []
    for _ in range(2):
        state, seen = step(states[-1], batch)
        states.append(state)
        metrics.append(seen)
    return game, run, step, batch, states, metrics


def plain(tree):
    """Keys as numbers, so that trees can be compared."""
    return jax.tree.map(
        lambda x: (
            jax.random.key_data(x)
            if jnp.issubdtype(x.dtype, jax.dtypes.prng_key)
            else x
        ),
        tree,
    )


def assert_same(a, b):
    chex.assert_trees_all_equal(plain(a), plain(b))


def assert_close(a, b, rtol=1e-4, atol=2e-6):
    chex.assert_trees_all_close(plain(a), plain(b), rtol=rtol, atol=atol)


def gentle(game):
    """The game under SGD: Adam turns rounding noise into whole steps."""
    players = {
        name: dataclasses.replace(player, optimizer=optax.sgd(0.01))
        for name, player in game.players.items()
    }
    return dataclasses.replace(game, players=players)


def test_every_model_is_in_the_catalogue():
    found = {
        module.name
        for module in pkgutil.iter_modules(jaxgan.models.__path__)
        if hasattr(importlib.import_module(f"jaxgan.models.{module.name}"), "game")
    }
    assert found == set(CATALOGUE)


def test_step_keeps_structure_shape_and_dtype(played):
    _, run, _, batch, states, _ = played
    abstract = jax.eval_shape(run.init, jax.random.key(0), batch)
    after, metrics = jax.eval_shape(run.step, abstract, batch)
    chex.assert_trees_all_equal_shapes_and_dtypes(abstract, after)
    chex.assert_trees_all_equal_shapes_and_dtypes(plain(states[0]), plain(states[2]))
    assert all(m.shape == () and m.dtype == jnp.float32 for m in metrics.values())


def test_second_step_does_not_compile(played):
    _, _, step, _, states, _ = played
    assert step._cache_size() == 1
    assert int(states[2].step) == 2


def test_metrics_are_named_after_players_and_finite(played):
    game, _, _, _, states, metrics = played
    assert {f"{name}/loss" for name in game.players} <= set(metrics[0])
    assert {name.split("/")[0] for name in metrics[0]} == set(game.players)
    chex.assert_tree_all_finite(metrics)
    chex.assert_tree_all_finite(plain(states[2]))


def test_each_move_changes_exactly_what_its_players_own(played):
    game, _, _, batch, states, _ = played
    for move in game.moves:
        alone = dataclasses.replace(
            game,
            moves=(move,),
            players={name: game.players[name] for name in move.players},
        )
        minibatches = jax.tree.map(lambda x: x[0], batch) if game.repeats > 1 else batch
        if alone.repeats > 1:
            alone = dataclasses.replace(alone, moves=(Move(*move.players),))
        run = algorithm(alone)
        before = states[0].replace(
            opt_state={n: states[0].opt_state[n] for n in alone.players}
        )
        after, _ = jax.jit(run.step)(before, minibatches)
        owned = {net for name in move.players for net in game.players[name].owns}
        for net in game.nets:
            changed = not _equal(
                (before.params[net], before.stats[net]),
                (after.params[net], after.stats[net]),
            )
            assert changed == (net in owned), net


def _equal(a, b):
    return all(
        np.array_equal(x, y)
        for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True)
    )


def test_every_owned_parameter_moves(entry, played):
    game, _, _, _, states, _ = played
    owned = {net for player in game.players.values() for net in player.owns}
    before = {net: states[0].params[net] for net in owned}
    after = {net: states[2].params[net] for net in owned}
    still = {
        jax.tree_util.keystr(path, simple=True, separator="/")
        for (path, x), y in zip(
            jax.tree.leaves_with_path(before), jax.tree.leaves(after), strict=True
        )
        if np.array_equal(x, y)
    }
    assert still <= set(entry.still), "a branch is dead"


def test_same_seed_same_result_and_another_seed_another(played):
    _, run, step, batch, states, _ = played
    again = jax.jit(run.init)(jax.random.key(0), batch)
    assert_same(again, states[0])
    assert_same(step(step(again, batch)[0], batch)[0], states[2])
    other = jax.jit(run.init)(jax.random.key(5), batch)
    assert not _equal(other.params, states[0].params)


def test_scan_of_two_steps_equals_two_steps(played):
    _, run, _, batch, states, metrics = played
    two = jax.tree.map(lambda x: jnp.stack([x, x]), batch)
    state, seen = jax.jit(compose.scanned(run).step)(states[0], two)
    assert_close(state, states[2])
    assert_close(jax.tree.map(lambda x: x[1], seen), metrics[1])


def test_vmap_over_seeds_equals_each_alone(played):
    _, run, step, batch, _, _ = played
    keys = jnp.stack([jax.random.key(seed) for seed in range(4)])
    together = jax.jit(jax.vmap(run.init, (0, None)))(keys, batch)
    init = jax.jit(run.init)
    alone = [init(key, batch) for key in keys]
    after, _ = jax.jit(jax.vmap(run.step, (0, None)))(together, batch)
    for seed in range(4):
        mine = jax.tree.map(lambda x: x[seed], after)  # noqa: B023
        expected = step(alone[seed], batch)[0]
        assert_close(
            (mine.params, mine.stats), (expected.params, expected.stats), atol=1e-5
        )


def test_eight_devices_equal_one(entry):
    game = gentle(entry.make())
    batch = entry.batch(jax.random.key(1), 16)
    axis = int(game.repeats > 1)
    ends = []

    def split_all(path, shape, size):
        return parallel.largest_axis(path, shape, size, least=1)

    # On eight the batch is split over all, and every array that can be over four.
    for mesh in (parallel.mesh(jax.devices()[:1]), parallel.mesh(fsdp=4)):
        run = algorithm(game, gather=parallel.gathering(mesh, split_all))
        abstract = jax.eval_shape(run.init, jax.random.key(0), batch)
        places = parallel.shardings(mesh, abstract, split_all)
        init, step = parallel.compiled(run, mesh, parallel.split(mesh, axis), places)
        state = init(jax.random.key(0), batch)
        for _ in range(2):
            state, metrics = step(state, batch)
        assert step._cache_size() == 1
        ends.append(jax.device_get((plain(state), metrics)))
    assert_close(*ends)


def test_pmap_equals_the_same_shards_on_one_device(entry):
    game = gentle(entry.make())
    if any("memory" in stats for stats in _collections(game, entry)):
        pytest.skip("memories are per device under pmap; such games belong on the mesh")
    batch = entry.batch(jax.random.key(1), 16)
    axis = int(game.repeats > 1)
    shards = jax.tree.map(
        lambda x: jnp.moveaxis(
            x.reshape(*x.shape[:axis], 8, 2, *x.shape[axis + 1 :]), axis, 0
        ),
        batch,
    )
    start = jax.jit(algorithm(game).init)(jax.random.key(0), batch)
    step = algorithm(game, axis_name="data").step
    on_one = jax.vmap(step, axis_name="data", in_axes=(None, 0))
    expected = jax.tree.map(lambda x: x[0], jax.jit(on_one)(start, shards))
    state, metrics = parallel.pmap(algorithm(game, axis_name="data")).step(
        start, shards
    )
    assert_close(
        jax.device_get((plain(state), metrics)), jax.device_get(plain(expected))
    )
    if entry.exact:  # nothing is drawn inside the step, so the whole batch agrees too
        whole, _ = jax.jit(algorithm(game).step)(start, batch)
        assert_close(
            jax.device_get(state.params), jax.device_get(whole.params), atol=1e-5
        )


def _collections(game, entry):
    state = jax.eval_shape(
        algorithm(entry.make()).init,
        jax.random.key(0),
        entry.batch(jax.random.key(1), BATCH),
    )
    return [state.stats[net] for net in game.nets]


def test_bfloat16_stays_finite_and_keeps_float32_state(entry):
    if "dtype" not in entry.changes:
        pytest.skip("the model has no dtype to change")
    run = algorithm(entry.make(dtype="bfloat16"))
    batch = entry.batch(jax.random.key(1), BATCH)
    state = jax.jit(run.init)(jax.random.key(0), batch)
    step = jax.jit(run.step)
    for _ in range(3):
        state, metrics = step(state, batch)
    chex.assert_tree_all_finite((plain(state), metrics))
    wide = {x.dtype for x in jax.tree.leaves((state.params, state.stats, state.ema))}
    assert wide <= {jnp.dtype("float32"), jnp.dtype("bool")}
