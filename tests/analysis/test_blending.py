"""Poisson blending against SciPy's direct solution of the same equations."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.sparse
import scipy.sparse.linalg

from jaxgan.analysis import blending

H, W = 12, 10


def drawn(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def holes():
    rng = np.random.default_rng(1)
    middle, corner, frame = (np.zeros((H, W), bool) for _ in range(3))
    middle[3:9, 2:7] = True
    corner[:5, :4] = True
    frame[[0, -1]] = frame[:, [0, -1]] = True
    one = np.zeros((H, W), bool)
    one[H - 1, W - 1] = True
    return {
        "middle": middle,
        "corner": corner,
        "frame": frame,
        "two parts": middle ^ np.roll(corner, (-2, -2), (0, 1)),
        "random": rng.random((H, W)) < 0.8,
        "all but one": ~one,
        "left half": np.broadcast_to(np.arange(W) < W // 2, (H, W)),
    }


def solved(source, target, hole):
    """Equation 7 of Pérez et al., in float64 by a direct solver."""
    number = np.cumsum(hole).reshape(hole.shape) - 1
    count = hole.sum()
    matrix = scipy.sparse.lil_matrix((count, count))
    right = np.zeros((count, source.shape[-1]))
    source, target = source.astype(float), target.astype(float)
    for i, j in np.argwhere(hole):
        p = number[i, j]
        for y, x in ((i - 1, j), (i + 1, j), (i, j - 1), (i, j + 1)):
            if not (0 <= y < H and 0 <= x < W):
                continue
            matrix[p, p] += 1
            right[p] += source[i, j] - source[y, x]
            if hole[y, x]:
                matrix[p, number[y, x]] -= 1
            else:
                right[p] += target[y, x]
    out = target.copy()
    out[hole] = scipy.sparse.linalg.spsolve(matrix.tocsc(), right).reshape(count, -1)
    return out


@pytest.fixture(scope="module")
def blend():
    return jax.jit(blending.poisson_blend)


@pytest.mark.parametrize("name", list(holes()))
def test_agrees_with_a_direct_solution(name, blend):
    hole, source, target = holes()[name], drawn(H, W, 3), drawn(H, W, 3, seed=2)
    found = blend(source, target, hole)
    np.testing.assert_allclose(found, solved(source, target, hole), atol=1e-4)
    np.testing.assert_array_equal(np.asarray(found)[~hole], target[~hole])


def test_a_patch_that_differs_by_a_constant_leaves_no_trace(blend):
    target = drawn(H, W, 3)
    for hole in holes().values():
        found = blend(target + np.array([5, -2, 0.5], "float32"), target, hole)
        np.testing.assert_allclose(found, target, atol=2e-5)


def test_batches_have_one_mask_or_one_each():
    source, target = drawn(2, H, W, 1), drawn(2, H, W, 1, seed=3)
    masks = np.stack([holes()["middle"], holes()["corner"]])

    @jax.jit
    def three(source, target, masks):
        each = blending.poisson_blend(source, target, masks)
        one = blending.poisson_blend(source, target, masks[0])
        return each, one, jax.vmap(blending.poisson_blend)(source, target, masks)

    each, one, mapped = three(source, target, masks)
    for i in range(2):
        expected = solved(source[i], target[i], masks[i])
        np.testing.assert_allclose(each[i], expected, atol=1e-4)
        np.testing.assert_allclose(mapped[i], expected, atol=1e-4)
        expected = solved(source[i], target[i], masks[0])
        np.testing.assert_allclose(one[i], expected, atol=1e-4)


@pytest.fixture(scope="module")
def fill():
    return jax.jit(blending.harmonic_fill)


def test_a_ramp_is_filled_with_itself(fill):
    # Linear functions are harmonic; a hole inside sees them on all sides.
    y, x = np.mgrid[:H, :W].astype("float32")
    ramp = np.stack([x, 2 * y - x], -1)
    hole = holes()["middle"]
    broken = np.where(hole[..., None], np.float32(99), ramp)
    np.testing.assert_allclose(fill(broken, hole), ramp, atol=1e-4)


def test_what_is_in_the_hole_is_not_looked_at(fill):
    image, hole = drawn(H, W, 2), holes()["random"]
    broken = np.where(hole[..., None], np.float32(np.nan), image)
    np.testing.assert_allclose(fill(broken, hole), fill(image, hole), atol=1e-6)


def test_holes_that_are_all_or_nothing(blend):
    source, target = drawn(H, W, 3), drawn(H, W, 3, seed=1)
    everything = np.ones((H, W), bool)
    np.testing.assert_array_equal(blend(source, target, everything), source)
    np.testing.assert_array_equal(blend(source, target, ~everything), target)


def test_it_has_the_slope_of_a_linear_function():
    # Blending is linear in the source: the slope along d is what it makes of d.
    source, hole = drawn(H, W, 1), holes()["middle"]
    direction, probe = drawn(H, W, 1, seed=5), drawn(H, W, 1, seed=6)
    zero = np.zeros((H, W, 1), "float32")
    slope = jax.grad(lambda x: (blending.poisson_blend(x, zero, hole) * probe).sum())
    gradient = jax.jit(slope)(jnp.asarray(source))
    expected = (solved(direction, zero, hole) * probe).sum()
    np.testing.assert_allclose((gradient * direction).sum(), expected, rtol=1e-3)


def test_shapes_that_do_not_go_together_are_refused():
    image, hole = drawn(H, W, 1), holes()["middle"]
    with pytest.raises(AssertionError):
        blending.poisson_blend(image, image[1:], hole)
    with pytest.raises(AssertionError):
        blending.harmonic_fill(image, hole.T)
    with pytest.raises(AssertionError):
        blending.harmonic_fill(image, hole[None])
