"""InfoGAN: what codes are, who reads them, and who is told."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import log_softmax
from scipy.stats import norm

from jaxgan import nn
from jaxgan.compose import parameter_count
from jaxgan.game import Turn, algorithm, pure, variables
from jaxgan.models import infogan

TINY = infogan.Config(
    noise=4, categories=3, width=2, hidden=6, recogniser=5, category_weight=0.5,
    continuous_weight=0.25,
)  # fmt: skip
PLAIN = dataclasses.replace(TINY, inform=False)
TURN = Turn(jax.random.key(1), jnp.int32(0))
COUNT = 6


def batch():
    rng = np.random.default_rng(0)
    return {
        "image": rng.uniform(size=(COUNT, 28, 28, 1)).astype("float32"),
        "latent": np.asarray(infogan.latent(TINY, jax.random.key(3), COUNT)),
    }


@pytest.fixture(scope="module")
def nets():
    state = jax.jit(algorithm(infogan.game(TINY)).init)(jax.random.key(0), batch())
    return variables(state)


def seen(nets, image):
    """The discriminator's outputs for a batch by itself, in float64."""
    out = pure(infogan.Discriminator(TINY), "discriminator")(nets, image)[0]
    return infogan.Seen(*(np.asarray(x, "float64") for x in out))


def gradient(config, nets, player, net):
    """The gradient of a player's loss with respect to the parameters of any net."""
    given = batch()

    def loss(params):
        changed = {**nets, net: {**nets[net], "params": params}}
        return infogan.game(config).players[player].loss(changed, given, TURN)[0]

    return jax.jit(jax.grad(loss))(nets[net]["params"])


def softplus(logits):
    """The mean of log(1 + exp(x)), by NumPy."""
    return np.logaddexp(0, logits).mean()


def largest(tree):
    return max(float(jnp.abs(x).max()) for x in jax.tree.leaves(tree))


def test_the_defaults_are_the_papers_networks_with_one_trunk():
    init = algorithm(infogan.game(infogan.Config())).init
    given = {"image": jnp.zeros((2, 28, 28, 1))}
    state = jax.eval_shape(init, jax.random.key(0), given)
    counts = {net: parameter_count(params) for net, params in state.params.items()}
    assert counts == {
        "generator": 74 * 1024 + 2 * 1024 + 1024 * 6272 + 2 * 6272
        + 16 * 128 * 64 + 2 * 64 + 16 * 64 + 1,
        "discriminator": 16 * 64 + 64 + 16 * 64 * 128 + 2 * 128  # convolutions
        + 6272 * 1024 + 2 * 1024 + 1024 + 1  # dense layer, logit
        + 1024 * 128 + 2 * 128 + 128 * 12 + 12,  # Q's own
    }  # fmt: skip


def test_the_networks_for_grey_faces_are_the_papers():
    config = infogan.Config(side=32, noise=128, categories=0, continuous=5)
    init = algorithm(infogan.game(config)).init
    given = infogan.MODEL.batch(config, jax.random.key(0), 2)
    assert given["image"].shape == (2, 32, 32, 1)
    state = jax.eval_shape(init, jax.random.key(0), given)
    counts = {net: parameter_count(params) for net, params in state.params.items()}
    assert counts == {
        "generator": 133 * 1024 + 2 * 1024 + 1024 * 8192 + 2 * 8192
        + 16 * 128 * 64 + 2 * 64 + 16 * 64 + 1,
        "discriminator": 16 * 64 + 64 + 16 * 64 * 128 + 2 * 128
        + 8192 * 1024 + 2 * 1024 + 1024 + 1
        + 1024 * 128 + 2 * 128 + 128 * 5 + 5,
    }  # fmt: skip


@pytest.mark.parametrize(("kinds", "numbers"), [(0, 5), (3, 0)])
def test_without_a_kind_of_code_there_is_no_metric_of_it(kinds, numbers):
    config = dataclasses.replace(TINY, categories=kinds, continuous=numbers)
    latents = infogan.latent(config, jax.random.key(0), COUNT)
    assert latents.shape == (COUNT, 4 + kinds + numbers)
    given = {"image": batch()["image"], "latent": latents}
    play = algorithm(infogan.game(config))

    def lost(key):
        nets = variables(play.init(key, given))
        return infogan.game(config).players["discriminator"].loss(nets, given, TURN)

    loss, (_, metrics) = jax.eval_shape(lost, jax.random.key(0))
    assert loss.shape == ()
    assert ("information" in metrics) == bool(kinds)
    assert ("continuous_error" in metrics) == bool(numbers)


def test_the_players_step_sizes_differ():
    rates = {"discriminator": 2e-4, "generator": 1e-3}
    for name, player in infogan.game(infogan.Config()).players.items():
        params = jnp.zeros(1)
        state = player.optimizer.init(params)
        updates, state = player.optimizer.update(jnp.ones(1), state, params)
        np.testing.assert_allclose(updates, -rates[name], rtol=1e-4)
        updates, _ = player.optimizer.update(jnp.zeros(1), state, params)
        first, second = 0.25 / (1 - 0.5**2), 0.000999 / (1 - 0.999**2)
        np.testing.assert_allclose(updates, -rates[name] * first / second**0.5, 1e-3)


def test_codes_are_uniform_and_come_back_from_latents():
    config = infogan.Config()
    codes = infogan.codes(config, jax.random.key(0), 6000)
    share = np.bincount(np.asarray(codes.category), minlength=10) / 6000
    np.testing.assert_allclose(share, np.full(10, 0.1), atol=0.02)
    continuous = np.asarray(codes.continuous)
    assert continuous.shape == (6000, 2)
    assert -1 <= continuous.min() < -0.99 < 0.99 < continuous.max() <= 1
    np.testing.assert_allclose(continuous.std(0), [3**-0.5] * 2, rtol=0.03)
    noise = jnp.ones((6000, 62))
    again = infogan.split(config, infogan.join(config, noise, codes))
    np.testing.assert_array_equal(again[0], noise)
    np.testing.assert_array_equal(again[1].category, codes.category)
    np.testing.assert_array_equal(again[1].continuous, codes.continuous)
    latent = infogan.latent(config, jax.random.key(0), 50)
    assert latent.shape == (50, 74)
    np.testing.assert_array_equal(latent[:, 62:72].sum(1), np.ones(50))
    assert len(np.unique(infogan.split(config, latent)[1].category)) > 5


@pytest.mark.parametrize("kinds", [0, 3])
def test_along_a_sweep_one_code_changes(kinds):
    config = dataclasses.replace(TINY, categories=kinds)
    latents = infogan.latent(config, jax.random.key(0), 5)
    for code in range(1, 3 + bool(kinds)):
        values = jnp.array([2, 0]) if kinds and code == 1 else jnp.array([-2.0, 0.5])
        rows = np.asarray(infogan.sweep(config, latents, code, values))
        assert rows.shape == (5, 2, 4 + kinds + 2)
        width = slice(4, 4 + kinds)
        place = 4 + kinds + code - 1 - bool(kinds)
        swept = np.arange(rows.shape[-1]) == place
        if kinds and code == 1:
            swept = np.isin(np.arange(rows.shape[-1]), np.r_[width])
            expected = np.eye(kinds)[np.asarray(values)]
        else:
            expected = np.asarray(values)[:, None]
        np.testing.assert_array_equal(
            rows[..., swept], np.broadcast_to(expected, rows[..., swept].shape)
        )
        for column in rows.swapaxes(0, 1):
            np.testing.assert_array_equal(
                column[:, ~swept], np.asarray(latents)[:, ~swept]
            )


@pytest.mark.parametrize("config", [TINY, PLAIN], ids=["informed", "plain"])
def test_both_losses_are_those_of_the_paper(nets, config):
    """The standard deviation of continuous codes is 1: the density of N(mean, 1)."""
    given = batch()
    codes = infogan.split(TINY, given["latent"])[1]
    fake = infogan.sample(TINY, nets, given["latent"])
    on_real, on_fake = seen(nets, given["image"]), seen(nets, fake)
    picked = log_softmax(on_fake.category, axis=1)[np.arange(COUNT), codes.category]
    density = norm.logpdf(np.asarray(codes.continuous), on_fake.mean, 1.0).sum(1)
    bound = 0.5 * picked.mean() + 0.25 * density.mean()
    players = infogan.game(config).players
    loss, (_, metrics) = players["discriminator"].loss(nets, given, TURN)
    expected = softplus(-on_real.logit) + softplus(on_fake.logit) - bound
    np.testing.assert_allclose(loss, expected, rtol=1e-4)
    information = np.log(3) + picked.mean()
    np.testing.assert_allclose(metrics["information"], information, atol=1e-5)
    error = np.square(on_fake.mean - codes.continuous).mean()
    np.testing.assert_allclose(metrics["continuous_error"], error, rtol=1e-4)
    loss, _ = players["generator"].loss(nets, given, TURN)
    expected = softplus(-on_fake.logit) - (bound if config.inform else 0)
    np.testing.assert_allclose(loss, expected, rtol=1e-4)
    # In company, batch normalisation would have said something else.
    mixed = seen(nets, np.concatenate([given["image"], fake])).logit[:COUNT]
    assert abs(softplus(-mixed) - softplus(-on_real.logit)) > 1e-5


def test_jitter_is_of_the_category_alone(nets):
    """It is read off moved images; the logit and the other codes are not."""
    given, config = batch(), dataclasses.replace(TINY, jitter=True)
    category, values = infogan.split(TINY, given["latent"])[1]
    fake = infogan.sample(TINY, nets, given["latent"])
    moved = nn.random_affine(fake, jax.random.fold_in(TURN.key, 1))
    on_real, on_fake = seen(nets, given["image"]), seen(nets, fake)
    logits = log_softmax(seen(nets, moved).category, axis=1)
    picked = logits[np.arange(COUNT), category].mean()
    assert abs(picked - log_softmax(on_fake.category, axis=1)[
        np.arange(COUNT), category
    ].mean()) > 1e-6  # fmt: skip
    density = norm.logpdf(np.asarray(values), on_fake.mean, 1.0).sum(1).mean()
    bound = 0.5 * picked + 0.25 * density
    players = infogan.game(config).players
    loss, (_, metrics) = players["discriminator"].loss(nets, given, TURN)
    expected = softplus(-on_real.logit) + softplus(on_fake.logit) - bound
    np.testing.assert_allclose(loss, expected, rtol=1e-4)
    np.testing.assert_allclose(metrics["information"], np.log(3) + picked, atol=1e-5)
    loss, _ = players["generator"].loss(nets, given, TURN)
    np.testing.assert_allclose(loss, softplus(-on_fake.logit) - bound, rtol=1e-4)


@pytest.mark.slow
def test_the_information_reaches_generator_recogniser_and_trunk(nets):
    told, untold = (
        gradient(config, nets, "generator", "generator") for config in (TINY, PLAIN)
    )
    assert largest(jax.tree.map(jnp.subtract, told, untold)) > 1e-6
    silent = dataclasses.replace(TINY, category_weight=0.0, continuous_weight=0.0)
    alone = gradient(silent, nets, "discriminator", "discriminator")
    assert largest(alone["to_codes"]) == 0
    for config in (TINY, PLAIN):  # an attached Q learns, too, and only looks on
        learnt = gradient(config, nets, "discriminator", "discriminator")
        assert largest(learnt["to_codes"]) > 1e-3
        assert largest(learnt["read"]) > 1e-6
        trunks = jax.tree.map(jnp.subtract, learnt["trunk"], alone["trunk"])
        assert (largest(trunks) > 1e-7) == config.inform


def test_a_plain_generator_is_not_told(nets):
    through = gradient(PLAIN, nets, "generator", "discriminator")
    assert largest((through["to_codes"], through["read"])) == 0
    assert largest(through["to_logit"]) > 0
    through = gradient(TINY, nets, "generator", "discriminator")
    assert largest(through["to_codes"]) > 0


def test_the_recogniser_sees_through_the_discriminators_layers(nets):
    image = batch()["image"]
    before = seen(nets, image)
    params = nets["discriminator"]["params"]
    trunk = jax.tree.map(lambda x: x + 0.3, params["trunk"])
    other = {**nets["discriminator"], "params": {**params, "trunk": trunk}}
    after = seen({**nets, "discriminator": other}, image)
    for one, another in zip(before, after, strict=True):
        assert not np.allclose(one, another)


def test_the_bound_is_zero_where_nothing_is_read(nets):
    params = nets["discriminator"]["params"]
    blind = {**params, "to_codes": jax.tree.map(jnp.zeros_like, params["to_codes"])}
    changed = {**nets, "discriminator": {**nets["discriminator"], "params": blind}}
    player = infogan.game(TINY).players["discriminator"]
    _, (_, metrics) = player.loss(changed, batch(), TURN)
    np.testing.assert_allclose(metrics["information"], 0, atol=1e-6)


def test_recognise_reads_images(nets):
    image = batch()["image"]
    logits, means = infogan.recognise(TINY, nets, image)
    assert (logits.shape, means.shape) == ((COUNT, 3), (COUNT, 2))
    np.testing.assert_allclose(logits, seen(nets, image).category, rtol=1e-5)


def averaged(nets):
    """With running averages of the size of what untrained weights make."""
    stats = jax.tree.map(lambda x: 1e-4 * x, nets["generator"]["batch_stats"])
    return {**nets, "generator": {**nets["generator"], "batch_stats": stats}}


def test_running_averages_draw_one_category_alone(nets):
    """Under the statistics of a batch, what all its codes share is normalised away."""
    noise, nets = infogan.split(TINY, batch()["latent"])[0], averaged(nets)
    for statistics, seen in (("batch", False), ("running", True)):
        drawn = [
            infogan.sample(
                TINY,
                nets,
                infogan.join(
                    TINY,
                    noise,
                    infogan.Codes(jnp.full(COUNT, k), jnp.zeros((COUNT, 2))),
                ),
                statistics,
            )
            for k in (0, 1)
        ]
        assert np.allclose(*drawn, atol=1e-6) != seen, statistics


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"categories": 1}, "categories is 1, which says nothing; give 2 or more"),
        ({"categories": 0, "continuous": 0}, "give at least one code to read"),
        ({"side": 30}, "side is 30; .* such as 28 or 32"),
        ({"generator_rate": 0.0}, r"generator_rate is 0\.0; it must be above 0"),
        ({"category_weight": -0.1}, r"category_weight is -0\.1; it must be at least 0"),
    ],
)
def test_a_wrong_setting_is_refused_with_its_value(changes, message):
    with pytest.raises(ValueError, match=message):
        infogan.Config(**changes)
