"""Affine maps of digits against scipy and by hand."""

import jax
import numpy as np
import pytest
from digit_cases import box, keys, moved
from scipy import ndimage, stats

from jaxgan.data.synthetic import affine

RNG = np.random.default_rng(0)
BYTES = RNG.integers(1, 256, (4, 5, 2), dtype=np.uint8)
FLOATS = RNG.uniform(0.1, 1, (4, 5, 2)).astype(np.float32)
IDENTITY = np.array([[1, 0, 0], [0, 1, 0]], np.float32)


many_warp = jax.jit(jax.vmap(affine.warp, (None, 0, None)), static_argnums=2)


@pytest.mark.parametrize(
    ("image", "size"), [(BYTES, 3), (BYTES, 8), (FLOATS, 5), (FLOATS, 9)]
)
def test_the_identity_and_whole_translations_are_exact(image, size):
    offsets = [(0, 0), (1, -2), (-3, 4), (-40, 0)]
    matrices = np.tile(IDENTITY, (4, 1, 1))
    matrices[:, :, 2] = offsets
    out = many_warp(image, matrices, size)
    assert out.dtype == image.dtype
    np.testing.assert_array_equal(out, [moved(image, *o, size) for o in offsets])


@pytest.mark.parametrize("side", [4, 5])
def test_quarter_turns_are_exact(side):
    image = RNG.integers(0, 256, (side, side, 1), dtype=np.uint8)
    turn, matrices = np.array([[0, -1], [1, 0]]), np.zeros((4, 2, 3), np.float32)
    for turns in range(4):
        matrices[turns, :, :2] = np.linalg.matrix_power(turn, turns)
    out = many_warp(image, matrices, side)
    np.testing.assert_array_equal(out, [np.rot90(image, n) for n in range(4)])


def by_scipy(image, matrix, size):
    """Applies the same map with scipy, which takes it from the canvas to the image."""
    shape = np.array(image.shape[:2])
    back = np.linalg.inv(matrix[:, :2])
    middle = (shape - 1) / 2
    offset = middle - back @ ((size - shape) // 2 + middle + matrix[:, 2])
    planes = [
        ndimage.affine_transform(
            plane, back, offset, (size, size), order=1, mode="grid-constant"
        )
        for plane in np.moveaxis(image.astype(np.float64), 2, 0)
    ]
    return np.stack(planes, -1)


@pytest.mark.parametrize("size", [7, 12])
def test_warp_is_bilinear_as_in_scipy(size):
    matrices = RNG.uniform(-1, 1, (8, 2, 3)) + 0.5 * IDENTITY
    matrices[:, :, 2] *= 3
    expected = np.stack([by_scipy(FLOATS, m, size) for m in matrices])
    assert (expected > 0).mean() > 0.05
    np.testing.assert_allclose(many_warp(FLOATS, matrices, size), expected, atol=2e-4)
    expected = np.stack([by_scipy(BYTES, m, size) for m in matrices])
    out = many_warp(BYTES, matrices, size)
    assert out.dtype == np.uint8
    assert abs(out - expected).max() <= 0.5 + 0.05


def test_affine_maps_fill_their_ranges():
    matrices = np.asarray(jax.jit(jax.vmap(affine.affine_matrix))(keys(2000)))
    assert matrices.shape == (2000, 2, 3)
    assert not matrices[..., 2].any()
    first, second = matrices[..., 0], matrices[..., 1]
    right = np.hypot(*second.T)
    angle = np.degrees(np.arctan2(-second[:, 0], second[:, 1]))
    down = np.linalg.det(matrices[..., :2]) / right
    slope = (first * second).sum(1) / (down * right)
    ranges = ((angle, -20, 40), (slope, -0.2, 0.4), (down, 0.8, 0.4), (right, 0.8, 0.4))
    for values, low, length in ranges:
        assert values.min() > low - 1e-4
        assert values.max() < low + length + 1e-4
        assert stats.kstest(values, stats.uniform(low, length).cdf).pvalue > 1e-4
    assert abs(np.corrcoef([angle, slope, down, right]) - np.eye(4)).max() < 0.1


def test_affine_maps_by_hand(key):
    def double(key):
        return affine.affine_matrix(key, degrees=0, shear=0, scale=(2.0, 2.0))

    np.testing.assert_array_equal(jax.jit(double)(key), 2 * IDENTITY)
    with pytest.raises(ValueError, match=r"scale is \(0, 1\): give the smallest"):
        affine.affine_matrix(key, scale=(0, 1))
    with pytest.raises(ValueError, match="scale is"):
        affine.affine_matrix(key, scale=(1.2, 0.8))


def test_affine_digits_stay_whole_and_go_everywhere():
    """On a canvas with a wide rim, drawn by scipy, nothing lies on the rim."""
    image = np.zeros((28, 28, 1), np.float32)
    image[5:22, 8:18] = RNG.uniform(0.1, 1, (17, 10, 1))
    count, size, rim = 300, 40, 20

    def one(key):
        for_map, for_place = jax.random.split(key)
        matrix = affine.affine_matrix(for_map)
        matrix = affine.translate_inside(for_place, image, matrix, size)
        return matrix, affine.affine_digit(key, image)

    matrices, out = (np.asarray(a) for a in jax.jit(jax.vmap(one))(keys(count)))
    assert out.shape == (count, size, size, 1)
    assert out.dtype == np.float32
    boxes = np.array([box(i[..., 0] > 1e-3) for i in out])
    assert boxes.min(0)[[0, 2]].tolist() == [0, 0]
    assert boxes.max(0)[[1, 3]].tolist() == [size, size]
    for matrix, small in list(zip(matrices, out, strict=True))[:40]:
        wide = by_scipy(image, matrix, size + 2 * rim)
        inside = wide[rim:-rim, rim:-rim]
        np.testing.assert_allclose(small, inside, atol=1e-4)
        np.testing.assert_allclose(wide.sum(), inside.sum(), rtol=1e-5)
    area = np.linalg.det(matrices[..., :2])
    ratio = out.sum((1, 2, 3)) / image.sum() / area  # what is spread over more pixels
    np.testing.assert_allclose(ratio, 1, atol=0.05)


def test_the_translation_is_uniform_where_nothing_is_lost():
    """A pixel that keeps its size may lie from 0 to 9, or, drawn over two, between."""
    image = np.zeros((4, 4, 1), np.uint8)
    image[1, 3] = 255
    away = IDENTITY + np.array([[0, 0, 20], [0, 0, -7]])  # what was there counts too
    move = jax.vmap(lambda k: affine.translate_inside(k, image, away, 10))
    where = np.asarray(jax.jit(move)(keys(1000)))[:, :, 2] + [3 + 1, 3 + 3]
    for values in where.T:
        assert stats.kstest(values, stats.uniform(0, 9).cdf).pvalue > 1e-4
    assert abs(np.corrcoef(where.T)[0, 1]) < 0.15


def test_what_is_too_large_is_centred_and_black_does_no_harm(key):
    images = np.zeros((2, 4, 4, 1), np.uint8)
    images[0] = 255
    move = jax.vmap(lambda i: affine.translate_inside(key, i, 2 * IDENTITY, 4))
    full, black = jax.jit(move)(images)
    np.testing.assert_allclose(full, 2 * IDENTITY, atol=1e-6)
    assert np.isfinite(black).all()


def test_matrices_and_canvases_that_are_none():
    with pytest.raises(ValueError, match=r"matrix has shape \(2, 2\), expected \(2, 3"):
        affine.warp(BYTES, np.eye(2), 4)
    with pytest.raises(ValueError, match="size is 0: give a canvas"):
        affine.warp(BYTES, IDENTITY, 0)
    with pytest.raises(ValueError, match="image is uint8"):
        affine.warp(BYTES[0], IDENTITY, 4)
