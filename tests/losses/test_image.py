"""Losses of neighbouring pixels, against formulas in float64."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import ndimage  # 1.17

from jaxgan import losses

WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)  # of Wang et al., 2003


def images(batch=2, height=26, width=24, channels=3):
    """Smooth images in [0, 1] and copies with noise, in float32."""
    rng = np.random.default_rng(0)
    clean = rng.normal(size=(batch, height, width, channels))
    clean = ndimage.gaussian_filter(clean, (0, 2, 2, 0))
    clean = (clean - clean.min()) / np.ptp(clean)
    noisy = np.clip(clean + 0.1 * rng.normal(size=clean.shape), 0, 1)
    return clean.astype(np.float32), noisy.astype(np.float32)


TARGET, PREDICTION = images()


def reference_maps(t, p, data_range=1.0):
    """Luminance·structure and structure in float64, as Wang et al. print them."""
    t, p = np.float64(t), np.float64(p)

    def blur(x):
        x = ndimage.gaussian_filter(x, 1.5, radius=5, axes=(0, 1))
        return x[5:-5, 5:-5]

    c1, c2 = (0.01 * data_range) ** 2, (0.03 * data_range) ** 2
    mt, mp = blur(t), blur(p)
    structure = (2 * (blur(t * p) - mt * mp) + c2) / (
        blur(t * t) - mt**2 + blur(p * p) - mp**2 + c2
    )
    return (2 * mt * mp + c1) / (mt**2 + mp**2 + c1) * structure, structure


def reference_ssim(t, p, data_range=1.0):
    return [
        reference_maps(*pair, data_range)[0].mean() for pair in zip(t, p, strict=True)
    ]


def reference_multi_scale(t, p, weights, data_range=1.0):
    result = np.ones(t.shape[-1])
    for scale, weight in enumerate(weights, start=1):
        whole, structure = reference_maps(t, p, data_range)
        factor = whole if scale == len(weights) else structure
        result = result * np.maximum(factor.mean((0, 1)), 0) ** weight
        h, w = t.shape[0] // 2, t.shape[1] // 2
        t, p = (
            np.float64(x[: 2 * h, : 2 * w]).reshape(h, 2, w, 2, -1).mean((1, 3))
            for x in (t, p)
        )
    return result.mean()


# One program for every range: the offset and the range are arguments.
@jax.jit
def similarities(t, p, data_range):
    given = {"data_range": data_range}
    return {
        "ssim": losses.ssim(t, p, **given),
        "ssim_loss": losses.ssim_loss(t, p, **given),
        "multi": losses.multi_scale_ssim(t, p, **given, weights=(0.4, 0.6)),
        "multi_loss": losses.multi_scale_ssim_loss(t, p, **given, weights=(0.4, 0.6)),
    }


def test_total_variation_by_hand():
    ramp = np.tile(np.arange(4.0)[None, :, None, None], (1, 1, 3, 2))
    np.testing.assert_allclose(losses.total_variation_loss(ramp), [1.0])
    both = ramp - 2 * np.arange(3.0)[None, None, :, None]
    np.testing.assert_allclose(losses.total_variation_loss(both), [1.0 + 2.0])


def test_gradient_difference_by_hand():
    ramp = np.tile(np.arange(4.0)[None, :, None, None], (1, 1, 3, 2))
    loss = losses.gradient_difference_loss
    np.testing.assert_allclose(loss(ramp, 3 * ramp), [2.0])
    np.testing.assert_allclose(loss(ramp, 3 * ramp, alpha=2.0), [4.0])
    np.testing.assert_allclose(loss(ramp, -ramp + 7.0), [0.0])  # absolute gradients


def test_gradient_difference_of_noise():
    def gradients(x):
        return np.abs(np.diff(x, axis=1)), np.abs(np.diff(x, axis=2))

    pairs = zip(gradients(TARGET), gradients(PREDICTION), strict=True)
    wanted = sum((np.abs(a - b) ** 1.5).mean(axis=(1, 2, 3)) for a, b in pairs)
    loss = losses.gradient_difference_loss(TARGET, PREDICTION, alpha=1.5)
    np.testing.assert_allclose(loss, wanted, rtol=1e-4)


@pytest.mark.parametrize("offset", [0.0, 20.0])
def test_ssim_is_that_of_the_reference_far_from_zero_too(offset):
    pair = TARGET + np.float32(offset), PREDICTION + np.float32(offset)
    found = similarities(*pair, 1.0)["ssim"]
    tolerance = 2e-5 if offset else 1e-6
    np.testing.assert_allclose(found, reference_ssim(*pair), atol=tolerance)


def test_ssim_depends_on_the_range_alone():
    of = similarities(TARGET, PREDICTION, 1.0)["ssim"]
    wide = similarities(2 * TARGET - 1, 2 * PREDICTION - 1, 2.0)["ssim"]
    assert not np.allclose(wide, of)
    scaled = similarities(255 * TARGET, 255 * PREDICTION, 255.0)["ssim"]
    np.testing.assert_allclose(scaled, of, atol=1e-4)


def test_losses_are_one_minus_the_similarity():
    found = similarities(TARGET, PREDICTION, 1.0)
    np.testing.assert_allclose(found["ssim_loss"], 1 - found["ssim"], rtol=1e-6)
    np.testing.assert_allclose(found["multi_loss"], 1 - found["multi"], rtol=1e-6)


def test_similarities_in_float64():
    """An odd last row and an odd last column are left out between scales."""
    t, p = images(height=45, width=51, channels=2)
    weights = np.array(WEIGHTS[:3]) / sum(WEIGHTS[:3])

    @jax.jit
    def both(t, p):
        given = {"data_range": 2.0}
        return losses.ssim(t, p, **given), losses.multi_scale_ssim(
            t, p, **given, weights=weights.tolist()
        )

    with jax.enable_x64(True):
        ssim, multi = both(np.float64(t), np.float64(p))
    np.testing.assert_allclose(ssim, reference_ssim(t, p, 2.0), rtol=1e-10)
    wanted = [
        reference_multi_scale(*pair, weights, 2.0) for pair in zip(t, p, strict=True)
    ]
    np.testing.assert_allclose(multi, wanted, rtol=1e-10)


def test_five_scales_have_the_published_weights():
    t, p = images(batch=1, height=176, width=180, channels=1)
    wanted = reference_multi_scale(t[0], p[0], WEIGHTS)
    found = jax.jit(lambda t, p: losses.multi_scale_ssim(t, p, data_range=1.0))(t, p)
    np.testing.assert_allclose(found, [wanted], rtol=1e-5)
    assert wanted < 0.95


@jax.jit
def values_and_slopes(p):
    """Both losses of a prediction, each with its own gradient."""

    def losses_of(p):
        given = {"data_range": 1.0}
        return jnp.stack(
            [
                losses.ssim_loss(TARGET, p, **given),
                losses.multi_scale_ssim_loss(TARGET, p, **given, weights=(0.5, 0.5)),
            ]
        )

    values, pull_back = jax.vjp(losses_of, p)
    slopes = [
        pull_back(jnp.zeros_like(values).at[which].set(1.0))[0] for which in range(2)
    ]
    return values, slopes


def test_equal_images_have_no_loss_and_no_slope():
    values, slopes = values_and_slopes(TARGET)
    np.testing.assert_allclose(values, np.zeros((2, 2)), atol=1e-5)
    for slope in slopes:
        np.testing.assert_allclose(slope, np.zeros_like(TARGET), atol=1e-4)


def test_opposite_images_have_no_multi_scale_similarity_and_a_finite_slope():
    values, slopes = values_and_slopes(1 - TARGET)
    np.testing.assert_array_equal(values[1], np.ones(2))
    np.testing.assert_array_equal(slopes[1], np.zeros_like(TARGET))
    spoilt = TARGET.copy()
    spoilt[0, 0, 0, 0] = np.nan
    values, _ = values_and_slopes(spoilt)
    assert np.isnan(values[:, 0]).all()
    assert np.isfinite(values[:, 1]).all()


def test_bad_input_is_refused():
    small = jnp.zeros((1, 8, 8, 3))
    cases = [
        (lambda: losses.ssim(small, small, data_range=1.0), r"at least 11"),
        (lambda: losses.ssim(small, small, data_range=0.0), r"data_range is 0.0"),
        (
            lambda: losses.multi_scale_ssim(TARGET, TARGET, data_range=1.0),
            r"target has shape \(2, 26, 24, 3\), .*at least 176",
        ),
        (
            lambda: losses.multi_scale_ssim(TARGET, TARGET, data_range=1.0, weights=()),
            r"weights is empty",
        ),
        (
            lambda: losses.multi_scale_ssim(TARGET, small, data_range=1.0),
            r"target \(2, 26, 24, 3\), prediction \(1, 8, 8, 3\)",
        ),
        (lambda: losses.total_variation_loss(small[:, :1]), r"at least 2"),
        (lambda: losses.total_variation_loss(small[0]), r"image .*expected rank 4"),
        (
            lambda: losses.gradient_difference_loss(small, small, alpha=0.5),
            r"alpha is 0.5, expected 1 or more",
        ),
    ]
    for call, message in cases:
        with pytest.raises(ValueError, match=message):
            call()
