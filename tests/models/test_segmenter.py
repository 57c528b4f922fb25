"""The segmenter: its loss is the mean over pixels, and sides it can halve."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import game
from jaxgan.models import segmenter

TINY = segmenter.MODEL.tiny


def test_the_loss_is_the_cross_entropy_of_pixels(key):
    batch = segmenter.batch(TINY, key, 2)
    played = segmenter.game(TINY)
    nets = jax.jit(lambda k: game.variables(game.algorithm(played).init(k, batch)))(key)
    turn, player = game.Turn(key, jnp.zeros((), int)), played.players["segmenter"]
    loss, (_, seen) = jax.jit(player.loss)(nets, batch, turn)
    network = played.nets["network"]
    logits = np.asarray(jax.jit(network.apply)(nets["network"], batch["image"]))
    label = np.asarray(batch["label"])
    own = np.take_along_axis(logits, label[..., None], -1)[..., 0]
    expected = (np.log(np.exp(logits).sum(-1)) - own).mean()
    np.testing.assert_allclose(loss, expected, rtol=1e-4)
    named = np.asarray(segmenter.predict(TINY, nets, batch["image"]))
    np.testing.assert_array_equal(named, logits.argmax(-1))
    np.testing.assert_allclose(seen["accuracy"], (named == label).mean(), rtol=1e-6)


def test_images_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="the segmenter needs .* multiples of 16"):
        segmenter.Config(resolution="40x40")
    batch = segmenter.batch(segmenter.Config("16x16", depth=2), jax.random.key(0), 1)
    with pytest.raises(ValueError, match=r"\(16, 16, 3\), expected \(4, 8, 3\)"):
        segmenter.game(TINY).inputs(batch)
