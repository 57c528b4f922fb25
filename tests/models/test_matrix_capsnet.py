"""Matrix capsules: published sizes, a margin that rises, and what is refused."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.compose import parameter_count
from jaxgan.game import Turn, algorithm, variables
from jaxgan.models import matrix_capsnet

TINY = matrix_capsnet.MODEL.tiny
NORB = matrix_capsnet.SMALL_NORB


@pytest.mark.parametrize(
    ("config", "published"),
    [
        (NORB, 310_000),
        (dataclasses.replace(NORB, features=64, types=(8, 16, 16)), 68_000),
    ],
)
def test_published_numbers_of_parameters(config, published):
    """The paper rounds: "310K" and "68K" for images of smallNORB."""
    first, second, third = config.types
    by_hand = 25 * 2 * config.features + config.features
    by_hand += (config.features + 1) * first * 17
    by_hand += 9 * 16 * (first * second + second * third) + 16 * third * 5
    by_hand += 2 * (second + third + 5)
    init = algorithm(matrix_capsnet.game(config)).init
    batch = matrix_capsnet.MODEL.batch(config, jax.random.key(0), 1)
    state = jax.eval_shape(init, jax.random.key(0), batch)
    assert parameter_count(state.params) == by_hand
    assert by_hand == pytest.approx(published, rel=0.03)


def test_the_grids_are_those_of_the_paper():
    """32x32 pixels, and 14, 6 and 4 positions a side."""
    image = jax.ShapeDtypeStruct((3, 32, 32, 2), jnp.float32)

    def seen(key, image):
        encoder = matrix_capsnet.Encoder(NORB)
        return encoder.init_with_output(key, image, return_coupling=True)[0]

    above, layers = jax.eval_shape(seen, jax.random.key(0), image)
    assert above.poses.shape == (3, 5, 4, 4)
    assert [a.shape for a, _ in layers] == [(3, side, side, 32) for side in (14, 6, 4)]
    shapes = [r.shape for _, r in layers]
    assert shapes[0] == (3, 3, 6, 6, 32, 3, 3, 32)
    assert shapes[1] == (3, 3, 4, 4, 32, 3, 3, 32)
    assert shapes[2] == (3, 3, 5, 4, 4, 32)


def test_the_loss_is_the_spread_loss_at_a_margin_that_rises():
    batch = matrix_capsnet.MODEL.batch(TINY, jax.random.key(0), 4)
    state = jax.jit(algorithm(matrix_capsnet.game(TINY)).init)(jax.random.key(1), batch)
    nets, labels = variables(state), np.asarray(batch["label"])
    above = matrix_capsnet.encode(TINY, nets, batch["image"])
    a = np.asarray(above.activations, np.float64)
    assert a.std() > 1e-4
    (player,) = matrix_capsnet.game(TINY).players.values()
    loss_at = jax.jit(
        lambda step: player.loss(nets, batch, Turn(jax.random.key(1), step))
    )
    for step, margin in ((0, 0.2), (5, 0.55), (10, 0.9), (1000, 0.9)):
        loss, (_, metrics) = loss_at(jnp.asarray(step))
        each = np.maximum(0, margin - (a[np.arange(4), labels][:, None] - a)) ** 2
        each[np.arange(4), labels] = 0
        np.testing.assert_allclose(loss, each.sum(1).mean(), rtol=1e-4)
        np.testing.assert_allclose(metrics["margin"], margin, rtol=1e-6)
    seen = matrix_capsnet.predict(TINY, nets, batch["image"])
    np.testing.assert_array_equal(seen[:, 0], a.argmax(1))
    np.testing.assert_allclose(metrics["error"], (seen[:, 0] != labels).mean())


def test_images_that_are_too_small_are_refused():
    with pytest.raises(ValueError, match="resolution is 16.*at least 17"):
        matrix_capsnet.Config(resolution=16)
