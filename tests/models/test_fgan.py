"""f-GAN: both players at once, the right side of f'(1), the paper's networks."""

from collections.abc import Callable
from functools import partial
from typing import get_args

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import linen

from jaxgan import losses
from jaxgan.compose import parameter_count
from jaxgan.game import algorithm, variables
from jaxgan.models import fgan

# Where g(v) = f'(1), worked out by hand from the table of the paper.
AT_THRESHOLD = {
    "kl": 1.0,  # v = 1
    "reverse_kl": 0.0,  # -exp(-v) = -1
    "pearson": 0.0,
    "neyman": 0.0,  # 1 - exp(-v) = 0
    "squared_hellinger": 0.0,
    "jensen_shannon": 0.0,  # log 2 - softplus(-v) = 0
    "gan": 0.0,  # -softplus(-v) = -log 2
    "total_variation": 0.0,
}


class Brightness(linen.Module):
    """V of one weight: w times the mean pixel, with w = 2."""

    hidden: tuple = ()

    @linen.compact
    def __call__(self, image):
        return image.mean((1, 2, 3)) * self.param("w", lambda key: jnp.full((), 2.0))


class Fill(linen.Module):
    """Images filled with g times the first entry of the latent, with g = 1."""

    see: Callable

    @linen.compact
    def __call__(self, latent):
        jax.debug.callback(lambda z: self.see(np.asarray(z)), latent)
        g = self.param("g", linen.initializers.ones, ())
        return jnp.broadcast_to(
            g * latent[:, 0, None, None, None], (len(latent), 28, 28, 1)
        )


@pytest.fixture
def play(monkeypatch):
    """`play(batch, **changes)`: a step of gradient descent at 0.1, and the latents."""
    seen = []
    monkeypatch.setattr(fgan, "Generator", lambda hidden: Fill(seen.append))
    monkeypatch.setattr(fgan, "Variational", Brightness)
    monkeypatch.setattr(fgan.optax, "adam", lambda *a: optax.sgd(0.1))

    def play(batch, **changes):
        run = algorithm(fgan.game(fgan.Config(latent=1, **changes)))
        state = run.init(jax.random.key(0), batch)
        jax.effects_barrier()
        seen.clear()
        after, metrics = jax.block_until_ready(run.step(state, batch))
        jax.effects_barrier()
        ends = (after.params["discriminator"]["w"], after.params["generator"]["g"])
        return [float(x) for x in ends], metrics, seen

    return play


def grey(level, count=2):
    return np.full((count, 28, 28, 1), level, "float32")


def test_both_players_step_from_the_same_state(play):
    # Pearson: V loses -2x + (2y)^2 / 4 + 2y at x = 0.9, y = 0.5, with slope
    # -x + w y^2 / 2 + y = -0.15 in w. G loses -w g z, with slope -w z at the *old* w.
    batch = {"image": grey(0.9), "latent": np.full((2, 1), 0.5, "float32")}
    (w, g), metrics, _ = play(batch, divergence="pearson")
    np.testing.assert_allclose((w, g), (2 + 0.015, 1 + 0.1), rtol=1e-4)
    np.testing.assert_allclose(
        metrics["discriminator/loss"], -1.8 + 0.25 + 1, rtol=1e-4
    )
    np.testing.assert_allclose(metrics["generator/loss"], -1.0, rtol=1e-4)


def test_saturating_is_the_generators_own_part_of_the_game(play):
    # G loses -f*(g(V)) = -(v^2 / 4 + v) at v = 1, with slope -(v / 2 + 1) w z.
    batch = {"image": grey(0.9), "latent": np.full((2, 1), 0.5, "float32")}
    (w, g), metrics, _ = play(batch, divergence="pearson", saturating=True)
    np.testing.assert_allclose((w, g), (2 + 0.015, 1 + 0.1 * 1.5), rtol=1e-4)
    np.testing.assert_allclose(metrics["generator/loss"], -1.25, rtol=1e-4)


def test_both_players_see_the_same_latents(play):
    _, _, seen = play({"image": grey(0.9, count=4)})
    assert len(seen) == 2
    np.testing.assert_array_equal(seen[0], seen[1])
    assert len(np.unique(seen[0])) == 4
    assert (np.abs(seen[0]) <= 1).all()  # uniform


@pytest.mark.parametrize("name", AT_THRESHOLD)
def test_raw_outputs_above_the_threshold_mean_data(name):
    v = AT_THRESHOLD[name]
    raw = jnp.array([v - 2.0, v - 0.01, v + 0.01, v + 2.0])
    assert fgan.thinks_real(name, raw).tolist() == [False, False, True, True]


@pytest.mark.parametrize(
    ("name", "u", "slope"),
    [
        ("kl", 3.0, np.log(3) + 1),
        ("reverse_kl", 3.0, -1 / 3),
        ("pearson", 0.4, 2 * (0.4 - 1)),
        ("neyman", 0.4, 1 - 1 / 0.4**2),
        ("squared_hellinger", 3.0, 1 - 3**-0.5),
        ("jensen_shannon", 3.0, np.log(2 * 3 / 4)),
        ("gan", 0.4, np.log(0.4 / 1.4)),
    ],
)
def test_trained_outputs_tell_which_density_is_larger(name, u, slope):
    # On a point where p / q = u, V's share of the loss, u (-g) + f*(g), is least where
    # g = f'(u), here by hand; and then T > f'(1) exactly if p > q.
    objective = fgan.objective(name)
    v = np.linspace(-6, 6, 24_001).astype("float32")
    real, fake = losses.f_gan_discriminator_terms(v, v, divergence=name)
    best = v[int(np.argmin(u * np.asarray(real) + np.asarray(fake)))]
    activation = losses.f_divergence(name).activation
    assert float(activation(best)) == pytest.approx(slope, abs=2e-2)
    assert bool(fgan.thinks_real(name, best)) == (u > 1)
    # It is this loss, and no other, that the players of a game are given.
    one = np.ones(1, "float32")
    expected = losses.f_gan_discriminator_loss(one, 2 * one, divergence=name)
    np.testing.assert_allclose(objective.discriminator(one, 2 * one), expected)


def test_the_slope_that_is_penalised_is_that_of_t_on_the_data():
    # T = -exp(-v) with v = 2x: T' = 2 exp(-2x), at x = 0.5; gamma / 2 times its square.
    objective = fgan.objective("reverse_kl", gamma=3.0)
    real, fake = jnp.full((2, 1), 0.5), jnp.full((2, 1), 7.0)
    penalty = objective.penalty(lambda x: 2 * x[:, 0], real, fake, jax.random.key(0))
    np.testing.assert_allclose(penalty, 1.5 * (2 * np.exp(-1)) ** 2, rtol=1e-5)
    assert fgan.objective("reverse_kl").penalty is None


def test_the_defaults_are_the_papers_networks():
    game = fgan.game(fgan.Config())
    batch = {"image": jnp.zeros((2, 28, 28, 1))}
    state = jax.eval_shape(algorithm(game).init, jax.random.key(0), batch)
    counts = {net: parameter_count(tree) for net, tree in state.params.items()}
    assert counts == {
        "generator": (100 * 1200 + 2400) + (1200 * 1200 + 2400) + (1200 * 784 + 784),
        "discriminator": (784 * 240 + 240) + (240 * 240 + 240) + 241,
    }
    assert state.stats["discriminator"] == {}  # no batch norm in V
    assert "batch_stats" in state.stats["generator"]
    assert [move.players for move in game.moves] == [("discriminator", "generator")]


def test_samples_are_images():
    config = fgan.Config(latent=3, hidden=(5,), variational=(5,))
    run = algorithm(fgan.game(config))
    batch = {"image": np.zeros((2, 28, 28, 1), np.float32)}
    state = jax.jit(run.init)(jax.random.key(0), batch)
    latent = fgan.latent(config, jax.random.key(1), 5)
    images = jax.jit(partial(fgan.sample, config))(variables(state), latent)
    assert (latent.shape, images.shape) == ((5, 3), (5, 28, 28, 1))
    assert ((images >= 0) & (images <= 1)).all()


def test_every_divergence_of_the_losses_may_be_named():
    assert get_args(fgan.Divergence) == tuple(losses.DIVERGENCES) == tuple(AT_THRESHOLD)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"divergence": "jeffrey"},
            r"unknown divergence 'jeffrey'; choose from \('kl', 'rev",
        ),
        ({"latent": 0}, "latent is 0.*at least 1"),
        ({"hidden": (5, 0)}, r"hidden is \(5, 0\); each must be at least 1"),
        ({"variational": (-1,)}, r"variational is \(-1,\); each must be at least 1"),
        ({"learning_rate": 0.0}, r"learning_rate is 0\.0.*above 0"),
    ],
)
def test_a_wrong_setting_is_refused_with_its_value(changes, message):
    with pytest.raises(ValueError, match=message):
        fgan.Config(**changes)
