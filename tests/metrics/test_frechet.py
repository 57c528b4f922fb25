"""The Fréchet distance against closed forms and SciPy's matrix square root."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg

from jaxgan.metrics import frechet, frechet_distance, gaussian_statistics

F = 6


def drawn(count=40, seed=0, size=F):
    rng = np.random.default_rng(seed)
    mix = rng.normal(size=(size, size))
    return rng.normal(size=(count, size)) @ mix + rng.normal(size=size)


def published(mean_a, cov_a, mean_b, cov_b):
    """Heusel et al.'s equation 6 with SciPy 1.15's root of the product, complex."""
    root = scipy.linalg.sqrtm(cov_a @ cov_b)
    return np.square(mean_a - mean_b).sum() + np.trace(cov_a + cov_b - 2 * root).real


def statistics(count=40, seed=0, size=F):
    x = drawn(count, seed, size)
    return x.mean(0), np.cov(x, rowvar=False)


def test_statistics_are_those_of_numpy():
    x = drawn()
    mean, covariance = gaussian_statistics(x)
    np.testing.assert_allclose(mean, x.mean(0), rtol=1e-12)
    np.testing.assert_allclose(covariance, np.cov(x, rowvar=False), rtol=1e-12)
    assert isinstance(covariance, np.ndarray)
    assert covariance.dtype == np.float64


def test_statistics_of_float32_far_from_zero_keep_their_digits():
    x = (1000 + np.array([[0.0], [0.25], [0.5]])).astype("float32")
    mean, covariance = gaussian_statistics(x)
    np.testing.assert_allclose((mean[0], covariance[0, 0]), (1000.25, 0.0625))


@pytest.mark.parametrize(("count", "size"), [(40, 6), (30, 1), (12, 10)])
def test_agrees_with_scipy(count, size):
    a, b = statistics(count, 0, size), statistics(count, 1, size)
    a, b = [(m, np.reshape(c, (size, size))) for m, c in (a, b)]
    np.testing.assert_allclose(frechet_distance(*a, *b), published(*a, *b), rtol=1e-8)


def test_of_a_gaussian_to_itself_is_zero_and_of_two_symmetric():
    a, b = statistics(), statistics(seed=1)
    np.testing.assert_allclose(frechet_distance(*a, *a), 0, atol=1e-9)
    assert frechet_distance(*a, *b) > 1
    np.testing.assert_allclose(
        frechet_distance(*a, *b), frechet_distance(*b, *a), rtol=1e-9
    )


def test_of_a_singular_gaussian_to_itself_is_zero():
    few = statistics(count=4, size=10)  # rank 3
    assert np.linalg.matrix_rank(few[1]) == 3
    np.testing.assert_allclose(frechet_distance(*few, *few), 0, atol=1e-5)


def test_a_shift_costs_its_squared_length():
    mean, covariance = statistics()
    shift = np.arange(F) / 4
    np.testing.assert_allclose(
        frechet_distance(mean, covariance, mean + shift, covariance), 55 / 16, rtol=1e-8
    )


@pytest.mark.parametrize("s", [0.0, 0.5, 3.0])
def test_a_scale_costs_its_square_in_every_dimension(s):
    zero, one = np.zeros(F), np.eye(F)
    found = frechet_distance(zero, one, zero, s**2 * one)
    np.testing.assert_allclose(found, F * (1 - s) ** 2, rtol=1e-9)


def test_of_commuting_covariances_compares_deviations():
    """Diagonal in one rotated frame: the sum of squares of what the deviations lack."""
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
    a, b = np.array([1.0, 2.0, 3.0]), np.array([2.0, 0.5, 3.0])
    zero = np.zeros(3)
    found = frechet_distance(zero, turn * a**2 @ turn.T, zero, turn * b**2 @ turn.T)
    np.testing.assert_allclose(found, np.square(a - b).sum(), rtol=1e-9)


def of_few_samples(size=256, count=60):
    """Two singular covariances, and the exact trace of the root of their product.

    With A = XᵀX and B = YᵀY it is the sum of the singular values of X Yᵀ, which are as
    few as the samples.
    """
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, count, size)) * np.arange(1, size + 1.0) ** -1
    x, y = (np.sqrt(1 / (count - 1)) * (z - z.mean(0)) for z in (x, y))
    return x.T @ x, y.T @ y, np.linalg.svd(x @ y.T, compute_uv=False).sum()


def test_of_singular_covariances_is_exact_where_a_matrix_root_is_not():
    """Also measured with 2,048 features of 500 samples.

    There the sum of the roots of the eigenvalues of A^{1/2} B A^{1/2} is off by 9e-9 of
    itself and the distance by 1e-6 of itself; the sum of the singular values by 6e-15
    and the distance by 9e-13. Here SciPy's root is off by 3e-6 of the distance.
    """
    a, b, shared = of_few_samples()
    zero = np.zeros(len(a))
    expected = np.trace(a) + np.trace(b) - 2 * shared
    found = frechet_distance(zero, a, zero, b)
    np.testing.assert_allclose(found, expected, rtol=1e-11)
    np.testing.assert_allclose(published(zero, a, zero, b), expected, rtol=1e-4)
    itself = frechet_distance(zero, a, zero, a)
    np.testing.assert_allclose(itself, 0, atol=1e-12 * np.trace(a))


def test_of_singular_covariances_in_float32():
    a, b, shared = of_few_samples()
    expected = np.trace(a) + np.trace(b) - 2 * shared
    zero = np.zeros(len(a))
    args = [jnp.asarray(x, "float32") for x in (zero, a, zero, b)]
    np.testing.assert_allclose(
        frechet_distance(*args), expected, atol=1e-5 * np.trace(a + b)
    )


def test_works_under_jit_vmap_and_in_float32():
    x, y = drawn(), drawn(seed=1)
    expected = published(*statistics(), *statistics(seed=1))

    def distance(x, y):
        return frechet_distance(*gaussian_statistics(x), *gaussian_statistics(y))

    two = jax.jit(jax.vmap(distance))(
        jnp.asarray([x, y], "float32"), jnp.asarray([y, y], "float32")
    )
    assert two.dtype == jnp.float32
    np.testing.assert_allclose(two, [expected, 0], rtol=1e-4, atol=1e-3)


def test_wrong_shapes_are_named():
    with pytest.raises(ValueError, match=r"features has shape \(1, 6\)"):
        gaussian_statistics(np.zeros((1, F)))
    with pytest.raises(ValueError, match=r"features has shape \(6,\)"):
        gaussian_statistics(np.zeros(F))
    with pytest.raises(ValueError, match=r"\(5, 5\).*the same F"):
        frechet_distance(np.zeros(F), np.eye(F), np.zeros(F), np.eye(5))
    with pytest.raises(ValueError, match=r"features has shape \(\), expected"):
        gaussian_statistics(3.0)
    with pytest.raises(ValueError, match="expected"):
        frechet_distance(np.zeros((1, F)), np.eye(F), np.zeros((1, F)), np.eye(F))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_are_refused_on_the_host(value):
    x = drawn()
    x[3, 2] = value
    with pytest.raises(ValueError, match="features has 1 NaN or infinite values of"):
        gaussian_statistics(x)
    mean, covariance = statistics()
    bad = covariance.copy()
    bad[0, 0] = value
    with pytest.raises(ValueError, match="cov_b has 1 NaN or infinite"):
        frechet_distance(mean, covariance, mean, bad)


def test_a_covariance_that_is_not_symmetric_is_refused_on_the_host():
    mean, covariance = statistics()
    bad = covariance.copy()
    bad[0, 1] += 0.01 * np.abs(covariance).max()
    with pytest.raises(ValueError, match="cov_a differs from its transpose by up to"):
        frechet_distance(mean, bad, mean, covariance)
    with pytest.raises(ValueError, match="cov_b differs from its transpose by up to"):
        frechet_distance(mean, covariance, mean, bad)


def test_float32_statistics_of_a_device_pass_as_symmetric():
    x = jnp.asarray(drawn(count=200, size=40), "float32")
    statistics = [np.asarray(y) for y in gaussian_statistics(x)]
    np.testing.assert_allclose(frechet_distance(*statistics, *statistics), 0, atol=1e-2)


@pytest.mark.parametrize("count", [500, 60, 12, 5])
def test_the_short_way_is_taken_only_where_it_is_exact(count):
    # Exactly: the trace of the root is the nuclear norm of the centred data's product.
    a, b = drawn(count, 0, 12), drawn(count, 1, 12)
    data = [(x - x.mean(0)) / np.sqrt(count - 1) for x in (a, b)]
    exact = np.linalg.svd(data[0] @ data[1].T, compute_uv=False).sum()
    covariances = [x.T @ x for x in data]
    taken = frechet._shared(*covariances)
    assert (taken is not None) == (count > 12)
    means = np.zeros(12), np.zeros(12)
    distance = frechet_distance(means[0], covariances[0], means[1], covariances[1])
    traces = np.trace(covariances[0]) + np.trace(covariances[1])
    np.testing.assert_allclose((traces - distance) / 2, exact, rtol=1e-12)


def test_a_nearly_singular_covariance_goes_the_long_way():
    a = np.diag([1.0, 1e-12])
    assert frechet._shared(np.eye(2), np.eye(2)) == pytest.approx(2)
    assert frechet._shared(a, np.eye(2)) is None
    assert frechet._shared(np.eye(2), a) is None
