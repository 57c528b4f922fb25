"""Meshes, shardings and the compiled step; pmap is in the conformance suite."""

import logging

import chex
import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax.sharding import AxisType, PartitionSpec

from jaxgan import parallel
from jaxgan.game import Game, Move, Player, algorithm, pure


def noisy_game():
    """A dense net under batch norm, whose loss draws noise."""

    class Net(nn.Module):
        @nn.compact
        def __call__(self, x):
            return nn.Dense(1)(nn.BatchNorm(use_running_average=False)(x))

    net = pure(Net(), "net")

    def loss(variables, batch, turn):
        out, variables = net(variables, batch["x"])
        noise = jax.random.normal(turn.key, out.shape)
        error = jnp.square(out - noise) * batch.get("weight", jnp.ones(())).mean()
        return error.mean(), (variables, {})

    return algorithm(
        Game(
            {"net": Net()},
            lambda batch: {"net": (batch["x"],)},
            {"p": Player(loss, ("net",), optax.adam(0.1))},
            (Move("p"),),
        )
    )


BATCH = {"x": np.random.default_rng(0).normal(size=(16, 3)).astype("float32")}


def test_the_mesh_has_one_axis_over_all_devices_or_the_given_ones():
    mesh = parallel.mesh()
    assert mesh.shape == {"data": 8, "fsdp": 1}
    assert mesh.axis_types == (AxisType.Auto, AxisType.Auto)
    some = jax.devices()[2:5]
    assert list(parallel.mesh(some).devices.flat) == some


def test_split_divides_one_axis_and_replicated_none():
    mesh = parallel.mesh(jax.devices()[:4])
    x = np.arange(32).reshape(8, 4)
    rows = jax.device_put(x, parallel.split(mesh)).addressable_shards
    for shard in rows:
        i = shard.device.id
        np.testing.assert_array_equal(shard.data, x[2 * i : 2 * i + 2])
    for shard in jax.device_put(x, parallel.split(mesh, 1)).addressable_shards:
        i = shard.device.id
        np.testing.assert_array_equal(shard.data, x[:, i : i + 1])
    whole = jax.device_put(x, parallel.replicated(mesh)).addressable_shards
    assert len(whole) == 4
    for shard in whole:
        np.testing.assert_array_equal(shard.data, x)


@pytest.mark.parametrize("size", [8, 16, 64])
def test_batch_sizes_that_fit_pass(size):
    parallel.check_batch_size(size, parallel.mesh())


@pytest.mark.parametrize(
    ("size", "fits"),
    [(12, "8 or 16"), (15, "8 or 16"), (17, "16 or 24"), (3, "8"), (0, "8"), (-9, "8")],
)
def test_other_batch_sizes_are_refused_with_the_nearest_that_fit(size, fits):
    message = rf"batch size {size} .* 8 devices; use {fits}$"
    with pytest.raises(ValueError, match=message):
        parallel.check_batch_size(size, parallel.mesh())


def test_a_compiled_step_compiles_once_and_keeps_the_state_whole(caplog):
    mesh = parallel.mesh()
    init, step = parallel.compiled(noisy_game(), mesh)
    with jax.log_compiles(), caplog.at_level(logging.WARNING):
        state = init(jax.random.key(0), BATCH)
        for _ in range(4):
            state, metrics = step(state, BATCH)
    compiled = [r for r in caplog.records if "Compiling jit(step)" in r.getMessage()]
    assert len(compiled) == 1
    for leaf in jax.tree.leaves((state, metrics)):
        assert leaf.sharding.spec == PartitionSpec()
        assert leaf.sharding.device_set == set(jax.devices())


def test_a_compiled_step_donates_the_state_and_not_the_batch():
    mesh = parallel.mesh()
    init, step = parallel.compiled(noisy_game(), mesh)
    batch = jax.device_put(BATCH, parallel.split(mesh))
    before = init(jax.random.key(0), batch)
    after, _ = step(before, batch)
    assert all(leaf.is_deleted() for leaf in jax.tree.leaves(before))
    assert not any(leaf.is_deleted() for leaf in jax.tree.leaves((after, batch)))


def test_eight_devices_play_as_one():
    run = noisy_game()
    expected = jax.jit(run.init)(jax.random.key(0), BATCH)
    expected, seen = jax.jit(run.step)(expected, BATCH)
    init, step = parallel.compiled(run, parallel.mesh())
    state, metrics = step(init(jax.random.key(0), BATCH), BATCH)
    # Noise and batch statistics are of the global batch, whatever the devices.
    chex.assert_trees_all_close(
        jax.device_get((state.params, state.stats, metrics)),
        jax.device_get((expected.params, expected.stats, seen)),
        rtol=1e-4,
        atol=1e-6,
    )


def test_the_batch_may_be_split_part_by_part():
    mesh = parallel.mesh()
    sharding = {"x": parallel.split(mesh), "weight": parallel.replicated(mesh)}
    batch = BATCH | {"weight": np.asarray([2.0, 2.0, 2.0], "float32")}
    init, step = parallel.compiled(noisy_game(), mesh, sharding)
    _, doubled = step(init(jax.random.key(0), batch), batch)
    init, step = parallel.compiled(noisy_game(), mesh)
    _, single = step(init(jax.random.key(0), BATCH), BATCH)
    np.testing.assert_allclose(doubled["p/loss"], 2 * single["p/loss"], rtol=1e-5)
