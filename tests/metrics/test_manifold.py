"""Balls of neighbours against loops, prdc's numbers and cases that are plain."""

import fractions
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.spatial

from jaxgan import metrics


def drawn(count=40, other=30, size=3, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(count, size)), rng.normal(0.4, 0.7, (other, size))


def all_four(real, fake, k, **options):
    pair = metrics.precision_recall(real, fake, k=k, **options)
    return (*pair, *metrics.density_coverage(real, fake, k=k, **options))


def counted(real, fake, k):
    """The papers' definitions one sample at a time, distances by SciPy."""
    cdist = scipy.spatial.distance.cdist
    radius_real, radius_fake = (
        np.sort(cdist(x, x) + np.diag([np.inf] * len(x)))[:, k - 1]
        for x in (real, fake)
    )
    apart = cdist(real, fake)
    held = [[apart[i, j] <= radius_real[i] for i in range(len(real))] for j in
            range(len(fake))]  # fmt: skip
    precision = np.mean([any(row) for row in held])
    recall = np.mean([any(row <= radius_fake) for row in apart])
    density = np.mean([sum(row) for row in held]) / k
    coverage = np.mean([any(column) for column in zip(*held, strict=True)])
    return precision, recall, density, coverage


@pytest.mark.parametrize("k", [1, 3, 29])
@pytest.mark.parametrize("block", [256, 30, 7])
def test_agrees_with_the_definitions_in_blocks_of_any_size(k, block):
    real, fake = drawn()
    found = all_four(real, fake, k, block=block)
    np.testing.assert_allclose(found, counted(real, fake, k), rtol=1e-12)


def test_agrees_with_prdc_where_no_distances_are_equal():
    prdc = pytest.importorskip("prdc")  # 0.2
    real, fake = drawn(40, 50, 16)
    theirs = prdc.compute_prdc(real, fake, 5)
    names = ("precision", "recall", "density", "coverage")
    found = all_four(real, fake, 5)
    np.testing.assert_allclose(found, [theirs[name] for name in names], rtol=1e-12)
    assert 0 < min(found)


def test_the_defaults_are_those_of_the_papers():
    real, fake = drawn()
    np.testing.assert_allclose(
        metrics.precision_recall(real, fake), counted(real, fake, 3)[:2]
    )
    np.testing.assert_allclose(
        metrics.density_coverage(real, fake), counted(real, fake, 5)[2:]
    )


def test_a_collapsed_generator_is_precise_and_recalls_nothing():
    real, _ = drawn(100)
    fake = real[7] + 1e-6 * np.random.default_rng(0).normal(size=(100, 3))
    found = metrics.precision_recall(real, fake)
    assert found.precision == 1
    assert found.recall <= 0.01
    assert metrics.density_coverage(real, fake).coverage <= 0.15


def test_noise_beside_the_data_is_recalled_and_not_precise():
    real, _ = drawn(100)
    fake = np.concatenate([real, 1000 + 100 * real])
    found = metrics.precision_recall(real, fake)
    np.testing.assert_allclose(found, (0.5, 1.0))


def test_sets_far_apart_share_nothing():
    real, fake = drawn()
    np.testing.assert_array_equal(all_four(real, fake + 1000, 3), np.zeros(4))


def test_of_a_set_and_itself_every_ball_holds_its_neighbours_and_its_centre():
    real, _ = drawn(size=64)
    for x in (real, jnp.asarray(real, "float32")):
        found = all_four(x, x, 4)
        np.testing.assert_allclose(found, (1, 1, (4 + 1) / 4, 1), rtol=1e-6)


@pytest.mark.parametrize("size", [2, 300])
@pytest.mark.parametrize("library", [np, jnp])
def test_copies_have_balls_of_radius_zero_that_hold_their_copies(size, library):
    """Five of each of two real points; fakes: one exact copy, one a step aside."""
    rng = np.random.default_rng(0)
    points = 10 * rng.normal(size=(2, size)) + 0.1
    real = np.repeat(points, 5, 0)
    fake = np.concatenate([np.repeat(points[:1], 4, 0), np.repeat(points[:1], 4, 0)])
    fake[4:, 0] += 0.5
    real, fake = (library.asarray(x, "float32") for x in (real, fake))
    found = all_four(real, fake, 3)
    # A copy is in the five balls of its point, over k; the others are in none.
    np.testing.assert_allclose(found, (1 / 2, 1 / 2, 5 / 3 / 2, 1 / 2), rtol=1e-6)


@pytest.mark.parametrize("library", [np, jnp])
def test_the_surface_is_inside(library):
    """Whole numbers on a line: radius 1 at k = 1, and a fake at distance 1 exactly."""
    real = library.asarray([[0.0], [1.0], [10.0], [11.0]], "float32")
    fake = library.asarray([[2.0], [12.5], [9.0]], "float32")
    found = metrics.density_coverage(real, fake, k=1)
    np.testing.assert_allclose(found, (2 / 3, 2 / 4), rtol=1e-6)
    np.testing.assert_allclose(
        metrics.precision_recall(real, fake, k=1).precision, 2 / 3, rtol=1e-6
    )


def test_far_from_the_origin_nothing_is_lost_in_float32():
    real, fake = (np.round(16 * x) / 16 for x in drawn(size=8))
    wanted = counted(real, fake, 3)
    far = [jnp.asarray(x + 4096, "float32") for x in (real, fake)]
    found = all_four(far[0], far[1], 3)
    np.testing.assert_allclose(found, wanted, rtol=1e-6)


def test_equal_distributions_are_expected_to_be_covered_as_the_paper_says():
    n, m, k = 100, 60, 5
    missed = math.prod(fractions.Fraction(n - i, m + n - i) for i in range(1, k + 1))
    expected = 1 - float(missed)
    values = []
    for seed in range(30):
        rng = np.random.default_rng(seed)
        values.append(
            metrics.density_coverage(rng.normal(size=(n, 4)), rng.normal(size=(m, 4)))
        )
    density, coverage = np.mean(values, 0)
    error = np.std(values, 0) / np.sqrt(30)
    assert abs(coverage - expected) < 4 * error[1]
    assert abs(density - 1) < 4 * error[0]


def test_works_under_jit_and_vmap_in_float32():
    pairs = [drawn(seed=seed) for seed in (0, 1)]
    real, fake = (
        jnp.asarray(x, "float32") for x in map(np.stack, zip(*pairs, strict=True))
    )
    found = jax.jit(jax.vmap(lambda x, y: all_four(x, y, 3, block=16)))(real, fake)
    for i, (x, y) in enumerate(pairs):
        values = [value[i] for value in found]
        np.testing.assert_allclose(values, counted(x, y, 3), rtol=1e-6)
        assert {value.dtype for value in values} == {jnp.dtype("float32")}


X, Y = drawn(6, 4)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (
            lambda: metrics.precision_recall(X, Y, k=4),
            "k is 4, but of 6 real and 4 fake samples each has 3 neighbours at most",
        ),
        (lambda: metrics.precision_recall(X, Y, k=0), "k is 0, but of 6 real"),
        (
            lambda: metrics.density_coverage(X, Y, k=6),
            "k is 6, but of 6 real samples each has 5",
        ),
        (lambda: metrics.density_coverage(X, Y, block=0), "block is 0"),
        (lambda: metrics.precision_recall(X, Y, block=0), "block is 0"),
        (lambda: metrics.precision_recall(X, Y[:, :2]), r"fake \(4, 2\), expected"),
        (lambda: metrics.density_coverage(X, Y * np.nan), "fake has 12 NaN"),
    ],
)
def test_what_cannot_be_is_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_density_needs_no_neighbours_among_fakes():
    assert metrics.density_coverage(X, X[:1]).coverage > 0
