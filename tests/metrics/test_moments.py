"""Moments of parts merged into those of the whole, against NumPy and fractions."""

import fractions

import hypothesis
import hypothesis.extra.numpy
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import strategies

from jaxgan import metrics
from jaxgan.metrics import Moments, gaussian, merge_moments, moments

F = 5


def drawn(count=97, seed=0, offset=0.0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(count, F)) @ rng.normal(size=(F, F)) + offset


def assert_close(found, wanted, rtol=1e-12):
    """Compares two moments: no entry may be off by more than a share of the largest."""
    assert int(found.count) == int(wanted.count)
    for x, y in zip(found[1:], wanted[1:], strict=True):
        np.testing.assert_allclose(x, y, rtol=0, atol=rtol * np.abs(y).max())


@pytest.mark.parametrize("ends", [[], [1, 60], [2, 3, 20, 50, 51, 80, 96]])
@pytest.mark.parametrize("offset", [0.0, 1000.0])
def test_parts_of_any_size_make_the_moments_of_numpy(ends, offset):
    x = drawn(offset=offset)
    parts = [moments(part) for part in np.split(x, ends)]
    assert len(parts) in (1, 3, 8)
    count, mean, covariance = 97, x.mean(0), np.cov(x, rowvar=False)
    assert_close(merge_moments(*parts), (Moments(count, mean, covariance * 96)))
    found = gaussian(merge_moments(*parts))
    np.testing.assert_allclose(found.mean, mean, rtol=1e-12)
    largest = np.abs(covariance).max()
    np.testing.assert_allclose(found.covariance, covariance, atol=1e-12 * largest)


def test_of_exact_fractions_far_from_zero():
    """Whole numbers near ten million, against arithmetic without rounding."""
    x = 10_000_000 + np.random.default_rng(0).integers(0, 9, (23, 2))
    rows = [[fractions.Fraction(int(v)) for v in row] for row in x]
    mean = [sum(column) / 23 for column in zip(*rows, strict=True)]
    scatter = sum((row[0] - mean[0]) * (row[1] - mean[1]) for row in rows)
    found = merge_moments(*(moments(part) for part in np.split(x, [1, 9])))
    np.testing.assert_allclose(found.mean, np.array(mean, float), rtol=1e-15)
    np.testing.assert_allclose(found.scatter[0, 1], float(scatter), rtol=1e-7)
    assert isinstance(found.mean, np.ndarray)


def test_float32_means_of_many_large_numbers_keep_their_digits():
    x = 1000 + np.random.default_rng(0).uniform(size=(20_000, 1)).astype("float32")
    wanted = x.astype("float64")
    found = moments(jnp.asarray(x))
    assert (found.mean.dtype, found.count.dtype) == (jnp.float32, jnp.int32)
    np.testing.assert_allclose(found.mean, wanted.mean(0), rtol=1e-7)
    np.testing.assert_allclose(found.scatter[0, 0], 20_000 * wanted.var(), rtol=1e-4)


def test_one_sample_has_a_mean_and_no_scatter():
    x = drawn(count=1)
    found = moments(x)
    np.testing.assert_array_equal(found.mean, x[0])
    np.testing.assert_array_equal(found.scatter, np.zeros((F, F)))


def test_empty_parts_change_no_bit():
    none, some = Moments(0, np.zeros(F), np.zeros((F, F))), moments(drawn())
    for parts in [(none, some), (some, none), (none, some, none)]:
        for x, y in zip(merge_moments(*parts), some, strict=True):
            np.testing.assert_array_equal(x, y)
    np.testing.assert_array_equal(merge_moments(none, none).mean, np.zeros(F))


numbers = hypothesis.extra.numpy.arrays(
    np.float64,
    strategies.tuples(strategies.integers(1, 6), strategies.just(2)),
    elements=strategies.integers(-50, 50).map(lambda n: n / 4),
)


@hypothesis.given(numbers, numbers, numbers)
def test_merging_is_associative_and_commutative(a, b, c):
    ma, mb, mc = map(moments, (a, b, c))
    whole = np.concatenate([a, b, c])
    wanted = (whole - whole.mean(0)).T @ (whole - whole.mean(0))
    for found in [
        merge_moments(merge_moments(ma, mb), mc),
        merge_moments(ma, merge_moments(mb, mc)),
        merge_moments(mc, mb, ma),
    ]:
        assert found.count == len(whole)
        np.testing.assert_allclose(found.mean, whole.mean(0), rtol=0, atol=1e-13)
        np.testing.assert_allclose(found.scatter, wanted, rtol=0, atol=1e-10)


def test_works_under_jit_and_vmap():
    x = drawn()[:96].reshape(2, 48, F)

    def whole(x):
        parts = [moments(x[:10]), moments(x[10:11]), moments(x[11:])]
        return gaussian(merge_moments(*parts))

    mean, covariance = jax.jit(jax.vmap(whole))(jnp.asarray(x, "float32"))
    for i in range(2):
        np.testing.assert_allclose(mean[i], x[i].mean(0), atol=1e-5)
        np.testing.assert_allclose(
            covariance[i], np.cov(x[i], rowvar=False), rtol=1e-4, atol=1e-4
        )


def test_devices_add_up():
    """Eight devices hold a part each; what they gather merges to the whole."""
    x = drawn(count=64).astype("float32")
    parts = jax.pmap(moments)(x.reshape(8, 8, F))
    parts = [jax.tree.map(lambda y, i=i: np.asarray(y[i]), parts) for i in range(8)]
    found = gaussian(merge_moments(*parts))
    np.testing.assert_allclose(found.mean, x.mean(0), atol=1e-6)
    np.testing.assert_allclose(found.covariance, np.cov(x, rowvar=False), atol=1e-4)


def test_the_count_of_50_000_squared_does_not_overflow():
    part = Moments(jnp.int32(1_000_000), jnp.zeros(1), jnp.ones((1, 1)))
    other = part._replace(mean=jnp.ones(1))
    count, mean, scatter = merge_moments(part, other)
    np.testing.assert_allclose((count, mean[0], scatter[0, 0]), (2e6, 0.5, 500_002))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: moments(np.zeros(3)), r"features has shape \(3,\)"),
        (lambda: moments(np.zeros((0, 3))), r"\(0, 3\), expected \[N, F\] with N of 1"),
        (
            lambda: moments(np.array([[np.nan, 1.0]])),
            "features has 1 NaN or infinite values",
        ),
        (lambda: merge_moments(), r"shapes \[\], expected one part"),
        (
            lambda: merge_moments(moments(np.ones((2, 3))), moments(np.ones((2, 4)))),
            r"\(4, 4\).*the same F",
        ),
        (lambda: gaussian(moments(np.ones((1, 3)))), "count of 1, expected 2 samples"),
        (lambda: gaussian(moments(jnp.ones((1, 3)))), "count of 1, expected 2"),
    ],
)
def test_what_has_no_moments_is_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_they_are_public():
    assert {"Moments", "gaussian", "merge_moments", "moments"} <= set(metrics.__all__)
