"""BEGAN: k and its bounds, latents of their own, losses that do not mix."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxgan.game import algorithm, variables
from jaxgan.models import began
from jaxgan.models.parts import began_nets

TINY = began.Config(latent=3, width=2, layers=1, gamma=0.7, gain=0.01)
SIZE = 4


def batch(seed=0, latent=None):
    rng = np.random.default_rng(seed)
    data = {"image": rng.uniform(size=(SIZE, 28, 28, 1)).astype("float32")}
    return data if latent is None else data | {"latent": latent}


def latents(seed):
    """Latents of both players: `[B, 2, Z]`."""
    rng = np.random.default_rng(seed)
    return rng.uniform(-1, 1, (SIZE, 2, 3)).astype("float32")


@pytest.fixture(scope="module")
def run():
    """A start, and `play(k, batch)`: a step of gradient descent from a k."""
    game = began.game(TINY)
    players = {
        name: dataclasses.replace(player, optimizer=optax.sgd(0.1))
        for name, player in game.players.items()
    }
    made = algorithm(dataclasses.replace(game, players=players))
    start = jax.jit(made.init)(jax.random.key(0), batch())
    step = jax.jit(made.step)

    def play(k, data):
        balance = {"memory": {"k": jnp.float32(k)}}
        return step(start.replace(stats={**start.stats, "balance": balance}), data)

    return start, play


def error(state, image):
    """L of images: mean absolute errors, `[B]`."""
    net = began_nets.AutoEncoder(TINY.latent, TINY.width, TINY.layers)
    again = net.apply({"params": state.params["discriminator"]}, image)
    return np.abs(np.asarray(again) - np.asarray(image)).mean((1, 2, 3))


def fakes(state, latent):
    net = began_nets.Decoder(TINY.width, TINY.layers)
    return net.apply({"params": state.params["generator"]}, latent)


def discriminator(state):
    return jax.tree.leaves(state.params["discriminator"])


def test_the_losses_the_measure_and_the_new_k_are_the_paper_s(run):
    start, play = run
    z = latents(1)
    _, metrics = play(0.4, batch(latent=z))
    real = error(start, batch()["image"]).mean()
    shown = error(start, fakes(start, z[:, 0])).mean()  # the discriminator's fakes
    own = error(start, fakes(start, z[:, 1])).mean()  # the generator's
    assert abs(shown - own) > 1e-4
    expected = {
        "discriminator/real": real,
        "discriminator/fake": shown,
        "discriminator/loss": real - 0.4 * shown,
        "generator/loss": own,  # before the discriminator's update, not after it
        "generator/measure": real + abs(0.7 * real - own),
        "generator/k": np.clip(0.4 + 0.01 * (0.7 * real - own), 0, 1),
    }
    for name, value in expected.items():
        np.testing.assert_allclose(metrics[name], value, rtol=1e-4, err_msg=name)


def test_k_starts_at_nothing_and_stays_between_nothing_and_one():
    balance = began.Balance(gamma=0.5, gain=0.1)
    ones = jnp.ones(2)
    state = balance.init(jax.random.key(0), 9 * ones, ones)
    seen = []
    # Steps of 0.1 (0.5 L(x) - L(G(z))): 0.45, 0.45, 0.45, then -0.95 twice.
    for real, fake in ((9.0, 0.0),) * 3 + ((1.0, 10.0),) * 2:
        assert balance.apply(state) == (seen[-1] if seen else 0)  # only looked at
        k, state = balance.apply(state, real * ones, fake * ones, mutable=["memory"])
        seen.append(float(k))
    np.testing.assert_allclose(seen, [0.45, 0.9, 1.0, 0.05, 0.0], atol=1e-6)


def test_the_new_k_is_remembered_by_the_state(run):
    _, play = run
    state, metrics = play(0.4, batch())
    k = state.stats["balance"]["memory"]["k"]
    np.testing.assert_array_equal(k, metrics["generator/k"])
    assert k != 0.4


def test_each_player_has_latents_of_its_own(run):
    _, play = run
    _, metrics = play(0.0, batch())
    # Of one state: were the latents the same, so would be the errors.
    assert abs(metrics["generator/loss"] - metrics["discriminator/fake"]) > 1e-5
    same = latents(1)
    same[:, 1] = same[:, 0]
    _, metrics = play(0.0, batch(latent=same))
    np.testing.assert_allclose(
        metrics["generator/loss"], metrics["discriminator/fake"], rtol=1e-6
    )


def test_the_generators_loss_does_not_reach_the_discriminator(run):
    start, play = run
    # At k = 0 the discriminator learns from reals alone, whatever is generated.
    one, _ = play(0.0, batch(latent=latents(1)))
    other, _ = play(0.0, batch(latent=latents(2)))
    for first, a, b in zip(*map(discriminator, (start, one, other)), strict=True):
        np.testing.assert_array_equal(a, b)
        assert (a != first).any()
    # At k > 0 it depends on its own fakes, and not on those of the generator.
    mixed = latents(1)
    mixed[:, 1] = latents(2)[:, 1]
    one, _ = play(0.8, batch(latent=latents(1)))
    other, _ = play(0.8, batch(latent=mixed))
    third, _ = play(0.8, batch(latent=latents(2)))
    for a, b in zip(*map(discriminator, (one, other)), strict=True):
        np.testing.assert_array_equal(a, b)
    pairs = zip(*map(discriminator, (one, third)), strict=True)
    assert all((a != b).any() for a, b in pairs)


def test_both_move_at_once_and_the_generator_keeps_k():
    game = began.game(TINY)
    (move,) = game.moves
    assert set(move.players) == {"discriminator", "generator"}
    assert game.players["generator"].owns == ("generator", "balance")
    assert game.players["discriminator"].owns == ("discriminator",)


def test_the_decoder_is_the_generator_s_and_nothing_is_normalised(run):
    start, _ = run
    shapes = jax.tree.map(jnp.shape, start.params)
    assert shapes["discriminator"]["Decoder_0"] == shapes["generator"]
    names = {
        jax.tree_util.keystr(p) for p, _ in jax.tree.leaves_with_path(start.params)
    }
    assert not [name for name in names if "Norm" in name]
    assert start.stats["generator"] == start.stats["discriminator"] == {}
    # Channels grow by n a scale in the encoder: 7x7x3n to the code.
    assert shapes["discriminator"]["Dense_0"]["kernel"] == (7 * 7 * 3 * 2, 3)
    assert shapes["generator"]["Dense_0"]["kernel"] == (3, 7 * 7 * 2)


def test_samples_and_reconstructions_are_images_in_the_unit_range(run):
    start, _ = run
    z = began.latent(TINY, jax.random.key(1), 50)
    assert -1 <= z.min() < -0.5
    assert 0.5 < z.max() <= 1
    drawn = began.sample(TINY, variables(start), z)
    expected = np.clip(np.asarray(fakes(start, z)), 0, 1)
    np.testing.assert_allclose(drawn, expected, atol=1e-6)
    again = np.asarray(
        began.reconstruct(TINY, variables(start), jnp.asarray(batch()["image"]))
    )
    assert again.shape == (SIZE, 28, 28, 1)
    assert 0 <= again.min() <= again.max() <= 1


def test_the_step_size_is_halved_again_and_again():
    config = dataclasses.replace(TINY, learning_rate=0.8, halve_every=2)
    optimizer = began.game(config).players["generator"].optimizer
    state, seen = optimizer.init(jnp.zeros(1)), []
    for _ in range(5):
        updates, state = optimizer.update(jnp.ones(1), state)
        seen.append(-np.asarray(updates).item())
    np.testing.assert_allclose(seen, [0.8, 0.8, 0.4, 0.4, 0.2], rtol=1e-4)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"gamma": 0.0}, r"gamma is 0\.0.*above 0 and at most 1"),
        ({"gamma": 1.5}, r"gamma is 1\.5.*above 0 and at most 1"),
        ({"gain": 0.0}, r"gain is 0\.0.*above 0"),
        ({"width": 0}, "width is 0.*at least 1"),
        ({"resolution": 7}, "resolution is 7; it must be 7 or 8 times.*use 14"),
        ({"resolution": 100}, "resolution is 100; .*use 112"),
        ({"nets": "digits", "channels": 3}, "nets is digits, which draw grey"),
        ({"halve_every": 0}, "halve_every is 0.*at least 1"),
    ],
)
def test_a_wrong_setting_is_refused_with_its_value(changes, message):
    with pytest.raises(ValueError, match=message):
        began.Config(**changes)


def test_nets_for_digits_squeeze_images_through_a_normalised_code():
    config = began.Config(nets="digits", latent=32, width=8, hidden=16)
    init = algorithm(began.game(config)).init
    params = jax.eval_shape(init, jax.random.key(0), batch()).params
    made = jax.tree.map(lambda x: x.shape, params["discriminator"])
    inner = 14 * 14 * 8
    assert made["Dense_0"]["kernel"] == (inner, 32)
    assert made["Dense_1"]["kernel"] == (32, inner)
    for number, units in enumerate((32, inner)):
        assert made[f"BatchNorm_{number}"]["scale"] == (units,)
    assert "BatchNorm_0" in params["generator"]
    drawn = jax.eval_shape(
        began_nets.DigitAutoEncoder(32, 8).init_with_output,
        jax.random.key(0),
        batch()["image"],
    )[0]
    assert drawn.shape == (SIZE, 28, 28, 1)


def convolution(before, after):
    return 9 * before * after + after


@pytest.mark.parametrize("skip", [False, True])
@pytest.mark.parametrize(("resolution", "scales"), [(32, 3), (64, 4), (128, 5)])
def test_parameters_of_faces_are_those_of_the_paper_s_networks(
    resolution, scales, skip
):
    n, z, c = 6, 5, 3
    config = began.Config(
        resolution=resolution, channels=c, skip=skip, width=n, latent=z
    )
    params = jax.eval_shape(
        algorithm(began.game(config)).init,
        jax.random.key(0),
        began.batch(config, jax.random.key(0), 2),
    ).params
    count = {
        name: sum(x.size for x in jax.tree.leaves(params[name]))
        for name in ("generator", "discriminator")
    }
    decoder = (z + 1) * 8 * 8 * n + scales * 2 * convolution(n, n) + convolution(n, c)
    decoder += skip * (scales - 1) * 9 * n * n  # maps are twice as deep once a scale
    encoder = convolution(c, n) + (8 * 8 * scales * n + 1) * z
    for scale in range(1, scales + 1):
        encoder += 2 * convolution(scale * n, scale * n)
        if scale < scales:
            encoder += convolution(scale * n, (scale + 1) * n)
    assert count == {"generator": decoder, "discriminator": encoder + decoder}


def test_a_skip_shows_the_first_map_to_every_scale():
    net = began_nets.Decoder(width=2, layers=1, resolution=16, skip=True)
    code = jnp.ones((1, 3))
    params = net.init(jax.random.key(0), code)["params"]
    # Without the first scale's convolution nothing but the skip knows the code.
    cut = {**params, "Conv_0": jax.tree.map(jnp.zeros_like, params["Conv_0"])}
    one, other = (net.apply({"params": cut}, x * code) for x in (1, 2))
    assert np.abs(one - other).max() > 1e-3
    plain = net.clone(skip=False)
    params = plain.init(jax.random.key(0), code)["params"]
    cut = {**params, "Conv_0": jax.tree.map(jnp.zeros_like, params["Conv_0"])}
    one, other = (plain.apply({"params": cut}, x * code) for x in (1, 2))
    np.testing.assert_array_equal(one, other)


def test_centred_networks_play_on_pixels_from_minus_one_to_one():
    plain = dataclasses.replace(TINY, resolution=14, channels=3)
    centred = dataclasses.replace(plain, centred=True)
    unit = began.batch(plain, jax.random.key(1), SIZE)
    whole = {"image": 2 * unit["image"] - 1}
    latent = {"latent": jnp.asarray(latents(1))}
    start = algorithm(began.game(plain)).init(jax.random.key(0), unit)

    def losses(config, data):
        step = algorithm(began.game(config)).step
        return jax.jit(step)(start, data | latent)[1]

    found, expected = losses(centred, unit), losses(plain, whole)
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-5, err_msg=name)
    nets = variables(start)
    again = began.reconstruct(centred, nets, unit["image"])
    raw = began_nets.AutoEncoder(TINY.latent, TINY.width, TINY.layers).apply(
        {"params": start.params["discriminator"]}, whole["image"]
    )
    np.testing.assert_allclose(again, np.clip((raw + 1) / 2, 0, 1), atol=1e-6)
