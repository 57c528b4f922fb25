import gc
import json
import os
import pathlib
import time

import chex
import hypothesis
import hypothesis.strategies
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxgan import checkpoint, parallel
from jaxgan.checkpoint import checksums
from jaxgan.game import TrainState

# A read of a damaged array makes orbax abandon the others, which complain to nobody,
# some when they finish and some when they are collected.
pytestmark = pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning"
)


@pytest.fixture
def abandoned_reads():
    yield
    time.sleep(0.2)
    gc.collect()


def make(width=3, seed=0):
    params = {"net": {"kernel": jax.random.normal(jax.random.key(seed), (2, width))}}
    return TrainState(
        step=jnp.asarray(7, jnp.int32),
        key=jax.random.key(11),
        params=params,
        stats={"net": {"memory": jnp.ones(2, jnp.bfloat16), "flag": jnp.ones(2, bool)}},
        opt_state={"player": optax.adam(1e-3).init(params)},
        ema={},
    )


def plain(state):
    return state.replace(key=jax.random.key_data(state.key))


def saved(directory, *states, keep=None):
    with checkpoint.manager(directory, keep) as checkpoints:
        for step, state in states:
            checkpoint.save(checkpoints, step, state, {"lr": 1})


def test_round_trip_is_exact_typed_keys_and_bfloat16_included(tmp_path):
    saved(tmp_path / "c", (7, make()))
    with checkpoint.manager(tmp_path / "c") as checkpoints:
        again = checkpoint.restore(checkpoints, jax.eval_shape(make))
    chex.assert_trees_all_equal(plain(again), plain(make()))
    assert again.key.dtype == make().key.dtype


# Beside the plain letters that all other tests have.
@pytest.mark.parametrize(
    "name",
    [
        "[lr=1e-3]",
        "a*b?",
        "**",
        "x\ny",
        " a ",
        "-a",
        "%20#&{}~$H'\"|:",
        "é日😀",
        "file:",
    ],
)
def test_whatever_the_directory_is_called_what_is_saved_is_restored(tmp_path, name):
    state = {"weights": jnp.arange(4.0)}
    with checkpoint.manager(tmp_path / name / "states") as checkpoints:
        checkpoint.save(checkpoints, 1, state, {})
    (tmp_path / name).rename(tmp_path / "[renamed]")
    with checkpoint.manager(tmp_path / "[renamed]" / "states") as checkpoints:
        found = checkpoint.restore(checkpoints, state)
    np.testing.assert_array_equal(found["weights"], state["weights"])


@pytest.mark.parametrize("name", ["back\\slash", "gs:", os.fsdecode(b"caf\xe9")])
def test_a_directory_that_nothing_could_be_restored_from_is_refused(tmp_path, name):
    with (
        pytest.raises(ValueError, match="no checkpoint can be kept"),
        checkpoint.manager(tmp_path / name),
    ):
        pass


def test_nothing_saved_is_none(tmp_path):
    with checkpoint.manager(tmp_path / "c") as checkpoints:
        assert checkpoint.restore(checkpoints, jax.eval_shape(make)) is None


def test_state_may_be_donated_right_after_saving(tmp_path):
    bump = jax.jit(lambda s: jax.tree.map(lambda x: x + 1, s), donate_argnums=0)
    arrays = {"a": jnp.zeros((64, 64))}
    with checkpoint.manager(tmp_path / "c") as checkpoints:
        for step in range(3):
            checkpoint.save(checkpoints, step, arrays, {})
            arrays = bump(arrays)
    with checkpoint.manager(tmp_path / "c") as checkpoints:
        assert float(checkpoint.restore(checkpoints, arrays)["a"][0, 0]) == 2


def test_keeps_only_the_latest(tmp_path):
    saved(tmp_path / "c", (1, make()), (2, make()), (3, make()), keep=2)
    with checkpoint.manager(tmp_path / "c") as checkpoints:
        assert sorted(checkpoints.all_steps()) == [2, 3]


def test_a_step_before_the_latest_is_not_passed_over_in_silence(tmp_path):
    saved(tmp_path / "c", (2, make()))
    with checkpoint.manager(tmp_path / "c") as checkpoints:
        checkpoint.save(checkpoints, 2, make(seed=1), {})  # it is there
        with pytest.raises(checkpoint.CheckpointError, match="step 1 cannot be saved"):
            checkpoint.save(checkpoints, 1, make(), {})


def test_what_is_superseded_is_dropped_but_not_what_was_newest_once(tmp_path):
    saved(tmp_path / "c", *((step, make()) for step in (1, 2, 4, 6, 7)))
    with checkpoint.manager(tmp_path / "c") as checkpoints:
        checkpoint.drop_superseded(checkpoints, [3, 5, 0])
        assert sorted(checkpoints.all_steps()) == [2, 4, 7]
        checkpoint.drop_superseded(checkpoints, [])
        assert sorted(checkpoints.all_steps()) == [7]


def test_restores_onto_the_sharding_asked_for(tmp_path):
    saved(tmp_path / "c", (1, {"a": jnp.arange(8.0)}))
    sharding = parallel.split(parallel.mesh())
    like = {"a": jax.ShapeDtypeStruct((8,), jnp.float32, sharding=sharding)}
    with checkpoint.manager(tmp_path / "c") as checkpoints:
        again = checkpoint.restore(checkpoints, like)
    assert again["a"].sharding == sharding
    np.testing.assert_array_equal(again["a"], np.arange(8.0))


@hypothesis.given(
    shape=hypothesis.strategies.lists(hypothesis.strategies.integers(1, 5), max_size=3),
    dtype=hypothesis.strategies.sampled_from(["float32", "bfloat16", "bool", "int16"]),
    data=hypothesis.strategies.data(),
)
@hypothesis.settings(max_examples=60)
def test_a_checksum_adds_up_over_parts_and_sees_a_change(shape, dtype, data):
    size = int(np.prod(shape)) * jnp.dtype(dtype).itemsize
    content = np.random.default_rng(size).integers(0, 2, size, np.uint8)
    array = content.view(jnp.dtype(dtype)).reshape(shape)
    whole = checksums.weighted(array, [0] * len(shape), shape)
    if shape:
        cut = data.draw(hypothesis.strategies.integers(0, shape[-1]))
        start = [0] * (len(shape) - 1)
        parts = [
            checksums.weighted(array[..., :cut], [*start, 0], shape),
            checksums.weighted(array[..., cut:], [*start, cut], shape),
        ]
        assert (int(parts[0]) + int(parts[1])) % 2**32 == whole
    place = data.draw(hypothesis.strategies.integers(0, size - 1))
    content[place] ^= 1 << data.draw(hypothesis.strategies.integers(0, 7))
    assert checksums.weighted(array, [0] * len(shape), shape) != whole


def test_a_checksum_does_not_depend_on_where_the_array_is():
    array = jax.random.normal(jax.random.key(0), (8, 16))
    mesh = parallel.mesh(fsdp=4)
    expected = checksums.of([array])
    for place in (
        parallel.replicated(mesh),
        parallel.split(mesh),
        parallel.split(mesh, 1),
        jax.sharding.NamedSharding(mesh, jax.P(None, "fsdp")),
        jax.sharding.NamedSharding(mesh, jax.P("data", "fsdp")),
    ):
        assert checksums.of([jax.device_put(array, place)]) == expected


def test_another_model_is_refused_by_name(tmp_path):
    saved(tmp_path / "c", (1, make(width=3)))
    with checkpoint.manager(tmp_path / "c") as checkpoints:
        with pytest.raises(
            checkpoint.CheckpointError, match=r"kernel.*\[2, 3\].*\[2, 4\]"
        ):
            checkpoint.restore(checkpoints, make(width=4))


def data_files(folder: pathlib.Path) -> list[pathlib.Path]:
    """All of them: which hold values in use and which are left over, orbax knows."""
    return [p for p in folder.rglob("d/*") if p.is_file()]


@pytest.mark.parametrize("damage", ["flip", "truncate", "remove"])
@pytest.mark.usefixtures("abandoned_reads")
def test_damage_is_noticed_and_the_step_before_is_used(tmp_path, damage):
    saved(tmp_path / "c", (1, make(seed=1)), (2, make(seed=2)))
    for target in data_files(tmp_path / "c" / "2" / "state"):
        content = bytearray(target.read_bytes())
        if damage == "flip":
            content[len(content) // 2] ^= 1
            target.write_bytes(content)
        elif damage == "truncate":
            os.truncate(target, len(content) // 2)
        else:
            target.unlink()
    with checkpoint.manager(tmp_path / "c") as checkpoints:
        with pytest.warns(UserWarning, match="step 2.*going on from step 1"):
            again = checkpoint.restore(checkpoints, make())
        chex.assert_trees_all_equal(plain(again), plain(make(seed=1)))
        checkpoint.drop_after(checkpoints, 1)
        checkpoint.save(checkpoints, 2, make(seed=3), {})
    with checkpoint.manager(tmp_path / "c") as checkpoints:
        again = checkpoint.restore(checkpoints, make())
        chex.assert_trees_all_equal(plain(again), plain(make(seed=3)))


def test_values_that_do_not_match_their_checksum_are_not_used(tmp_path):
    saved(tmp_path / "c", (1, make()))
    record = tmp_path / "c" / "1" / "record" / "metadata"
    about = json.loads(record.read_text())
    about["arrays"]["params/net/kernel"]["checksum"] ^= 1
    record.write_text(json.dumps(about))
    with checkpoint.manager(tmp_path / "c") as checkpoints:
        with pytest.raises(
            checkpoint.CheckpointError, match="checksum of params/net/k"
        ):
            checkpoint.restore(checkpoints, make())


def test_reading_changes_nothing(tmp_path):
    saved(tmp_path / "c", (1, make()))
    unfinished = tmp_path / "c" / "2.orbax-checkpoint-tmp"
    unfinished.mkdir()  # as of a run that is saving at this moment
    with checkpoint.manager(tmp_path / "c", read_only=True) as checkpoints:
        assert checkpoint.restore(checkpoints, make()) is not None
    assert unfinished.exists()


@pytest.mark.usefixtures("abandoned_reads")
def test_nothing_intact_is_an_error(tmp_path):
    saved(tmp_path / "c", (1, make()))
    for target in data_files(tmp_path / "c" / "1" / "state"):
        target.unlink()
    with checkpoint.manager(tmp_path / "c") as checkpoints:
        with pytest.raises(checkpoint.CheckpointError, match="no checkpoint.*intact"):
            checkpoint.restore(checkpoints, make())


def test_differences_name_the_path():
    old = {"model": {"width": 32, "kernel": 4}, "seed": 0}
    new = {"model": {"width": 64, "kernel": 4}, "steps": 10}
    assert checkpoint.differences(old, new) == [
        "model.width: 32 -> 64",
        "seed: 0 -> (absent)",
        "steps: (absent) -> 10",
    ]
