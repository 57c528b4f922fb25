"""Gradient play on x·y, step by step against the textbook, in numpy."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax import lax

from jaxgan import dynamics, losses
from jaxgan.game import Move, algorithm
from jaxgan.models.toys import bilinear

RATE, START, STEPS = 0.2, (1.0, 0.5), 6


def played(**config):
    """(x, y) after each step of the engine: `[STEPS, 2]`."""
    game = bilinear.game(bilinear.Config(learning_rate=RATE, **config))
    run = algorithm(game)
    batch = {"payoff": jnp.ones((game.repeats, 2) if game.repeats > 1 else 2)}

    def all_of_it(key):
        state = run.init(key, batch)
        start = {n: {"value": jnp.float32(v)} for n, v in zip("xy", START, strict=True)}

        def step(state, _):
            state, _ = run.step(state, batch)
            return state, jnp.stack([state.params[n]["value"] for n in "xy"])

        return lax.scan(step, state.replace(params=start), length=STEPS)[1]

    return np.asarray(jax.jit(all_of_it)(jax.random.key(0)))


def simultaneous(x, y):
    return x - RATE * y, y + RATE * x


def alternating(x, y, k=1):
    for _ in range(k):
        y = y + RATE * x
    return x - RATE * y, y


def extragradient(x, y):
    x_ahead, y_ahead = x - RATE * y, y + RATE * x
    return x - RATE * y_ahead, y + RATE * x_ahead


@pytest.mark.parametrize(
    ("config", "textbook"),
    [
        ({"play": "simultaneous"}, simultaneous),
        ({"play": "alternating"}, alternating),
        ({"play": "alternating", "steps": 3}, lambda x, y: alternating(x, y, 3)),
        ({"play": "extragradient"}, extragradient),
    ],
)
def test_play_is_the_textbooks(config, textbook):
    point, expected = START, []
    for _ in range(STEPS):
        point = textbook(*point)
        expected.append(point)
    np.testing.assert_allclose(played(**config), expected, rtol=1e-5)


def test_optimistic_play_is_the_textbooks():
    x, y = START
    last, expected = (y, -x), []  # at first, the forecast is the gradient itself
    for _ in range(STEPS):
        now = (y, -x)
        x = x - RATE * (2 * now[0] - last[0])
        y = y - RATE * (2 * now[1] - last[1])
        last = now
        expected.append((x, y))
    np.testing.assert_allclose(played(play="optimistic"), expected, rtol=1e-5)


def test_who_leaves_who_circles_and_who_arrives():
    def distances(**config):
        return np.linalg.norm(played(**config), axis=1)

    assert (np.diff(distances(play="simultaneous")) > 0).all()
    assert (np.diff(distances(play="extragradient")) < 0).all()
    # Alternation stays on an ellipse: this is constant, by substitution.
    x, y = played(play="alternating").T
    invariant = x**2 + y**2 + RATE * x * y
    np.testing.assert_allclose(invariant, invariant[0], rtol=1e-4)


def adam(gradients, b1=0.5, b2=0.9, rate=0.1, eps=1e-8):
    """Adam's updates of one number, by the paper."""
    m = v = 0.0
    for t, g in enumerate(gradients, 1):
        m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g * g
        yield -rate * m / (1 - b1**t) / (np.sqrt(v / (1 - b2**t)) + eps)


def test_every_second_update_starts_where_the_one_before_did():
    """With Adam inside it is ExtraAdam: both gradients move the moments."""
    gradients = (1.0, -2.0, 0.5, 3.0)
    optimizer = dynamics.extragradient(optax.adam(0.1, 0.5, 0.9))
    param, seen = jnp.float32(0.3), []
    state = optimizer.init(param)
    update = jax.jit(optimizer.update)
    for gradient in gradients:
        step, state = update(jnp.float32(gradient), state, param)
        param = param + step
        seen.append(float(param))
    u = list(adam(gradients))
    second = 0.3 + u[1]
    expected = [0.3 + u[0], second, second + u[2], second + u[3]]
    np.testing.assert_allclose(seen, expected, rtol=1e-5)


def test_the_optimiser_within_sees_where_the_update_starts():
    """So clipped weights stay clipped, on the trial step and after it."""
    inner = optax.chain(optax.sgd(1.0), losses.weight_clipping(0.5))
    optimizer = dynamics.extragradient(inner)
    param, seen = jnp.float32(0.4), []
    state = optimizer.init(param)
    for gradient in (-1.0, 0.3):
        step, state = optimizer.update(jnp.float32(gradient), state, param)
        param = param + step
        seen.append(float(param))
    np.testing.assert_allclose(seen, [0.5, 0.1], atol=1e-6)


def test_extragradient_needs_the_parameters():
    optimizer = dynamics.extragradient(optax.sgd(0.1))
    state = optimizer.init(jnp.zeros(1))
    with pytest.raises(ValueError, match="params is None"):
        optimizer.update(jnp.zeros(1), state)


def test_schedules_read_like_the_papers():
    assert dynamics.schedule("d", "g", "alternating", 5) == (
        Move("d", repeat=5),
        Move("g"),
    )
    assert dynamics.schedule("d", "g", "simultaneous") == (Move("d", "g"),)
    assert dynamics.schedule("d", "g", "extragradient") == (Move("d", "g", repeat=2),)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("alternating", 0), "d moves 0 times a step; it must be at least 1"),
        (("simultaneous", 2), "d moves 2 times.*simultaneous order.*use 1"),
        (("extragradient", 5), "d moves 5 times.*extragradient order"),
        (("sideways", 1), "unknown order 'sideways'; choose from alternating"),
    ],
)
def test_a_schedule_that_cannot_be_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        dynamics.schedule("d", "g", *arguments)
