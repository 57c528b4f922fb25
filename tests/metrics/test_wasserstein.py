"""The sliced Wasserstein distance and its patches, against SciPy and closed forms."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.ndimage
import scipy.special
import scipy.stats

from jaxgan import metrics


def drawn(count=40, other=30, size=3, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(count, size)), rng.gamma(2.0, size=(other, size))


@pytest.mark.parametrize(("count", "other"), [(40, 40), (40, 30), (7, 49), (1, 13)])
def test_on_a_line_it_is_scipys_whatever_the_counts(count, other, key):
    x, y = drawn(count, other, 1)
    wanted = scipy.stats.wasserstein_distance(x[:, 0], y[:, 0])
    found = metrics.sliced_wasserstein_distance(x, y, key, directions=3)
    np.testing.assert_allclose(found, wanted, rtol=1e-12)


@pytest.mark.parametrize("other", [40, 30])
def test_is_the_mean_of_scipys_over_the_same_directions(other, key):
    x, y = drawn(40, other, 5)
    normal = np.float64(jax.random.normal(key, (64, 5)))
    unit = normal / np.linalg.norm(normal, axis=1, keepdims=True)
    wanted = [scipy.stats.wasserstein_distance(x @ u, y @ u) for u in unit]
    for block in (64, 7):
        found = metrics.sliced_wasserstein_distance(
            x, y, key, directions=64, block=block
        )
        np.testing.assert_allclose(found, np.mean(wanted), rtol=1e-12)


def test_of_a_translation_is_its_length_times_what_a_direction_sees_of_it(key):
    """E|u₁| on the sphere is Γ(F/2) / (√π Γ((F + 1)/2)): 1 on a line."""
    x, _ = drawn(25)
    line = metrics.sliced_wasserstein_distance(x[:, :1], x[:, :1] - 2.5, key)
    np.testing.assert_allclose(line, 2.5, rtol=1e-12)
    shift = np.array([2.0, -1.0, 2.0])
    found = metrics.sliced_wasserstein_distance(x, x + shift, key, directions=4000)
    seen = scipy.special.gamma(1.5) / np.sqrt(np.pi) / scipy.special.gamma(2)
    error = 3 * np.sqrt(1 / 3 - seen**2) / np.sqrt(4000)
    np.testing.assert_allclose(found, 3 * seen, atol=4 * error)


def test_order_and_copies_of_a_whole_set_change_nothing(key):
    x, y = drawn()
    wanted = metrics.sliced_wasserstein_distance(x, y, key)
    found = metrics.sliced_wasserstein_distance(x[::-1], np.repeat(y, 3, 0), key)
    np.testing.assert_allclose(found, wanted, rtol=1e-12)
    np.testing.assert_allclose(
        metrics.sliced_wasserstein_distance(x, np.tile(x, (2, 1)), key), 0, atol=1e-12
    )


def test_other_directions_give_another_value_near_it():
    x, y = drawn(size=8)
    a, b = (
        metrics.sliced_wasserstein_distance(x, y, jax.random.key(i)) for i in (0, 1)
    )
    assert a != b
    np.testing.assert_allclose(a, b, rtol=0.15)


def test_distance_works_under_jit_vmap_and_grad(key):
    pairs = [drawn(seed=seed) for seed in (0, 1)]
    x, y = (jnp.asarray(np.stack(z), "float32") for z in zip(*pairs, strict=True))

    def distance(x, y):
        return metrics.sliced_wasserstein_distance(x, y, key, directions=16, block=8)

    def shifted(t):
        return distance(x[0] + t, y[0])

    vectorised, gradient = jax.vmap(distance), jax.grad(shifted)
    found, slope = jax.jit(lambda x, y, t: (vectorised(x, y), gradient(t)))(
        x, y, np.float32(50.0)
    )
    assert found.dtype == jnp.float32
    np.testing.assert_allclose(found, [distance(*pair) for pair in pairs], rtol=1e-5)
    normal = np.asarray(jax.random.normal(key, (16, 3)))
    unit = normal / np.linalg.norm(normal, axis=1, keepdims=True)
    # Far apart, a direction's distance grows with how much it sees of the shift.
    np.testing.assert_allclose(slope, np.abs(unit.sum(1)).mean(), rtol=1e-4)


describe = jax.jit(
    metrics.laplacian_descriptors, static_argnames=("levels", "patches", "size")
)
cut = jax.jit(metrics.laplacian_patches, static_argnames=("levels", "patches", "size"))
KERNEL = np.outer([1, 4, 6, 4, 1], [1, 4, 6, 4, 1])[None, :, :, None] / 256


def pyramid(images):
    """Two levels by SciPy's convolution with the whole kernel, mirrored at edges."""
    images = images.astype("float64")
    small = scipy.ndimage.convolve(images, KERNEL, mode="mirror")[:, ::2, ::2]
    wide = np.zeros(images.shape)
    wide[:, ::2, ::2] = small
    return images - scipy.ndimage.convolve(wide, 4 * KERNEL, mode="mirror"), small


def test_patches_as_large_as_a_level_are_those_of_scipys_pyramid(key):
    images = np.random.default_rng(0).uniform(0, 255, (2, 8, 8, 3)).astype("float32")
    wanted = pyramid(images)
    whole = cut(images, key, levels=1, patches=1, size=8)
    np.testing.assert_allclose(whole[0], images, rtol=1e-6)
    coarse = cut(images, key, levels=2, patches=1, size=4)[1]
    np.testing.assert_allclose(coarse, wanted[1], rtol=1e-4, atol=1e-3)


def places(patches, level):
    """Where in the level a patch is found, or nowhere."""
    size = patches.shape[1]
    windows = np.lib.stride_tricks.sliding_window_view(level, (size, size), (0, 1))
    windows = np.moveaxis(windows, 2, -1)  # [y, x, size, size, C]
    close = np.abs(windows[None] - patches[:, None, None]).max((3, 4, 5)) < 1e-3
    assert (close.sum((1, 2)) == 1).all()
    return [tuple(int(n) for n in np.argwhere(c)[0]) for c in close]


def test_patches_lie_everywhere_inside_every_level(key):
    images = np.random.default_rng(0).uniform(0, 255, (2, 12, 16, 2)).astype("float32")
    found = cut(images, key, levels=2, patches=200, size=5)
    assert [x.shape for x in found] == [(400, 5, 5, 2)] * 2
    for patches, level in zip(found, pyramid(images), strict=True):
        for i in range(2):
            seen = places(patches[200 * i : 200 * (i + 1)], level[i])
            height, width = level.shape[1:3]
            every = {(y, x) for y in range(height - 4) for x in range(width - 4)}
            assert set(seen) <= every
            assert len(set(seen)) > 0.6 * len(every)
            assert {y for y, _ in seen} == set(range(height - 4))
            assert {x for _, x in seen} == set(range(width - 4))


def test_levels_go_down_to_sixteen_pixels(key):
    shape = {64: 3, 48: 2, 32: 2, 16: 1, 12: 1}
    for side, levels in shape.items():
        images = np.zeros((1, side, side, 1), "uint8")
        found = jax.eval_shape(
            lambda x: metrics.laplacian_descriptors(x, key, patches=2), images
        )
        assert [x.shape for x in found] == [(2, 49)] * levels


def test_descriptors_are_normalised_by_channel():
    rng = np.random.default_rng(0)
    patches = rng.normal([1.0, -200.0], [3.0, 0.1], (50, 7, 7, 2)).astype("float32")
    found = np.asarray(metrics.patch_descriptors(patches))
    assert found.shape == (50, 98)
    wanted = np.float64(patches)
    wanted = (wanted - wanted.mean((0, 1, 2))) / wanted.std((0, 1, 2))
    np.testing.assert_allclose(found, wanted.reshape(50, -1), atol=2e-3)


def test_a_channel_without_spread_is_zero():
    found = metrics.patch_descriptors(np.full((4, 7, 7, 3), 0.5, "float32"))
    np.testing.assert_array_equal(found, np.zeros((4, 147)))


def test_descriptors_are_the_normalised_patches_of_any_range(key):
    images = np.random.default_rng(0).integers(0, 255, (3, 32, 32, 3)).astype("uint8")

    @jax.jit
    def all_of(images):
        patches = metrics.laplacian_patches(images, key, patches=5)
        return (
            metrics.laplacian_descriptors(images, key, patches=5),
            tuple(metrics.patch_descriptors(level) for level in patches),
        )

    found, normalised = all_of(images)
    scaled, _ = all_of(images / np.float32(127.5) - 1)
    assert len(found) == 2
    for x, y, z in zip(found, normalised, scaled, strict=True):
        np.testing.assert_allclose(x, y, atol=1e-4)
        np.testing.assert_allclose(x, z, atol=1e-3)


def test_stripes_are_far_from_noise_and_other_noise_is_near(key):
    rng = np.random.default_rng(0)
    real, other = rng.normal(size=(2, 64, 32, 32, 1)).astype("float32")
    stripes = np.broadcast_to(other[:, :, :1], other.shape)

    of_real, of_other, of_stripes = (
        [np.asarray(level) for level in describe(x, key, patches=32)]
        for x in (real, other, stripes)
    )

    def distances(a, b):
        return [
            metrics.sliced_wasserstein_distance(x, y, key, directions=64)
            for x, y in zip(a, b, strict=True)
        ]

    near, far = distances(of_real, of_other), distances(of_real, of_stripes)
    assert len(near) == 2
    for level in range(2):
        assert near[level] < 0.06
        assert far[level] > 3 * near[level]


def test_descriptors_work_under_jit_and_vmap(key):
    images = np.random.default_rng(0).normal(size=(2, 3, 16, 16, 1)).astype("float32")
    keys = jax.random.split(key)

    def of(x, key):
        return metrics.laplacian_descriptors(x, key, levels=2, patches=4, size=3)

    both = jax.jit(lambda x, k: (jax.vmap(of)(x, k), of(x[0], k[0]), of(x[1], k[1])))
    found, *each = both(images, keys)
    for i in range(2):
        for x, y in zip(found, each[i], strict=True):
            np.testing.assert_allclose(x[i], y, atol=1e-4)


X, Y = drawn(6, 4)
KEY = jax.random.key(0)
IMAGES = np.zeros((2, 24, 32, 3), "float32")


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (
            lambda: metrics.sliced_wasserstein_distance(X, Y[:, :2], KEY),
            r"real has shape \(6, 3\) and fake \(4, 2\)",
        ),
        (
            lambda: metrics.sliced_wasserstein_distance(X, Y, KEY, directions=0),
            "directions is 0, expected 1 or more",
        ),
        (
            lambda: metrics.sliced_wasserstein_distance(X, Y, KEY, block=0),
            "block is 0",
        ),
        (
            lambda: metrics.sliced_wasserstein_distance(X, Y * np.nan, KEY),
            "fake has 12 NaN",
        ),
        (lambda: metrics.laplacian_descriptors(IMAGES[0], KEY), "expected .N, H, W, C"),
        (lambda: metrics.laplacian_patches(IMAGES[:0], KEY), "not empty"),
        (
            lambda: metrics.laplacian_patches(IMAGES, KEY, levels=3),
            "are 4 times 7 or more for 3 levels and patches of 7; pass fewer levels",
        ),
        (
            lambda: metrics.laplacian_patches(IMAGES[:, :23], KEY, levels=2),
            "are 2 times 7",
        ),
        (lambda: metrics.laplacian_patches(IMAGES, KEY, levels=0), "levels is 0"),
        (lambda: metrics.laplacian_patches(IMAGES, KEY, patches=0), "patches is 0"),
        (lambda: metrics.laplacian_patches(IMAGES, KEY, size=0), "size is 0"),
        (lambda: metrics.patch_descriptors(IMAGES[0]), r"expected \[P, h, w, C\]"),
    ],
)
def test_what_cannot_be_is_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call()
