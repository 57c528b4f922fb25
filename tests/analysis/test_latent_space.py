"""Latents against geometry, and against a linear generator that is known."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxgan.analysis import latent

SIDE = 2  # of the images that the linear generator draws


def drawn(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def generator(seed=0, size=6):
    """A linear generator of 2x2 grey images whose pixels are known products."""
    matrix = drawn(size, SIDE * SIDE, seed=seed)

    def generate(z):
        z = jnp.asarray(z)
        flat = jnp.matmul(z, matrix, precision=jax.lax.Precision.HIGHEST)
        return flat.reshape(*z.shape[:-1], SIDE, SIDE, 1)

    return matrix, generate


def angle(a, b):
    a, b = np.asarray(a, "float64"), np.asarray(b, "float64")
    cosine = (a * b).sum(-1) / np.linalg.norm(a, axis=-1) / np.linalg.norm(b, axis=-1)
    return np.arccos(np.clip(cosine, -1, 1))


@pytest.mark.parametrize("spherical", [False, True])
def test_a_closed_walk_passes_its_stops_and_ends_one_step_before_the_first(spherical):
    stops = drawn(3, 2, 5)
    path = latent.walk(stops, 4, spherical=spherical, closed=True)
    assert path.shape == (12, 2, 5)
    np.testing.assert_allclose(path[::4], stops, atol=1e-6)


@pytest.mark.parametrize("spherical", [False, True])
def test_an_open_walk_ends_on_its_last_stop(spherical):
    stops = drawn(3, 5)
    path = latent.walk(stops, 4, spherical=spherical, closed=False)
    assert path.shape == (9, 5)
    np.testing.assert_allclose(path[::4], stops, atol=1e-6)
    closed = latent.walk(stops, 4, spherical=spherical, closed=True)
    np.testing.assert_allclose(path[:8], closed[:8], atol=1e-6)


def test_a_straight_walk_is_numpys():
    stops = drawn(2, 5)
    path = latent.walk(stops, 7, spherical=False, closed=False)
    np.testing.assert_allclose(path, np.linspace(*stops, 8), atol=1e-6)


@given(seed=st.integers(0, 99), frames=st.integers(1, 5))
@settings(max_examples=10)
def test_a_spherical_walk_keeps_the_norm_and_turns_evenly(seed, frames):
    stops = drawn(2, 6, seed=seed)
    stops *= 3 / np.linalg.norm(stops, axis=1, keepdims=True)
    path = latent.walk(stops, frames, spherical=True, closed=False)
    np.testing.assert_allclose(np.linalg.norm(path, axis=1), 3, rtol=1e-5)
    whole = angle(*stops)
    np.testing.assert_allclose(angle(path[1:], path[:-1]), whole / frames, atol=2e-3)


def test_a_walk_of_one_stop_stays_there():
    path = latent.walk(drawn(1, 2, 3), 4, spherical=True, closed=True)
    np.testing.assert_allclose(path, np.repeat(drawn(1, 2, 3), 4, 0), rtol=1e-6)


def test_a_linear_generator_takes_a_straight_walk_in_equal_steps():
    matrix, generate = generator()
    stops = drawn(2, 6, seed=1)
    path = latent.walk(stops, 5, spherical=False, closed=False)
    pixels = (stops[1] - stops[0]) @ matrix / 5
    expected = np.full(5, np.sqrt(np.square(pixels).mean()))
    np.testing.assert_allclose(latent.steps(generate(path)), expected, rtol=1e-4)


def test_steps_by_hand_of_bytes_that_do_not_wrap():
    images = np.zeros((3, 2, 1, 2, 1), np.uint8)  # three frames of two walks
    images[1, 0, 0] = [[3], [4]]
    images[2, 0, 0] = [[3], [255]]
    found = latent.steps(jnp.asarray(images))
    expected = [[np.sqrt(25 / 2), 0], [251 / np.sqrt(2), 0]]
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    around = latent.steps(jnp.asarray(images), closed=True)
    np.testing.assert_allclose(around[:2], expected, rtol=1e-6)
    np.testing.assert_allclose(around[2], [np.sqrt((9 + 255**2) / 2), 0], rtol=1e-6)


def test_a_bilinear_grid_is_scipys():
    from scipy.interpolate import RegularGridInterpolator

    corners = drawn(4, 3)
    found = latent.grid(corners, 3, 5)
    between = RegularGridInterpolator(([0, 1], [0, 1]), corners.reshape(2, 2, 3))
    down, across = np.meshgrid(
        np.linspace(0, 1, 3), np.linspace(0, 1, 5), indexing="ij"
    )
    np.testing.assert_allclose(found, between((down, across)), atol=1e-6)


def test_a_spherical_grid_keeps_corners_and_norm():
    corners = drawn(4, 6)
    corners /= np.linalg.norm(corners, axis=1, keepdims=True)
    found = latent.grid(corners, 3, 5, spherical=True)
    np.testing.assert_allclose(np.linalg.norm(found, axis=-1), 1, rtol=1e-5)
    np.testing.assert_allclose(found[::2, ::4].reshape(4, 6), corners, atol=1e-6)
    upper = found[0]
    np.testing.assert_allclose(
        angle(upper[1:], upper[:-1]), angle(*corners[:2]) / 4, atol=2e-3
    )


def test_arithmetic_on_a_linear_generator_is_arithmetic_on_its_images():
    _, generate = generator()
    exemplars = drawn(3, 3, 6, seed=2)  # concept, exemplar
    a, b, c = (latent.concept(x) for x in jnp.asarray(exemplars))
    found = generate(latent.arithmetic(a, b, c))
    images = np.asarray(generate(exemplars)).mean(1)
    np.testing.assert_allclose(found, images[0] - images[1] + images[2], atol=1e-5)


def test_an_attribute_that_is_an_axis_moves_over_and_nothing_else_does():
    # Latents are (person, glasses, rest): glasses are the second number alone.
    man, woman = drawn(2, 6)
    man[1] = woman[1] = 0
    glasses = np.eye(6, dtype="float32")[1]
    result = latent.arithmetic(man + glasses, man, woman)
    np.testing.assert_allclose(result, woman + glasses, atol=1e-6)


def test_the_concept_of_many_gaussians_is_short_and_can_be_stretched():
    mean = latent.concept(drawn(16, 4000))
    np.testing.assert_allclose(np.linalg.norm(mean), np.sqrt(4000 / 16), rtol=0.05)
    stretched = latent.with_norm(jnp.stack([mean, 3 * mean]), jnp.asarray([2.0, 5.0]))
    np.testing.assert_allclose(np.linalg.norm(stretched, axis=1), [2, 5], rtol=1e-5)
    np.testing.assert_allclose(stretched[1] / 5, stretched[0] / 2, atol=1e-6)


def test_stretching_zeros_leaves_zeros_and_gradients():
    np.testing.assert_array_equal(latent.with_norm(jnp.zeros((2, 3)), 7.0), 0)
    slope = jax.grad(lambda z: latent.with_norm(z, 2.0)[0])(jnp.asarray([1.0, 0.0]))
    np.testing.assert_allclose(slope, [0, 0], atol=1e-6)


def test_a_noise_sheet_has_its_latent_in_the_middle():
    z = jnp.asarray(drawn(500))
    sheet = latent.noise_sheet(jax.random.key(0), z)
    np.testing.assert_array_equal(sheet[4], z)
    noise = np.delete(np.asarray(sheet - z[None]), 4, 0)
    assert np.abs(noise).max() <= 0.25 + 1e-6
    np.testing.assert_allclose(noise.std(1), 0.25 / np.sqrt(3), rtol=0.1)
    np.testing.assert_allclose(noise.mean(1), 0, atol=0.03)
    wide = latent.noise_sheet(jax.random.key(0), z, 1.0)
    np.testing.assert_allclose(wide - z[None], 4 * (sheet - z[None]), atol=1e-5)


def test_the_turn_vector_turns_faces_and_their_mirrors():
    # A generator that draws yaw = w . z: known by construction for every latent.
    w = drawn(6, seed=3)
    left, right = drawn(4, 6, seed=4), drawn(5, 6, seed=5)
    turn = latent.turn_vector(left, right)
    np.testing.assert_allclose(turn, left.mean(0) - right.mean(0), atol=1e-6)
    faces, scales = drawn(7, 6, seed=6), jnp.linspace(-1, 1, 9)
    moved = latent.along(faces, turn, scales)
    assert moved.shape == (9, 7, 6)
    by = (left @ w).mean() - (right @ w).mean()
    expected = (faces @ w)[None] + np.linspace(-1, 1, 9)[:, None] * by
    np.testing.assert_allclose(moved @ w, expected, atol=1e-5)


def test_one_latent_moves_along_a_direction_too():
    moved = latent.along(jnp.ones(3), jnp.arange(3.0), jnp.asarray([0.0, 2.0]))
    np.testing.assert_array_equal(moved, [[1, 1, 1], [1, 3, 5]])


def test_sefa_finds_the_directions_that_a_layer_stretches():
    # By construction: y = A z stretches three known directions by 5, 3 and 1/2.
    basis = np.linalg.qr(drawn(3, 3).astype("float64"))[0]
    outputs = np.linalg.qr(drawn(7, 3, seed=1).astype("float64"))[0].T
    weight = basis @ np.diag([3, 0.5, 5]) @ outputs
    found = latent.sefa(jnp.asarray(weight, jnp.float32), 2)
    np.testing.assert_allclose(found.eigenvalue, [25, 9], rtol=1e-5)
    expected = basis.T[[2, 0]]
    np.testing.assert_allclose(
        np.abs((found.direction * expected).sum(1)), 1, rtol=1e-5
    )
    largest = np.abs(found.direction).argmax(1)
    assert (np.asarray(found.direction)[[0, 1], largest] > 0).all()


@given(seed=st.integers(0, 99))
@settings(max_examples=5)
def test_sefa_agrees_with_numpys_singular_values(seed):
    weight = drawn(5, 8, seed=seed)
    found = latent.sefa(jnp.asarray(weight), 5)
    u, s, _ = np.linalg.svd(weight.astype("float64"))
    np.testing.assert_allclose(found.eigenvalue, s**2, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(
        np.abs((np.asarray(found.direction)[0] * u[:, 0]).sum()), 1, atol=1e-2
    )
    products = np.asarray(found.direction) @ np.asarray(found.direction).T
    np.testing.assert_allclose(products, np.eye(5), atol=1e-5)


def test_all_of_it_can_be_compiled():
    stops = drawn(3, 4)
    walk = jax.jit(lambda x: latent.walk(x, 2, spherical=True, closed=True))
    np.testing.assert_allclose(walk(stops)[::2], stops, atol=1e-6)
    found = jax.jit(lambda x: latent.sefa(x, 1))(drawn(2, 4))
    assert found.direction.shape == (1, 2)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (
            lambda: latent.walk(drawn(3, 2), 0, spherical=False, closed=True),
            "frames is 0",
        ),
        (
            lambda: latent.walk(drawn(1, 2), 2, spherical=False, closed=False),
            "there are 1 stops; such a path needs 2",
        ),
        (
            lambda: latent.walk(drawn(0, 2), 2, spherical=False, closed=True),
            "there are 0 stops; such a path needs 1",
        ),
        (lambda: latent.grid(drawn(3, 2), 2, 2), "3 corners; a grid has 4"),
        (lambda: latent.grid(drawn(4, 2), 2, 1), "2 by 1; it must be at least 2 by 2"),
        (
            lambda: latent.noise_sheet(jax.random.key(0), jnp.ones(2), -1.0),
            "amplitude is -1.0",
        ),
        (lambda: latent.sefa(jnp.ones((2, 3)), 3), "count is 3; give 1 to 2"),
        (lambda: latent.sefa(jnp.ones((2, 3)), 0), "count is 0"),
        (lambda: latent.sefa(jnp.ones(3), 1), r"\(3,\), expected \[Z, F\]"),
    ],
)
def test_what_cannot_be_is_refused(call, said):
    with pytest.raises(ValueError, match=said):
        call()
