"""PSNR, SSIM, MS-SSIM and their diversity, against scikit-image and in float64."""

import functools

import jax
import numpy as np
import pytest
import scipy.ndimage

from jaxgan import metrics


def images(batch=3, height=30, width=24, channels=3, noise=0.1, seed=0):
    """Smooth images in [0, 1] and what noise made of them."""
    rng = np.random.default_rng(seed)
    clean = rng.uniform(size=(batch, height, width, channels))
    clean = scipy.ndimage.gaussian_filter(clean, (0, 2, 2, 0))
    clean = (clean - clean.min()) / np.ptp(clean)
    noisy = np.clip(clean + noise * rng.normal(size=clean.shape), 0, 1)
    return clean.astype("float32"), noisy.astype("float32")


A, B = images()


def reference_maps(a, b, data_range=1.0):
    """Wang et al.'s equations in float64 by SciPy's filter, windows inside only."""
    a, b = np.float64(a), np.float64(b)

    def blur(x):
        x = scipy.ndimage.gaussian_filter(x, 1.5, radius=5, axes=(0, 1))
        return x[5:-5, 5:-5]

    c1, c2 = (0.01 * data_range) ** 2, (0.03 * data_range) ** 2
    ma, mb = blur(a), blur(b)
    va, vb, cov = blur(a * a) - ma**2, blur(b * b) - mb**2, blur(a * b) - ma * mb
    structure = (2 * cov + c2) / (va + vb + c2)
    return (2 * ma * mb + c1) / (ma**2 + mb**2 + c1) * structure, structure


def reference_ms_ssim(a, b, weights, data_range=1.0):
    result = np.ones(a.shape[-1])
    for scale, weight in enumerate(weights):
        whole, structure = reference_maps(a, b, data_range)
        factor = whole if scale == len(weights) - 1 else structure
        result = result * np.maximum(factor.mean((0, 1)), 0) ** weight
        h, w = a.shape[0] // 2, a.shape[1] // 2
        a, b = (
            np.float64(x[: 2 * h, : 2 * w]).reshape(h, 2, w, 2, -1).mean((1, 3))
            for x in (a, b)
        )
    return result.mean()


@functools.partial(jax.jit, static_argnames="scales")
def similarities(a, b, data_range, scales=2):
    """PSNR, SSIM and MS-SSIM in one program for every range."""
    given = {"data_range": data_range}
    return (
        metrics.psnr(a, b, **given),
        metrics.ssim(a, b, **given),
        metrics.ms_ssim(a, b, **given, scales=scales),
    )


def test_psnr_is_its_formula():
    found, _, _ = similarities(A, B, 1.0)
    error = np.square(np.float64(A) - B).mean((1, 2, 3))
    np.testing.assert_allclose(found, -10 * np.log10(error), rtol=1e-6)
    bytes_ = np.zeros((1, 2, 2, 1), "uint8"), np.full((1, 2, 2, 1), 255, "uint8")
    psnr = jax.jit(lambda data_range: metrics.psnr(*bytes_, data_range=data_range))
    np.testing.assert_allclose(psnr(255.0), [0], atol=1e-6)
    np.testing.assert_allclose(psnr(2550.0), [20], rtol=1e-6)


def test_the_slope_of_psnr_by_hand_and_under_vmap():
    def total(a, b):
        return metrics.psnr(a, b, data_range=1.0).sum()

    slope = jax.jit(jax.vmap(jax.grad(total, 1)))(A[:, None], B[:, None])[:, 0]
    gap = np.float64(B) - A
    error = np.square(gap).mean((1, 2, 3), keepdims=True)
    wanted = -20 / np.log(10) * gap / (gap[0].size * error)
    np.testing.assert_allclose(slope, wanted, rtol=1e-4, atol=1e-7)


def test_equal_images_have_an_infinite_psnr_and_a_similarity_of_one():
    psnr, ssim, ms_ssim = similarities(A, A, 1.0)
    assert np.isposinf(psnr).all()
    np.testing.assert_allclose(ssim, 1, rtol=1e-6)
    np.testing.assert_allclose(ms_ssim, 1, rtol=1e-6)


def test_agrees_with_scikit_image():
    skimage = pytest.importorskip("skimage.metrics")  # 0.26.0
    wanted = [
        (
            skimage.structural_similarity(
                np.float64(a),
                np.float64(b),
                data_range=1.0,
                channel_axis=-1,
                gaussian_weights=True,
                sigma=1.5,
                use_sample_covariance=False,
                win_size=11,
            ),
            skimage.peak_signal_noise_ratio(np.float64(a), b, data_range=1.0),
        )
        for a, b in zip(A, B, strict=True)
    ]
    ssim, psnr = np.transpose(wanted)
    found = similarities(A, B, 1.0)
    np.testing.assert_allclose(found[1], ssim, atol=2e-6)
    np.testing.assert_allclose(found[0], psnr, rtol=1e-6)
    assert (ssim < 0.95).all()


def test_ms_ssim_of_fewer_scales_has_the_first_weights_divided_by_their_sum():
    """The losses of the same names are compared with formulas in their own tests."""
    for scales in (1, 2):
        weights = np.array([0.0448, 0.2856])[:scales]
        wanted = [
            reference_ms_ssim(*pair, weights / weights.sum())
            for pair in zip(A, B, strict=True)
        ]
        _, ssim, found = similarities(A, B, 1.0, scales=scales)
        np.testing.assert_allclose(found, wanted, atol=1e-6)
    np.testing.assert_allclose(similarities(A, B, 1.0, scales=1)[2], ssim, rtol=1e-6)


def test_ms_ssim_of_five_scales_has_the_published_weights():
    a, b = images(1, 176, 180, 1)
    weights = [0.0448, 0.2856, 0.3001, 0.2363, 0.1333]
    found = jax.jit(lambda a, b: metrics.ms_ssim(a, b, data_range=1.0))(a, b)
    np.testing.assert_allclose(
        found, [reference_ms_ssim(a[0], b[0], weights)], rtol=1e-5
    )


def test_bytes_and_floats_of_any_range_agree():
    a, b = (np.round(255 * x).astype("uint8") for x in (A, B))
    scaled = [np.float32(x / 127.5) for x in (a, b)]
    for found, wanted in zip(
        similarities(a, b, 255.0), similarities(*scaled, 2.0), strict=True
    ):
        np.testing.assert_allclose(found, wanted, rtol=1e-4)


@functools.partial(jax.jit, static_argnames=("scales", "pairs", "block"))
def compiled(x, key, **options):
    return metrics.ms_ssim_diversity(x, key, data_range=1.0, **options)


def diversity(x, seed=0, *, scales=1, pairs=60, block=16):
    key = jax.random.key(seed)
    return compiled(x, key, scales=scales, pairs=pairs, block=block)


def test_diversity_of_two_images_is_their_similarity():
    """There is one pair, so that pairs of an image with itself would show."""
    first = np.broadcast_to(A[:1], A.shape)
    wanted = similarities(first, np.broadcast_to(A[1:2], A.shape), 1.0)[2][0]
    np.testing.assert_allclose(diversity(A[:2], scales=2), wanted, rtol=1e-5)


def test_diversity_is_the_mean_over_pairs_in_blocks_of_any_size():
    x = np.concatenate([A, B])
    every = [
        reference_maps(x[i], x[j])[0].mean()
        for i in range(6)
        for j in range(6)
        if i - j
    ]
    values = [float(diversity(x, seed=seed, pairs=50)) for seed in (0, 1)]
    error = np.std(every) / np.sqrt(50)
    assert values[0] != values[1]
    np.testing.assert_allclose(values, np.mean(every), atol=4 * error)
    again = diversity(x, pairs=50, block=7)
    np.testing.assert_allclose(again, values[0], rtol=1e-5)


def test_collapse_is_one_and_noise_is_low():
    np.testing.assert_allclose(diversity(np.repeat(A[:1], 4, 0)), 1, rtol=1e-5)
    noise = np.random.default_rng(0).uniform(size=(8, 24, 24, 1)).astype("float32")
    assert diversity(noise) < 0.1


def test_diversity_works_under_jit_and_vmap():
    x, keys = np.stack([A, B]), jax.random.split(jax.random.key(3))

    def of(x, key):
        return metrics.ms_ssim_diversity(x, key, data_range=1.0, pairs=9, scales=1)

    @jax.jit
    def both(x, keys):
        return jax.vmap(of)(x, keys), [of(a, k) for a, k in zip(x, keys, strict=True)]

    found, wanted = both(x, keys)
    np.testing.assert_allclose(found, wanted, rtol=1e-5)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (
            lambda: metrics.psnr(A, B[:2], data_range=1.0),
            r"a has shape \(3, 30, 24, 3\) and b \(2,",
        ),
        (lambda: metrics.psnr(A[0], B[0], data_range=1.0), "the same shape"),
        (lambda: metrics.ssim(A[:0], B[:0], data_range=1.0), "not empty"),
        (lambda: metrics.psnr(A, B, data_range=0), "data_range is 0, expected more"),
        (lambda: metrics.ssim(A, B, data_range=-1.0), "data_range is -1.0"),
        (
            lambda: metrics.ssim(A[:, :10], B[:, :10], data_range=1.0),
            "expected a height and width of 11 or more",
        ),
        (
            lambda: metrics.ms_ssim(A, B, data_range=1.0),
            "of 176 or more for 5 scales; pass scales=2",
        ),
        (
            lambda: metrics.ms_ssim(A[:, :9], B[:, :9], data_range=1.0, scales=1),
            "of 11 or more for 1 scales; one scale needs 11",
        ),
        (lambda: metrics.ms_ssim(A, B, data_range=1.0, scales=6), "scales is 6"),
        (lambda: metrics.ms_ssim(A, B, data_range=1.0, scales=0), "expected 1 to 5"),
        (lambda: diversity(A[:1]), "N of 2 or more"),
        (lambda: diversity(A[0]), r"\[N, H, W, C\]"),
        (lambda: diversity(A, pairs=0), "pairs is 0"),
        (lambda: diversity(A, block=0), "block is 0"),
        (lambda: diversity(A, scales=3), "for 3 scales; pass scales=2"),
    ],
)
def test_what_cannot_be_is_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_sharpness_is_that_of_the_authors_code():
    """On [-1, 1]: slopes to the left and above, of all pixels but those at borders."""
    truth, image = 2 * A - 1, 2 * B - 1
    expected = []
    for t, p in zip(np.float64(truth), np.float64(image), strict=True):
        total = 0.0
        for row in range(1, t.shape[0] - 1):
            for column in range(1, t.shape[1] - 1):
                for before in ((row, column - 1), (row - 1, column)):
                    slopes = [abs(x[before] - x[row, column]) for x in (t, p)]
                    total += abs(slopes[0] - slopes[1]).sum()
        expected.append(10 * np.log10(255**2 / (128**2 * total / t.size)))
    found = metrics.sharpness(truth, image, data_range=255 / 128)
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_a_constant_difference_has_a_psnr_and_no_lack_of_sharpness():
    """Ŷ − Y = 0.1 on [-1, 1]: 25.99 dB by the authors' scale of 128."""
    truth = np.zeros((1, 8, 8, 3), np.float32)
    scale = {"data_range": 255 / 128}
    np.testing.assert_allclose(
        metrics.psnr(truth, truth + 0.1, **scale), 25.99, atol=0.005
    )
    assert np.isposinf(metrics.sharpness(truth, truth + 0.1, **scale))


def test_masked_psnr_counts_the_pixels_of_the_mask_alone():
    mask = np.random.default_rng(1).uniform(size=A.shape[:3]) < 0.3
    expected = [
        10 * np.log10(4 / np.square(np.float64(a - b)[m]).mean())
        for a, b, m in zip(A, B, mask, strict=True)
    ]
    found = metrics.masked_psnr(A, B, mask, data_range=2)
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    whole = metrics.masked_psnr(A, B, np.ones_like(mask), data_range=2)
    np.testing.assert_allclose(whole, metrics.psnr(A, B, data_range=2), rtol=1e-6)
    assert np.isnan(metrics.masked_psnr(A, B, np.zeros_like(mask), data_range=2)).all()
    with pytest.raises(ValueError, match=r"mask has shape \(3,\), expected \(3, 30"):
        metrics.masked_psnr(A, B, np.ones(3), data_range=2)


def test_images_without_an_inside_have_no_sharpness():
    with pytest.raises(ValueError, match="expected 3x3 or larger"):
        metrics.sharpness(A[:, :2], B[:, :2], data_range=1)
