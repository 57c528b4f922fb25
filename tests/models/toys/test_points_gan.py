"""The laboratory GAN: losses, penalties and dynamics, on nets in closed form."""

from typing import get_args

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxgan.game import Move, Turn, algorithm, variables
from jaxgan.models.toys import points_gan
from jaxgan.models.toys.points_gan import Config

# A linear critic has the gradient w everywhere, wherever a penalty looks.
LINEAR = {"generator": (), "discriminator": (), "discriminator_steps": 1}
TURN = Turn(jax.random.key(0), jnp.int32(0))
RNG = np.random.default_rng(0)
REAL = RNG.normal(1, 1, (6, 2)).astype("float32")
LATENT = RNG.normal(size=(6, 2)).astype("float32")
BATCH = {"data": REAL, "latent": LATENT}


def net(kernel, bias):
    """The variables of a linear net."""
    parts = {"kernel": np.float32(kernel), "bias": np.float32(bias)}
    return {"params": {"Dense_0": parts}}


VARIABLES = {
    "generator": net([[1.0, 0.5], [-0.5, 2.0]], [0.1, 0.2]),
    "discriminator": net([[3.0], [-4.0]], [0.3]),
}
FAKE = LATENT @ np.array([[1.0, 0.5], [-0.5, 2.0]]) + np.array([0.1, 0.2])
R, F = (x @ np.array([3.0, -4.0]) + 0.3 for x in (REAL, FAKE))


def loss_of(player, **config):
    game = points_gan.game(Config(**LINEAR, **config))
    loss, (_, seen) = game.players[player].loss(VARIABLES, BATCH, TURN)
    return float(loss), {name: float(value) for name, value in seen.items()}


def softplus(x):
    return np.logaddexp(0, x)


LOSSES = {  # of the discriminator, of the generator
    "non_saturating": (softplus(-R) + softplus(F), softplus(-F)),
    "minimax": (softplus(-R) + softplus(F), -softplus(F)),
    "hinge": (np.maximum(0, 1 - R) + np.maximum(0, 1 + F), -F),
    "least_squares": ((R - 1) ** 2 / 2 + F**2 / 2, (F - 1) ** 2 / 2),
    "wasserstein": (F - R, -F),
    "relativistic": (softplus(F - R), softplus(R - F)),
    "relativistic_average": (
        softplus(-(R - F.mean())) + softplus(F - R.mean()),
        softplus(R - F.mean()) + softplus(-(F - R.mean())),
    ),
    "boundary_seeking": (softplus(-R) + softplus(F), F**2 / 2),
    "margin_ranking": (np.maximum(0, 1 + F - R), -F),
    "f_gan_kl": (-R + np.exp(F - 1), -F),
    "f_gan_reverse_kl": (np.exp(-R) + F - 1, np.exp(-F)),
    "f_gan_pearson": (-R + F**2 / 4 + F, -F),
    "f_gan_neyman": (np.exp(-R) - 2 * np.exp(-F / 2) + 1, np.exp(-F) - 1),
    "f_gan_squared_hellinger": (np.exp(-R) + np.exp(F) - 2, np.exp(-F) - 1),
    "f_gan_jensen_shannon": (
        softplus(-R) + softplus(F) - 2 * np.log(2),
        softplus(-F) - np.log(2),
    ),
    "f_gan_gan": (softplus(-R) + softplus(F), softplus(-F)),
    "f_gan_total_variation": (np.tanh(F) / 2 - np.tanh(R) / 2, -np.tanh(F) / 2),
}


@pytest.mark.parametrize("loss", LOSSES)
def test_losses_are_the_papers(loss):
    of_d, of_g = LOSSES[loss]
    value, seen = loss_of("discriminator", loss=loss, penalty="none")
    assert value == pytest.approx(of_d.mean(), rel=1e-4)
    assert "penalty" not in seen
    assert loss_of("generator", loss=loss)[0] == pytest.approx(of_g.mean(), rel=1e-4)


def test_each_player_has_its_step_size():
    """Adam's first step is the step size, whatever the gradient."""
    config = Config(**LINEAR, learning_rate=0.3, generator_learning_rate=0.01)
    players = points_gan.game(config).players
    for name, size in (("discriminator", 0.3), ("generator", 0.01)):
        optimizer = players[name].optimizer
        params = {"w": jnp.float32([1.0, -2.0])}
        step, _ = optimizer.update(params, optimizer.init(params), params)
        np.testing.assert_allclose(step["w"], [-size, size], rtol=1e-4)


def test_every_loss_of_the_flag_is_tested():
    assert set(LOSSES) == set(get_args(points_gan.Loss))


@pytest.mark.parametrize(
    ("penalty", "expected"),  # the slope is 5
    [
        ("gradient", 0.7 * 16),
        ("dragan", 0.7 * 16),
        ("r1", 0.35 * 25),
        ("r2", 0.35 * 25),
        ("r1r2", 0.7 * 25),
    ],
)
def test_penalties_are_weighted_and_added(penalty, expected):
    plain, _ = loss_of("discriminator", penalty="none")
    value, seen = loss_of("discriminator", penalty=penalty, weight=0.7)
    assert seen["penalty"] == pytest.approx(expected, rel=1e-4)
    assert value == pytest.approx(plain + expected, rel=1e-4)


def test_r1_looks_at_data_and_r2_at_samples():
    """A ReLU critic that is flat on one side: its slope is there or not."""
    hidden = {"kernel": np.float32([[1.0], [0.0]]), "bias": np.float32([0.0])}
    last = {"kernel": np.float32([[2.0]]), "bias": np.float32([0.0])}
    known = {
        "generator": net(np.zeros((2, 2)), [-1.0, 0.0]),  # samples on the flat side
        "discriminator": {"params": {"Dense_0": hidden, "Dense_1": last}},
    }
    batch = {"data": np.full((3, 2), 2.0, "float32"), "latent": LATENT[:3]}
    for penalty, expected in (("r1", 2.0), ("r2", 0.0), ("r1r2", 2.0)):
        config = Config(**LINEAR | {"discriminator": (1,)}, penalty=penalty, weight=1.0)
        player = points_gan.game(config).players["discriminator"]
        _, (_, seen) = player.loss(known, batch, TURN)
        assert float(seen["penalty"]) == pytest.approx(expected)


def test_clipping_bounds_the_discriminator_alone():
    config = Config(**LINEAR, penalty="clip", weight=0.01, learning_rate=0.1)
    run = algorithm(points_gan.game(config))
    state, metrics = jax.jit(lambda k: run.step(run.init(k, BATCH), BATCH))(TURN.key)
    largest = {
        name: max(float(jnp.abs(x).max()) for x in jax.tree.leaves(tree))
        for name, tree in state.params.items()
    }
    assert largest["discriminator"] == pytest.approx(0.01)
    assert largest["generator"] > 0.1
    assert "discriminator/penalty" not in metrics


def updates(optimizer, gradients):
    param, seen = jnp.zeros(()), []
    state = optimizer.init(param)
    for gradient in gradients:
        step, state = optimizer.update(jnp.float32(gradient), state, param)
        param = optax.apply_updates(param, step)
        seen.append(float(step))
    return seen


def test_the_step_size_falls_to_zero_over_steps_not_updates():
    config = Config(decay_steps=2, discriminator_steps=3, learning_rate=0.1)
    players = points_gan.game(config).players
    # Under a steady gradient Adam's update is the step size.
    seen = updates(players["discriminator"].optimizer, [1.0] * 7)
    expected = [-0.1 * max(0, 1 - i / 6) for i in range(7)]
    np.testing.assert_allclose(seen, expected, atol=1e-6)
    seen = updates(players["generator"].optimizer, [1.0] * 3)
    np.testing.assert_allclose(seen, [-0.1, -0.05, 0.0], atol=1e-6)


def test_optimism_forecasts_adams_update():
    config = Config(dynamics="optimistic", learning_rate=0.1, beta1=0.0, beta2=0.0)
    # With no memory Adam's direction is the gradient's sign, s: 2 s - s_last.
    optimizer = points_gan.game(config).players["generator"].optimizer
    seen = updates(optimizer, [2.0, 5.0, -1.0, -3.0])
    np.testing.assert_allclose(seen, [-0.1, -0.1, 0.3, 0.1], rtol=1e-4)


def test_schedules():
    def moves(**config):
        return points_gan.game(Config(**config)).moves

    assert moves() == (Move("discriminator", repeat=5), Move("generator"))
    together = {"order": "simultaneous", "discriminator_steps": 1}
    assert moves(**together) == (Move("discriminator", "generator"),)
    twice = (Move("discriminator", "generator", repeat=2),)
    assert moves(**together, dynamics="extragradient") == twice


def test_samples_and_scores_are_the_nets():
    config = Config(**LINEAR)
    np.testing.assert_allclose(
        points_gan.sample(config, VARIABLES, LATENT), FAKE, rtol=1e-4, atol=1e-6
    )
    np.testing.assert_allclose(points_gan.score(config, VARIABLES, REAL), R, rtol=1e-4)


@pytest.mark.parametrize(
    ("activation", "expected"),
    [("relu", 0.0), ("leaky_relu", -0.02), ("tanh", -np.tanh(2))],
)
def test_activations(activation, expected):
    config = Config(data=1, latent=1, generator=(1,), activation=activation)
    dense = {"kernel": np.float32([[1.0]]), "bias": np.float32([0.0])}
    known = {"generator": {"params": {"Dense_0": dense, "Dense_1": dense}}}
    out = points_gan.sample(config, known, np.float32([[-2.0]]))
    np.testing.assert_allclose(out, [[expected]], rtol=1e-5)


def test_latents_are_drawn_as_asked():
    key = jax.random.key(0)
    z = points_gan.latent(Config(latent=3, latent_distribution="uniform"), key, 500)
    assert z.shape == (500, 3)
    assert -1 <= float(z.min()) < -0.98 < 0.98 < float(z.max()) <= 1
    assert float(jnp.abs(points_gan.latent(Config(), key, 500)).max()) > 2


def test_the_defaults_are_wgan_gps_toy():
    c = Config()
    assert (c.generator, c.discriminator) == ((512,) * 3, (512,) * 3)
    assert (c.loss, c.penalty, c.weight) == ("wasserstein", "gradient", 0.1)
    for player in points_gan.game(c).players.values():
        first, second = updates(player.optimizer, [1.0, 0.0])
        assert first == pytest.approx(-1e-4, rel=1e-4)
        moments = 0.25 / (1 - 0.5**2), 0.09 / (1 - 0.9**2)
        assert second == pytest.approx(-1e-4 * moments[0] / moments[1] ** 0.5, rel=1e-3)


def test_averages_of_the_generator_are_kept():
    run = algorithm(points_gan.game(Config(**LINEAR, ema=0.9)))
    state = jax.eval_shape(run.init, TURN.key, BATCH)
    assert set(state.ema) == {"generator"}
    assert set(variables(state)) == {"generator", "discriminator"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"loss": "quadratic"}, "unknown loss 'quadratic'; choose from .*minimax"),
        ({"penalty": "r3"}, "unknown penalty 'r3'"),
        ({"dynamics": "sgd"}, "unknown dynamics 'sgd'"),
        ({"order": "random"}, "unknown order 'random'"),
        ({"activation": "gelu"}, "unknown activation 'gelu'"),
        ({"data": 0}, "data is 0; it must be at least 1"),
        ({"latent": 0}, "latent is 0"),
        ({"decay_steps": -1}, "decay_steps is -1; it must be at least 0"),
        ({"generator": (8, 0)}, r"generator is \(8, 0\)"),
        ({"discriminator_steps": -1}, "discriminator_steps is -1; it must be at least"),
        ({"weight": -0.1}, r"weight is -0\.1"),
        (
            {"penalty": "clip", "weight": 0.0},
            "weight is 0; with penalty clip it is the bound",
        ),
        ({"order": "simultaneous"}, "discriminator moves 5 times.*use 1"),
        (
            {"dynamics": "extragradient", "discriminator_steps": 1},
            "set order to simultaneous",
        ),
    ],
)
def test_a_wrong_setting_is_refused_with_its_value(changes, message):
    with pytest.raises(ValueError, match=message):
        Config(**changes)
