"""pix2pix: its losses, the noise of its dropout, and images that it refuses."""

import dataclasses

import jax
import numpy as np
import pytest

from jaxgan.game import algorithm, variables
from jaxgan.models import pix2pix

TINY = pix2pix.MODEL.tiny


def test_the_defaults_are_the_papers():
    config = pix2pix.Config()
    assert (config.learning_rate, config.beta1, config.dropout) == (2e-4, 0.5, 0.5)
    assert (config.l1, config.patch, config.width, config.loss) == (
        *(100.0, 70, 64),
        "l1+cgan",
    )


def shapes(**changes):
    config = dataclasses.replace(TINY, **changes)
    run = algorithm(pix2pix.game(config))

    def made():
        return pix2pix.batch(config, jax.random.key(0), 2)

    state = jax.eval_shape(lambda: run.init(jax.random.key(1), made()))
    metrics = jax.eval_shape(lambda s: run.step(s, made())[1], state)
    return state, set(metrics)


def test_each_loss_has_its_players():
    state, metrics = shapes(loss="l1")
    assert set(state.params) == {"generator"}
    assert metrics == {"generator/loss", "generator/l1"}
    seen = {}
    for loss in ("cgan", "gan", "l1+gan"):
        state, metrics = shapes(loss=loss)
        assert "generator/adversarial" in metrics
        seen[loss] = state.params["discriminator"]["Conv_0"]["kernel"].shape[2]
    assert seen == {"cgan": 4, "gan": 3, "l1+gan": 3}  # one channel is the input's


def test_losses_are_those_of_the_paper():
    batch = pix2pix.batch(TINY, jax.random.key(0), 2)
    init, step = algorithm(pix2pix.game(TINY))
    _, metrics = jax.jit(step)(jax.jit(init)(jax.random.key(1), batch), batch)
    loss = metrics["generator/adversarial"] + 100 * metrics["generator/l1"]
    np.testing.assert_allclose(metrics["generator/loss"], loss, rtol=1e-5)
    # Logits are near 0 at the start, where each half of D's loss is log 2.
    np.testing.assert_allclose(metrics["discriminator/loss"], np.log(2), atol=0.1)


def test_dropout_is_on_with_a_key_and_outputs_depend_on_their_own_inputs_alone():
    batch = pix2pix.batch(TINY, jax.random.key(0), 3)
    init, _ = algorithm(pix2pix.game(TINY))
    nets = variables(jax.jit(init)(jax.random.key(1), batch))
    draw = jax.jit(lambda x, key: pix2pix.translate(TINY, nets, x, key))
    image = np.asarray(batch["input"])
    one, other = (np.asarray(draw(image, jax.random.key(i))) for i in (0, 1))
    assert np.abs(one - other).max() > 1e-4
    still = jax.jit(lambda x: pix2pix.translate(TINY, nets, x, None))
    alone = np.concatenate([still(image[i : i + 1]) for i in range(3)])
    np.testing.assert_allclose(still(image), alone, atol=1e-5)


def test_sides_that_cannot_be_halved_are_refused_with_sides_that_can():
    with pytest.raises(ValueError, match="the U-Net needs .* use 96x64 or 104x64"):
        pix2pix.Config(resolution="100x64")
    with pytest.raises(ValueError, match="patches of 286 needs .*least 96.* 96x96"):
        pix2pix.Config(resolution="64x64", patch=286)
    pix2pix.Config(resolution="16x24", loss="l1")
    wrong = pix2pix.batch(dataclasses.replace(TINY, channels=1), jax.random.key(0), 1)
    with pytest.raises(ValueError, match=r"\(8, 16, 1\).*expected pairs"):
        pix2pix.game(TINY).inputs(wrong)
