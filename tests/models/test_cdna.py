"""CDNA: sizes, kernels and masks against NumPy, and who is shown true frames."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import ndimage  # 1.17

from jaxgan.game import algorithm
from jaxgan.models import cdna
from jaxgan.models.parts import motion_nets as nets

RNG = np.random.default_rng(0)


def parameters(config):
    init = algorithm(cdna.game(config)).init
    made = jax.eval_shape(lambda: cdna.batch(config, jax.random.key(0), 1))
    params = jax.eval_shape(init, jax.random.key(0), made).params["mover"]
    return params, sum(x.size for x in jax.tree.leaves(params))


def test_the_network_has_the_released_number_of_parameters():
    """Of the released form, with 11 masks; 12 masks have one more of 64 weights."""
    params, count = parameters(cdna.Config(released=True))
    assert count == 8_311_967
    assert sum(x.size for x in jax.tree.leaves(params["kernels"])) == 2_048_250
    assert parameters(cdna.Config())[1] == count + 64 + 1


@pytest.fixture(scope="module")
def frame():
    return RNG.uniform(size=(2, 9, 8, 3)).astype(np.float32)


def test_kernels_are_rectified_and_then_sum_to_one():
    values = RNG.normal(size=(2, 5, 5, 3)).astype(np.float32)
    found = nets.normalised(jnp.asarray(values), (1, 2))
    positive = np.maximum(values - 1e-12, 0) + 1e-12
    expected = positive / positive.sum((1, 2), keepdims=True)
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    nowhere = nets.normalised(-jnp.ones((1, 5, 5, 1)), (1, 2))
    np.testing.assert_allclose(nowhere, 1 / 25, rtol=1e-5)


def test_each_kernel_moves_all_channels_of_its_own_example(frame):
    kernels = RNG.uniform(size=(2, 5, 5, 3)).astype(np.float32)
    found = np.asarray(nets.moved(frame, jnp.asarray(kernels)))
    for b, channel, k in np.ndindex(2, 3, 3):
        expected = ndimage.correlate(
            frame[b, ..., channel], kernels[b, ..., k], mode="constant"
        )
        np.testing.assert_allclose(found[b, ..., channel, k], expected, rtol=1e-4)


def test_a_centred_delta_copies_and_another_shifts(frame):
    kernels = np.zeros((2, 5, 5, 2), np.float32)
    kernels[:, 2, 2, 0] = kernels[:, 2, 1, 1] = 1
    found = np.asarray(nets.moved(frame, jnp.asarray(kernels)))
    np.testing.assert_array_equal(found[..., 0], frame)
    np.testing.assert_array_equal(found[:, :, 1:, :, 1], frame[:, :, :-1])


def test_masks_on_the_last_frame_copy_it(frame):
    others = RNG.uniform(size=frame.shape).astype(np.float32)
    masks = np.zeros((*frame.shape[:3], 2), np.float32)
    masks[..., 0] = 1
    copied = nets.combined(
        [jnp.asarray(frame), jnp.asarray(others)], jnp.asarray(masks)
    )
    np.testing.assert_array_equal(copied, frame)


def test_affine_maps_begin_at_the_identity_and_shift(frame):
    same = nets.transformed(frame, jnp.zeros((2, 2, 3)))
    np.testing.assert_allclose(same, frame, atol=1e-5)
    right = np.zeros((2, 2, 3), np.float32)
    right[:, 1, 2] = 2 / 7  # one of eight columns, whose centres are 2/7 apart
    shifted = nets.transformed(frame, jnp.asarray(right))
    np.testing.assert_allclose(shifted[:, :, :-1], frame[:, :, 1:], atol=1e-5)


def test_fewer_and_fewer_examples_are_shown_true_frames():
    config = cdna.Config()
    steps = np.array([0, 3000, 900 * np.log(900), 12_000, 100_000], np.float32)
    found = jax.vmap(lambda step: cdna.true_examples(config, step, 32))(steps)
    expected = np.round(32 * 900 / (900 + np.exp(steps.astype(float) / 900)))
    np.testing.assert_array_equal(found, expected)
    assert found[0] == 32
    assert found[2] == 16
    assert cdna.true_examples(cdna.Config(sampling=0), jnp.zeros(()), 32) == 0


@pytest.fixture(scope="module")
def rolled():
    """A tiny net without memory, whose frames can be followed one by one."""
    config = cdna.Config(
        resolution=8, frames=4, context=2, states=2, actions=2, kernels=2, width=2
    )
    batch = cdna.batch(config, jax.random.key(1), 3)
    state = jax.jit(algorithm(cdna.game(config)).init)(jax.random.key(0), batch)
    variables = {"mover": {"params": state.params["mover"]}}
    run = jax.jit(lambda batch, real: cdna.roll_out(config, variables, batch, real))
    return config, batch, run


def test_masks_sum_to_one_and_frames_stay_in_range(rolled):
    config, batch, run = rolled
    made = run(batch, jnp.zeros(3, bool))
    assert made.masks.shape == (3, 3, 8, 8, 2 + config.kernels)
    np.testing.assert_allclose(made.masks.sum(-1), 1, rtol=1e-5)
    np.testing.assert_allclose(made.kernels.sum((2, 3)), 1, rtol=1e-5)
    assert made.frames.shape == (3, 3, 8, 8, 3)
    assert 0 <= made.frames.min() <= made.frames.max() <= 1


def test_frames_after_the_context_are_seen_by_chosen_examples_alone(rolled):
    _, batch, run = rolled
    real = jnp.array([True, False, False])
    other = {**batch, "clip": batch["clip"].at[:, 2].set(0.5)}
    before, after = run(batch, real), run(other, real)
    np.testing.assert_array_equal(before.frames[:, :2], after.frames[:, :2])
    np.testing.assert_array_equal(before.frames[1:], after.frames[1:])
    assert not np.allclose(before.frames[0, 2], after.frames[0, 2])


def test_actions_are_always_told_and_states_fed_back(rolled):
    _, batch, run = rolled
    real = jnp.ones(3, bool)
    before = run(batch, real)
    states = {**batch, "state": batch["state"].at[:, 1:].set(0.0)}
    np.testing.assert_array_equal(run(states, real).states, before.states)
    actions = {**batch, "action": batch["action"].at[:, 1].set(0.0)}
    after = run(actions, real)
    np.testing.assert_array_equal(before.states[:, 0], after.states[:, 0])
    assert not np.allclose(before.states[:, 1], after.states[:, 1])
    assert not np.allclose(before.frames[:, 1], after.frames[:, 1])


@pytest.mark.parametrize(
    ("motion", "masks"), [("cdna", 6), ("dna", 2 - 1 + 1), ("stp", 5), ("none", 2)]
)
def test_every_motion_has_its_masks(motion, masks):
    """Shapes alone. With four kernels; the released cdna has one mask less."""
    config = cdna.Config(
        resolution=8, frames=2, context=1, kernels=4, width=2, motion=motion
    )
    made = jax.eval_shape(lambda: cdna.batch(config, jax.random.key(0), 2))
    init = algorithm(cdna.game(config)).init
    params = jax.eval_shape(init, jax.random.key(0), made).params["mover"]
    rolled = jax.eval_shape(
        lambda p, b: cdna.roll_out(config, {"mover": {"params": p}}, b), params, made
    )
    assert rolled.masks.shape[-1] == masks
    if motion != "none":
        assert params["masks"]["kernel"].shape[-1] == masks


def test_without_memory_there_are_no_gates():
    params, _ = parameters(cdna.Config(width=2, memory=False, motion="none"))
    assert params["cell5"]["Conv_0"]["kernel"].shape[-1] == 8
    gated, _ = parameters(cdna.Config(width=2))
    assert gated["cell5"]["Conv_0"]["kernel"].shape[-1] == 4 * 8


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"resolution": 28}, "resolution is 28; give a multiple of 8"),
        ({"frames": 3, "context": 3}, "context is 3 of 3 frames"),
    ],
)
def test_settings_that_cannot_be_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        cdna.Config(**change)
