"""Samples that are NaN or infinite never score well: an error of NumPy, NaN of JAX."""

import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import metrics

KEY = jax.random.key(0)
ROWS = np.random.default_rng(0).normal(size=(24, 3)).astype("f4")
OTHER = np.random.default_rng(1).normal(size=(24, 3)).astype("f4")
IMAGES = np.random.default_rng(2).uniform(size=(4, 16, 16, 1)).astype("f4")


# Name -> f(what may be NaN, in place of ROWS, or of IMAGES).
OF_ROWS = {
    "choose_bandwidth": lambda x: metrics.choose_bandwidth(x, OTHER)[0],
    "class_balance": lambda x: metrics.class_balance(x),
    "classifier_score": lambda x: metrics.classifier_score(x),
    "conditional_accuracy": lambda x: metrics.conditional_accuracy(
        x, np.arange(24) % 3
    ),
    "density_coverage": lambda x: metrics.density_coverage(OTHER, x, k=2),
    "frechet_distance": lambda x: metrics.frechet_distance(
        x[0], np.eye(3), OTHER[0], np.eye(3)
    ),
    "gaussian": lambda x: metrics.gaussian(
        metrics.Moments(24, x[0], np.eye(3))
    ).mean[0],
    "gaussian_mmd": lambda x: metrics.gaussian_mmd(OTHER, x, bandwidths=[1.0]),
    "gaussian_statistics": lambda x: metrics.gaussian_statistics(x).mean[0],
    "high_quality_fraction": lambda x: metrics.high_quality_fraction(x, OTHER, 0.1),
    "histogram_kl": lambda x: metrics.histogram_kl(OTHER, x),
    "kernel_distance": lambda x: metrics.kernel_distance(
        OTHER, x, subsets=1, subset_size=2
    ),
    "median_bandwidth": lambda x: metrics.median_bandwidth(OTHER, x, size=2),
    "memorisation": lambda x: metrics.memorisation(x, OTHER, OTHER + 1).ratio,
    "merge_moments": lambda x: metrics.merge_moments(
        metrics.Moments(24, x[0], np.eye(3)), metrics.Moments(24, OTHER[0], np.eye(3))
    ).mean[0],
    "merge_score_sums": lambda x: metrics.merge_score_sums(
        metrics.ScoreSums(24, x[0], 1.0), metrics.ScoreSums(24, OTHER[0], 1.0)
    ).p[0],
    "moments": lambda x: metrics.moments(x).mean[0],
    "nearest_neighbours": lambda x: metrics.nearest_neighbours(OTHER, x)[1],
    "pairwise_diversity": lambda x: metrics.pairwise_diversity(x),
    "parzen_log_likelihood": lambda x: metrics.parzen_log_likelihood(x, OTHER, 1.0),
    "polynomial_mmd": lambda x: metrics.polynomial_mmd(OTHER, x),
    "precision_recall": lambda x: metrics.precision_recall(OTHER, x),
    "score_of_sums": lambda x: metrics.score_of_sums(
        metrics.ScoreSums(24, x[0], 1.0)
    ),
    "score_sums": lambda x: metrics.score_sums(x).p_log_p,
    "sliced_wasserstein_distance": lambda x: metrics.sliced_wasserstein_distance(
        OTHER, x, KEY, directions=4
    ),
}  # fmt: skip
OF_IMAGES = {
    "laplacian_descriptors": lambda x: metrics.laplacian_descriptors(
        x, KEY, levels=1, patches=1
    ),
    "laplacian_patches": lambda x: metrics.laplacian_patches(
        x, KEY, levels=1, patches=1
    ),
    "masked_psnr": lambda x: metrics.masked_psnr(
        x, IMAGES, np.ones(IMAGES.shape[:3], bool), data_range=1
    )[0],
    "ms_ssim": lambda x: metrics.ms_ssim(x, IMAGES, data_range=1, scales=1)[0],
    "ms_ssim_diversity": lambda x: metrics.ms_ssim_diversity(
        x, KEY, data_range=1, pairs=1, scales=1
    ),
    "patch_descriptors": lambda x: metrics.patch_descriptors(x),
    "psnr": lambda x: metrics.psnr(x, IMAGES, data_range=1)[0],
    "sharpness": lambda x: metrics.sharpness(x, IMAGES[::-1], data_range=1)[0],
    "ssim": lambda x: metrics.ssim(x, IMAGES, data_range=1)[0],
}
COUNTS = {"modes_covered": lambda x: metrics.modes_covered(x, OTHER, 0.1)}
FUNCTIONS = OF_ROWS | OF_IMAGES


def test_every_public_function_is_here():
    public = {
        name
        for name in metrics.__all__
        if inspect.isfunction(getattr(metrics, name))
    }  # fmt: skip
    assert public == {*FUNCTIONS, *COUNTS}


def spoiled(name, value):
    x = (IMAGES if name in OF_IMAGES else ROWS).copy()
    x[(0,) * x.ndim] = value  # one of many
    return x


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("name", [*FUNCTIONS, *COUNTS])
def test_numpy_is_refused(name, value):
    with pytest.raises(ValueError, match="NaN"):
        (FUNCTIONS | COUNTS)[name](spoiled(name, value))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_jax_is_nan(name):
    function, values = FUNCTIONS[name], {}
    for value in (0.5, np.nan, np.inf):
        found = jax.tree.leaves(function(jnp.asarray(spoiled(name, value))))
        values[value] = [np.asarray(x) for x in found if x is not None]
    floats = [x for x in values[0.5] if x.dtype.kind == "f"]
    assert floats
    assert all(np.isfinite(x).all() for x in floats)
    for value in (np.nan, np.inf):
        for x in values[value]:
            # What is infinitely far away may say so.
            bad = np.isnan(x) if np.isnan(value) else ~np.isfinite(x)
            assert x.dtype.kind != "f" or bad.all(), value


def test_a_sample_that_is_nan_is_near_no_mode():
    near = np.array(OTHER)
    assert int(metrics.modes_covered(jnp.asarray(near), OTHER, 0.1)) == 24
    near[:4] = [[np.nan], [np.inf], [-np.inf], [np.nan]]
    assert int(metrics.modes_covered(jnp.asarray(near), OTHER, 0.1)) == 20


def test_nan_inside_a_compiled_function_and_beside_good_ones():
    both = jnp.stack([jnp.asarray(ROWS), jnp.full_like(ROWS, jnp.nan)])
    found = jax.jit(jax.vmap(lambda x: metrics.histogram_kl(OTHER, x)[0]))(both)
    assert np.isfinite(found[0]).all()
    assert np.isnan(found[1]).all()


def test_logits_of_minus_infinity_are_probabilities_of_0():
    logits = np.where(np.eye(3, dtype=bool)[np.arange(24) % 3], 0.0, -np.inf)
    for x in (logits, jnp.asarray(logits)):
        assert float(metrics.class_balance(x).divergence) < 1e-6
        np.testing.assert_allclose(metrics.classifier_score(x), 3, rtol=1e-5)
