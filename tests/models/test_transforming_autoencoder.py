"""The transforming auto-encoder, against a loop over its capsules in numpy."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import expit

from jaxgan.compose import parameter_count
from jaxgan.game import algorithm, variables
from jaxgan.models import transforming_autoencoder as tae

SMALL = tae.Config(resolution=5, channels=2, capsules=3, recognition=4, generation=6)
KINDS = {
    "translation": SMALL,
    "affine": dataclasses.replace(SMALL, transform="affine"),
}
BY = {"translation": "offset", "affine": "transform"}


def batches(config, size=4):
    rng = np.random.default_rng(0)
    pictures = rng.random((2, size, *config.image)).astype("float32")
    by = rng.normal(0, 2, (size, *config.pose)).astype("float32")
    return {"image": pictures[0], "target": pictures[1], BY[config.transform]: by}


@pytest.fixture(scope="module", params=KINDS)
def played(request):
    """A model, a batch, and the state before and after a step on it."""
    config = KINDS[request.param]
    batch, run = batches(config), algorithm(tae.game(config))
    before = jax.jit(run.init)(jax.random.key(0), batch)
    # Biases that begin at zero would hide one that is left out or added twice.
    params = jax.tree.map(lambda x: x + 0.1 * np.cos(np.arange(x.size)).reshape(x.shape)
                          .astype("float32"), before.params)  # fmt: skip
    before = before.replace(params=params)
    return config, batch, before, *jax.jit(run.step)(before, batch)


def by_hand(config, params, image, by):
    """p, poses and the sum of the capsules' drawings, one capsule after the other."""
    params = jax.tree.map(lambda x: np.asarray(x, "float64"), params)
    see, make = params["recognition"], params["generation"]
    p, pose, total = [], [], np.zeros((len(image), image[0].size))
    for i in range(config.capsules):
        flat = image.astype("float64").reshape(len(image), -1)
        units = expit(flat @ see["units"][i] + see["units_bias"][i])
        p.append(expit(units @ see["presence"][i][:, 0] + see["presence_bias"][i]))
        own = units @ see["pose"][i] + see["pose_bias"][i]
        if config.transform == "translation":
            moved = own + by
        else:
            own = own.reshape(-1, 3, 3)
            moved = np.stack([t @ a for t, a in zip(by, own, strict=True)])
        pose.append(own)
        units = moved.reshape(len(image), -1) @ make["units"][i]
        units = expit(units + make["units_bias"][i])
        drawn = units @ make["pixels"][i] + make["pixels_bias"][i]
        total = total + p[-1][:, None] * drawn
    return np.stack(p, 1), np.stack(pose, 1), total.reshape(image.shape)


def test_capsules_in_parallel_equal_a_loop_over_them(played):
    config, batch, state, _, metrics = played
    by = batch[BY[config.transform]]
    p, pose, image = by_hand(config, state.params, batch["image"], by)
    seen = tae.poses(config, variables(state), batch["image"])
    np.testing.assert_allclose(seen[0], p, rtol=1e-5)
    np.testing.assert_allclose(seen[1], pose, rtol=1e-4, atol=1e-5)
    out = tae.reconstruct(config, variables(state), batch["image"], by)
    np.testing.assert_allclose(out, image, rtol=1e-4, atol=1e-5)
    error = np.square(image - batch["target"]).sum((1, 2, 3)).mean()
    np.testing.assert_allclose(metrics["capsules/loss"], error, rtol=1e-5)


def test_no_transformation_leaves_poses_as_they_are(played):
    config, batch, state, *_ = played
    none = {"translation": np.zeros(2), "affine": np.eye(3)}[config.transform]
    by = jnp.broadcast_to(jnp.asarray(none, "float32"), (4, *config.pose))
    p, pose = tae.poses(config, variables(state), batch["image"])
    np.testing.assert_array_equal(tae.moved(config, pose, by), pose)
    np.testing.assert_array_equal(
        tae.reconstruct(config, variables(state), batch["image"], by),
        tae.generate(config, variables(state), p, pose),
    )


def test_the_transformation_acts_from_the_left():
    turn = jnp.array([[0, -1, 2], [1, 0, 3], [0, 0, 1]], "float32")
    at = jnp.array([[1, 0, 5], [0, 1, 7], [0, 0, 1]], "float32")  # at row 5, column 7
    moved = tae.moved(KINDS["affine"], at[None, None], turn[None])
    np.testing.assert_array_equal(moved[0, 0, :, 2], [2 - 7, 3 + 5, 1])
    moved = tae.moved(SMALL, jnp.array([[[5.0, 7.0]]]), jnp.array([[2.0, -3.0]]))
    np.testing.assert_array_equal(moved, [[[7.0, 4.0]]])


def test_probabilities_gate_the_drawing(played):
    config, batch, state, *_ = played
    p, pose = tae.poses(config, variables(state), batch["image"])
    nothing = tae.generate(config, variables(state), 0 * p, pose)
    np.testing.assert_array_equal(nothing, np.zeros_like(batch["image"]))
    # Capsules one at a time, each with twice its probability: the sum is twice as much.
    alone = [
        tae.generate(config, variables(state), 2 * p * (np.arange(3) == i)[None], pose)
        for i in range(3)
    ]
    whole = tae.generate(config, variables(state), p, pose)
    np.testing.assert_allclose(sum(alone), 2 * whole, rtol=1e-4, atol=1e-5)


def test_every_parameter_learns(played):
    # Adam moves what has a gradient, and nothing else.
    _, _, before, after, _ = played
    moved = jax.tree.map(lambda a, b: bool((a != b).any()), before.params, after.params)
    assert moved == {
        "recognition": dict.fromkeys(
            ("units", "units_bias", "presence", "presence_bias", "pose", "pose_bias"),
            True,
        ),
        "generation": dict.fromkeys(
            ("units", "units_bias", "pixels", "pixels_bias"), True
        ),
    }


def test_the_defaults_are_the_papers_sizes_and_poses_start_pixels_apart():
    config = tae.Config()
    run = algorithm(tae.game(config))
    batch = {name: jnp.zeros((2, 28, 28, 1)) for name in ("image", "target")}
    batch["offset"] = jnp.zeros((2, 2))
    state = jax.jit(run.init)(jax.random.key(0), batch)
    counts = {net: parameter_count(tree) for net, tree in state.params.items()}
    assert counts == {
        "recognition": 30 * (784 * 10 + 10 + 10 * 3 + 3),
        "generation": 30 * (2 * 20 + 20 + 20 * 784 + 784),
    }
    # Ten units at one half, with weights of variance 100 / 10: a spread of 5 pixels.
    pose = tae.poses(config, variables(state), batch["image"])[1]
    assert 3.5 < np.std(pose) < 6.5


def test_affine_poses_start_around_the_identity():
    config = KINDS["affine"]
    init = jax.jit(algorithm(tae.game(config)).init)
    state = init(jax.random.key(0), batches(config))
    bias = state.params["recognition"]["pose_bias"]
    np.testing.assert_array_equal(bias, [np.eye(3).ravel()] * 3)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: tae.Config(capsules=0), "capsules is 0; it must be at least 1"),
        (
            lambda: dataclasses.replace(SMALL, transform="scale"),
            "unknown transform 'scale'; .*affine",
        ),
        (
            lambda: tae.poses(SMALL, {}, jnp.zeros((2, 6, 5, 2))),
            r"image has shape \(2, 6, 5, 2\), expected \(B, 5, 5, 2\).*resolution",
        ),
        (
            lambda: tae.moved(SMALL, jnp.zeros((4, 3, 2)), jnp.zeros((2,))),
            r"translation has shape \(2,\), expected \(4, 2\)",
        ),
        (
            lambda: tae.moved(
                KINDS["affine"], jnp.zeros((4, 3, 3, 3)), jnp.zeros((4, 2, 3))
            ),
            r"affine has shape \(4, 2, 3\), expected \(4, 3, 3\)",
        ),
    ],
)
def test_wrong_settings_and_shapes_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
