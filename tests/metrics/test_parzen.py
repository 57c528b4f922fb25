"""Parzen windows against SciPy in float64."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special
import scipy.stats

from jaxgan.metrics import BANDWIDTHS, choose_bandwidth, parzen_log_likelihood


def drawn(*shape, seed=0):
    return np.random.default_rng(seed).uniform(size=shape).astype("float32")


def expected(samples, points, sigma):
    """Log of the mean density, all in float64 and by differences."""
    samples, points = (
        x.reshape(len(x), -1).astype("float64") for x in (samples, points)
    )
    square = np.square(points[:, None] - samples[None]).sum(2)
    exponent = -square / (2 * sigma**2) - samples.shape[1] / 2 * np.log(
        2 * np.pi * sigma**2
    )
    return scipy.special.logsumexp(exponent, axis=1) - np.log(len(samples))


@pytest.mark.parametrize("block", [1000, 23, 7])
def test_agrees_with_scipy_in_blocks_of_any_size(block):
    samples, points = drawn(50, 4, 4, 1), drawn(23, 4, 4, 1, seed=1)
    found = parzen_log_likelihood(samples, points, 0.3, block=block)
    np.testing.assert_allclose(found, expected(samples, points, 0.3), rtol=1e-5)
    assert (found.shape, found.dtype) == ((23,), jnp.float32)


def test_one_sample_is_one_gaussian():
    points = drawn(5, 3)
    found = parzen_log_likelihood(np.zeros((1, 3)), points, 0.7)
    wanted = scipy.stats.norm.logpdf(points, scale=0.7).sum(1)
    np.testing.assert_allclose(found, wanted, rtol=1e-5)


@pytest.mark.parametrize("sigma", [0.1, 1.0])
def test_images_far_from_all_samples_neither_overflow_nor_lose_digits(sigma):
    """Exponents reach -13,000 here, where exp is zero in any precision."""
    samples, points = drawn(40, 784), drawn(10, 784, seed=1)
    found = parzen_log_likelihood(samples, points, sigma)
    np.testing.assert_allclose(found, expected(samples, points, sigma), rtol=2e-6)


def test_small_distances_far_from_the_origin_are_not_lost():
    samples = 1000 + drawn(20, 8)
    points = samples[:5] + np.float32(0.01)
    found = parzen_log_likelihood(samples, points, 0.05)
    np.testing.assert_allclose(found, expected(samples, points, 0.05), rtol=1e-4)


def test_it_is_a_density():
    """Its integral over a line, by the trapezoid rule, is one."""
    line = np.linspace(-3, 4, 2001)
    found = parzen_log_likelihood(drawn(30, 1), line[:, None], 0.2)
    assert np.trapezoid(np.exp(found), line) == pytest.approx(1, abs=1e-4)


def test_it_works_inside_a_compiled_function():
    samples, points = drawn(9, 4), drawn(3, 4, seed=1)
    found = jax.jit(parzen_log_likelihood)(samples, points, 0.5)
    np.testing.assert_allclose(found, expected(samples, points, 0.5), rtol=1e-5)


def test_the_candidates_are_the_paper_s():
    assert len(BANDWIDTHS) == 10
    assert BANDWIDTHS[0] == pytest.approx(0.1)
    assert BANDWIDTHS[-1] == pytest.approx(1)
    assert np.ptp(np.diff(np.log(BANDWIDTHS))) < 1e-12


def test_the_bandwidth_is_the_likeliest_on_validation_points():
    rng = np.random.default_rng(0)
    samples, points = rng.normal(0, 0.5, (2, 300, 3)).astype("float32")
    sigma, means = choose_bandwidth(samples, points)
    wanted = [expected(samples, points, s).mean() for s in BANDWIDTHS]
    np.testing.assert_allclose(means, wanted, rtol=1e-5)
    assert sigma == BANDWIDTHS[int(np.argmax(wanted))]
    assert sigma not in (BANDWIDTHS[0], BANDWIDTHS[-1])


def test_copies_of_the_validation_set_choose_the_narrowest():
    points = drawn(20, 16)
    assert choose_bandwidth(points, points, (0.3, 0.01, 0.1))[0] == 0.01


@pytest.mark.parametrize(
    ("samples", "points", "options", "words"),
    [
        ((4, 3), (5, 2), {}, r"\(4, 3\) and points \(5, 2\)"),
        ((0, 3), (5, 3), {}, "at least one sample"),
        ((4, 3), (5, 3), {"sigma": 0.0}, "sigma is 0.0"),
        ((4, 3), (5, 3), {"sigma": float("nan")}, "sigma is nan"),
        ((4, 3), (5, 3), {"block": 0}, "block is 0"),
    ],
)
def test_what_cannot_be_is_refused(samples, points, options, words):
    with pytest.raises(ValueError, match=words):
        parzen_log_likelihood(
            np.zeros(samples), np.zeros(points), **({"sigma": 1.0} | options)
        )


def test_nothing_to_choose_from_is_refused():
    with pytest.raises(ValueError, match="0 sigmas and 5 validation"):
        choose_bandwidth(np.zeros((4, 3)), np.zeros((5, 3)), ())
