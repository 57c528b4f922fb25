"""Adaptive augmentation: exact moves, colours by arithmetic, and who adapts when."""

import jax
import jax.numpy as jnp
import jax.test_util
import numpy as np
import optax
import pytest
from flax import linen

from jaxgan import losses, nn
from jaxgan.game import algorithm
from jaxgan.models.parts.two_players import adversarial
from jaxgan.nn import ada, moved

COUNT = 4096


def drawn(*shape, seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, shape).astype("float32")


@pytest.mark.parametrize("channels", [1, 3])
def test_probability_0_changes_no_bit_and_1_every_image(key, channels):
    images = drawn(8, 6, 8, channels)
    augment = jax.jit(ada.adaptive_augment)
    np.testing.assert_array_equal(augment(images, key, 0.0), images)
    changed = np.asarray(augment(images, key, 1.0))
    assert np.isfinite(changed).all()
    assert (changed != images).any((1, 2, 3)).all()
    other = images.copy()
    other[0] = drawn(6, 8, channels, seed=1)
    again = np.asarray(augment(other, key, 1.0))  # no company to keep
    np.testing.assert_allclose(again[1:], changed[1:], atol=1e-6)


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ([[-1, 0, 0], [0, 1, 0]], lambda x: x[:, ::-1]),
        ([[0, -1, 0], [1, 0, 0]], lambda x: np.rot90(x, 1)),
        ([[1, 0, 2], [0, 1, -1]], lambda x: np.pad(
            x, ((1, 0), (0, 2), (0, 0)), "reflect")[:-1, 2:]),
    ],
    ids=["flip", "quarter turn", "shift"],
)  # fmt: skip
def test_whole_pixels_move_exactly(place, expected):
    image = drawn(6, 6, 3)
    images = jnp.asarray(image[None])
    matrix = jnp.array([[*place, [0, 0, 1]]], jnp.float32)
    np.testing.assert_array_equal(moved.warp(images, matrix)[0], expected(image))


def test_each_operation_comes_with_its_probability(key):
    """Half of the flips mirror: the determinant of the map is negative."""
    chance = 0.4
    places = np.asarray(moved.geometry(key, COUNT, (32, 32), chance))
    mirrored = (np.linalg.det(places[:, :2, :2]) < 0).mean()
    error = np.sqrt(chance / 2 * (1 - chance / 2) / COUNT)
    assert abs(mirrored - chance / 2) < 4 * error
    still = (np.abs(places - np.eye(3)).max((1, 2)) == 0).mean()
    # Flips, quarter turns and whole shifts may be by nothing: a half, a quarter, 1/81.
    nothing = (1 - chance / 2) * (1 - 3 * chance / 4) * (1 - chance * 80 / 81)
    nothing *= (1 - chance) ** 4  # scale, both rotations together, stretch, shift
    assert abs(still - nothing) < 4 * np.sqrt(nothing / COUNT)


def test_colours_of_greys_stay_grey_and_hue_keeps_luma(key):
    colours = np.asarray(moved.colour(key, COUNT, 1.0))
    greys = colours[:, :3, :3] @ np.ones(3)
    np.testing.assert_allclose(greys, greys[:, :1].repeat(3, 1), atol=1e-5)
    # The change of luma by a colour depends on the colour's luma alone.
    luma = colours[:, :3, :3].mean(1)
    np.testing.assert_allclose(luma, luma[:, :1].repeat(3, 1), atol=1e-5)
    contrast = np.log2(np.abs(greys[:, 0]))
    assert abs(contrast.std() - 0.5) < 0.03
    inverted = (greys[:, 0] < 0).mean()
    assert abs(inverted - 0.5) < 4 * 0.5 / COUNT**0.5
    grey = np.asarray(moved.colour(key, COUNT, 1.0, 1))
    off = grey[:, :3, :3] - grey[:, :3, :3].mean((1, 2), keepdims=True)
    assert np.abs(off).max() > 0.1  # inverting a luma is no multiple of one


def test_gradients_are_those_of_the_change(key):
    images = jnp.asarray(drawn(2, 4, 6, 3))
    augment = jax.jit(lambda x: ada.adaptive_augment(x, key, 0.9))
    jax.test_util.check_grads(augment, (images,), 1, modes=["rev"], rtol=1e-2)


def test_other_numbers_of_channels_are_refused(key):
    with pytest.raises(ValueError, match="images have 2 channels"):
        ada.adaptive_augment(jnp.zeros((1, 4, 4, 2)), key, 0.5)


def test_the_probability_moves_by_the_papers_step_and_stays_in_bounds():
    step = 4 * 64 / 500_000
    assert step == pytest.approx(5.12e-4)
    for sign, expected in ((0.9, 0.3 + step), (0.6, 0.3), (-1.0, 0.3 - step)):
        new = nn.adapt(jnp.float32(0.3), jnp.float32(sign), 256)
        np.testing.assert_allclose(new, expected, rtol=1e-6)
    assert nn.adapt(jnp.float32(0.0), jnp.float32(0.0), 256) == 0
    assert nn.adapt(jnp.float32(1.0), jnp.float32(1.0), 256) == 1


class Sure(linen.Module):
    """A discriminator that is sure of every image, and sees what it is shown."""

    @linen.compact
    def __call__(self, image):
        return 1 + 0 * linen.Dense(1)(image.reshape(len(image), -1))[:, 0]


class Grey(linen.Module):
    """A generator of images of one colour."""

    @linen.compact
    def __call__(self, latent):
        return jnp.broadcast_to(linen.Dense(3)(latent)[:, None, None], (3, 4, 4, 3))


def test_a_discriminator_that_is_sure_raises_the_probability_every_fourth_batch():
    game = adversarial(
        Grey(),
        Sure(),
        latent=lambda key, n: jax.random.normal(key, (n, 2)),
        losses=(
            losses.non_saturating_discriminator_loss,
            losses.non_saturating_generator_loss,
        ),
        optimizer=optax.sgd(1e-3),
        adapt=60,
    )
    play, batch = algorithm(game), {"image": jnp.asarray(drawn(3, 4, 4, 3))}
    state = play.init(jax.random.key(0), batch)
    assert "augmentation" not in state.opt_state["generator"]
    state, metrics = jax.lax.scan(lambda s, _: play.step(s, batch), state, length=9)
    seen = metrics["discriminator/augmentation"]
    expected = np.repeat([0.0, 12 / 60, 24 / 60], [3, 4, 2])
    np.testing.assert_allclose(seen, expected, rtol=1e-6)
