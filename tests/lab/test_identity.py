"""Networks that recognise people: which pairs they take for one person."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import game
from jaxgan.lab.judges import identity
from jaxgan.models import factor_regressor


@pytest.fixture(scope="module")
def made():
    count = len(identity.KEPT)
    config = factor_regressor.Config(32, numbers=count, binaries=0, width=2, hidden=5)
    batch = factor_regressor.batch(config, jax.random.key(0), 2)
    state = jax.jit(game.algorithm(factor_regressor.game(config)).init)(
        jax.random.key(0), batch
    )
    return identity.Identity(config, game.variables(state), {})


def test_larger_pictures_are_read_at_32_pixels(made):
    image = np.random.default_rng(0).integers(0, 255, (3, 32, 32, 3), np.uint8)
    large = image.repeat(2, 1).repeat(2, 2)
    np.testing.assert_allclose(made.distances(image, large), 0, atol=1e-5)
    one, other = made.embed(jnp.asarray(image / 255, jnp.float32)), image[::-1]
    assert one.shape == (3, len(identity.KEPT))
    expected = np.sqrt(np.square(one[0] - one[2]).mean())
    np.testing.assert_allclose(made.distances(image, other)[0], expected, rtol=1e-3)


def test_the_threshold_lets_one_in_twenty_strangers_pass(made):
    rng = np.random.default_rng(1)
    young = rng.integers(0, 255, (60, 32, 32, 3), np.uint8)
    old = np.clip(young.astype(int) + rng.integers(-9, 9, young.shape), 0, 255)
    facts = identity.quality(made, young, old.astype(np.uint8))
    assert facts["recognised"] == 1
    known = made._replace(facts=facts)
    strangers = known.same(young, np.roll(old.astype(np.uint8), 1, 0))
    np.testing.assert_allclose(strangers, identity.MISTAKEN, atol=1 / 60)
