import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import ndimage  # 1.17

from jaxgan import losses

RNG = np.random.default_rng(0)


def images(batch=2, size=24, channels=3):
    """Smooth images in [0, 1] and copies with noise, in float32."""
    clean = RNG.normal(size=(batch, size, size, channels))
    clean = ndimage.gaussian_filter(clean, (0, 2, 2, 0))
    clean = (clean - clean.min()) / (clean.max() - clean.min())
    noisy = np.clip(clean + 0.1 * RNG.normal(size=clean.shape), 0, 1)
    return clean.astype(np.float32), noisy.astype(np.float32)


TARGET, PREDICTION = images()


def reference_ssim_maps(t, p, data_range=1.0):
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


def test_pixel_losses_of_torch():
    torch = pytest.importorskip("torch")  # 2.13.0
    functional = torch.nn.functional
    t, p = torch.tensor(TARGET).double(), torch.tensor(PREDICTION).double()
    twins = {
        losses.l1_loss: functional.l1_loss(t, p, reduction="none"),
        losses.l2_loss: functional.mse_loss(t, p, reduction="none"),
        losses.charbonnier_loss: torch.sqrt((t - p) ** 2 + 1e-6),
    }
    for loss, twin in twins.items():
        wanted = twin.mean(dim=(1, 2, 3))
        np.testing.assert_allclose(loss(TARGET, PREDICTION), wanted, rtol=1e-5)


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


def test_ssim_of_scikit_image():
    metrics = pytest.importorskip("skimage.metrics")  # 0.26.0
    wanted = [
        metrics.structural_similarity(
            np.float64(t),
            np.float64(p),
            data_range=1.0,
            channel_axis=-1,
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
        )
        for t, p in zip(TARGET, PREDICTION, strict=True)
    ]
    result = losses.ssim(TARGET, PREDICTION, data_range=1.0)
    np.testing.assert_allclose(result, wanted, atol=2e-5)
    assert (result < 0.95).all()
    loss = losses.ssim_loss(TARGET, PREDICTION, data_range=1.0)
    np.testing.assert_allclose(loss, 1 - result, rtol=1e-6)


def test_ssim_in_float64():
    with jax.enable_x64(True):
        result = losses.ssim(np.float64(TARGET), np.float64(PREDICTION), data_range=1.0)
    for i, value in enumerate(result):
        maps, _ = reference_ssim_maps(TARGET[i], PREDICTION[i])
        np.testing.assert_allclose(value, maps.mean(), rtol=1e-9)


def test_ssim_depends_on_the_range_alone():
    wide = losses.ssim(2 * TARGET - 1, 2 * PREDICTION - 1, data_range=2.0)
    assert not np.allclose(wide, losses.ssim(TARGET, PREDICTION, data_range=1.0))
    scaled = losses.ssim(255 * TARGET, 255 * PREDICTION, data_range=255.0)
    np.testing.assert_allclose(
        scaled, losses.ssim(TARGET, PREDICTION, data_range=1.0), atol=1e-4
    )


def test_equal_images_have_no_loss_and_no_slope():
    def total(p):
        return (
            losses.ssim_loss(TARGET, p, data_range=1.0)
            + losses.multi_scale_ssim_loss(
                TARGET, p, data_range=1.0, weights=(0.5, 0.5)
            )
        ).sum()

    loss, gradient = jax.jit(jax.value_and_grad(total))(jnp.asarray(TARGET))
    np.testing.assert_allclose(loss, 0.0, atol=1e-5)
    np.testing.assert_allclose(gradient, np.zeros_like(TARGET), atol=1e-4)


def test_multi_scale_ssim_in_float64():
    target, prediction = images(batch=1, size=176, channels=2)
    weights = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
    t, p = np.float64(target[0]), np.float64(prediction[0])
    factors = []
    for _ in range(4):
        factors.append(reference_ssim_maps(t, p)[1].mean(axis=(0, 1)))
        half = len(t) // 2
        t, p = (x.reshape(half, 2, half, 2, 2).mean(axis=(1, 3)) for x in (t, p))
    factors.append(reference_ssim_maps(t, p)[0].mean(axis=(0, 1)))
    wanted = np.prod([f**w for f, w in zip(factors, weights, strict=True)], axis=0)
    multi_scale_ssim = functools.partial(losses.multi_scale_ssim, data_range=1.0)
    result = jax.jit(multi_scale_ssim)(target, prediction)
    np.testing.assert_allclose(result, [wanted.mean()], rtol=1e-4)
    pair = TARGET, PREDICTION
    settings = {"data_range": 1.0, "weights": (0.4, 0.6)}
    np.testing.assert_allclose(
        losses.multi_scale_ssim_loss(*pair, **settings),
        1 - losses.multi_scale_ssim(*pair, **settings),
        rtol=1e-6,
    )


def test_multi_scale_ssim_of_opposite_images_is_zero_with_a_finite_slope():
    def total(p):
        return losses.multi_scale_ssim(
            TARGET, p, data_range=1.0, weights=(0.5, 0.5)
        ).sum()

    value, gradient = jax.jit(jax.value_and_grad(total))(1.0 - jnp.asarray(TARGET))
    assert value == 0.0
    np.testing.assert_array_equal(gradient, np.zeros_like(TARGET))
    spoilt = jnp.asarray(TARGET).at[0, 0, 0, 0].set(jnp.nan)
    assert jnp.isnan(total(spoilt))


@pytest.mark.parametrize("loss", [losses.cycle_consistency_loss, losses.identity_loss])
def test_losses_of_two_domains_add_the_directions(loss):
    a, b = np.zeros((2, 4, 4, 3)), np.zeros((2, 8, 8, 1))
    value = loss(a, a + np.array([1.0, 2.0]).reshape(2, 1, 1, 1), b, b - 0.5)
    np.testing.assert_allclose(value, [1.5, 2.5])
    with pytest.raises(ValueError, match=r"real_a \(2, 4, 4, 3\), real_b \(1, 8, 8, 1"):
        loss(a, a, b[:1], b[:1])


def test_masked_reconstruction():
    np.testing.assert_allclose(
        losses.masked_reconstruction_loss(TARGET, PREDICTION, np.ones((1, 1, 1, 1))),
        losses.l2_loss(TARGET, PREDICTION),
        rtol=1e-5,
    )
    mask = np.zeros((1, 24, 24, 1), bool)
    mask[:, 6:18, 6:18] = True
    loss = losses.masked_reconstruction_loss(TARGET, PREDICTION, mask)
    inside = (TARGET - PREDICTION)[:, 6:18, 6:18] ** 2
    np.testing.assert_allclose(loss, inside.mean(axis=(1, 2, 3)) / 4, rtol=1e-5)
    outside = np.where(mask, PREDICTION, TARGET)
    np.testing.assert_allclose(
        losses.masked_reconstruction_loss(TARGET, outside, ~mask), np.zeros(2)
    )


def test_the_overlap_weighs_ten_times():
    weights = np.asarray(losses.overlap_weights(64, 64, overlap=7))
    assert weights.shape == (1, 64, 64, 1)
    assert (weights[0, 7:57, 7:57] == 1).all()
    assert weights.sum() == 50**2 + 10 * (64**2 - 50**2)
    np.testing.assert_array_equal(losses.overlap_weights(2, 3, overlap=0), 1.0)


def test_contextual_loss_is_a_sum_over_known_pixels():
    mask = np.ones((2, 24, 24, 1), np.float32)
    mask[:, 8:16, 8:16] = 0
    loss = losses.inpainting_contextual_loss(TARGET, PREDICTION, mask)
    wanted = (mask * np.abs(TARGET - PREDICTION)).sum(axis=(1, 2, 3))
    np.testing.assert_allclose(loss, wanted, rtol=1e-5)
    prior = losses.inpainting_prior_loss(jnp.array([0.0, 3.0]))
    np.testing.assert_allclose(prior, np.log1p(-1 / (1 + np.exp([-0.0, -3.0]))), 1e-5)


@pytest.mark.parametrize("dtype", [np.float32, bool, np.int32])
def test_importance_weights_are_means_over_the_window(dtype):
    mask = RNG.integers(0, 2, size=(2, 9, 8, 1)).astype(dtype)
    weights = losses.inpainting_weights(mask, window=5)
    missing = 1.0 - mask.astype(np.float64)
    window = np.ones((5, 5))
    for i in range(2):
        counts = ndimage.correlate(np.ones((9, 8)), window, mode="constant")
        sums = ndimage.correlate(missing[i, :, :, 0], window, mode="constant")
        np.testing.assert_allclose(
            weights[i, :, :, 0], mask[i, :, :, 0] * sums / counts, rtol=1e-5
        )
    with pytest.raises(ValueError, match="window is 4, expected a positive odd"):
        losses.inpainting_weights(mask, window=4)


def test_perceptual_distance_over_layers():
    def layers(x):
        return {"shallow": jnp.tanh(x), "deep": [x.mean(axis=(1, 2)), 2.0 * x]}

    loss = losses.perceptual_loss(TARGET, PREDICTION, layers)
    t, p = np.float64(TARGET), np.float64(PREDICTION)
    wanted = (
        ((np.tanh(t) - np.tanh(p)) ** 2).mean(axis=(1, 2, 3))
        + ((t.mean(axis=(1, 2)) - p.mean(axis=(1, 2))) ** 2).mean(axis=1)
        + 4 * ((t - p) ** 2).mean(axis=(1, 2, 3))
    )
    np.testing.assert_allclose(loss, wanted, rtol=1e-4)
    same = losses.perceptual_loss(TARGET, PREDICTION, lambda x: x)
    np.testing.assert_allclose(same, losses.l2_loss(TARGET, PREDICTION))


def test_bad_input_is_refused():
    small = jnp.zeros((1, 8, 8, 3))
    cases = [
        (lambda: losses.ssim(small, small, data_range=1.0), r"at least 11"),
        (lambda: losses.ssim(small, small, data_range=0.0), r"data_range is 0.0"),
        (
            lambda: losses.multi_scale_ssim(TARGET, TARGET, data_range=1.0),
            r"target has shape \(2, 24, 24, 3\), .*at least 176",
        ),
        (
            lambda: losses.multi_scale_ssim(TARGET, TARGET, data_range=1.0, weights=()),
            r"weights is empty",
        ),
        (
            lambda: losses.multi_scale_ssim(TARGET, small, data_range=1.0),
            r"target \(2, 24, 24, 3\), prediction \(1, 8, 8, 3\)",
        ),
        (lambda: losses.total_variation_loss(small[:, :1]), r"at least 2"),
        (lambda: losses.total_variation_loss(small[0]), r"image .*expected rank 4"),
        (
            lambda: losses.gradient_difference_loss(small, small, alpha=0.5),
            r"alpha is 0.5, expected 1 or more",
        ),
        (
            lambda: losses.charbonnier_loss(small, small, epsilon=0.0),
            r"epsilon is 0.0, expected more than 0",
        ),
        (
            lambda: losses.masked_reconstruction_loss(small, small, small[0]),
            r"weights has shape \(8, 8, 3\), expected rank 4",
        ),
        (
            lambda: losses.masked_reconstruction_loss(small, small, small[:, :4]),
            r"weights has shape \(1, 4, 8, 3\), expected rank 4 with every axis 1 or",
        ),
        (lambda: losses.overlap_weights(8, 8, overlap=5), r"overlap is 5"),
        (
            lambda: losses.perceptual_loss(small, small, lambda x: []),
            r"feature_fn returned no arrays",
        ),
        (
            lambda: losses.perceptual_loss(small, small, lambda x: x[0]),
            r"feature_fn returned shape \(8, 8, 3\), expected \(1, ...\)",
        ),
    ]
    for call, message in cases:
        with pytest.raises(ValueError, match=message):
            call()
    with pytest.raises(TypeError, match="target has dtype uint8"):
        losses.l1_loss(small.astype(jnp.uint8), small)
    with pytest.raises(
        ValueError, match=r"target \(1, 8, 8, 3\), prediction \(1, 8, 8"
    ):
        losses.l1_loss(small, small[..., :1])
