"""The adversarial game over nets whose every number can be worked out."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxgan import losses
from jaxgan.game import Move, algorithm
from jaxgan.models.parts.two_players import Objective, adversarial


class Line(nn.Module):
    """Multiplies by one weight that starts at `start`: `[B, 1]` to `[B, 1]`."""

    start: float

    @nn.compact
    def __call__(self, x):
        return x * self.param("w", nn.initializers.constant(self.start), ())


def build_losses():
    return losses.wasserstein_discriminator_loss, losses.wasserstein_generator_loss


def build(**changes):
    options = {
        "latent": lambda key, count: jax.random.normal(key, (count, 1)),
        "losses": build_losses(),
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
    init, step = algorithm(
        build(moves=(Move("discriminator", repeat=2), Move("generator")))
    )
    state, _ = step(init(jax.random.key(0), batch), batch)
    # 2 - 0.1 (3 - 5) = 2.2, then 2.2 - 0.1 (3 - 6) = 2.5
    np.testing.assert_allclose(weights(state), (2.5, 3.25), rtol=1e-6)


def test_real_and_generated_are_seen_alike_in_both_losses():
    seen = []

    def view(examples, key):
        seen.append(jax.random.key_data(key))
        return -examples

    batch = {"point": jnp.full((4, 1), 5.0), "latent": jnp.ones((4, 1))}
    init, step = algorithm(build(view=view))
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


@pytest.mark.parametrize("partitionable", [True, False])
def test_players_of_one_move_see_the_same_fakes_alike(partitionable):
    """Whatever generator of random bits there is, and through the same views."""
    drawn, views = [], []

    def latent(key, count):
        drawn.append(key)
        return jnp.zeros((count, 1))

    def view(examples, key):
        views.append(key)
        return examples

    with jax.threefry_partitionable(partitionable):
        moves = (Move("discriminator", "generator"),)
        init, step = algorithm(build(latent=latent, view=view, moves=moves))
        batch = {"point": jnp.ones((4, 1))}
        state = init(jax.random.key(0), batch)
        drawn.clear()
        step(state, batch)
    real, *fakes = (jax.random.key_data(key).tolist() for key in views)
    one, two = (jax.random.key_data(key).tolist() for key in drawn)
    assert one == two
    assert fakes[0] == fakes[1] != real


def test_an_average_of_the_generator_is_kept():
    batch = {"point": jnp.full((4, 1), 5.0), "latent": jnp.ones((4, 1))}
    init, step = algorithm(build(ema=0.9))
    state, _ = step(init(jax.random.key(0), batch), batch)
    # The first decay of the warm-up is 0.1.
    expected = 0.1 * 3 + 0.9 * 3.22
    assert float(state.ema["generator"]["w"]) == pytest.approx(expected, rel=1e-6)


def test_every_repeat_of_the_discriminator_sees_other_latents():
    drawn = []

    def latent(key, count):
        z = jax.random.normal(key, (count, 1))
        jax.debug.callback(lambda z: drawn.append(np.asarray(z)), z)
        return z

    moves = (Move("discriminator", repeat=3), Move("generator"))
    init, step = algorithm(build(latent=latent, moves=moves))
    batch = {"point": jnp.ones((3, 4, 1))}
    step(init(jax.random.key(0), batch), batch)
    jax.effects_barrier()
    seen = np.stack(drawn)
    assert len(seen) == 4
    assert len(np.unique(seen)) == seen.size


def test_a_penalty_joins_the_discriminators_loss():
    # The slope of D is w everywhere: the R1 penalty is w^2, its gradient 2w.
    def penalty(critic, real, fake, key):
        del fake, key
        return 0.5 * losses.r1_penalty(critic, real)

    objective = Objective(*build_losses(), penalty)
    batch = {"point": jnp.full((4, 1), 5.0), "latent": jnp.ones((4, 1))}
    init, step = algorithm(build(losses=objective))
    state, metrics = step(init(jax.random.key(0), batch), batch)
    np.testing.assert_allclose(metrics["discriminator/penalty"], 0.5 * 4)
    np.testing.assert_allclose(metrics["discriminator/loss"], 6 - 10 + 2)
    np.testing.assert_allclose(weights(state)[0], 2 - 0.1 * (3 - 5 + 2), rtol=1e-6)


def test_a_relativistic_generator_is_shown_reals():
    objective = Objective(
        losses.relativistic_discriminator_loss,
        losses.relativistic_generator_loss,
        relativistic=True,
    )
    batch = {"point": jnp.full((4, 1), 5.0), "latent": jnp.ones((4, 1))}
    init, step = algorithm(build(losses=objective))
    state, metrics = step(init(jax.random.key(0), batch), batch)
    # D: softplus(-(2 * 5 - 2 * 3)), slope -sigma(-4) (5 - 3); then G against the new w.
    w = 2 + 0.1 * 2 / (1 + np.exp(4))
    np.testing.assert_allclose(weights(state)[0], w, rtol=1e-6)
    loss = np.log1p(np.exp(-(w * 3 - w * 5)))
    np.testing.assert_allclose(metrics["generator/loss"], loss, rtol=1e-6)


def test_conditions_reach_both_nets():
    class Both(nn.Module):
        @nn.compact
        def __call__(self, x, label):
            w = self.param("w", nn.initializers.constant(2.0), ())
            return w * x + 10.0 * label[:, None]

    game = adversarial(
        Both(),
        Both(),
        latent=lambda key, count: jnp.zeros((count, 1)),
        losses=build_losses(),
        optimizer=optax.sgd(0.1),
        data="point",
        condition="label",
    )
    init, step = algorithm(game)
    batch = {"point": jnp.ones((2, 1)), "label": jnp.asarray([0, 1])}
    _, metrics = step(init(jax.random.key(0), batch), batch)
    np.testing.assert_allclose(metrics["discriminator/real"], 2 + 5)
    np.testing.assert_allclose(metrics["discriminator/fake"], 2 * 5 + 5)


def test_players_may_have_an_optimiser_each():
    batch = {"point": jnp.full((4, 1), 5.0), "latent": jnp.ones((4, 1))}
    rates = {"discriminator": optax.sgd(0.2), "generator": optax.sgd(0.0)}
    init, step = algorithm(build(optimizer=rates))
    state, _ = step(init(jax.random.key(0), batch), batch)
    np.testing.assert_allclose(weights(state), (2.4, 3.0), rtol=1e-6)


def test_layers_draw_noise_of_their_own_while_they_play():
    class Noisy(nn.Module):
        @nn.compact
        def __call__(self, x):
            w = self.param("w", nn.initializers.constant(1.0), ())
            if self.has_rng("noise"):
                x = x + jax.random.normal(self.make_rng("noise"), x.shape)
            return w * x

    game = adversarial(
        Line(1.0),
        Noisy(),
        latent=lambda key, count: jnp.zeros((count, 1)),
        losses=build_losses(),
        optimizer=optax.sgd(0.0),
        data="point",
    )
    init, step = algorithm(game)
    batch = {"point": jnp.zeros((64, 1))}
    state = init(jax.random.key(0), batch)
    state, one = step(state, batch)
    _, two = step(state, batch)
    seen = [m[f"discriminator/{side}"] for m in (one, two) for side in ("real", "fake")]
    assert len({float(x) for x in seen}) == 4
