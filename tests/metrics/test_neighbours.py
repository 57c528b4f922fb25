"""Nearest neighbours against SciPy's distances."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.spatial

from jaxgan.metrics import nearest_neighbours


def drawn(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def expected(queries, data, k):
    """SciPy 1.15's Euclidean distances in float64, nearest first."""
    flat = [x.reshape(len(x), -1).astype("float64") for x in (queries, data)]
    distance = scipy.spatial.distance.cdist(*flat)
    index = np.argsort(distance, axis=1, kind="stable")[:, :k]
    return index, np.take_along_axis(distance, index, axis=1)


@pytest.mark.parametrize("k", [1, 3, 50])
@pytest.mark.parametrize("block", [1024, 50, 16])
def test_agrees_with_scipy_in_blocks_of_any_size(k, block):
    queries, data = drawn(7, 4, 3, 2), drawn(50, 4, 3, 2, seed=1)
    find = jax.jit(lambda q, d: nearest_neighbours(q, d, k, block=block))
    index, distance = find(queries, data)
    wanted_index, wanted_distance = expected(queries, data, k)
    np.testing.assert_array_equal(index, wanted_index)
    np.testing.assert_allclose(distance, wanted_distance, rtol=1e-5)
    assert (index.dtype, distance.dtype) == (jnp.int32, jnp.float32)


def test_bytes_are_compared_as_numbers_that_do_not_wrap():
    rng = np.random.default_rng(2)
    queries, data = (
        rng.integers(0, 256, (n, 6, 6, 3)).astype(np.uint8) for n in (5, 40)
    )
    index, distance = nearest_neighbours(queries, data, 2)
    wanted_index, wanted_distance = expected(queries, data, 2)
    np.testing.assert_array_equal(index, wanted_index)
    np.testing.assert_allclose(distance, wanted_distance, rtol=1e-5)


def test_what_is_in_the_data_is_found_at_distance_zero():
    data = drawn(30, 5)
    index, distance = nearest_neighbours(data[[4, 17]], data)
    np.testing.assert_array_equal(index, [[4], [17]])
    np.testing.assert_array_equal(distance, [[0], [0]])


def test_small_distances_far_from_the_origin_are_not_lost():
    # In float32 the expanded square of numbers near 4096 is off by about one.
    data = np.full((4, 8), 4096, "float32")
    data[:, 0] += [3 / 8, 1 / 8, 1 / 2, 1 / 4]
    index, distance = nearest_neighbours(np.full((1, 8), 4096, "float32"), data, 4)
    np.testing.assert_array_equal(index, [[1, 3, 0, 2]])
    np.testing.assert_array_equal(distance, [[1 / 8, 1 / 4, 3 / 8, 1 / 2]])


@pytest.mark.parametrize("k", [0, -1, 6])
def test_k_outside_the_data_is_refused(k):
    with pytest.raises(ValueError, match=rf"k is {k}; .*1 to the 5 examples"):
        nearest_neighbours(drawn(2, 3), drawn(5, 3), k)


def test_examples_of_another_shape_are_refused():
    with pytest.raises(AssertionError):
        nearest_neighbours(drawn(2, 4, 4, 3), drawn(5, 8, 8, 3))
