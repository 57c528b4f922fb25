"""The denoising autoencoder: sizes, its loss by numpy, what it learns, refusals."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import game
from jaxgan.models import denoising_autoencoder as model


def made(config, count=4, seed=0):
    shape = (count, config.resolution, config.resolution, config.channels)
    image = np.random.default_rng(seed).uniform(-1, 1, shape).astype("float32")
    played = game.algorithm(model.game(config))
    state = jax.jit(played.init)(jax.random.key(0), {"image": image})
    return jnp.asarray(image), played, state


def test_the_sizes_of_the_paper():
    played = game.algorithm(model.game(model.Config()))
    batch = {"image": jnp.zeros((1, 32, 32, 3))}
    state = jax.eval_shape(played.init, jax.random.key(0), batch)
    kernels = [x.shape for x in jax.tree.leaves(state.params) if x.ndim == 2]
    assert sorted(kernels) == [(128, 3072), (3072, 128)]


def test_codes_and_the_loss_are_what_numpy_makes_of_them():
    config = model.Config(resolution=4, code=5, corruption=0.0, dropout=0.0)
    image, played, state = made(config)
    variables = game.variables(state)
    layers = [variables[n]["params"]["Dense_0"] for n in ("encoder", "decoder")]
    first, second = [{k: np.asarray(v) for k, v in x.items()} for x in layers]
    code = np.maximum(
        np.asarray(image).reshape(4, -1) @ first["kernel"] + first["bias"], 0
    )
    again = (code @ second["kernel"] + second["bias"]).reshape(image.shape)
    np.testing.assert_allclose(
        model.encode(config, variables, image), code, rtol=1e-5, atol=1e-6
    )
    np.testing.assert_allclose(
        model.decode(config, variables, jnp.asarray(code)), again, rtol=1e-5, atol=1e-5
    )
    _, seen = jax.jit(played.step)(state, {"image": image})
    loss = np.square(again - image).mean()
    np.testing.assert_allclose(seen["autoencoder/loss"], loss, rtol=1e-5)
    np.testing.assert_allclose(seen["autoencoder/active"], (code > 0).mean(), rtol=1e-6)


def test_whole_pixels_are_blanked_and_units_dropped_without_changing_the_mean():
    """By a decoder that hands on the first unit, and an encoder that sums pixels."""
    config = model.Config(resolution=8, code=1, corruption=0.25, dropout=0.5)
    image = np.ones((1, 8, 8, 3), "float32")
    played = model.game(config)
    variables = {
        "encoder": {"params": {"Dense_0": {
            "kernel": jnp.ones((192, 1)) / 3, "bias": jnp.zeros(1)}}},
        "decoder": {"params": {"Dense_0": {
            "kernel": jnp.zeros((1, 192)).at[0, 0].set(1.0), "bias": jnp.zeros(192)}}},
    }  # fmt: skip
    loss = played.players["autoencoder"].loss
    turn = game.Turn(jax.random.key(3), jnp.int32(0))

    def error(key):
        return loss(variables, {"image": image}, turn._replace(key=key))[0]

    # Of a row, the error is 191 ones and the square of one less than what is handed on:
    # 0 where the unit is dropped, twice the pixels that are left elsewhere.
    errors = jax.jit(jax.vmap(error))(jax.random.split(turn.key, 40))
    units = 1 + np.sqrt(np.maximum(np.array(errors) * 192 - 191, 0))
    dropped = np.isclose(units, 2, atol=1e-2)  # as far from 1 as 0 is
    left = units[~dropped] / 2
    assert 0.25 < dropped.mean() < 0.75
    np.testing.assert_allclose(left, left.round(), atol=1e-3)  # whole pixels, of 64
    np.testing.assert_allclose(left.mean(), 48, atol=4)


def test_it_learns_to_repair():
    config = model.Config(
        resolution=6, channels=1, code=16, dropout=0.1, learning_rate=1e-2
    )
    rng = np.random.default_rng(0)
    rows = rng.choice([-0.8, 0.8], (256, 1, 1, 2)).repeat(6, 1).repeat(3, 2)
    image = rows.transpose(0, 1, 3, 2).reshape(256, 6, 6, 1).astype("float32")
    played = game.algorithm(model.game(config))
    state = jax.jit(played.init)(jax.random.key(0), {"image": image})
    step = jax.jit(played.step)
    losses = []
    for _ in range(150):
        state, seen = step(state, {"image": image})
        losses.append(float(seen["autoencoder/loss"]))
    assert losses[0] > 0.6  # all black or white: 0.64
    assert np.mean(losses[-10:]) < 0.1
    blanked = jnp.asarray(image).at[:, 2:4].set(0)
    variables = game.variables(state)
    again = model.decode(config, variables, model.encode(config, variables, blanked))
    assert (np.sign(again) == np.sign(image)).mean() > 0.98


def test_codes_of_another_shape_of_images_are_refused():
    config = model.Config(resolution=4, code=5)
    _, _, state = made(config)
    with pytest.raises(ValueError, match=r"images are \(4, 4, 1\), but .* \(4, 4, 3\)"):
        model.encode(config, game.variables(state), jnp.zeros((2, 4, 4, 1)))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"resolution": 0}, "resolution is 0; it must be at least 1"),
        ({"channels": 0}, "channels is 0"),
        ({"code": 0}, "code is 0"),
        ({"corruption": 1.0}, "corruption is 1.0; it must be at least 0 and below 1"),
        ({"dropout": -0.1}, "dropout is -0.1"),
        ({"learning_rate": 0.0}, "learning_rate is 0.0; it must be above 0"),
    ],
)
def test_what_cannot_be_trained_is_refused(change, words):
    with pytest.raises(ValueError, match=words):
        dataclasses.replace(model.Config(), **change)
