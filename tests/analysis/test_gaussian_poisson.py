"""Gaussian-Poisson blending against SciPy's filters and the equations themselves."""

import jax
import numpy as np
import pytest
import scipy.ndimage

from jaxgan.analysis import gaussian_poisson

H, W = 20, 30
# 3x3, deviation 1/2: cut from SciPy's kernel of five, so that its sum is below 1.
GAUSS = np.full((3, 3), 0.08373)
GAUSS[::2, ::2], GAUSS[1, 1] = 0.01133, 0.61869


def drawn(*shape, seed=0):
    return np.random.default_rng(seed).uniform(size=shape)


def square():
    mask = np.zeros((H, W), bool)
    mask[5:15, 8:20] = True
    return mask


def laplacian(x):
    return -np.stack(
        [scipy.ndimage.laplace(plane, mode="reflect") for plane in x.T], 0
    ).T


def blurred(x):
    weights = scipy.ndimage.gaussian_filter(np.eye(1, 81, 40).reshape(9, 9), 0.5)
    kernel = weights[3:6, 3:6]
    np.testing.assert_allclose(kernel, GAUSS, atol=1e-5)
    return np.stack(
        [scipy.ndimage.correlate(plane, kernel, mode="reflect") for plane in x.T], 0
    ).T


def test_an_unedited_image_has_its_laplacian():
    x = drawn(H, W, 3)
    with jax.enable_x64(True):
        found = gaussian_poisson.divergence(x, x, square())
        np.testing.assert_allclose(found, laplacian(x), atol=1e-14)
    other = drawn(H, W, 3, seed=1)
    for mask, expected in ((np.ones((H, W)), x), (np.zeros((H, W)), other)):
        found = gaussian_poisson.divergence(x, other, mask)
        np.testing.assert_allclose(found, laplacian(expected), atol=1e-6)


def test_edges_of_the_mask_take_the_mean_of_both_gradients():
    source = np.array([0.0, 1.0, 3.0, 6.0]).reshape(1, 4, 1)
    mask = np.array([[0, 1, 1, 0]])
    found = gaussian_poisson.divergence(source, np.zeros_like(source), mask)
    steps = np.array([0.5, 2.0, 1.5])  # differences of the source: 1, 2, 3
    expected = np.pad(steps, (1, 0)) - np.pad(steps, (0, 1))
    np.testing.assert_allclose(np.ravel(found), expected)


@pytest.mark.parametrize("weight", [1.0, 1e-3])
def test_each_solution_satisfies_its_own_equations(weight):
    v = np.asarray(
        gaussian_poisson.divergence(drawn(H, W, 3), drawn(H, W, 3, seed=1), square()),
        float,
    )
    v -= v.mean((0, 1))
    c = drawn(H, W, 3, seed=2)

    def solved(dtype, system):
        return np.asarray(
            gaussian_poisson.solve(
                v.astype(dtype), c.astype(dtype), weight=weight, system=system
            ),
            float,
        )

    for dtype, tolerance in (("float32", 1e-6), ("float64", 1e-13)):
        with jax.enable_x64(dtype == "float64"):
            x, y = (solved(dtype, s) for s in ("linear", "least_squares"))
        right = v + weight * c
        residual = laplacian(x) + weight * blurred(x) - right
        assert np.linalg.norm(residual) < tolerance * np.linalg.norm(right)
        right = laplacian(v) + weight * blurred(c)
        residual = laplacian(laplacian(y)) + weight * blurred(blurred(y)) - right
        assert np.linalg.norm(residual) < tolerance * np.linalg.norm(right)


def test_the_released_system_brightens_an_unedited_image_and_the_other_does_not():
    x = drawn(H, W, 1)
    with jax.enable_x64(True):
        v = gaussian_poisson.divergence(x, x, square())
        found = gaussian_poisson.solve(v, x)
        np.testing.assert_allclose(found.mean() / x.mean(), 1.001056, atol=1e-6)
        assert 0.01 < np.abs(found - x).max() < 0.1
        for system in ("linear", "least_squares"):
            again = gaussian_poisson.solve(v, blurred(x), system=system)
            np.testing.assert_allclose(again, x, atol=1e-14)


def test_the_modified_problem_keeps_gradients_and_the_mean_colour():
    source, target = drawn(H, W, 3), drawn(H, W, 3, seed=1)
    found = gaussian_poisson.modified_poisson_blend(source, target, square())
    v = gaussian_poisson.divergence(source, target, square())
    np.testing.assert_allclose(laplacian(np.asarray(found, float)), v, atol=2e-5)
    pasted = gaussian_poisson.composite(source, target, square())
    np.testing.assert_allclose(found.mean((0, 1)), pasted.mean((0, 1)), atol=1e-5)


def test_sizes_double_and_keep_the_proportions():
    assert gaussian_poisson.pyramid_sizes(64, 64) == [(64, 64)]
    assert gaussian_poisson.pyramid_sizes(50, 65) == [(49, 64), (50, 65)]
    assert gaussian_poisson.pyramid_sizes(1000, 250) == [
        (64, 16), (128, 32), (256, 64), (512, 128), (1000, 250)
    ]  # fmt: skip


@pytest.mark.parametrize("system", ["linear", "least_squares"])
def test_a_patch_of_the_same_image_leaves_no_trace_at_any_size(system):
    ticks = np.linspace(0, np.pi, 150)
    image = 0.5 + 0.4 * np.sin(ticks[:90, None] * 3) * np.cos(ticks * 2)
    image = image[..., None].repeat(3, -1)
    mask = np.zeros(image.shape[:2])
    mask[20:70, 40:100] = 1
    several = np.stack([image, 0.9 * image])
    found = gaussian_poisson.blend(several, several, mask, system=system)
    assert found.shape == several.shape
    np.testing.assert_allclose(found, several, atol=0.02)


def test_the_colour_decides_between_two_lights():
    """The gradients are alike, so the result has the brightness of the colour."""
    target = np.full((40, 40, 3), 0.3) + 0.1 * np.sin(np.arange(40) / 6)[:, None]
    source = target + 0.4
    mask = np.zeros((40, 40))
    mask[10:30, 10:30] = 1
    found = gaussian_poisson.blend(source, target, mask, colour=target[::4, ::4])
    apart = np.abs(np.asarray(found) - target).mean()
    assert (
        apart < 0.3 * np.abs(np.where(mask[..., None], source, target) - target).mean()
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"source": np.zeros((8, 9, 3))}, "put the source on a canvas"),
        ({"mask": np.zeros((8, 9))}, "give a mask of their height and width"),
        ({"mask": np.zeros((8, 8))}, "the mask covers nothing; give one"),
        ({"mask": np.ones((8, 8))}, "the mask covers the whole image; leave some"),
        ({"weight": 0.0}, "weight is 0.0; it must be above 0"),
        ({"system": "cubic"}, "unknown system 'cubic'; choose from"),
        ({"coarsest": 1}, "coarsest is 1"),
    ],
)
def test_what_does_not_fit_is_refused(change, message):
    given = {
        "source": np.zeros((8, 8, 3)),
        "target": np.zeros((8, 8, 3)),
        "mask": np.eye(8),
    }
    with pytest.raises(ValueError, match=message):
        gaussian_poisson.blend(**given | change)
