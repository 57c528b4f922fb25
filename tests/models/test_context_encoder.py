"""Context encoders: sizes, what is shown, what is weighed, and what is pasted."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.game import algorithm
from jaxgan.models import context_encoder

TINY = context_encoder.Config(resolution=16, overlap=1, width=2, bottleneck=3)


def sizes(config):
    init = algorithm(context_encoder.game(config)).init
    made = context_encoder.batch(config, jax.random.key(0), 2)
    params = jax.eval_shape(init, jax.random.key(0), made).params
    return params, {
        name: sum(x.size for x in jax.tree.leaves(net)) for name, net in params.items()
    }


def test_networks_have_the_papers_numbers_of_parameters():
    """Counted by hand: convolutions of 4x4 without biases, and two numbers a norm."""
    params, counts = sizes(context_encoder.Config())
    assert counts == {"generator": 71_124_544, "discriminator": 2_765_568}
    assert params["generator"]["to_bottleneck"]["kernel"].shape == (16 * 512, 4000)
    # Random regions: one more layer of 64 to 64 channels with its norm, in the decoder
    # and in the discriminator.
    _, random = sizes(context_encoder.Config(hole="random"))
    more = 64 * 64 * 16 + 128
    assert random == {name: count + more for name, count in counts.items()}


def test_the_band_of_the_hole_is_shown_and_weighs_most():
    """960 of 4,096 pixels, which have three quarters of the weight."""
    config = context_encoder.Config()
    hole = context_encoder.missing(config, jax.random.key(0))
    assert hole.shape == (128, 128)
    assert hole.sum() == 56**2
    assert hole[36:92, 36:92].all()
    image = jnp.ones((1, 128, 128, 3))
    shown = np.asarray(context_encoder.damage(image, hole))
    np.testing.assert_allclose(
        127.5 * (shown[0, 64, 64] + 1), [117, 104, 123], rtol=1e-6
    )
    np.testing.assert_array_equal(shown[:, ~np.asarray(hole)], 1)


@pytest.mark.parametrize("hole", ["centre", "random"])
def test_a_step_s_loss_is_the_weighted_sum(hole):
    config = context_encoder.Config(
        resolution=16, overlap=1, width=2, bottleneck=3, hole=hole, reconstruction=0.9
    )
    init, step = algorithm(context_encoder.game(config))
    batch = context_encoder.batch(config, jax.random.key(1), 4)
    start = jax.jit(init)(jax.random.key(0), batch)
    _, seen = jax.jit(step)(start, batch)
    expected = 0.9 * seen["generator/error"] + 0.1 * seen["generator/adversarial"]
    np.testing.assert_allclose(seen["generator/loss"], expected, rtol=1e-5)
    if hole == "centre":  # of an untrained network, about the energy of the band
        image = np.asarray(batch["image"])[:, 4:12, 4:12]
        weights = np.full((8, 8, 1), 10.0)
        weights[1:7, 1:7] = 1
        np.testing.assert_allclose(
            seen["generator/error"], (weights * image**2).mean(), rtol=0.1
        )


def test_only_what_is_missing_is_drawn_and_it_is_never_seen():
    init, _ = algorithm(context_encoder.game(TINY))
    batch = context_encoder.batch(TINY, jax.random.key(1), 2)
    state = jax.jit(init)(jax.random.key(0), batch)
    variables = {
        name: {"params": state.params[name], **state.stats[name]}
        for name in state.params
    }
    hole = context_encoder.missing(TINY, jax.random.key(0))
    fill = jax.jit(lambda x: context_encoder.fill(TINY, variables, x, hole))
    image = np.asarray(batch["image"])
    other = np.where(hole[..., None], -image, image)
    found = np.asarray(fill(image))
    np.testing.assert_array_equal(found, fill(other))
    np.testing.assert_array_equal(found[:, ~hole], image[:, ~hole])
    assert not np.allclose(found[:, hole], image[:, hole])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"resolution": 8}, "resolution 8 is not a power of two of at least 16"),
        ({"resolution": 16, "overlap": 4}, "overlap 4 leaves nothing of a hole of 8"),
    ],
)
def test_sizes_that_do_not_fit_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        context_encoder.Config(**change)


@pytest.mark.parametrize(
    ("side", "mask", "message"),
    [
        (8, np.zeros((16, 16)), r"images are \(8, 8, 3\) and the mask \(16, "),
        (16, np.zeros((2, 16, 16)), "the mask covers nothing"),
        (16, np.ones((16, 16)), "the mask covers the whole image"),
    ],
)
def test_images_and_masks_that_do_not_fit_are_refused(side, mask, message):
    with pytest.raises(ValueError, match=message):
        context_encoder.fill(TINY, {}, jnp.zeros((2, side, side, 3)), mask)
