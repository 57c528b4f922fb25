"""Nearest neighbours against SciPy's distances."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.spatial

from jaxgan.metrics import memorisation, nearest_neighbours

find = jax.jit(nearest_neighbours, static_argnums=2)


def drawn(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def expected(queries, data, k):
    """SciPy 1.15's Euclidean distances in float64, nearest first."""
    flat = [x.reshape(len(x), -1).astype("float64") for x in (queries, data)]
    distance = scipy.spatial.distance.cdist(*flat)
    index = np.argsort(distance, axis=1, kind="stable")[:, :k]
    return index, np.take_along_axis(distance, index, axis=1)


@pytest.fixture(scope="module")
def in_blocks():
    """Neighbours by k, block and query block, all in one program."""
    queries, data = drawn(7, 4, 3, 2), drawn(50, 4, 3, 2, seed=1)
    cases = [(k, block, 256) for k in (1, 3, 50) for block in (1024, 50, 16)]
    cases += [(3, 16, query_block) for query_block in (7, 3, 1)]

    @jax.jit
    def all_of(q, d):
        return [
            nearest_neighbours(q, d, k, block=block, query_block=query_block)
            for k, block, query_block in cases
        ]

    return queries, data, dict(zip(cases, all_of(queries, data), strict=True))


@pytest.mark.parametrize("k", [1, 3, 50])
@pytest.mark.parametrize("block", [1024, 50, 16])
def test_agrees_with_scipy_in_blocks_of_any_size(k, block, in_blocks):
    queries, data, found = in_blocks
    index, distance = found[k, block, 256]
    wanted_index, wanted_distance = expected(queries, data, k)
    np.testing.assert_array_equal(index, wanted_index)
    np.testing.assert_allclose(distance, wanted_distance, rtol=1e-5)
    assert (index.dtype, distance.dtype) == (jnp.int32, jnp.float32)


def test_bytes_are_compared_as_numbers_that_do_not_wrap():
    rng = np.random.default_rng(2)
    queries, data = (
        rng.integers(0, 256, (n, 6, 6, 3)).astype(np.uint8) for n in (5, 40)
    )
    index, distance = find(queries, data, 2)
    wanted_index, wanted_distance = expected(queries, data, 2)
    np.testing.assert_array_equal(index, wanted_index)
    np.testing.assert_allclose(distance, wanted_distance, rtol=1e-5)


def test_what_is_in_the_data_is_found_at_distance_zero():
    data = drawn(30, 5)
    index, distance = find(data[[4, 17]], data, 1)
    np.testing.assert_array_equal(index, [[4], [17]])
    np.testing.assert_array_equal(distance, [[0], [0]])


def test_small_distances_far_from_the_origin_are_not_lost():
    # In float32 the expanded square of numbers near 4096 is off by about one.
    data = np.full((4, 8), 4096, "float32")
    data[:, 0] += [3 / 8, 1 / 8, 1 / 2, 1 / 4]
    index, distance = find(np.full((1, 8), 4096, "float32"), data, 4)
    np.testing.assert_array_equal(index, [[1, 3, 0, 2]])
    np.testing.assert_array_equal(distance, [[1 / 8, 1 / 4, 3 / 8, 1 / 2]])


@pytest.mark.parametrize("k", [0, -1, 6])
def test_k_outside_the_data_is_refused(k):
    with pytest.raises(ValueError, match=rf"k is {k}; .*1 to 5, the number"):
        nearest_neighbours(drawn(2, 3), drawn(5, 3), k)


def test_examples_of_another_shape_are_refused():
    with pytest.raises(AssertionError):
        nearest_neighbours(drawn(2, 4, 4, 3), drawn(5, 8, 8, 3))


@pytest.mark.parametrize("query_block", [256, 7, 3, 1])
def test_queries_are_taken_in_blocks_of_any_size(query_block, in_blocks):
    queries, data, found = in_blocks
    index, distance = found[3, 16, query_block]
    wanted_index, wanted_distance = expected(queries, data, 3)
    np.testing.assert_array_equal(index, wanted_index)
    np.testing.assert_allclose(distance, wanted_distance, rtol=1e-5)


def test_no_table_of_all_queries_and_all_data_is_made():
    """The largest array of the compiled function, by its own types."""
    queries, data = jnp.zeros((512, 3)), jnp.zeros((1000, 3))
    text = str(
        jax.make_jaxpr(lambda q, d: nearest_neighbours(q, d, query_block=64))(
            queries, data
        )
    )
    assert "f32[64,1000]" in text
    assert "f32[512,1000]" not in text


def test_candidates_far_from_the_origin_are_not_lost():
    """Takes 200 points in steps of 1/8 near 4096, more than are compared twice."""
    data = np.full((200, 8), 4096, "float32")
    data[:, 0] += np.random.default_rng(0).permutation(200) / 8
    query = data[:1].copy()
    query[0, 0] = 4096 + 10.03125
    index, distance = find(query, data, 2)
    wanted_index, wanted_distance = expected(query, data, 2)
    np.testing.assert_array_equal(index, wanted_index)
    np.testing.assert_allclose(distance, wanted_distance, rtol=1e-6)


def test_neighbours_vectorise():
    queries, data = drawn(2, 5, 3), drawn(2, 20, 3, seed=1)
    index, distance = jax.jit(jax.vmap(lambda q, d: nearest_neighbours(q, d, 2)))(
        queries, data
    )
    for i in range(2):
        wanted_index, wanted_distance = expected(queries[i], data[i], 2)
        np.testing.assert_array_equal(index[i], wanted_index)
        np.testing.assert_allclose(distance[i], wanted_distance, rtol=1e-5)


@pytest.mark.parametrize("blocks", [{"block": 0}, {"query_block": 0}])
def test_a_block_below_one_is_refused(blocks):
    with pytest.raises(ValueError, match="both must be at least 1"):
        nearest_neighbours(drawn(2, 3), drawn(5, 3), **blocks)


def test_memorisation_is_what_scipy_makes_of_the_distances():
    samples, train, held_out = drawn(40, 4), drawn(60, 4, seed=1), drawn(50, 4, seed=2)
    _, ours = expected(samples, train, 1)
    _, theirs = expected(held_out, train, 1)
    found = jax.jit(lambda *x: memorisation(*x, quantile=0.2, query_block=16))(
        samples, train, held_out
    )
    ratio = np.median(ours) / np.median(theirs)
    threshold = np.quantile(theirs, 0.2)
    np.testing.assert_allclose(found.ratio, ratio, rtol=1e-5)
    np.testing.assert_allclose(found.threshold, threshold, rtol=1e-5)
    np.testing.assert_allclose(found.copies, (ours < threshold).mean(), rtol=1e-6)
    np.testing.assert_array_equal(found.nearest, expected(samples, train, 1)[0][:, 0])
    np.testing.assert_allclose(found.distance, ours[:, 0], rtol=1e-5)


def test_new_samples_are_near_one_and_copies_near_zero():
    train, held_out, new = (drawn(120, 3, seed=seed) for seed in (1, 2, 3))
    quarter = np.concatenate([new[:90], train[:30] + np.float32(1e-4)])
    copies = train + np.float32(1e-4)
    of = jax.jit(lambda x: memorisation(x, train, held_out))
    found = [of(x) for x in (new, quarter, copies)]
    np.testing.assert_allclose(found[0].ratio, 1, atol=0.2)
    assert found[0].copies < 0.05
    np.testing.assert_allclose(found[1].copies, 0.25, atol=0.05)
    assert found[2].ratio < 0.01
    assert found[2].copies == 1
    np.testing.assert_array_equal(found[2].nearest, np.arange(120))


def test_memorisation_vectorises_over_samples():
    train, held_out = drawn(30, 4, seed=1), drawn(20, 4, seed=2)
    samples = drawn(2, 10, 4)
    found = jax.jit(jax.vmap(lambda x: memorisation(x, train, held_out)))(samples)
    for i in range(2):
        _, distance = expected(samples[i], train, 1)
        np.testing.assert_allclose(found.distance[i], distance[:, 0], rtol=1e-5)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (
            lambda: memorisation(*[drawn(3, 2)] * 3, quantile=1.5),
            "quantile is 1.5, expected 0 to 1",
        ),
        (
            lambda: memorisation(drawn(3, 2), drawn(4, 2), drawn(0, 2)),
            r"have \[3, 4, 0\] examples",
        ),
    ],
)
def test_memorisation_of_what_cannot_be_is_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call()
