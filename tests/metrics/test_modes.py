"""Modes covered, samples of high quality, divergences of histograms: against loops."""

import functools

import jax
import numpy as np
import pytest
from scipy import stats

from jaxgan import metrics

histogram_kl = jax.jit(
    metrics.histogram_kl, static_argnums=2, static_argnames="epsilon"
)


@functools.partial(jax.jit, static_argnames="least")
def counts_of(samples, radius, least):
    """Modes covered and the share near a mode."""
    return (
        metrics.modes_covered(samples, CENTRES, SIGMA, least=least, radius=radius),
        metrics.high_quality_fraction(samples, CENTRES, SIGMA, radius=radius),
    )


CENTRES = np.array([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]], "float32")
SIGMA = 0.5


def scattered(seed=0, count=200):
    """Samples of all kinds: near a mode, near the edge of one, far from all."""
    rng = np.random.default_rng(seed)
    mode = CENTRES[rng.integers(0, 2, count)]  # the third has none
    return (mode + rng.normal(0, 0.7, (count, 2))).astype("float32")


def counted(samples, radius=3.0):
    """How many samples of high quality every mode has, one by one."""
    counts = [0] * len(CENTRES)
    for x in samples:
        distances = [float(np.hypot(*(x - c))) for c in CENTRES]
        nearest = int(np.argmin(distances))
        counts[nearest] += distances[nearest] <= radius * SIGMA
    return counts


@pytest.mark.parametrize("radius", [3.0, 1.0])
def test_counts_are_those_of_a_loop(radius):
    samples = scattered()
    counts = counted(samples, radius)
    assert 0 < sum(counts) < 200  # some are near, some are not
    for least in (1, counts[0], counts[0] + 1):
        covered, share = counts_of(samples, radius, least)
        assert int(covered) == sum(c >= least for c in counts)
        assert float(share) == pytest.approx(sum(counts) / 200)


def test_a_sample_at_the_edge_is_near():
    edge = np.array([[1.5, 0.0], [11.51, 0.0]], "float32")  # 3 sigma is 1.5
    assert int(metrics.modes_covered(edge, CENTRES, SIGMA)) == 1
    assert float(metrics.high_quality_fraction(edge, CENTRES, SIGMA)) == 0.5


def test_of_round_gaussians_989_in_a_thousand_are_near():
    noise = np.random.default_rng(1).normal(0, SIGMA, (20_000, 2)).astype("float32")
    share = float(metrics.high_quality_fraction(noise, CENTRES[:1], SIGMA))
    assert share == pytest.approx(1 - np.exp(-4.5), abs=0.003)


def smoothed(x, low, high, bins, epsilon):
    counts, _ = np.histogram(x, bins, (low, high))
    return (counts + epsilon) / (counts + epsilon).sum()


@pytest.mark.parametrize(("bins", "epsilon"), [(50, 1.0), (7, 0.1)])
def test_divergences_are_scipys_of_numpys_histograms(bins, epsilon):
    rng = np.random.default_rng(2)
    real = rng.normal(0, 1, (500, 2)).astype("float32")
    fake = rng.normal((0.3, 1.0), (1, 0.5), (300, 2)).astype("float32")
    forward, backward = histogram_kl(real, fake, bins, epsilon=epsilon)
    for d in range(2):
        both = np.concatenate([real[:, d], fake[:, d]])
        p, q = (
            smoothed(x[:, d], both.min(), both.max(), bins, epsilon)
            for x in (real, fake)
        )
        np.testing.assert_allclose(forward[d], stats.entropy(p, q), rtol=1e-3)
        np.testing.assert_allclose(backward[d], stats.entropy(q, p), rtol=1e-3)


def test_equal_sets_do_not_diverge_and_apart_ones_do_so_finitely():
    x = scattered()
    for divergence in histogram_kl(x, x, 50):
        np.testing.assert_allclose(divergence, 0.0, atol=1e-6)
    # The histograms share no bin: left out, empty bins would make this a zero.
    for divergence in histogram_kl(x, x + 100, 50):
        assert np.isfinite(divergence).all()
        assert (np.asarray(divergence) > 1).all()


def test_a_missed_mode_costs_more_the_first_way():
    """KL(data || samples) is large where samples are missing, the other is not."""
    rng = np.random.default_rng(3)
    real = rng.choice([0.0, 1.0], (1000, 1)).astype("float32")
    fake = np.zeros((1000, 1), "float32")
    forward, backward = histogram_kl(real, fake, 2)
    assert float(forward[0]) > 2
    assert float(backward[0]) == pytest.approx(np.log(2), abs=0.1)


def test_a_coordinate_without_spread_is_one_bin():
    still = np.full((20, 1), 3.0, "float32")
    for divergence in histogram_kl(still, still, 50):
        np.testing.assert_allclose(divergence, 0.0, atol=1e-6)


def test_they_compile_and_vectorise():
    samples = np.stack([scattered(seed) for seed in (0, 1)])

    @jax.jit
    @jax.vmap
    def both(x):
        covered = metrics.modes_covered(x, CENTRES, SIGMA, least=30)
        return covered, metrics.histogram_kl(x, CENTRES)[0]

    covered, divergence = both(samples)
    for i, x in enumerate(samples):
        assert int(covered[i]) == sum(c >= 30 for c in counted(x))
        expected = histogram_kl(x, CENTRES, 50)[0]
        np.testing.assert_allclose(divergence[i], expected, rtol=1e-4)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: metrics.modes_covered(np.zeros((4, 2)), CENTRES, SIGMA, least=0),
            "least is 0",
        ),
        (
            lambda: metrics.modes_covered(np.zeros((4, 3)), CENTRES, SIGMA),
            r"samples has shape \(4, 3\) and centres \(3, 2\)",
        ),
        (
            lambda: metrics.high_quality_fraction(np.zeros(4), CENTRES, SIGMA),
            r"samples has shape \(4,\)",
        ),
        (
            lambda: metrics.high_quality_fraction(np.zeros((0, 2)), CENTRES, SIGMA),
            r"samples has shape \(0, 2\)",
        ),
        (
            lambda: metrics.histogram_kl(np.zeros((4, 2)), np.zeros((4, 1))),
            r"real has shape \(4, 2\) and fake \(4, 1\)",
        ),
        (
            lambda: metrics.histogram_kl(CENTRES, CENTRES, 0),
            "bins is 0; it must be at least 1",
        ),
        (
            lambda: metrics.histogram_kl(CENTRES, CENTRES, epsilon=0.0),
            "epsilon is 0.0; it must be positive",
        ),
    ],
)
def test_what_cannot_be_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
