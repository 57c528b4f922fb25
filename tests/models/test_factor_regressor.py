"""The regressor against loops in numpy, and what it learns."""

import dataclasses
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.game import algorithm, variables
from jaxgan.models import factor_regressor

SMALL = factor_regressor.Config(
    resolution=8, channels=2, numbers=3, binaries=2, width=3, hidden=7, steps=2,
    learning_rate=0.01,
)  # fmt: skip


def drawn(count, seed=0):
    """Images whose factors are the brightness of a row, of a column and of a corner."""
    rng = np.random.default_rng(seed)
    number = rng.normal(size=(count, 3))
    binary = rng.integers(0, 2, (count, 2))
    image = 0.5 + 0.05 * rng.normal(size=(count, 8, 8, 2))
    image[:, 1] += 0.1 * number[:, 0, None, None]
    image[:, 5:7, :, 1] += 0.1 * number[:, 1, None, None]
    image[:, :, 2, 0] += 0.1 * number[:, 2, None]
    image[:, 3:5, 3:5] += 0.3 * binary[:, 0, None, None, None]
    image[:, 3:5, 6:8] += 0.3 * binary[:, 1, None, None, None]
    known = np.ones((count, 3))
    known[:, 2] = binary[:, 0]
    batch = {"image": image, "number": number, "known": known, "binary": binary}
    return {name: x.astype("float32") for name, x in batch.items()}


@pytest.fixture(scope="module")
def played():
    """A batch, and the state and metrics of each of four steps on it."""
    batch, run = drawn(5), algorithm(factor_regressor.game(SMALL))
    states, metrics = [jax.jit(run.init)(jax.random.key(0), batch)], []
    step = jax.jit(run.step)
    for _ in range(4):
        state, seen = step(states[-1], batch)
        states.append(state)
        metrics.append(seen)
    return batch, states, metrics, step


def by_hand(params, image):
    """Numbers and logits, one output pixel after the other, in float64."""
    p = jax.tree.map(lambda x: np.asarray(x, "float64"), params["network"])
    x = np.pad(2 * image.astype("float64") - 1, ((0, 0), (1, 1), (1, 1), (0, 0)))
    maps = np.zeros((len(x), 4, 4, 3))
    for r, c in itertools.product(range(4), repeat=2):
        seen = x[:, 2 * r : 2 * r + 4, 2 * c : 2 * c + 4]
        maps[:, r, c] = np.tensordot(seen, p["Conv_0"]["kernel"], 3)
        maps[:, r, c] += p["Conv_0"]["bias"]
    flat = np.maximum(maps, 0).reshape(len(x), -1)
    hidden = np.maximum(flat @ p["Dense_0"]["kernel"] + p["Dense_0"]["bias"], 0)
    out = hidden @ p["Dense_1"]["kernel"] + p["Dense_1"]["bias"]
    return out[:, :3], out[:, 3:]


def test_numbers_and_logits_agree_with_loops(played):
    batch, states, *_ = played
    state = states[1]  # after a step no bias is zero any more
    numbers, logits = by_hand(state.params, batch["image"])
    assert numbers.std() > 0.01
    found = factor_regressor.read(SMALL, variables(state), batch["image"])
    np.testing.assert_allclose(found.numbers, numbers, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(found.logits, logits, rtol=1e-4, atol=1e-5)


def test_loss_is_of_what_is_known(played):
    batch, states, metrics, step = played
    numbers, logits = by_hand(states[1].params, batch["image"])
    squared = (batch["known"] * (numbers - batch["number"]) ** 2).sum() / 5
    chance = 1 / (1 + np.exp(-logits))
    there = batch["binary"] > 0.5
    cross = -np.log(np.where(there, chance, 1 - chance)).sum() / 5
    seen = {name.partition("/")[2]: x for name, x in metrics[1].items()}
    np.testing.assert_allclose(seen["squared"], squared, rtol=1e-4)
    np.testing.assert_allclose(seen["cross_entropy"], cross, rtol=1e-4)
    np.testing.assert_allclose(seen["loss"], squared + cross, rtol=1e-4)
    np.testing.assert_allclose(seen["accuracy"], ((logits > 0) == there).mean())

    changed = batch["number"] + 9 * (1 - batch["known"])
    assert (changed != batch["number"]).any()
    after, _ = step(states[1], {**batch, "number": changed})
    for one, other in zip(
        jax.tree.leaves(after.params), jax.tree.leaves(states[2].params), strict=True
    ):
        np.testing.assert_array_equal(one, other)


def test_the_step_size_falls_to_zero_in_the_steps_of_the_config(played):
    _, states, *_ = played
    far = [
        max(
            float(jnp.abs(x - y).max())
            for x, y in zip(
                jax.tree.leaves(before.params),
                jax.tree.leaves(after.params),
                strict=True,
            )
        )
        for before, after in itertools.pairwise(states)
    ]
    # Adam's first step is the step size itself; half of the cosine later it is half.
    np.testing.assert_allclose(far[0], 0.01, rtol=1e-3)
    assert 0 < far[1] < 0.0065
    assert far[2:] == [0, 0]


def test_learns_what_it_has_not_seen():
    config = dataclasses.replace(SMALL, width=8, hidden=16, steps=150)
    run, unseen = algorithm(factor_regressor.game(config)), drawn(200, seed=1)
    step = jax.jit(run.step)
    state = jax.jit(run.init)(jax.random.key(0), drawn(1))
    for i in range(150):
        state, _ = step(state, drawn(64, seed=2 + i))
    found = factor_regressor.read(config, variables(state), unseen["image"])
    right = (found.logits > 0) == (unseen["binary"] > 0.5)
    assert right.mean() > 0.9
    errors = np.square(found.numbers - unseen["number"])
    for i in range(3):
        assert errors[unseen["known"][:, i] > 0, i].mean() < 0.5  # of a variance of 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"resolution": 24}, "resolution is 24, expected a power of two"),
        ({"resolution": 4}, "of at least 8"),
        ({"channels": 0}, "channels is 0; it must be at least 1"),
        ({"numbers": -1}, "numbers is -1"),
        ({"binaries": -1}, "binaries is -1"),
        ({"width": 0}, "width is 0"),
        ({"hidden": 0}, "hidden is 0"),
        ({"steps": 0}, "steps is 0"),
        ({"learning_rate": 0.0}, "learning_rate is 0"),
    ],
)
def test_wrong_values_are_named(change, words):
    with pytest.raises(ValueError, match=words):
        dataclasses.replace(SMALL, **change)


def test_widths_double_up_to_eight_times():
    wide = dataclasses.replace(SMALL, resolution=256, width=2)
    assert wide.widths == (2, 4, 8, 16, 16, 16)
    assert SMALL.widths == (3,)


def test_images_of_another_size_are_refused(played):
    _, states, *_ = played
    with pytest.raises(ValueError, match=r"\(8, 8, 2\).*\(8, 8, 1\)"):
        factor_regressor.read(SMALL, variables(states[0]), jnp.zeros((1, 8, 8, 1)))
