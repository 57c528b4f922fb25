"""Latent search: against closed forms, and images that are found again."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxgan.analysis import search

MIX = np.random.default_rng(0).normal(size=(3, 48)).astype("float32")


def draw(latent):
    """A small smooth generator: `[B, 3]` to `[B, 4, 4, 3]` in (-1, 1)."""
    return jnp.tanh(latent @ MIX).reshape(-1, 4, 4, 3)


def ran(found, latent, *data, steps):
    state, step = found.init(latent), jax.jit(found.step)
    for _ in range(steps):
        state = step(state, *data)
    return state


def test_gradient_descent_on_a_parabola_is_geometric():
    # From z, a step of rate r on (z - t)^2 goes to t + (1 - 2r)(z - t).
    target = jnp.array([1.0, -2.0, 0.5])
    start = jnp.zeros((3, 1))
    found = search.search(lambda z, t: jnp.square(z[:, 0] - t), optax.sgd(0.1))
    state = ran(found, start, target, steps=5)
    expected = np.asarray(target) * (1 - 0.8**5)
    np.testing.assert_allclose(state.latent[:, 0], expected, rtol=1e-5)
    # What was looked at last is the latent before the last step.
    before = np.asarray(target) * (1 - 0.8**4)
    np.testing.assert_allclose(state.best[:, 0], before, rtol=1e-5)
    np.testing.assert_allclose(
        state.loss, np.square(np.asarray(target) * 0.8**4), rtol=1e-5
    )
    assert int(state.steps) == 5


def test_the_best_is_kept_when_a_search_runs_away():
    # A rate of 1.5 doubles the distance to the minimum every step, with other sign.
    found = search.search(lambda z: jnp.square(z[:, 0] - 3), optax.sgd(1.5))
    state = ran(found, jnp.array([[2.0], [5.0]]), steps=6)
    np.testing.assert_allclose(state.latent[:, 0], [3 - 64, 3 + 128])
    np.testing.assert_allclose(state.best[:, 0], [2, 5])
    np.testing.assert_allclose(state.loss, [1, 4])


def test_rows_do_not_know_of_each_other():
    z = jnp.asarray(np.random.default_rng(1).normal(size=(4, 3)), jnp.float32)
    images = draw(z)
    found = search.search(search.pixel_loss(draw), optax.adam(0.1))
    together = ran(found, jnp.zeros((4, 3)), images, steps=8)
    alone = ran(found, jnp.zeros((1, 3)), images[2:3], steps=8)
    np.testing.assert_allclose(together.best[2], alone.best[0], atol=1e-5)


def test_trees_of_latents_are_searched_and_projected():
    def loss(z):
        return jnp.square(z["a"] - 2).sum(1) + jnp.square(z["b"] + 3)

    start = {"a": jnp.zeros((2, 2)), "b": jnp.zeros(2)}
    found = search.search(
        loss,
        optax.sgd(0.3),
        project=lambda z: jax.tree.map(lambda x: x.clip(-1, 1), z),
    )
    state = ran(found, start, steps=4)
    np.testing.assert_allclose(state.best["a"], np.ones((2, 2)))
    np.testing.assert_allclose(state.best["b"], [-1, -1])
    np.testing.assert_allclose(state.loss, [1 + 1 + 4] * 2)


def test_what_is_not_a_number_is_never_the_best():
    # log z is none below 0, where the first step goes.
    found = search.search(lambda z: jnp.log(z[:, 0]), optax.sgd(1.0))
    state = ran(found, jnp.array([[0.5]]), steps=3)
    np.testing.assert_allclose(state.best, [[0.5]])
    np.testing.assert_allclose(state.loss, [np.log(0.5)], rtol=1e-6)


def test_starts_are_the_candidates_of_least_loss():
    losses = jnp.array([[3.0, 1.0, 2.0, jnp.nan], [0.0, 5.0, 4.0, 6.0]])
    candidates = {"z": np.arange(8).reshape(4, 2)}
    found = search.starts(losses, candidates, 2)["z"]
    np.testing.assert_array_equal(found, [[2, 3], [4, 5], [0, 1], [4, 5]])


def test_best_of_several_searches():
    losses = jnp.array([3.0, 1.0, jnp.nan, 0.5, jnp.inf, 2.0])
    latents = (jnp.arange(6), 10 * jnp.arange(12).reshape(6, 2))
    value, (one, two) = search.best_of(losses, latents, 3)
    np.testing.assert_allclose(value, [1, 0.5])
    np.testing.assert_array_equal(one, [1, 3])
    np.testing.assert_array_equal(two, [[20, 30], [60, 70]])


def test_within_is_the_range_of_every_number():
    project = search.within(jnp.array([[0.0, -1.0], [2.0, 1.0], [1.0, 0.0]]))
    found = project(jnp.array([[-5.0, 5.0], [1.5, 0.5]]))
    np.testing.assert_allclose(found, [[0, 1], [1.5, 0.5]])


def test_the_loss_of_an_inversion():
    z = jnp.array([[0.1, 0.2, 0.3], [0.0, 0.0, 0.0]])
    image = np.random.default_rng(3).normal(size=(2, 4, 4, 3)).astype("float32")
    drawn = np.tanh(np.asarray(z) @ MIX).reshape(2, 4, 4, 3)
    pixels = ((drawn - image) ** 2).mean((1, 2, 3))
    np.testing.assert_allclose(search.pixel_loss(draw)(z, image), pixels, rtol=1e-5)
    sums = (drawn.sum((2, 3)) - image.sum((2, 3))) ** 2
    both = search.pixel_loss(draw, features=lambda x: x.sum((2, 3)), weight=0.5)
    np.testing.assert_allclose(both(z, image), pixels + 0.5 * sums.mean(1), rtol=1e-4)


@pytest.mark.parametrize("features", [None, lambda x: x[:, ::2]])
def test_images_of_a_generator_are_found_again(features):
    rng = np.random.default_rng(4)
    z = jnp.asarray(rng.normal(size=(4, 3)), jnp.float32)
    candidates = jnp.asarray(rng.normal(size=(50, 3)), jnp.float32)
    told = []

    def progress(steps):
        told.extend(steps)
        return steps

    found, loss = search.invert(
        draw,
        draw(z),
        candidates,
        steps=150,
        restarts=2,
        features=features,
        weight=1.0,
        progress=progress,
    )
    error = np.square(np.asarray(draw(found) - draw(z))).mean((1, 2, 3))
    assert (10 * np.log10(4 / error) >= 30).all()
    # Sixteen pixels of three colours, three numbers: there is no other such latent.
    np.testing.assert_allclose(found, z, atol=0.02)
    assert (np.asarray(loss) < 1e-3).all()
    assert told == list(range(150))


def test_many_latents_are_drawn_in_blocks():
    z = np.random.default_rng(5).normal(size=(7, 3)).astype("float32")
    for size in (3, 7, 100):
        found = search.drawn_in_blocks(draw, z, size)
        np.testing.assert_allclose(found, draw(z), atol=1e-6)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (
            lambda: search.starts(jnp.zeros((2, 3)), jnp.zeros((3, 1)), 4),
            "count is 4; it must be from 1 to the 3 candidates",
        ),
        (
            lambda: search.best_of(jnp.zeros(5), jnp.zeros(5), 2),
            "restarts is 2, but there are 5 rows",
        ),
        (
            lambda: search.invert(draw, draw(MIX[:, :3]), MIX[:, :3], steps=0),
            "steps is 0; it must be at least 1",
        ),
        (
            lambda: ran(
                search.search(lambda z: z.mean(), optax.sgd(0.1)),
                jnp.zeros((2, 3)),
                steps=1,
            ),
            r"the loss has shape \(\), expected \(2,\): one number for each row",
        ),
    ],
)
def test_what_cannot_be_is_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call()
