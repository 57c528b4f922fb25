"""CycleGAN in miniature: the pool of past fakes, and the losses with linear nets."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.game import algorithm
from jaxgan.models.toys import cyclegan_vectors as cyclegan


class Slots:
    """A pool, and what it holds, called as a training step does."""

    def __init__(self, fakes):
        module = cyclegan.Pool()
        self.variables = module.init(jax.random.key(0), fakes, jax.random.key(0))
        self.call = jax.jit(
            lambda *args: module.apply(*args, mutable=["memory"])  # shown, memory
        )

    def __call__(self, fakes, seed):
        shown, self.variables = self.call(self.variables, fakes, jax.random.key(seed))
        return np.asarray(shown)

    @property
    def past(self):
        return np.asarray(self.variables["memory"]["past"])


def fakes(step, count=600):
    """Vectors that tell which step and which position made them."""
    place = np.arange(count, dtype="float32")
    return jnp.asarray(np.stack([np.full(count, float(step + 1)), place], 1), "float32")


def test_an_empty_pool_shows_the_fakes_themselves_and_keeps_them():
    pool = Slots(fakes(0))
    assert not pool.past.any()  # making the pool does not fill it
    assert not np.asarray(pool.variables["memory"]["filled"]).any()
    np.testing.assert_array_equal(pool(fakes(0), seed=1), fakes(0))
    np.testing.assert_array_equal(pool.past, fakes(0))
    assert np.asarray(pool.variables["memory"]["filled"]).all()


def test_half_of_the_fakes_are_swapped_for_the_past_at_their_place():
    pool = Slots(fakes(0))
    pool(fakes(0), seed=1)
    for step in range(1, 4):
        before = pool.past
        shown, new = pool(fakes(step), seed=1 + step), np.asarray(fakes(step))
        swapped = shown[:, 0] != step + 1
        assert abs(swapped.mean() - 0.5) < 0.08  # four deviations of 600 coins
        np.testing.assert_array_equal(shown[swapped], before[swapped])
        np.testing.assert_array_equal(shown[~swapped], new[~swapped])
        # What was swapped takes the place of what was shown; the rest stays.
        np.testing.assert_array_equal(pool.past[swapped], new[swapped])
        np.testing.assert_array_equal(pool.past[~swapped], before[~swapped])
    # So the memory goes back several steps.
    assert set(pool.past[:, 0]) == {1, 2, 3, 4}


# --- the game ------------------------------------------------------------------------

CONFIG = cyclegan.Config(data=2, hidden=(), cycle=3.0)


@pytest.fixture(scope="module")
def played():
    rng = np.random.default_rng(0)
    batch = {name: jnp.asarray(rng.normal(size=(6, 2)), "float32") for name in "ab"}
    run = algorithm(cyclegan.game(CONFIG))
    before = jax.jit(run.init)(jax.random.key(0), batch)
    step = jax.jit(run.step)
    first, metrics = step(before, batch)
    second, _ = step(first, batch)
    return batch, before, first, second, metrics


def dense(state, net):
    layer = state.params[net]["Dense_0"]
    kernel, bias = np.asarray(layer["kernel"]), np.asarray(layer["bias"])
    return lambda x: x @ kernel + bias


def test_the_generators_loss_is_squares_not_halved_and_the_weighted_cycle(played):
    batch, before, _, _, metrics = played
    a, b = (np.asarray(batch[name]) for name in "ab")
    a_to_b, b_to_a = dense(before, "a_to_b"), dense(before, "b_to_a")
    score_a, score_b = dense(before, "critic_a"), dense(before, "critic_b")
    fake_a, fake_b = b_to_a(b), a_to_b(a)
    adversarial = ((score_a(fake_a) - 1) ** 2 + (score_b(fake_b) - 1) ** 2).mean()
    cycle = np.abs(b_to_a(fake_b) - a).mean() + np.abs(a_to_b(fake_a) - b).mean()
    expected = {
        "generators/adversarial": adversarial,
        "generators/cycle": cycle,
        "generators/loss": adversarial + 3.0 * cycle,
    }
    for name, value in expected.items():
        np.testing.assert_allclose(metrics[name], value, rtol=1e-4, err_msg=name)


def test_the_critics_judge_the_new_generators_fakes_and_remember_them(played):
    batch, before, first, _, metrics = played
    a, b = (np.asarray(batch[name]) for name in "ab")
    fake_a, fake_b = dense(first, "b_to_a")(b), dense(first, "a_to_b")(a)
    total = 0.0
    for name, real, fake in (("critic_a", a, fake_a), ("critic_b", b, fake_b)):
        score = dense(before, name)
        total += 0.5 * ((score(real) - 1) ** 2 + score(fake) ** 2).mean()
    np.testing.assert_allclose(metrics["critics/loss"], total, rtol=1e-4)
    for name, fake in (("pool_a", fake_a), ("pool_b", fake_b)):
        np.testing.assert_allclose(
            first.stats[name]["memory"]["past"], fake, rtol=1e-4, atol=1e-6
        )


def test_the_two_pools_swap_by_coins_of_their_own(played):
    # Six places, two pools, one step: that all twelve coins agree in pairs is 1 in 64.
    _, _, first, second, _ = played
    kept = [
        (np.asarray(second.stats[n]["memory"]["past"])
        == np.asarray(first.stats[n]["memory"]["past"])).all(1)
        for n in ("pool_a", "pool_b")
    ]  # fmt: skip
    assert not np.array_equal(*kept)
