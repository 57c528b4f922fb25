"""Meshes, shardings and the compiled step; pmap is in the conformance suite."""

import logging
import re
import time

import chex
import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax.sharding import AxisType, NamedSharding, PartitionSpec

from jaxgan import parallel
from jaxgan.game import Game, Move, Player, algorithm, pure
from jaxgan.parallel import processes


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


def test_the_second_axis_must_divide_the_devices():
    assert parallel.mesh(fsdp=4).shape == {"data": 2, "fsdp": 4}
    with pytest.raises(ValueError, match="--fsdp is 3.* 8 devices; use one of 1, 2, 4"):
        parallel.mesh(fsdp=3)
    with pytest.raises(ValueError, match="--fsdp is 0"):
        parallel.mesh(fsdp=0)


@pytest.mark.parametrize(
    ("path", "shape", "expected"),
    [
        ("params/g/Dense_0/kernel", (128, 512), (None, "fsdp")),
        ("opt_state/g/0/mu/g/Dense_0/kernel", (512, 128), ("fsdp",)),
        ("ema/g/Conv_0/kernel", (5, 5, 256, 130), (None, None, "fsdp")),
        ("params/g/Dense_0/kernel", (127, 513), ()),  # nothing divides
        ("params/g/Dense_0/bias", (512,), ()),  # small
        ("stats/d/memory", (512, 512), ()),  # not learned
    ],
)
def test_the_longest_axis_of_what_is_large_and_learned_is_split(path, shape, expected):
    assert parallel.largest_axis(path, shape, 4) == PartitionSpec(*expected)


def split_all(path, shape, size):
    return parallel.largest_axis(path, shape, size, least=1)


class Wide(nn.Module):
    @nn.compact
    def __call__(self, x):
        return nn.Dense(1)(nn.tanh(nn.Dense(8)(x)))


def wide_game():
    net = pure(Wide(), "net")

    def loss(variables, batch, turn):
        out, variables = net(variables, batch["x"])
        noise = jax.random.normal(turn.key, out.shape)
        return jnp.square(out - noise).mean(), (variables, {})

    return Game(
        {"net": Wide()},
        lambda batch: {"net": (batch["x"],)},
        {"p": Player(loss, ("net",), optax.adam(0.1))},
        (Move("p"),),
        ema={"net": 0.5},
    )


def test_split_parameters_play_as_whole_ones_and_stay_split(caplog):
    run = algorithm(wide_game())
    expected = jax.jit(run.init)(jax.random.key(0), BATCH)
    for _ in range(3):
        expected, seen = jax.jit(run.step)(expected, BATCH)
    mesh = parallel.mesh(fsdp=4)
    run = algorithm(wide_game(), gather=parallel.gathering(mesh, split_all))
    abstract = jax.eval_shape(run.init, jax.random.key(0), BATCH)
    places = parallel.shardings(mesh, abstract, split_all)
    init, step = parallel.compiled(run, mesh, state_sharding=places)
    with jax.log_compiles(), caplog.at_level(logging.WARNING):
        state = init(jax.random.key(0), BATCH)
        for _ in range(3):
            state, metrics = step(state, BATCH)
    assert sum("Compiling jit(step)" in r.getMessage() for r in caplog.records) == 1
    for leaf in (
        state.params["net"]["Dense_1"]["kernel"],
        state.ema["net"]["Dense_1"]["kernel"],
        state.opt_state["p"][0].mu["net"]["Dense_1"]["kernel"],
    ):
        assert leaf.sharding.spec == PartitionSpec(None, "fsdp")
        assert leaf.addressable_shards[0].data.shape == (3, 2)
    together = parallel.gather(mesh, state)
    for leaf in jax.tree.leaves(together):
        assert leaf.sharding.is_fully_replicated
    chex.assert_trees_all_close(
        jax.device_get((together.params, together.ema, metrics)),
        jax.device_get((expected.params, expected.ema, seen)),
        rtol=1e-5,
        atol=1e-6,
    )


def test_devices_share_what_they_compute_and_gather_only_what_is_used():
    mesh = parallel.mesh(fsdp=4)
    nets = {
        name: {"params": {"w": np.linspace(-1, 1, 64 * width).reshape(64, width)}}
        for name, width in {"used": 24, "unused": 40}.items()
    }
    nets = jax.tree.map(np.float32, nets)
    places = NamedSharding(mesh, PartitionSpec("fsdp"))

    def f(variables, x, key):
        y = x @ variables["used"]["params"]["w"] + jax.random.normal(key, (30, 24))
        return y - y.mean(0)[None], y.sum(1)  # a mean over all rows, as in batch norm

    given = jax.device_put(nets, places), np.ones((30, 64), "f"), jax.random.key(3)
    shared = parallel.shared(f, mesh)
    found = shared(*given)
    expected = f(nets, *given[1:])
    for mine, other in zip(found, expected, strict=True):
        assert mine.sharding.is_fully_replicated
        np.testing.assert_allclose(mine, other, rtol=1e-5, atol=1e-5)

    program = jax.jit(shared).lower(*given).compile()
    alone = jax.jit(f).lower(nets, *given[1:]).compile()
    flops = [x.cost_analysis()["flops"] for x in (program, alone)]
    assert flops[0] < flops[1] / 4  # on each of eight devices
    text = program.as_text()
    gathered = re.findall(r"f32\[(\d+),(\d+)\]\S* all-gather\(", text)
    assert ("64", "24") in gathered
    assert ("64", "40") not in gathered
    one = parallel.mesh(jax.devices()[:1])
    assert parallel.shared(f, one) is f


def test_a_split_state_is_whole_in_the_memory_of_the_host():
    mesh = parallel.mesh(fsdp=8)
    x = jnp.arange(64.0).reshape(8, 8)
    state = {
        "split": jax.device_put(x, NamedSharding(mesh, PartitionSpec("fsdp"))),
        "key": jax.device_put(jax.random.key(1), parallel.replicated(mesh)),
    }
    found = parallel.to_host(mesh, state)
    assert isinstance(found["split"], np.ndarray)
    np.testing.assert_array_equal(found["split"], x)
    assert found["key"] == jax.random.key(1)
    assert len(found["key"].devices()) == 1


def test_the_gradient_of_a_gathered_array_is_split_and_differentiable_again():
    mesh = parallel.mesh(fsdp=8)
    place = parallel.shardings(mesh, {"params": {"n": {"w": jnp.ones(8)}}}, split_all)
    w = jax.device_put(jnp.arange(8.0), place["params"]["n"]["w"])
    gather = parallel.gathering(mesh, split_all)

    def cubes(w):
        return (gather({"n": {"params": {"w": w}}})["n"]["params"]["w"] ** 3).sum()

    gradient = jax.jit(jax.grad(cubes))(w)
    assert gradient.sharding.spec == PartitionSpec("fsdp")
    np.testing.assert_allclose(gradient, 3 * np.arange(8.0) ** 2)
    second = jax.jit(jax.grad(lambda w: (jax.grad(cubes)(w) ** 2).sum()))(w)
    np.testing.assert_allclose(second, 36 * np.arange(8.0) ** 3)  # d/dw (3 w^2)^2


def test_one_process_has_all_rows_and_places_nothing():
    mesh = parallel.mesh()
    np.testing.assert_array_equal(parallel.rows(mesh, 16), np.arange(16))
    assert parallel.assemble(mesh, BATCH, 16) is BATCH
    state = {"w": jnp.ones(3)}
    assert parallel.gather(mesh, state) is state
    assert parallel.is_main()
    assert parallel.agreed(True)
    assert not parallel.agreed(False)
    assert parallel.told("a") == "a"
    assert parallel.gathered("a") == ["a"]
    assert parallel.preempted() == 0


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ((1, 1, ""), "for several processes.*--processes"),
        ((1, 0, "host:1"), "for several processes"),
        (("auto", 1, ""), "finds process and coordinator by itself"),
        (("auto", 0, ""), "found no cluster.*--processes N --process I --coordinator"),
        ((2, 2, "host:1"), "--process is 2 of --processes 2; count from 0 to 1"),
        ((2, -1, "host:1"), "--process is -1"),
        ((0, 0, "host:1"), "--process is 0 of --processes 0"),
        ((2, 0, ""), "--coordinator is ''.*HOST:PORT"),
        ((2, 0, "host"), "--coordinator is 'host'"),
        ((2, 0, "host:port"), "--coordinator is 'host:port'"),
    ],
)
def test_processes_that_cannot_meet_are_refused(given, message, monkeypatch):
    def initialize(*args, **kwargs):
        raise ValueError("coordinator_address should be defined.")  # as JAX does

    monkeypatch.setattr(jax.distributed, "initialize", initialize)
    with pytest.raises(ValueError, match=message):
        parallel.start(*given)
    with pytest.raises(KeyError), parallel.start():  # one process has nobody to meet
        raise KeyError


def test_a_process_that_waits_long_for_the_others_says_so(monkeypatch, capsys):
    def initialize(*args, **kwargs):
        time.sleep(0.2)
        raise ValueError("nobody came")

    monkeypatch.setattr(jax.distributed, "initialize", initialize)
    given = (3, 1, "host:12")
    with pytest.raises(ValueError, match="nobody came"):
        parallel.start(*given)
    assert not capsys.readouterr().err
    monkeypatch.setattr(processes, "_LATE", 0.01)
    with pytest.raises(ValueError, match="nobody came"):
        parallel.start(*given)
    assert re.search(
        "process 1 of 3 waits for the others at host:12, and gives up after 5 minutes;"
        " check .* the same --processes and --coordinator, and each with another",
        capsys.readouterr().err,
    )
    with pytest.raises(ValueError, match="found no cluster"):
        parallel.start("auto")
    said = capsys.readouterr().err
    assert "this process waits for the others, and gives up" in said
    assert "--process" not in said


def test_parts_must_divide_the_batch_too():
    parallel.check_batch_size(48, parallel.mesh(), accumulate=3)
    with pytest.raises(
        ValueError, match="size 32 .* 8 devices in 3 parts; use 24 or 48"
    ):
        parallel.check_batch_size(32, parallel.mesh(), accumulate=3)
