"""The adversarial game over nets whose every number can be worked out."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxgan import losses
from jaxgan.game import algorithm
from jaxgan.models.adversarial import adversarial


class Line(nn.Module):
    """Multiplies by one weight that starts at `start`: `[B, 1]` to `[B, 1]`."""

    start: float

    @nn.compact
    def __call__(self, x):
        return x * self.param("w", nn.initializers.constant(self.start), ())


def build(**changes):
    options = {
        "latent": lambda key, count: jax.random.normal(key, (count, 1)),
        "losses": (
            losses.wasserstein_discriminator_loss,
            losses.wasserstein_generator_loss,
        ),
        "optimizer": optax.sgd(0.1),
        "data": "point",
    }
    return adversarial(Line(3.0), Line(2.0), **(options | changes))


def weights(state):
    return tuple(float(state.params[n]["w"]) for n in ("discriminator", "generator"))


def test_one_step_by_hand():
    # D's slope is mean fake - mean real = 3 * 1 - 5; then G's is -w of D, times z = 1.
    batch = {"point": jnp.full((4, 1), 5.0), "latent": jnp.ones((4, 1))}
    init, step = algorithm(build())
    state, metrics = step(init(jax.random.key(0), batch), batch)
    np.testing.assert_allclose(weights(state), (2.2, 3.22), rtol=1e-6)
    np.testing.assert_allclose(metrics["discriminator/loss"], 6 - 10)
    np.testing.assert_allclose(metrics["discriminator/real"], 10)
    np.testing.assert_allclose(metrics["generator/loss"], -2.2 * 3, rtol=1e-6)


def test_the_discriminator_may_move_more_often():
    batch = {"point": jnp.asarray([5.0, 6.0])[:, None, None] * jnp.ones((1, 4, 1))}
    batch["latent"] = jnp.ones((2, 4, 1))
    init, step = algorithm(build(discriminator_steps=2))
    state, _ = step(init(jax.random.key(0), batch), batch)
    # 2 - 0.1 (3 - 5) = 2.2, then 2.2 - 0.1 (3 - 6) = 2.5
    np.testing.assert_allclose(weights(state), (2.5, 3.25), rtol=1e-6)


def test_real_and_generated_are_looked_at_alike_in_both_losses():
    seen = []

    def look(examples, key):
        seen.append(jax.random.key_data(key))
        return -examples

    batch = {"point": jnp.full((4, 1), 5.0), "latent": jnp.ones((4, 1))}
    init, step = algorithm(build(look=look))
    state, _ = step(init(jax.random.key(0), batch), batch)
    np.testing.assert_allclose(weights(state), (1.8, 2.82), rtol=1e-6)
    assert len(np.unique(np.stack(seen), axis=0)) == 3


def test_each_player_draws_its_own_latents():
    drawn = []

    def latent(key, count):
        drawn.append(key)
        return jax.random.normal(key, (count, 1))

    batch = {"point": jnp.ones((4, 1))}
    init, step = algorithm(build(latent=latent))
    state = init(jax.random.key(0), batch)
    drawn.clear()
    step(state, batch)
    one, two = (jax.random.key_data(key).tolist() for key in drawn)
    assert one != two


def test_an_average_of_the_generator_is_kept():
    batch = {"point": jnp.full((4, 1), 5.0), "latent": jnp.ones((4, 1))}
    init, step = algorithm(build(ema=0.9))
    state, _ = step(init(jax.random.key(0), batch), batch)
    # The first decay of the warm-up is 0.1.
    expected = 0.1 * 3 + 0.9 * 3.22
    assert float(state.ema["generator"]["w"]) == pytest.approx(expected, rel=1e-6)
