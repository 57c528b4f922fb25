import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxgan import losses

PARAMS = {"w": jnp.array([0.4, -0.9]), "b": jnp.array(0.02)}


def test_clipping_keeps_parameters_within_the_limit():
    transform = optax.chain(optax.rmsprop(0.3), losses.weight_clipping(0.5))

    @jax.jit
    def step(params, state):
        updates, state = transform.update(
            jax.tree.map(jnp.ones_like, params), state, params
        )
        return optax.apply_updates(params, updates), state

    params, state = PARAMS, transform.init(PARAMS)
    for _ in range(3):
        params, state = step(params, state)
        for leaf in jax.tree.leaves(params):
            assert (jnp.abs(leaf) <= 0.5 * (1 + 1e-6)).all()


def test_clipping_leaves_small_parameters_alone():
    transform = losses.weight_clipping(1.0)
    updates = {"w": jnp.array([0.5, 0.1]), "b": jnp.array(-0.2)}
    clipped, _ = transform.update(updates, transform.init(PARAMS), PARAMS)
    np.testing.assert_allclose(clipped["w"], updates["w"], rtol=1e-6)
    np.testing.assert_allclose(clipped["b"], updates["b"], rtol=1e-6)


def test_the_default_limit_is_that_of_the_paper():
    transform = losses.weight_clipping()
    updates, _ = transform.update(PARAMS, transform.init(PARAMS), PARAMS)
    new = optax.apply_updates(PARAMS, updates)
    np.testing.assert_allclose(new["w"], [0.01, -0.01], rtol=1e-5)


def test_historical_mean_and_gradient_along_a_path():
    transform = losses.historical_averaging(0.3)
    rng = np.random.default_rng(0)
    path = rng.normal(size=(5, 3)).astype(np.float32)
    state = transform.init(jnp.zeros(3))
    update = jax.jit(transform.update)
    for t, params in enumerate(path):
        gradient, state = update(jnp.ones(3), state, jnp.asarray(params))
        mean = path[: t + 1].mean(axis=0)
        np.testing.assert_allclose(state.mean, mean, rtol=1e-5, atol=1e-6)
        wanted = jax.grad(losses.historical_average_penalty)(params, mean)
        np.testing.assert_allclose(gradient, 1 + 0.3 * wanted, rtol=1e-4, atol=1e-5)
    assert state.steps == 5


def test_historical_mean_of_bfloat16_parameters_is_float32():
    params = jnp.ones(3, jnp.bfloat16)
    transform = losses.historical_averaging()
    state = transform.init(params)
    updates, state = transform.update(params, state, params)
    assert state.mean.dtype == jnp.float32
    assert updates.dtype == jnp.bfloat16


def test_historical_averaging_pulls_an_oscillating_player_in():
    # The bilinear game x·y: simultaneous gradient steps spiral out.
    def play(transform):
        def step(carry, _):
            (x, y), state = carry
            updates, state = transform.update((y, -x), state, (x, y))
            return ((x - 0.1 * updates[0], y - 0.1 * updates[1]), state), None

        start = (jnp.float32(1.0), jnp.float32(0.0))
        (end, _), _ = jax.lax.scan(step, (start, transform.init(start)), length=200)
        return jnp.hypot(*end)

    assert play(optax.identity()) > 2.0
    assert play(losses.historical_averaging(1.0)) < 0.7


def test_penalty_sums_over_the_tree():
    mean = {"w": jnp.zeros(2), "b": jnp.array(1.0)}
    value = losses.historical_average_penalty(PARAMS, mean)
    np.testing.assert_allclose(value, 0.16 + 0.81 + 0.98**2, rtol=1e-6)
    with pytest.raises(ValueError, match=r"params \(2,\), mean \(3,\)"):
        losses.historical_average_penalty({"w": jnp.ones(2)}, {"w": jnp.ones(3)})


@pytest.mark.parametrize(
    "transform", [losses.weight_clipping(), losses.historical_averaging()]
)
def test_parameters_are_asked_for(transform):
    with pytest.raises(ValueError, match="params is None"):
        transform.update(PARAMS, transform.init(PARAMS))


@pytest.mark.parametrize("limit", [0.0, -0.1])
def test_impossible_limits_are_refused(limit):
    with pytest.raises(ValueError, match=r"limit is .*more than 0"):
        losses.weight_clipping(limit)
