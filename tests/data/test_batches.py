"""The order of examples is a pure function of the seed and the batch's number."""

import functools
import tracemalloc

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxgan.data import batches
from jaxgan.data.batches import plan, plan_many, take

SEEDS = st.integers(0, 2**64 - 1)
COUNTS = st.integers(1, 40)
SIZES = st.integers(1, 50)
SMALL = [0, 2, 5, 1, 4, 3]
BIG = [72586031, 378265466, 117151935, 1434933535, 1105399514, 1998811903]


def joined(seed, numbers, **options):
    plans = [plan(seed, i, **options) for i in numbers]
    return {key: np.concatenate([p[key] for p in plans]) for key in plans[0]}


@given(SEEDS, COUNTS, SIZES)
def test_every_epoch_has_every_example_once(seed, count, batch_size):
    check_epochs(seed, count, batch_size, "sort")


@settings(max_examples=5)
@given(SEEDS, st.integers(2000, 4000), st.integers(300, 5000))
def test_every_epoch_of_a_large_set_too(seed, count, batch_size):
    """Grain's shuffle is slow for the smallest sets, which never use it."""
    check_epochs(seed, count, batch_size, "index_shuffle")


def check_epochs(seed, count, batch_size, order):
    options = {"count": count, "order": order}
    enough = range(-(-3 * count // batch_size))
    index = joined(seed, enough, batch_size=batch_size, **options)["index"]
    for epoch in range(3):
        part = index[epoch * count : (epoch + 1) * count]
        np.testing.assert_array_equal(np.sort(part), np.arange(count))
    # The order does not depend on the batch size, and begins anywhere.
    size = -(-count // 2)
    other = plan(seed, 1, batch_size=size, **options)["index"]
    np.testing.assert_array_equal(other, index[size : 2 * size])


@given(SEEDS, COUNTS, SIZES, SIZES)
def test_the_stream_does_not_depend_on_the_batch_size(seed, count, one, other):
    options = {"count": count, "flip": True}
    a = joined(seed, range(other), batch_size=one, **options)
    b = joined(seed, range(one), batch_size=other, **options)
    np.testing.assert_array_equal(a["index"], b["index"])
    np.testing.assert_array_equal(a["flip"], b["flip"])


@given(SEEDS, st.lists(st.integers(0, 10**12), max_size=5), st.integers(0, 10**12))
def test_a_batch_does_not_depend_on_what_was_asked_before(seed, before, i):
    batches._permutation.cache_clear()
    options = {"count": 13, "batch_size": 8, "flip": True}
    alone = plan(seed, i, **options)
    for other in before:
        plan(seed, other, **options)
    again = plan(seed, i, **options)
    assert alone["index"].dtype == np.int32
    assert alone["flip"].dtype == bool
    for key in alone:
        assert alone[key].shape == (8,)
        np.testing.assert_array_equal(alone[key], again[key])


def philox(key, blocks, first=0):
    """Philox 4x64-10 from its paper (Salmon et al., "Parallel random numbers: as easy
    as 1, 2, 3", 2011), with numpy's habit of counting before the first block."""
    words = []
    for counter in range(first + 1, first + 1 + blocks):
        a, b, c, d = counter, 0, 0, 0
        j, k = key
        for _ in range(10):
            left, right = 0xD2E7470EE14C6C93 * a, 0xCA5A826395121157 * c
            a, b, c, d = (right >> 64) ^ b ^ j, right, (left >> 64) ^ d ^ k, left
            a, b, c, d = (word % 2**64 for word in (a, b, c, d))
            j = (j + 0x9E3779B97F4A7C15) % 2**64
            k = (k + 0xBB67AE8584CAA73B) % 2**64
        words += [a, b, c, d]
    return words


def test_the_order_comes_from_philox_alone():
    # So it holds under every numpy: a run must resume under a later one.
    bits = philox((7, 2), blocks=5)
    by_hand = sorted(range(20), key=lambda place: bits[place])
    assert plan(7, 2, count=20, batch_size=20)["index"].tolist() == by_hand


def test_the_order_of_large_sets_is_known():
    """Grain promises nothing for later versions; a run must resume under them."""
    options = {"batch_size": 6, "order": "index_shuffle"}
    assert plan(7, 2, count=6, **options)["index"].tolist() == SMALL
    assert plan(2**64 - 1, 10**12, count=2**31 - 1, **options)["index"].tolist() == BIG


def test_a_batch_of_a_large_set_takes_no_memory_for_the_others():
    options = {"batch_size": 64, "order": "index_shuffle"}
    plan(0, 0, count=10, **options)  # what is imported does not count
    tracemalloc.start()
    index = plan(0, 5, count=2**31 - 1, **options)["index"]
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(set(index.tolist())) == 64
    assert most < 100_000  # the order itself has 8 GiB
    assert batches.order_of(2**20) == "sort"
    assert batches.order_of(2**20 + 1) == "index_shuffle"


def test_the_mirror_bits_come_from_philox_alone():
    words = philox((7, 2**64 - 1), blocks=2, first=1)
    by_hand = [bool(word >> bit & 1) for word in words for bit in range(64)]
    flips = joined(7, [1, 2], count=20, batch_size=256, flip=True)["flip"]
    assert flips.tolist() == by_hand


@pytest.mark.parametrize("order", ["sort", "index_shuffle"])
def test_epochs_and_seeds_differ(order):
    orders = {
        tuple(plan(seed, epoch, count=300, batch_size=50, order=order)["index"])
        for seed in range(4)
        for epoch in range(4)
    }
    assert len(orders) == 16


def test_permutations_are_uniform():
    firsts = [plan(seed, 0, count=4, batch_size=4)["index"] for seed in range(4000)]
    counts = np.stack(
        [np.bincount(column, minlength=4) for column in np.transpose(firsts)]
    )
    # Binomial(4000, 1/4) has a standard deviation of 27.
    assert (abs(counts - 1000) < 5 * 27).all()


def test_half_are_mirrored_and_anew_each_epoch():
    flips = plan(3, 0, count=500, batch_size=20_000, flip=True)["flip"]
    assert abs(flips.mean() - 0.5) < 5 * 0.5 / 20_000**0.5
    index = plan(3, 0, count=500, batch_size=20_000)["index"]
    per_example = np.bincount(index, weights=flips)
    assert per_example.min() > 4  # of 40 epochs
    assert per_example.max() < 36
    assert not plan(3, 0, count=500, batch_size=100)["flip"].any()


def test_mirroring_leaves_the_order_alone():
    options = {"count": 30, "batch_size": 7}
    np.testing.assert_array_equal(
        plan(1, 5, flip=True, **options)["index"], plan(1, 5, **options)["index"]
    )


@given(SEEDS, st.integers(0, 100), st.integers(1, 5), COUNTS, st.integers(1, 9))
def test_many_are_the_single_ones_stacked(seed, i, k, count, batch_size):
    options = {"count": count, "batch_size": batch_size, "flip": True}
    stack = plan_many(seed, i, k, **options)
    singles = [plan(seed, i * k + j, **options) for j in range(k)]
    for key in stack:
        np.testing.assert_array_equal(stack[key], [s[key] for s in singles])


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"seed": -1}, "seed is -1: give a whole number from 0"),
        ({"seed": 2**64}, "give a whole number from 0"),
        ({"i": -1}, "batch number is -1"),
        ({"batch_size": 0}, "batch size is 0: give at least 1"),
        ({"count": 0}, "a set of 0 examples"),
        ({"count": 2**31}, "a set of 2147483648 examples"),
        ({"order": "random"}, r"order is 'random': give one of .*'index_shuffle'"),
    ],
)
def test_bad_arguments_are_named(changes, text):
    good = {"seed": 0, "i": 0, "count": 4, "batch_size": 2}
    with pytest.raises(ValueError, match=text):
        plan(**(good | changes))


def test_no_repeats_are_refused():
    with pytest.raises(ValueError, match="repeats is 0: give at least 1"):
        plan_many(0, 0, 0, count=4, batch_size=2)


@pytest.fixture
def arrays():
    generator = np.random.default_rng(0)
    return {
        "image": generator.integers(0, 256, (11, 4, 6, 3), np.uint8),
        "target": generator.integers(0, 256, (11, 8, 8, 1), np.uint8),
        "label": np.arange(11, dtype=np.int32),
        "vector": generator.normal(size=(11, 5)).astype(np.float32),
    }


def test_take_gathers_and_mirrors(arrays):
    chosen = {"index": np.array([4, 4, 9]), "flip": np.array([False, True, True])}
    batch = take(arrays, chosen)
    assert set(batch) == set(arrays)
    np.testing.assert_array_equal(batch["label"], [4, 4, 9])
    for key in ("image", "target"):  # pairs are mirrored together
        pictures = arrays[key]
        expected = [pictures[4], pictures[4][:, ::-1], pictures[9][:, ::-1]]
        np.testing.assert_array_equal(batch[key], expected)
    np.testing.assert_array_equal(batch["vector"], arrays["vector"][[4, 4, 9]])


def test_take_leaves_the_arrays_alone(arrays):
    before = {key: value.copy() for key, value in arrays.items()}
    take(arrays, plan(0, 0, count=11, batch_size=30, flip=True))
    for key, value in arrays.items():
        np.testing.assert_array_equal(value, before[key])


@pytest.mark.parametrize("repeats", [1, 3])
def test_on_the_device_the_same_bits(arrays, repeats):
    compiled = jax.jit(functools.partial(take, xp=jnp))
    resident = jax.device_put(arrays)
    for i in range(4):
        options = {"count": 11, "batch_size": 8, "flip": True}
        if repeats > 1:
            chosen = plan_many(5, i, repeats, **options)
        else:
            chosen = plan(5, i, **options)
        host, device = take(arrays, chosen), compiled(resident, chosen)
        for key, value in host.items():
            assert device[key].dtype == value.dtype
            np.testing.assert_array_equal(device[key], value)
    assert compiled._cache_size() == 1
