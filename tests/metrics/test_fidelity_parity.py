"""The statistics against torch-fidelity 0.4.0, on the same float64 features.

Both sides compute in float64, so the tolerances are those of rounding: FID 1e-6 (its
eigenvalues of an unsymmetric product, root and all), KID, IS and shares 1e-9, relative.
"""

import importlib

import fidelity
import numpy as np
import pytest

from jaxgan import metrics


@pytest.fixture(scope="module")
def theirs():
    package = fidelity.torch_fidelity()
    return {
        name: importlib.import_module(f"{package.__name__}.metric_{name}")
        for name in ("fid", "kid", "isc", "prc")
    }


@pytest.fixture(scope="module")
def tensor():
    return pytest.importorskip("torch", exc_type=ImportError).from_numpy


def drawn(count=120, other=100, size=24, seed=0):
    rng = np.random.default_rng(seed)
    mix = rng.normal(size=(size, size)) / np.sqrt(size)
    real = np.abs(rng.normal(size=(count, size)) @ mix)
    return real, np.abs(0.2 + rng.normal(size=(other, size)) @ mix)


@pytest.mark.parametrize(("count", "size"), [(120, 24), (12, 40)])
def test_frechet_distance(theirs, tensor, count, size):
    sets = drawn(count, count + 3, size)
    statistics = [theirs["fid"].fid_features_to_statistics(tensor(x)) for x in sets]
    wanted = theirs["fid"].fid_statistics_to_metric(*statistics, verbose=False)
    a, b = (metrics.gaussian_statistics(x) for x in sets)
    found = metrics.frechet_distance(*a, *b)
    np.testing.assert_allclose(found, wanted["frechet_inception_distance"], rtol=1e-6)
    for ours, other in zip((a, b), statistics, strict=True):
        np.testing.assert_allclose(ours.mean, other["mu"], rtol=1e-12)
        np.testing.assert_allclose(ours.covariance, other["sigma"], atol=1e-12)


@pytest.mark.parametrize(
    ("options", "theirs_named"),
    [
        ({}, {}),
        (
            {"degree": 2, "gamma": 0.5, "coef": 0.1},
            {
                "kid_kernel_poly_degree": 2,
                "kid_kernel_poly_gamma": 0.5,
                "kid_kernel_poly_coef0": 0.1,
            },
        ),
    ],
)
def test_kernel_distance_on_the_same_subsets(theirs, tensor, options, theirs_named):
    real, fake = drawn()
    wanted = theirs["kid"].kid_features_to_metric(
        tensor(real),
        tensor(fake),
        kid_subsets=7,
        kid_subset_size=50,
        rng_seed=3,
        verbose=False,
        **theirs_named,
    )
    rng = np.random.RandomState(3)
    each = []
    for _ in range(7):
        x = real[rng.choice(len(real), 50, replace=False)]
        y = fake[rng.choice(len(fake), 50, replace=False)]
        each.append(metrics.polynomial_mmd(x, y, **options))
    mean = wanted["kernel_inception_distance_mean"]
    np.testing.assert_allclose(np.mean(each), mean, rtol=1e-9)
    spread = wanted["kernel_inception_distance_std"]
    np.testing.assert_allclose(np.std(each), spread, rtol=1e-9)


def test_gaussian_kernel(theirs, tensor):
    real, fake = drawn(60, 60)
    wanted = theirs["kid"].kid_features_to_metric(
        tensor(real),
        tensor(fake),
        kid_subsets=1,
        kid_subset_size=60,
        kid_kernel="rbf",
        kid_kernel_rbf_sigma=2.0,
        rng_seed=0,
        verbose=False,
    )
    found = metrics.gaussian_mmd(real, fake, bandwidths=(2.0,))
    mean = wanted["kernel_inception_distance_mean"]
    np.testing.assert_allclose(found, mean, rtol=1e-9)


@pytest.mark.parametrize("splits", [1, 7])
def test_classifier_score(theirs, tensor, splits):
    logits = 3 * np.random.default_rng(0).normal(size=(100, 20))
    wanted = theirs["isc"].isc_features_to_metric(
        tensor(logits), splits=splits, shuffle=False
    )
    found = metrics.classifier_score(logits, splits)
    mean = wanted["inception_score_mean"]
    np.testing.assert_allclose(found.mean(), mean, rtol=1e-9)
    spread = wanted["inception_score_std"]
    np.testing.assert_allclose(found.std(), spread, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("k", [1, 3])
@pytest.mark.parametrize("kind", ["normal", "whole numbers", "copies"])
def test_precision_and_recall(theirs, tensor, k, kind):
    """Whole numbers make equal distances, and copies balls of radius 0."""
    real, fake = drawn(80, 60, 4)
    if kind == "whole numbers":
        real, fake = np.round(2 * real), np.round(2 * fake)
    if kind == "copies":
        fake = np.concatenate([np.repeat(real[:5], 6, 0), fake[:30]])
    wanted = theirs["prc"].prc_features_to_metric(
        tensor(fake),  # theirs takes the generated ones first
        tensor(real),
        prc_neighborhood=k,
        prc_batch_size=32,
        save_cpu_ram=False,
        verbose=False,
    )
    precision, recall = metrics.precision_recall(real, fake, k=k)
    f_score = 2 * precision * recall / (precision + recall)
    # They take the mean of shares in float32.
    np.testing.assert_allclose(precision, wanted["precision"], rtol=1e-6)
    np.testing.assert_allclose(recall, wanted["recall"], rtol=1e-6)
    np.testing.assert_allclose(f_score, wanted["f_score"], rtol=1e-6)
    assert 0 < min(precision, recall)
    assert precision != recall
