"""Generation by the discriminator alone: the ascent, the memory, and the rounds."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.game import algorithm, variables
from jaxgan.models import discriminator_only as alone

LINE = alone.Config(
    shape=(1,), low=-2.0, high=2.0, hidden=(16,), negatives=8, rounds_kept=3,
    round_steps=2, ascent_steps=40, ascent_rate=0.2, ascent_reach=0.2,
)  # fmt: skip


def bowl(x):
    """One maximum, of 0, at 0.5 along every axis."""
    return -jnp.square(x - 0.5).sum(-1)


def test_an_ascent_ends_at_the_peak(key):
    start = jnp.linspace(-2, 2, 9)[:, None]
    end = alone.ascend(LINE, bowl, start, key)
    assert (bowl(end) >= bowl(start)).all()
    np.testing.assert_allclose(end, 0.5, atol=0.01)


def test_a_step_is_the_slope_or_the_longest_there_may_be(key):
    start = jnp.asarray([[0.4, 0.5], [2.0, -1.5]])
    one = dataclasses.replace(LINE, shape=(2,), ascent_steps=1)
    end = alone.ascend(one, bowl, start, key)
    # Slopes are (0.2, 0) and (-3, 4), times 0.2; the second is cut to a length of 0.2.
    expected = [[0.44, 0.5], [2.0 - 0.12, -1.5 + 0.16]]
    np.testing.assert_allclose(end, expected, rtol=1e-5)


def test_an_ascent_stays_in_the_box(key):
    steep = dataclasses.replace(LINE, ascent_reach=10.0, noise=1.0)
    path = alone.ascend(steep, lambda x: 1e3 * x[:, 0], jnp.zeros((4, 1)), key)
    assert (jnp.abs(path) <= 2.0).all()
    quiet = dataclasses.replace(steep, noise=0.0)
    end = alone.ascend(quiet, lambda x: 1e3 * x[:, 0], jnp.zeros((4, 1)), key)
    np.testing.assert_array_equal(end, 2.0)


def test_the_prior_draws_the_end_to_zero(key):
    # d/dx [-(x - 1/2)^2 - x^2 w/2] is zero at 1 / (2 + w).
    drawn = dataclasses.replace(LINE, prior=2.0)
    end = alone.ascend(drawn, bowl, jnp.ones((2, 1)), key)
    np.testing.assert_allclose(end, 0.25, atol=0.01)


def test_noise_moves_an_ascent_and_its_key_decides(key):
    noisy = dataclasses.replace(LINE, noise=0.1, ascent_steps=1)
    flat = lambda x: 0.0 * x[:, 0]  # noqa: E731
    end = alone.ascend(noisy, flat, jnp.zeros((1000, 1)), key)
    np.testing.assert_allclose(end.std(), 0.1, rtol=0.1)
    other = alone.ascend(noisy, flat, jnp.zeros((1000, 1)), jax.random.key(1))
    assert not np.array_equal(end, other)


def test_the_best_of_the_restarts_counts(key):
    """An ascent finds the nearer of two peaks, and restarts find the higher."""

    def peaks(x):
        low = 1 - jnp.square(x[:, 0] + 1)
        high = 2 - jnp.square(x[:, 0] - 1)
        return jnp.maximum(low, high)

    one = dataclasses.replace(LINE, restarts=1)
    many = dataclasses.replace(LINE, restarts=16)
    assert float((alone.argmax(one, peaks, key, 64) > 0).mean()) < 0.9
    np.testing.assert_allclose(alone.argmax(many, peaks, key, 64), 1.0, atol=0.05)


def play(config, steps, batch):
    """States and metrics of every step, from a fixed start."""
    run = algorithm(alone.game(config))
    step, metrics = jax.jit(run.step), []
    states = [jax.jit(run.init)(jax.random.key(0), batch)]
    for _ in range(steps):
        state, seen = step(states[-1], batch)
        states.append(state)
        metrics.append(seen)
    return states, metrics


def remembered(state):
    return np.asarray(state.stats["negatives"]["memory"]["past"])


def test_negatives_are_sought_once_a_round_and_the_old_are_kept():
    batch = {"data": jnp.full((8, 1), 1.0)}
    states, metrics = play(LINE, 4, batch)
    memories = [remembered(state) for state in states]
    assert memories[0].shape == (3, 8, 1)
    assert (np.abs(memories[0]) <= 2).all()
    assert len(np.unique(memories[0][0])) == 8  # random, the same in every place
    np.testing.assert_array_equal(memories[0][0], memories[0][2])
    np.testing.assert_array_equal(memories[1], memories[0])  # no round is over yet
    np.testing.assert_array_equal(memories[2][:2], memories[0][1:])
    assert not np.array_equal(memories[2][2], memories[0][2])
    np.testing.assert_array_equal(memories[3], memories[2])
    np.testing.assert_array_equal(memories[4][:2], memories[2][1:])
    # Later steps are taken with the negatives that were found.
    newest = memories[4][-1]
    logits = alone.judge(LINE, variables(states[4]), newest)
    np.testing.assert_allclose(metrics[3]["solver/loss"], -logits.mean(), rtol=1e-5)


def test_what_is_found_is_a_maximum_of_d():
    batch = {"data": jnp.full((8, 1), 1.0)}
    state = play(LINE, 2, batch)[0][-1]
    grid = jnp.linspace(-2, 2, 401)[:, None]
    top = float(alone.judge(LINE, variables(state), grid).max())
    found = alone.judge(LINE, variables(state), remembered(state)[-1])
    assert float(found.max()) == pytest.approx(top, abs=0.02)


def test_replay_decides_which_rounds_negatives_are_from():
    past = jnp.arange(3.0)[:, None, None] * jnp.ones((1, 4, 1))  # the round's number
    for share, old in ((0.0, 0), (0.5, 50), (1.0, 100)):
        some = np.asarray(alone._pick(jax.random.key(0), past, 100, share))[:, 0]
        assert (some[old:] == 2).all()  # the newest
        assert set(some[:old]) == (set() if not old else {0, 1, 2})


def test_peaks_without_data_are_levelled():
    """Data at -1 and 1: after some rounds that is where D is high and negatives are."""
    config = dataclasses.replace(
        LINE, hidden=(32, 32), round_steps=50, rounds_kept=20, learning_rate=5e-3
    )
    run = algorithm(alone.game(config))
    data = jnp.where(jnp.arange(32) % 2 == 0, -1.0, 1.0)[:, None]
    data += 0.05 * jax.random.normal(jax.random.key(1), (32, 1))

    @jax.jit
    def rounds(state):
        step = lambda state, _: run.step(state, {"data": data})  # noqa: E731
        return jax.lax.scan(step, state, None, length=20 * config.round_steps)

    state, metrics = rounds(jax.jit(run.init)(jax.random.key(0), {"data": data}))
    grid = np.linspace(-2, 2, 81)
    logits = np.asarray(
        alone.judge(config, variables(state), jnp.asarray(grid)[:, None])
    )
    near = np.abs(np.abs(grid) - 1) < 0.25
    # Untrained it is 0.01; trained, by seed and machine, anywhere from 0.4 up.
    assert logits[near].mean() > logits[~near].mean() + 0.2
    last = remembered(state)[-8:]
    assert (np.abs(np.abs(last) - 1) < 0.3).mean() > 0.8
    assert (np.abs(last) > 1.95).mean() < 0.05  # none at the edge of the box
    assert np.isfinite(metrics["discriminator/loss"]).all()


def test_digits_are_judged_by_convolutions():
    config = alone.Config(
        shape=(8, 8, 1), low=0.0, high=1.0, width=2, hidden=(5,), negatives=4,
        rounds_kept=1, ascent_steps=2, round_steps=1,
    )  # fmt: skip
    batch = {"data": jnp.ones((4, 8, 8, 1))}
    init = jax.jit(algorithm(alone.game(config)).init)
    state = init(jax.random.key(0), batch)
    assert alone.judge(config, variables(state), batch["data"]).shape == (4,)
    drawn = alone.generate(config, variables(state), jax.random.key(0), 3)
    assert drawn.shape == (3, 8, 8, 1)
    assert ((drawn >= 0) & (drawn <= 1)).all()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"round_steps": 0}, "round_steps is 0"),
        ({"ascent_rate": 0.0}, "ascent_rate is 0.0; it must be above 0"),
        ({"noise": -1.0}, "noise is -1.0"),
        ({"replay": 1.5}, "replay is 1.5; it must be at least 0 and at most 1"),
        ({"low": 3.0}, "box from 3.0 to 3.0"),
        ({"width": 4}, "width is 4.*images"),
    ],
)
def test_settings_that_cannot_be_are_refused(changes, words):
    with pytest.raises(ValueError, match=words):
        alone.Config(**changes)
