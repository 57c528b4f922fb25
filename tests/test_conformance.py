"""The requirements that every model must meet, of `trials` of them.

Compiling is what takes the time here, so each program answers several questions.
"""

import dataclasses

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.extend.core import Var
from settings import varied, watched
from trials import BATCH, assert_close, assert_same_training, gentle, plain, tried

from jaxgan import compose, game, parallel
from jaxgan.models.model import find

MODELS = find()
# One model of each structural kind: the tests that compile most run for these, and for
# all others before a release (`pytest -m release`).
KINDS = {
    "bilinear": "extragradient",
    "capsnet": "one player, routing",
    "cgan": "labels",
    "cyclegan_vectors": "several nets, memories",
    "dcgan": "batch norm",
    "points_gan": "repeats, a penalty, optimism",
    "progressive": "growing nets",
    "vae": "an owner of several nets",
}
# Models whose programs take longest to compile.
HEAVY = ("cyclegan", "tp_gan")
others = [pytest.mark.release]
kinds_first = pytest.mark.parametrize(
    "trial",
    [
        pytest.param(name, marks=[pytest.mark.slow] + others * (name not in KINDS))
        for name in MODELS
    ],
    indirect=True,
)


@pytest.fixture(
    params=[
        pytest.param(name, marks=[pytest.mark.slow] * (name in HEAVY))
        for name in MODELS
    ],
    scope="module",
)
def trial(request):
    return tried(request.param, MODELS[request.param])


def paths(tree):
    """Leaves by their paths, such as `generator/Dense_0/bias`."""
    return {
        jax.tree_util.keystr(path, simple=True, separator="/"): leaf
        for path, leaf in jax.tree.leaves_with_path(tree)
    }


@pytest.mark.slow
def test_what_it_shows_is_an_image_for_every_example(trial):
    """Shapes alone: nothing is compiled."""
    model, batch = trial.model, trial.batch
    config, key = watched(model.tiny, trial.read), jax.random.key(0)
    if trial.game.repeats > 1:
        batch = jax.tree.map(lambda x: x[0], batch)
    variables = game.variables(trial.states[0])
    if model.sample is not None:
        latent = model.latent(config, key, 3)
        label = (jnp.arange(3) % config.classes,) if model.labels else ()
        drawn = jax.eval_shape(
            lambda v: model.sample(config, v, latent, *label), variables
        )
        real = next(iter(batch.values()))
        assert drawn.shape == (3, *real.shape[1:])
        assert drawn.dtype == jnp.float32
    if model.show is not None:
        shown = jax.eval_shape(lambda v: model.show(config, v, key, batch), variables)
        for images in shown.values():
            assert images.shape in {x.shape for x in batch.values()}
            assert images.dtype == jnp.float32
    assert not unread(model, trial.read)


def unread(model, read):
    """Settings that nothing asks for, neither here nor with another choice of a word.

    Some belong to a choice, as a decay does to an optimiser.
    """
    names = {field.name for field in dataclasses.fields(model.tiny)}
    batch = None
    for config in varied(model.tiny):
        if names <= read:
            break
        batch = batch or jax.eval_shape(
            lambda: model.batch(model.tiny, jax.random.key(1), 2)
        )
        run = game.algorithm(model.game(watched(config, read)))
        state = jax.eval_shape(run.init, jax.random.key(0), batch)
        jax.eval_shape(run.step, state, batch)
    return names - read


def test_step_keeps_structure_shape_and_dtype(trial):
    abstract = jax.eval_shape(trial.run.init, jax.random.key(0), trial.batch)
    after, metrics = jax.eval_shape(trial.run.step, abstract, trial.batch)
    chex.assert_trees_all_equal_shapes_and_dtypes(abstract, after)
    first, _, last = map(plain, trial.states)
    chex.assert_trees_all_equal_shapes_and_dtypes(first, last)
    assert all(m.shape == () and m.dtype == jnp.float32 for m in metrics.values())


def test_second_step_does_not_compile(trial):
    assert trial.step._cache_size() == 1
    assert int(trial.states[2].step) == 2


def test_metrics_are_named_after_players_and_finite(trial):
    players = set(trial.game.players)
    assert {f"{name}/loss" for name in players} <= set(trial.metrics[0])
    assert {name.split("/")[0] for name in trial.metrics[0]} == players
    chex.assert_tree_all_finite(trial.metrics)
    chex.assert_tree_all_finite(plain(trial.states[2]))


def test_each_move_changes_only_what_its_players_own(trial):
    """What a move passes through is an input of its program; nothing is compiled."""
    state, batch = trial.states[0], trial.batch
    if trial.game.repeats > 1:
        batch = jax.tree.map(lambda x: x[0], batch)
    for move in trial.game.moves:
        players = {name: trial.game.players[name] for name in move.players}
        alone = dataclasses.replace(
            trial.game, moves=(game.Move(*move.players),), players=players
        )
        before = state.replace(opt_state={n: state.opt_state[n] for n in players})
        step = game.algorithm(alone).step
        program, (after, _) = jax.make_jaxpr(step, return_shape=True)(before, batch)
        given = dict(zip(program.jaxpr.invars, jax.tree.leaves(before), strict=False))
        out = jax.tree.unflatten(
            jax.tree.structure(after),
            [
                isinstance(x, Var) and x in given
                for x in program.jaxpr.outvars[: len(jax.tree.leaves(after))]
            ],
        )
        owned = {net for name in move.players for net in players[name].owns}
        for net in trial.game.nets:
            kept = jax.tree.leaves((out.params[net], out.stats[net]))
            assert any(not x for x in kept) == (net in owned), net


def test_every_owned_parameter_moves(trial):
    owned = {net for player in trial.game.players.values() for net in player.owns}
    before, _, after = (
        paths({net: state.params[net] for net in owned}) for state in trial.states
    )
    still = {path for path in before if np.array_equal(before[path], after[path])}
    assert still <= set(trial.model.still), "a branch is dead"


# Players whose loss has a penalty on slopes, which jumps where a rectifier turns: no
# differences are taken of it.
JUMPS = {
    "progan": ("discriminator",),
    "progressive": ("critic",),
    "r3gan": ("discriminator",),
    "wgan_gp": ("discriminator",),
}


@kinds_first
def test_every_loss_has_derivatives_in_both_modes(trial):
    """`jvp` agrees with the gradient and with differences; Hessians are symmetric.

    One program gives a loss, its gradient, its slope along a direction, and the product
    of its Hessian with the direction: `jvp` of `value_and_grad`.
    """
    state, batch = trial.states[1], trial.batch
    if trial.game.repeats > 1:
        batch = jax.tree.map(lambda x: x[0], batch)
    turn = game.Turn(jax.random.key(2), state.step)
    variables = game.variables(state)
    for name, player in trial.game.players.items():
        owned = {net: state.params[net] for net in player.owns}

        def loss(owned, player=player):
            mine = {net: {**variables[net], "params": p} for net, p in owned.items()}
            return player.loss({**variables, **mine}, batch, turn)[0]

        @jax.jit
        def along(owned, direction, loss=loss):
            both = jax.value_and_grad(loss)
            return jax.jvp(both, (owned,), (direction,))

        u, v = (_direction(owned, seed) for seed in (0, 1))
        (value, gradient), (slope_u, hessian_u) = along(owned, u)
        _, (slope_v, hessian_v) = along(owned, v)
        size = 1e-3 * (1 + abs(value))
        np.testing.assert_allclose(slope_u, _dot(gradient, u), rtol=1e-3, atol=size)
        np.testing.assert_allclose(slope_v, _dot(gradient, v), rtol=1e-3, atol=size)
        across = _dot(u, hessian_v), _dot(v, hessian_u)
        assert np.isfinite(across).all()
        np.testing.assert_allclose(*across, rtol=1e-2, atol=10 * size)
        if name in JUMPS.get(trial.name, ()):
            continue
        step = 1e-3  # losses of small nets are curved: longer ones miss the slope
        ends = [
            along(jax.tree.map(lambda p, d, t=t: p + t * d, owned, u), u)[0][0]
            for t in (-step, step)
        ]
        differences = (ends[1] - ends[0]) / (2 * step)
        np.testing.assert_allclose(differences, slope_u, rtol=0.05, atol=10 * size)


def _direction(tree, seed):
    """A random direction of length one."""
    rng = np.random.default_rng(seed)
    drawn = jax.tree.map(lambda x: rng.normal(size=x.shape).astype(np.float32), tree)
    length = np.sqrt(_dot(drawn, drawn))
    return jax.tree.map(lambda x: x / length, drawn)


def _dot(a, b):
    pairs = zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True)
    return sum(float(np.vdot(x, y)) for x, y in pairs)


def test_same_seed_same_result_and_another_seed_another(trial):
    again = trial.init(jax.random.key(0), trial.batch)
    chex.assert_trees_all_equal(plain(again), plain(trial.states[0]))
    for _ in range(2):
        again, _ = trial.step(again, trial.batch)
    chex.assert_trees_all_equal(plain(again), plain(trial.states[2]))
    other = trial.init(jax.random.key(5), trial.batch)
    pairs = zip(
        *map(jax.tree.leaves, (other.params, trial.states[0].params)), strict=True
    )
    assert not all(np.array_equal(*pair) for pair in pairs)


@kinds_first
def test_two_seeds_at_once_and_two_steps_at_once_equal_each_alone(trial):
    """`vmap` over seeds of a `scan` over steps."""
    batches = jax.tree.map(lambda x: np.stack([x, x]), trial.batch)
    starts = [
        gentle(trial.states[0]),
        gentle(trial.init(jax.random.key(5), trial.batch)),
    ]
    together = jax.jit(jax.vmap(compose.scanned(trial.run).step, in_axes=(0, None)))
    seeds = together(jax.tree.map(lambda *x: jnp.stack(x), *starts), batches)
    for i, state in enumerate(starts):
        metrics = []
        for _ in range(2):
            state, seen = trial.step(state, trial.batch)
            metrics.append(seen)
        expected = state, jax.tree.map(lambda *x: np.stack(x), *metrics)
        seed = jax.tree.map(lambda x, i=i: x[i], seeds)
        assert_same_training(seed, expected)


@kinds_first
def test_eight_devices_equal_one(trial):
    """The batch is split over all, and every array that can be over four."""

    def split_all(path, shape, size):
        return parallel.largest_axis(path, shape, size, least=1)

    mesh, axis = parallel.mesh(fsdp=4), int(trial.game.repeats > 1)
    run = game.algorithm(trial.game, gather=parallel.gathering(mesh, split_all))
    places = parallel.shardings(mesh, trial.states[0], split_all)
    _, step = parallel.compiled(run, mesh, parallel.split(mesh, axis), places)
    one = gentle(trial.states[0])
    eight = jax.device_put(jax.tree.map(jnp.copy, one), places)
    for _ in range(2):
        one, expected = trial.step(one, trial.batch)
        eight, metrics = step(eight, trial.batch)
    assert step._cache_size() == 1
    assert_same_training((eight, metrics), (one, expected))


@kinds_first
def test_pmap_equals_the_same_shards_on_one_device(trial):
    start = gentle(trial.states[0])
    if any("memory" in stats for stats in start.stats.values()):
        pytest.skip("memories are per device under pmap; such games belong on the mesh")
    axis = int(trial.game.repeats > 1)

    def shard(x):
        x = x.reshape(*x.shape[:axis], 8, BATCH // 8, *x.shape[axis + 1 :])
        return jnp.moveaxis(x, axis, 0)

    shards = jax.tree.map(shard, trial.batch)
    run = game.algorithm(trial.game, axis_name="data")
    on_one = jax.vmap(run.step, axis_name="data", in_axes=(None, 0))
    expected = jax.tree.map(lambda x: x[0], jax.jit(on_one)(start, shards))
    state, metrics = parallel.pmap(run).step(start, shards)
    assert_same_training((state, metrics), expected)
    if trial.model.exact:  # nothing is drawn in the step: the whole batch agrees too
        whole, _ = trial.step(start, trial.batch)
        assert_close(state.params, whole.params, atol=1e-5)


def test_bfloat16_stays_finite_and_keeps_float32_state(trial):
    if not hasattr(trial.model.tiny, "dtype"):
        pytest.skip("the model has no dtype to change")
    narrow = dataclasses.replace(trial.model.tiny, dtype="bfloat16")
    run = game.algorithm(trial.model.game(narrow))
    abstract = jax.eval_shape(run.init, jax.random.key(0), trial.batch)
    state = trial.states[0]
    inner = {name: inner for name, (_, inner) in state.opt_state.items()}
    state = state.replace(opt_state=inner)
    chex.assert_trees_all_equal_shapes_and_dtypes(abstract, state)
    step = jax.jit(run.step)
    for _ in range(3):
        state, metrics = step(state, trial.batch)
    chex.assert_tree_all_finite((plain(state), metrics))
    wide = {x.dtype for x in jax.tree.leaves((state.params, state.stats, state.ema))}
    assert wide <= {jnp.dtype("float32"), jnp.dtype("bool")}
