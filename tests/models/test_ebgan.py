"""EBGAN: energies and the margin in one unit, pulling away in one loss."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxgan.game import algorithm, variables
from jaxgan.models import ebgan

TINY = ebgan.Config(latent=3, generator=(5,), encoder=(40,), pulling_away=1e4)
RATE = 1e-3


def batch(seed=0, size=6):
    rng = np.random.default_rng(seed)
    return {
        "image": rng.uniform(size=(size, 28, 28, 1)).astype("float32"),
        "latent": rng.normal(size=(size, 3)).astype("float32"),
    }


def play(config, **changes):
    """The state before and after a step of gradient descent, and its metrics."""
    game = ebgan.game(config)
    players = {
        name: dataclasses.replace(player, optimizer=optax.sgd(RATE))
        for name, player in game.players.items()
    }
    run = algorithm(dataclasses.replace(game, players=players))

    def both(data):
        before = run.init(jax.random.key(0), data)
        return (before, *run.step(before, data))

    return jax.jit(both)(batch(**changes))


@pytest.fixture(scope="module")
def played():
    return play(TINY)


def looked_at(state, image):
    """Energies and codes, `[B]` and `[B, 40]`, in plain numpy."""
    layers = state.params["discriminator"]
    (w, b), (v, c) = (
        [np.asarray(layers[f"Dense_{i}"][n], "float64") for n in ("kernel", "bias")]
        for i in (0, 1)
    )
    x = np.asarray(image, "float64").reshape(len(image), -1)
    code = np.maximum(x @ w + b, 0)
    again = 1 / (1 + np.exp(-(code @ v + c)))
    return ((again - x) ** 2).sum(1), code


def fakes(state, seed=0):
    latent = jnp.asarray(batch(seed)["latent"])
    return ebgan.sample(TINY, variables(state), latent)


def test_the_energy_is_a_sum_over_pixels_in_the_margin_s_unit(played):
    before, _, metrics = played
    real, _ = looked_at(before, batch()["image"])
    fake, _ = looked_at(before, fakes(before))
    np.testing.assert_allclose(metrics["discriminator/real"], real.mean(), rtol=1e-4)
    np.testing.assert_allclose(metrics["discriminator/fake"], fake.mean(), rtol=1e-4)
    assert fake.mean() > 1  # which a mean over pixels never is
    # A margin in the midst of the fakes: some are pushed, some are not.
    margin = float(np.sort(fake)[2:4].mean())
    _, _, seen = play(dataclasses.replace(TINY, margin=margin))
    expected = real + np.maximum(0, margin - fake)
    np.testing.assert_allclose(seen["discriminator/loss"], expected.mean(), rtol=1e-5)
    np.testing.assert_allclose(seen["discriminator/pushed"], 0.5)


def test_a_margin_below_every_fake_leaves_the_reals_alone_to_learn_from():
    before, after, metrics = play(dataclasses.replace(TINY, margin=0.5))
    assert metrics["discriminator/pushed"] == 0
    np.testing.assert_allclose(
        metrics["discriminator/loss"], metrics["discriminator/real"], rtol=1e-6
    )
    lower, _ = looked_at(after, batch()["image"])
    assert lower.mean() < looked_at(before, batch()["image"])[0].mean()


def test_pulling_away_is_the_mean_squared_cosine_of_the_fakes_codes(played):
    before, after, metrics = played
    # The generator moves second: against the new discriminator.
    energy, code = looked_at(after, fakes(before))
    total, count = 0.0, len(code)
    for i in range(count):
        for j in range(count):
            if i != j:
                norms = np.linalg.norm(code[i]) * np.linalg.norm(code[j])
                total += (code[i] @ code[j] / norms) ** 2
    expected = total / (count * (count - 1))
    np.testing.assert_allclose(metrics["generator/pulling_away"], expected, rtol=1e-4)
    np.testing.assert_allclose(
        metrics["generator/loss"], energy.mean() + 1e4 * expected, rtol=1e-5
    )


def test_pulling_away_moves_the_generator_and_never_the_discriminator(played):
    _, after, metrics = played
    _, without, seen = play(dataclasses.replace(TINY, pulling_away=0.0))
    np.testing.assert_array_equal(
        metrics["discriminator/loss"], seen["discriminator/loss"]
    )
    jax.tree.map(
        np.testing.assert_array_equal,
        after.params["discriminator"],
        without.params["discriminator"],
    )
    moved = jax.tree.map(
        lambda x, y: bool((x != y).any()),
        after.params["generator"],
        without.params["generator"],
    )
    assert all(jax.tree.leaves(moved))


def test_images_and_latents_have_their_shapes_and_ranges(played):
    state = played[0]
    drawn = np.asarray(fakes(state))
    assert drawn.shape == (6, 28, 28, 1)
    assert 0 < drawn.min() < drawn.max() < 1
    assert ebgan.latent(TINY, jax.random.key(0), 4).shape == (4, 3)


def test_the_defaults_are_the_paper_s():
    config = ebgan.Config()
    assert (config.margin, config.pulling_away, config.learning_rate) == (10, 0, 1e-3)
    shapes = jax.eval_shape(
        algorithm(ebgan.game(config)).init,
        jax.random.key(0),
        {"image": jnp.zeros((2, 28, 28, 1))},
    ).params
    # A generator of five layers of up to 1600 units, an auto-encoder of two.
    assert len([n for n in shapes["generator"] if n.startswith("Dense")]) == 5
    assert shapes["generator"]["Dense_3"]["kernel"].shape == (1600, 1600)
    assert shapes["discriminator"]["Dense_0"]["kernel"].shape == (784, 1024)
    assert shapes["discriminator"]["Dense_1"]["kernel"].shape == (1024, 784)
    assert set(shapes["discriminator"]) == {"Dense_0", "Dense_1"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"margin": -1.0}, r"margin is -1\.0.*above 0"),
        ({"margin": 0.0}, r"margin is 0\.0.*above 0"),
        ({"pulling_away": -0.1}, r"pulling_away is -0\.1.*at least 0"),
        ({"encoder": ()}, r"encoder is \(\).*at least one"),
        ({"generator": (5, 0)}, r"generator is \(5, 0\).*at least 1"),
        ({"latent": 0}, "latent is 0.*at least 1"),
    ],
)
def test_a_wrong_setting_is_refused_with_its_value(changes, message):
    with pytest.raises(ValueError, match=message):
        ebgan.Config(**changes)
