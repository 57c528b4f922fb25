"""Point sets: the constants of WGAN-GP's code, and what a draw is distributed like."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats
from sklearn.datasets import make_swiss_roll

from jaxgan.data.synthetic import points

ROOT = 0.5**0.5


def drawn(of, count=20_000):
    return np.asarray(jax.jit(of.sample, static_argnums=1)(jax.random.key(0), count))


def test_a_ring_is_wgan_gps_eight_gaussians():
    ring = points.ring(8)
    directions = [
        (1, 0), (ROOT, ROOT), (0, 1), (-ROOT, ROOT),
        (-1, 0), (-ROOT, -ROOT), (0, -1), (ROOT, -ROOT),
    ]  # fmt: skip
    expected = 2 * np.array(directions) / 1.414
    np.testing.assert_allclose(ring.centres, expected, atol=1e-6)
    assert ring.sigma == pytest.approx(0.02 / 1.414)
    cross = np.array([(1, 0), (0, 1), (-1, 0), (0, -1)]) * 2 / 1.414
    np.testing.assert_allclose(points.ring(4).centres, cross, atol=1e-6)


def test_a_grid_is_wgan_gps_25_gaussians():
    grid = points.grid(25)
    along = (-4, -2, 0, 2, 4)
    expected = np.array([(x, y) for x in along for y in along]) / 2.828
    np.testing.assert_allclose(grid.centres, expected, atol=1e-6)
    assert grid.sigma == pytest.approx(0.05 / 2.828)


@pytest.mark.parametrize(
    "of", [points.ring(8), points.grid(25), points.mixture([[-2.0], [2.0]], 0.5)]
)
def test_draws_choose_modes_equally_and_scatter_by_sigma(of):
    x = drawn(of)
    assert x.shape == (20_000, of.centres.shape[1])
    assert x.dtype == np.float32
    gap = x[:, None] - of.centres[None]
    mode = np.square(gap).sum(-1).argmin(1)
    counts = np.bincount(mode, minlength=len(of.centres))
    assert stats.chisquare(counts).pvalue > 1e-3
    noise = (gap[np.arange(len(x)), mode] / of.sigma).ravel()
    assert stats.kstest(noise, "norm").pvalue > 1e-3


def test_the_sets_have_about_unit_spread():
    # Centres at radius 2: variance 2 a coordinate; on the grid, mean(16, 4, 0, 4, 16).
    np.testing.assert_allclose(drawn(points.ring(8)).std(0), 1.0, atol=0.02)
    np.testing.assert_allclose(drawn(points.grid(25)).std(0), 1.0, atol=0.02)


def test_the_roll_is_scikit_learns():
    theirs = make_swiss_roll(20_000, noise=0.25, random_state=0)[0][:, [0, 2]] / 7.5
    ours = drawn(points.swiss_roll())
    views = (
        lambda x: x[:, 0],
        lambda x: x[:, 1],
        lambda x: np.hypot(*x.T),
        lambda x: np.arctan2(x[:, 1], x[:, 0]),
    )
    for view in views:
        assert stats.ks_2samp(view(ours), view(theirs)).pvalue > 1e-3


def test_the_rolls_places_stand_for_it():
    roll = points.swiss_roll()
    x = drawn(roll, 2000)
    distance = np.linalg.norm(x[:, None] - roll.centres[None], axis=-1).min(1)
    assert 0.97 < (distance < 3 * roll.sigma).mean() <= 1.0
    first = roll.centres[0] * 7.5  # just after t = 1.5π, where the curve points down
    assert np.hypot(*first) == pytest.approx(1.5 * np.pi * (1 + 1 / 200), rel=1e-4)


def test_density_is_scipys():
    of = points.mixture([[-2.0], [1.0]], 0.5)
    x = np.linspace(-4, 3, 21, dtype=np.float32)
    expected = (stats.norm(-2, 0.5).pdf(x) + stats.norm(1, 0.5).pdf(x)) / 2
    np.testing.assert_allclose(points.density(of, x[:, None]), expected, rtol=1e-4)
    of = points.mixture([[0.0, 1.0], [2.0, -1.0]], 0.7)
    x = np.random.default_rng(0).normal(size=(9, 2)).astype("float32")
    each = [stats.multivariate_normal(m, 0.49).pdf(x) for m in of.centres]
    np.testing.assert_allclose(points.density(of, x), np.mean(each, 0), rtol=1e-4)


def test_any_part_of_a_stream_is_the_same():
    key, of = jax.random.key(3), points.ring(8)
    stream = jax.jit(lambda key, n: points.stream(of, key, n))
    whole = np.asarray(stream(key, jnp.arange(12, dtype=jnp.uint32).reshape(2, 6)))
    assert whole.shape == (2, 6, 2)
    part = stream(key, jnp.arange(4, 9, dtype=jnp.uint32))
    np.testing.assert_array_equal(part, whole.reshape(12, 2)[4:9])
    assert len(np.unique(whole.reshape(12, 2), axis=0)) == 12
    other = stream(jax.random.key(4), jnp.arange(12, dtype=jnp.uint32).reshape(2, 6))
    assert not np.isin(np.asarray(other), whole).any()


def test_a_stream_has_the_sets_distribution():
    of = points.mixture([[1.0], [5.0]], 0.5)
    positions = jnp.arange(4000, dtype=jnp.uint32) + jnp.uint32(2**32 - 2000)
    stream = jax.jit(lambda key, n: points.stream(of, key, n))
    x = np.asarray(stream(jax.random.key(0), positions))[:, 0]
    far = x > 3
    assert stats.binomtest(int(far.sum()), 4000).pvalue > 1e-3
    assert stats.kstest((x - np.where(far, 5, 1)) / 0.5, "norm").pvalue > 1e-3


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: points.ring(0), "modes is 0; a ring has at least 1"),
        (lambda: points.grid(24), "modes is 24; a grid has a square number"),
        (lambda: points.grid(-1), "modes is -1"),
        (lambda: points.swiss_roll(0), "places is 0"),
        (lambda: points.mixture([1.0, 2.0], 0.1), r"shape \(2,\), expected \[M, D\]"),
        (lambda: points.mixture(np.zeros((0, 2)), 0.1), r"shape \(0, 2\)"),
        (lambda: points.mixture([[1.0]], 0.0), "sigma is 0.0; it must be positive"),
        (lambda: points.mixture([[1.0]], float("nan")), "sigma is nan"),
        (
            lambda: points.density(points.ring(4), np.zeros((3, 1))),
            r"x has shape \(3, 1\), expected \[N, 2\]",
        ),
        (
            lambda: points.density(points.ring(4), np.zeros(2)),
            r"x has shape \(2,\), expected \[N, 2\]",
        ),
    ],
)
def test_what_cannot_be_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
