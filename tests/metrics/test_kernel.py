"""Kernel discrepancies against scikit-learn's kernels, SciPy and closed forms."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.spatial
import sklearn.metrics.pairwise as pairwise

from jaxgan import metrics

F = 5


def drawn(count=40, other=None, seed=0, shift=0.5):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(count, F)), rng.normal(shift, 1.2, size=(other or count, F))


def unbiased(kernel, x, y):
    """Gretton et al.'s equation 3, pair by pair of scikit-learn 1.9's matrices."""
    own = [k[~np.eye(len(k), dtype=bool)].mean() for k in (kernel(x, x), kernel(y, y))]
    return sum(own) - 2 * kernel(x, y).mean()


@pytest.mark.parametrize("block", [1024, 40, 7])
@pytest.mark.parametrize(
    "options", [{}, {"degree": 2, "gamma": 0.3, "coef": 0.0}, {"degree": 1}]
)
def test_polynomial_is_that_of_scikit_learns_kernel(block, options):
    x, y = drawn(40, 31)
    names = {"degree": "degree", "gamma": "gamma", "coef": "coef0"}
    theirs = {"degree": 3, "coef0": 1.0} | {names[k]: v for k, v in options.items()}
    wanted = unbiased(lambda a, b: pairwise.polynomial_kernel(a, b, **theirs), x, y)
    found = metrics.polynomial_mmd(x, y, block=block, **options)
    np.testing.assert_allclose(found, wanted, rtol=1e-11)


def test_of_a_linear_kernel_is_the_squared_distance_of_means_less_its_bias():
    x, y = drawn(40, 31)
    bias = x.var(0, ddof=1).sum() / 40 + y.var(0, ddof=1).sum() / 31
    wanted = np.square(x.mean(0) - y.mean(0)).sum() - bias
    found = metrics.polynomial_mmd(x, y, degree=1, gamma=1.0)
    np.testing.assert_allclose(found, wanted, rtol=1e-10)


@pytest.mark.parametrize("bandwidths", [(1.5,), (0.5, 1.0, 4.0)])
@pytest.mark.parametrize("block", [1024, 7])
def test_gaussian_is_the_sum_of_scikit_learns_kernels(bandwidths, block):
    x, y = drawn(40, 31)

    def kernel(a, b):
        return sum(pairwise.rbf_kernel(a, b, 1 / (2 * s**2)) for s in bandwidths)

    found = metrics.gaussian_mmd(x, y, bandwidths=bandwidths, block=block)
    np.testing.assert_allclose(found, unbiased(kernel, x, y), rtol=1e-10)


def test_gaussian_of_normal_distributions_is_their_closed_form():
    """E exp(−(x − y)²/(2σ²)) of N(0, a²) and N(m, b²) is a normal density."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(0, 1, (3000, 1)), rng.normal(1, 2, (3000, 1))

    def mean(shift, variance):
        return (
            0.7
            / np.sqrt(0.7**2 + variance)
            * np.exp(-(shift**2) / (2 * (0.7**2 + variance)))
        )

    wanted = mean(0, 2) + mean(0, 8) - 2 * mean(1, 5)
    found = metrics.gaussian_mmd(x, y, bandwidths=(0.7,))
    np.testing.assert_allclose(found, wanted, atol=0.006)
    assert wanted > 0.05


def test_of_equal_distributions_is_around_zero_on_both_sides():
    values = []
    for seed in range(40):
        x, y = np.random.default_rng(seed).normal(size=(2, 20, F))
        values.append(metrics.polynomial_mmd(x, y))
    error = np.std(values) / np.sqrt(len(values))
    assert abs(np.mean(values)) < 3 * error
    assert min(values) < 0 < max(values)


def test_distance_over_subsets_of_all_samples_is_the_discrepancy():
    """A subset as large as the set is a permutation, which changes nothing."""
    x, y = drawn(30)
    mean, spread, each = metrics.kernel_distance(x, y, subsets=4, subset_size=30)
    np.testing.assert_allclose(each, [metrics.polynomial_mmd(x, y)] * 4, rtol=1e-10)
    np.testing.assert_allclose(mean, each.mean())
    np.testing.assert_allclose(spread, 0, atol=1e-12)


def test_distance_varies_with_subsets_around_the_discrepancy():
    x, y = drawn(120)
    found = metrics.kernel_distance(x, y, subsets=200, subset_size=30)
    assert found.each.shape == (200,)
    np.testing.assert_allclose(found.mean, np.mean(found.each), rtol=1e-12)
    np.testing.assert_allclose(found.spread, np.std(found.each), rtol=1e-12)
    assert len(set(found.each)) == 200
    error = found.spread / np.sqrt(200)
    assert abs(found.mean - metrics.polynomial_mmd(x, y)) < 4 * error


def test_subsets_have_no_sample_twice():
    """Two of two samples: drawn with replacement some pair would be of one."""
    x, y = np.eye(2), 3 * np.eye(2)
    found = metrics.kernel_distance(x, y, subsets=20, subset_size=2)
    np.testing.assert_allclose(found.each, metrics.polynomial_mmd(x, y), rtol=1e-12)


def test_the_seed_draws_the_subsets():
    x, y = drawn(50)
    one, same, other = (
        metrics.kernel_distance(x, y, subsets=3, subset_size=10, seed=seed).each
        for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(one, same)
    assert not np.isclose(one, other).any()


def test_median_bandwidth_is_the_median_of_scipys_distances():
    x, y = drawn(12, 9)
    wanted = np.median(scipy.spatial.distance.pdist(np.concatenate([x, y])))
    np.testing.assert_allclose(metrics.median_bandwidth(x, y), wanted, rtol=1e-12)
    few = metrics.median_bandwidth(*drawn(400), size=100)
    all_ = metrics.median_bandwidth(*drawn(400))
    assert few != all_
    np.testing.assert_allclose(few, all_, rtol=0.1)


def test_median_bandwidth_of_copies_is_zero():
    x = np.full((6, F), 0.1)
    assert metrics.median_bandwidth(x, x) == 0
    assert metrics.median_bandwidth(jnp.asarray(x), x) == 0


def test_works_under_jit_and_vmap_in_float32():
    pairs = [drawn(40, 31, seed) for seed in (0, 1)]
    x, y = (jnp.asarray(z, "float32") for z in map(np.stack, zip(*pairs, strict=True)))

    def all_of(x, y):
        return (
            metrics.polynomial_mmd(x, y, block=16),
            metrics.gaussian_mmd(x, y, bandwidths=(1.0, 2.0), block=16),
            metrics.kernel_distance(x, y, subsets=3, subset_size=20).each,
            metrics.median_bandwidth(x, y, size=50),
        )

    found = jax.jit(jax.vmap(all_of))(x, y)
    for i, (a, b) in enumerate(pairs):
        for value, wanted in zip(found, all_of(a, b), strict=True):
            assert value.dtype == jnp.float32
            np.testing.assert_allclose(value[i], wanted, rtol=1e-4, atol=1e-5)


def test_gradients_are_those_of_differences():
    x, y = drawn(8, 6)
    with jax.enable_x64(True):
        slope = jax.grad(lambda y: metrics.polynomial_mmd(jnp.asarray(x), y))(
            jnp.asarray(y)
        )
    step = np.zeros_like(y)
    step[2, 3] = 1e-5
    up, down = (metrics.polynomial_mmd(x, y + s) for s in (step, -step))
    np.testing.assert_allclose(slope[2, 3], (up - down) / 2e-5, rtol=1e-6)


X, Y = drawn(6)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: metrics.polynomial_mmd(X[:1], Y), r"real has shape \(1, 5\)"),
        (lambda: metrics.polynomial_mmd(X, Y[:, :4]), r"fake \(6, 4\), expected"),
        (lambda: metrics.polynomial_mmd(X, Y[0]), r"fake \(5,\), expected"),
        (lambda: metrics.polynomial_mmd(X[:, :0], Y[:, :0]), "with the same F"),
        (lambda: metrics.polynomial_mmd(X * np.nan, Y), "real has 30 NaN"),
        (lambda: metrics.polynomial_mmd(X, Y, degree=0), "degree is 0"),
        (lambda: metrics.polynomial_mmd(X, Y, block=0), "block is 0"),
        (
            lambda: metrics.kernel_distance(X, Y),
            "subset_size is 1000, but there are 6 real and 6 fake .* of 2 to 6",
        ),
        (
            lambda: metrics.kernel_distance(X, Y, subset_size=1),
            "subset_size is 1, but",
        ),
        (
            lambda: metrics.kernel_distance(X, Y, subset_size=5, subsets=0),
            "subsets is 0",
        ),
        (
            lambda: metrics.kernel_distance(X, Y, subset_size=5, degree=0),
            "degree is 0",
        ),
        (
            lambda: metrics.kernel_distance(X, Y * np.inf, subset_size=5),
            "fake has 30 NaN or infinite",
        ),
        (lambda: metrics.gaussian_mmd(X, Y, bandwidths=()), r"bandwidths is \(\)"),
        (
            lambda: metrics.gaussian_mmd(X, Y, bandwidths=(1.0, 0.0)),
            "expected one number above 0",
        ),
        (
            lambda: metrics.gaussian_mmd(X, Y, bandwidths=(float("nan"),)),
            r"bandwidths is \(nan,\)",
        ),
        (lambda: metrics.gaussian_mmd(X, Y, bandwidths=(1.0,), block=0), "block is 0"),
        (lambda: metrics.median_bandwidth(X, Y, size=1), "size is 1, expected 2"),
        (lambda: metrics.median_bandwidth(X * np.nan, Y), "real has 30 NaN"),
    ],
)
def test_what_cannot_be_is_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call()
