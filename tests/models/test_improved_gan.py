"""The semi-supervised GAN: what its losses are of, and what re-implementations miss."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxgan import parallel
from jaxgan.game import Turn, algorithm, pure, variables
from jaxgan.losses import HistoricalAverageState
from jaxgan.models import improved_gan
from jaxgan.models.improved_gan import Config

TINY = Config(
    resolution=8, classes=3, latent=3, generator=(5,), discriminator=(7, 6), kernels=2,
    kernel_dims=2, reference=4, input_noise=0.0, noise=0.0,
)  # fmt: skip
MINIBATCH = dataclasses.replace(
    TINY, matching="discrimination", width=2, generator_width=2, keep=1.0,
    generator_steps=3,
)  # fmt: skip
BATCH = 8
TURN = Turn(jax.random.key(3), jnp.zeros((), jnp.int32))


def made(**changes):
    return dataclasses.replace(TINY, **changes)


def batch(seed=0, size=BATCH):
    keys = jax.random.split(jax.random.key(seed), 3)
    shape = (size, 8, 8, 1)
    return {
        "image": jax.random.uniform(keys[0], shape),
        "labelled": jax.random.uniform(keys[1], shape) ** 2,
        "label": jnp.arange(size) % 3,
        "latent": jax.random.uniform(keys[2], (size, 3)),
    }


def start(config, seed=0):
    """The game, and variables that differ from those of the start."""
    game = improved_gan.game(config)
    state = jax.jit(algorithm(game).init)(jax.random.key(seed), batch())
    nudge = lambda x: x + 0.1 * jnp.cos(jnp.arange(x.size).reshape(x.shape))  # noqa: E731
    return game, variables(state.replace(params=jax.tree.map(nudge, state.params)))


def loss(game, player, at, minibatch):
    value, (_, metrics) = jax.jit(game.players[player].loss)(at, minibatch, TURN)
    return float(value), metrics


def judged(config, at, image):
    """Logits and features of one batch, in float64."""
    net = pure(improved_gan.game(config).nets["discriminator"], "discriminator")
    return [np.asarray(x, np.float64) for x in net(at, image)[0]]


def generated(config, at, minibatch):
    return improved_gan.sample(config, at, minibatch["latent"])


def softplus(x):
    return np.logaddexp(0, x)


def expected(config, at, minibatch):
    """The discriminator's loss from logits: `(labelled, unlabelled, reals' LSE)`."""
    images = (
        minibatch["labelled"],
        minibatch["image"],
        generated(config, at, minibatch),
    )
    logits, real, fake = (judged(config, at, image)[0] for image in images)
    lse = lambda l: np.log(np.exp(l).sum(1))  # noqa: E731, E741
    picked = logits[np.arange(BATCH), np.asarray(minibatch["label"])]
    labelled = (lse(logits) - picked).mean()
    return labelled, (softplus(-lse(real)) + softplus(lse(fake))).mean(), lse(real)


@pytest.mark.parametrize("config", [TINY, MINIBATCH])
def test_the_discriminator_s_loss_has_k_logits_and_separate_batches(config):
    """The logit of "generated" is 0; unlabelled terms weigh one half each.

    With minibatch discrimination, this fails where batches are judged together.
    """
    game, at = start(config)
    value, metrics = loss(game, "discriminator", at, batch(1))
    assert judged(config, at, batch(1)["image"])[0].shape == (BATCH, 3)
    labelled, unlabelled, _ = expected(config, at, batch(1))
    np.testing.assert_allclose(metrics["labelled"], labelled, rtol=1e-4)
    np.testing.assert_allclose(metrics["unlabelled"], unlabelled, rtol=1e-4)
    np.testing.assert_allclose(value, labelled + unlabelled / 2, rtol=1e-4)


def test_minibatch_features_would_tell_mixed_batches():
    """So the test above can fail: judged together, logits are others."""
    config = MINIBATCH
    _, at = start(config)
    real, fake = batch(1)["image"], generated(config, at, batch(1))
    together, _ = judged(config, at, jnp.concatenate([real, fake]))
    assert np.abs(together[:BATCH] - judged(config, at, real)[0]).max() > 1e-3


def test_features_are_matched_on_means():
    game, at = start(TINY)
    minibatch = batch(1)
    value, _ = loss(game, "generator", at, minibatch)
    _, real = judged(TINY, at, minibatch["image"])
    _, fake = judged(TINY, at, generated(TINY, at, minibatch))
    np.testing.assert_allclose(
        value, np.square(real.mean(0) - fake.mean(0)).mean(), rtol=1e-4
    )
    per_example = np.square(real - fake).mean()
    assert per_example > 1.5 * value
    # Whom a real image stands beside is no matter.
    turned = {**minibatch, "image": minibatch["image"][::-1]}
    np.testing.assert_allclose(loss(game, "generator", at, turned)[0], value, rtol=1e-4)


def test_with_minibatch_discrimination_the_generator_fools():
    config = dataclasses.replace(MINIBATCH, smoothing=0.3)
    game, at = start(config)
    logits, _ = judged(config, at, generated(config, at, batch(1)))
    value, _ = loss(game, "generator", at, batch(1))
    lse = np.log(np.exp(logits).sum(1))
    np.testing.assert_allclose(value, -softplus(lse).mean(), rtol=1e-4)


@pytest.mark.parametrize("nets", ["dense", "convolutional"])
def test_colour_images_are_trained_on(nets):
    """Convolutional nets match features by absolute differences, as the script does."""
    config = made(channels=3, nets=nets, width=2, generator_width=2, keep=1.0)
    if nets == "convolutional":
        config = dataclasses.replace(config, resolution=32)
    game = improved_gan.game(config)
    minibatch = improved_gan.batch(config, jax.random.key(0), 4)
    minibatch["latent"] = improved_gan.latent(config, jax.random.key(1), 4)
    init = jax.jit(algorithm(game).init)
    at = variables(init(jax.random.key(0), minibatch))
    fake = generated(config, at, minibatch)
    assert fake.shape == minibatch["image"].shape == (4, *[config.resolution] * 2, 3)
    _, real = judged(config, at, minibatch["image"])
    _, fake = judged(config, at, fake)
    apart = np.abs(real.mean(0) - fake.mean(0))
    expected = (apart if nets == "convolutional" else apart**2).mean()
    value, _ = loss(game, "generator", at, minibatch)
    np.testing.assert_allclose(value, expected, rtol=1e-3)


def test_runs_of_dense_minibatch_discrimination_are_told_so():
    with pytest.raises(
        ValueError, match="'minibatch'.*'discrimination': train it again"
    ):
        made(matching="minibatch")


def test_smoothing_is_one_sided_and_the_discriminator_s_alone():
    plain, at = start(TINY)
    smooth = improved_gan.game(made(smoothing=0.2))
    before, _ = loss(plain, "discriminator", at, batch(1))
    after, _ = loss(smooth, "discriminator", at, batch(1))
    _, _, real = expected(TINY, at, batch(1))
    # 0.8 softplus(-x) + 0.2 softplus(x) is 0.2 x more; fakes have nothing more.
    np.testing.assert_allclose(after - before, 0.2 * real.mean() / 2, rtol=1e-3)
    assert (
        loss(plain, "generator", at, batch(1))[0]
        == loss(smooth, "generator", at, batch(1))[0]
    )


def test_the_classifier_is_the_largest_of_k_logits():
    """Even where "generated", whose logit is 0, would be larger than all of them."""
    _, at = start(TINY)
    net = at["discriminator"]
    params = {**net["params"]}
    params["to_logits"] = {
        **params["to_logits"],
        "gain": jnp.zeros(3),
        "bias": jnp.array([-9.0, -7.0, -8.0]),
    }
    at = {**at, "discriminator": {**net, "params": params}}
    predicted = improved_gan.predict(TINY, at, batch(1)["image"])
    np.testing.assert_array_equal(predicted, 1)
    assert jnp.issubdtype(predicted.dtype, jnp.integer)


def test_noise_is_for_training_only():
    noisy = made(input_noise=0.3, noise=0.5)
    game, at = start(noisy)
    values = {
        float(
            game.players["discriminator"].loss(
                at, batch(1), Turn(jax.random.key(seed), TURN.step)
            )[0]
        )
        for seed in range(2)
    }
    assert len(values) == 2
    image = batch(1)["image"]
    for one, other in zip(
        judged(noisy, at, image), judged(TINY, at, image), strict=True
    ):
        np.testing.assert_array_equal(one, other)


def played(config, steps):
    """States after 0, 1, ... steps."""
    run = algorithm(improved_gan.game(config))
    step = jax.jit(run.step)
    states = [jax.jit(run.init)(jax.random.key(0), batch())]
    for i in range(steps):
        states.append(step(states[-1], batch(i))[0])
    return states


def same(a, b):
    return all(map(np.array_equal, jax.tree.leaves(a), jax.tree.leaves(b)))


def test_only_classes_have_a_learnt_gain_and_the_first_batch_sets_them():
    states = played(TINY, 2)
    first, last = (state.stats["discriminator"]["gains"] for state in states[::2])
    assert same(first, last)
    assert "gain" not in states[0].params["discriminator"]["WeightNormDense_0"]
    # Logits of the initial batch have mean 0 and variance 1 each.
    logits, _ = judged(TINY, variables(states[0]), batch()["image"])
    np.testing.assert_allclose(logits.mean(0), 0, atol=1e-5)
    np.testing.assert_allclose(logits.std(0), 1, rtol=1e-3)
    assert set(states[0].ema) == {"discriminator"}


def test_historical_averages_remember_the_past_and_pull_both_players():
    with_history, without = (played(made(historical=h), 2) for h in (0.5, 0.0))
    # The first step is at the mean of the past; later ones are not.
    assert same(with_history[1].params, without[1].params)
    for player in ("discriminator", "generator"):
        assert not same(with_history[2].params[player], without[2].params[player])
        memory = with_history[2].opt_state[player][0]
        assert isinstance(memory, HistoricalAverageState)
        mean = jax.tree.map(
            lambda a, b: (a + b) / 2,
            with_history[0].params[player],
            with_history[1].params[player],
        )
        for x, y in zip(
            jax.tree.leaves(memory.mean), jax.tree.leaves(mean), strict=True
        ):
            np.testing.assert_allclose(x, y, rtol=1e-4, atol=1e-6)


def test_the_step_size_falls_to_nothing():
    states = played(made(decay=(1, 2)), 3)
    assert not same(states[1].params, states[2].params)
    assert same(states[2].params, states[3].params)


def test_the_fall_counts_steps_of_the_game():
    """A generator that moves three times a step falls three times as slowly."""
    players = improved_gan.game(made(generator_steps=3, decay=(1, 2))).players
    shares = {}
    for name, player in players.items():
        params, moved = jnp.zeros(1), []
        state = player.optimizer.init(params)
        for _ in range(7):
            update, state = player.optimizer.update(jnp.ones(1), state, params)
            moved.append(float(-update[0]))
        shares[name] = np.array(moved) / moved[0]
    expected = {"discriminator": [1, 1, *[0] * 5], "generator": [1, 1, 1, 1, 2, 1, 0]}
    expected["generator"][4:6] = [2 / 3, 1 / 3]
    for name, share in shares.items():
        np.testing.assert_allclose(share, expected[name], atol=1e-5)


def test_a_virtually_normalised_image_is_its_latent_s_alone():
    latent = batch()["latent"]
    alone = {}
    for norm in ("virtual", "batch"):
        config = made(norm=norm)
        _, at = start(config)
        together = improved_gan.sample(config, at, latent)
        few = improved_gan.sample(config, at, latent[:3])
        alone[norm] = np.abs(together[:3] - few).max()
    assert alone["virtual"] < 1e-6 < 1e-3 < alone["batch"]


@pytest.mark.slow
def test_the_reference_batch_stays_and_a_mesh_changes_nothing():
    """Both techniques that look beyond the example, on eight devices and on one."""
    game = improved_gan.game(made(norm="virtual"))
    sgd = {
        name: dataclasses.replace(player, optimizer=optax.sgd(0.01))
        for name, player in game.players.items()
    }
    run = algorithm(dataclasses.replace(game, players=sgd))
    ends = []
    for devices in (jax.devices()[:1], jax.devices()):
        init, step = parallel.compiled(run, parallel.mesh(devices))
        state = init(jax.random.key(0), batch())
        reference = np.asarray(state.stats["generator"]["memory"]["reference"])
        assert reference.shape == (4, 3)
        assert 0 <= reference.min() < reference.max() <= 1
        state, metrics = step(state, batch())
        np.testing.assert_array_equal(
            state.stats["generator"]["memory"]["reference"], reference
        )
        ends.append(jax.device_get((state.params, metrics)))
    for one, other in zip(*map(jax.tree.leaves, ends), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=2e-6)


def test_latents_are_uniform_on_the_unit_interval():
    drawn = improved_gan.latent(TINY, jax.random.key(0), 4000)
    assert drawn.shape == (4000, 3)
    assert 0 <= drawn.min() < 0.01
    assert 0.99 < drawn.max() <= 1
    np.testing.assert_allclose(drawn.mean(), 0.5, atol=0.02)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"classes": 0}, "classes is 0.*at least 2"),
        ({"discriminator": ()}, "discriminator is .*at least one"),
        ({"generator": (5, 0)}, "generator is .*each must be at least 1"),
        ({"noise": -0.1}, "noise is -0.1.*at least 0"),
        ({"smoothing": 1.0}, r"smoothing is 1.0.*at least 0 and below 1"),
        ({"decay": (5, 5)}, r"decay is \(5, 5\).*later"),
        ({"input_keep": 0.0}, "input_keep is 0.0.*above 0"),
        (
            {"matching": "discrimination", "nets": "dense"},
            "nets is 'dense', but minibatch discrimination has convolutional nets",
        ),
        ({"matching": "both"}, "unknown matching 'both'.*'features', 'discrimination'"),
        ({"norm": "layer"}, "unknown norm 'layer'"),
    ],
)
def test_what_cannot_be_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        Config(**changes)
