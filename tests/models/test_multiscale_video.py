"""Multi-scale video prediction: sizes, tanh after the sum, what each loss adds."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import losses
from jaxgan.game import algorithm, pure
from jaxgan.models import multiscale_video as video

TINY = video.MODEL.tiny


def sizes(params):
    """Parameters by scale; layers are called scaleN_I, denseN_I and logitN."""
    found = {}
    for name, layer in params.items():
        scale = int("".join(filter(str.isdigit, name.partition("_")[0])))
        count = sum(x.size for x in jax.tree.leaves(layer))
        found[scale] = found.get(scale, 0) + count
    return [found[scale] for scale in sorted(found)]


def test_networks_have_the_sizes_of_the_papers_table():
    """By hand: 12 input channels at the coarsest scale, 15 above."""
    config = video.Config()
    init = algorithm(video.game(config)).init
    made = video.batch(config, jax.random.key(0), 1)
    params = jax.eval_shape(init, jax.random.key(0), made).params
    assert sizes(params["generator"]) == [607_619, 647_939, 3_008_003, 8_306_179]
    flat = [params["discriminator"][f"dense{i}_0"]["kernel"].shape[0] for i in range(4)]
    assert flat == [64, 128, 1024, 4608]


def test_guesses_are_tanh_of_the_enlarged_guess_plus_what_is_added():
    """With all kernels zero, a network adds its last bias alone."""
    net = video.Generator(channels=1, width=2, dtype="float32")
    past = video.scales(jnp.ones((1, 32, 32, 2)))
    params = jax.eval_shape(net.init, jax.random.key(0), past)["params"]
    params = jax.tree.map(lambda x: jnp.zeros(x.shape), params)
    added = [0.3, -0.5, 1.0, 0.2]
    for scale, last in enumerate((3, 3, 5, 5)):
        params[f"scale{scale}_{last}"]["bias"] += added[scale]
    guesses, expected = net.apply({"params": params}, past), 0.0
    for scale, guess in enumerate(guesses):
        expected = np.tanh(expected + added[scale])
        assert guess.shape == (1, 4 * 2**scale, 4 * 2**scale, 1)
        np.testing.assert_allclose(guess, expected, rtol=1e-6)


@pytest.fixture(scope="module")
def played():
    """A batch, the first state and the numbers of the first step, with all terms."""
    config = video.Config(width=2, hidden=4, channels=1, past=2, negatives="mismatched")
    batch = video.batch(config, jax.random.key(1), 3)
    init, step = algorithm(video.game(config))
    state = jax.jit(init)(jax.random.key(0), batch)
    _, seen = jax.jit(step)(state, batch)
    return config, batch, state, seen


def test_the_loss_is_a_sum_over_scales_of_means(played):
    config, batch, state, seen = played
    total = seen["generator/error"] + seen["generator/gradients"]
    total += 0.05 * seen["generator/adversarial"]
    np.testing.assert_allclose(seen["generator/loss"], total, rtol=1e-5)
    params = {"generator": {"params": state.params["generator"]}}
    net = pure(video.Generator(1, 2, "float32"), "generator")
    guesses, _ = net(params, video.known(config, batch["clip"]))
    true, error, slopes = np.asarray(batch["clip"][:, 2]), 0.0, 0.0
    for guess in guesses[::-1]:
        guess = np.asarray(guess, np.float64)
        error += np.square(guess - true).mean()
        for axis in (1, 2):
            steep = [np.abs(np.diff(x, axis=axis)) for x in (true, guess)]
            slopes += np.abs(steep[0] - steep[1]).mean()
        side = true.shape[1] // 2
        true = true.reshape(3, side, 2, side, 2, 1).mean((2, 4))
    np.testing.assert_allclose(seen["generator/error"], error, rtol=1e-5)
    np.testing.assert_allclose(seen["generator/gradients"], slopes, rtol=1e-5)


def test_the_discriminator_sees_the_past_and_mismatched_pairs(played):
    """Its loss counts real pairs twice, as the released script does."""
    config, batch, state, seen = played
    params = {"discriminator": {"params": state.params["discriminator"]}}
    params["generator"] = {"params": state.params["generator"]}
    judge = pure(video.Discriminator(2, 4, "float32"), "discriminator")
    past, clip = video.known(config, batch["clip"]), batch["clip"]
    guess = video.predict(config, params, clip)[:, 0]
    other = clip[jnp.array([2, 0, 1]), 2]
    real, wrong = (judge(params, past, video.scales(x))[0] for x in (clip[:, 2], other))
    np.testing.assert_allclose(seen["discriminator/real"], real[-1].mean(), rtol=1e-5)
    np.testing.assert_allclose(
        seen["discriminator/mismatched"], wrong[-1].mean(), rtol=1e-5
    )
    strange = judge(params, [jnp.flip(x, 0) for x in past], video.scales(guess))[0]
    alike = judge(params, past, video.scales(guess))[0]
    assert all(not np.allclose(a, b) for a, b in zip(strange, alike, strict=True))


def test_the_judgement_reaches_the_generator():
    """In a popular port it does not: guesses were plain inputs of the discriminator."""
    config = video.Config(
        width=2, hidden=4, channels=1, past=2, reconstruction=0, gradient_difference=0
    )
    made = video.game(config)
    batch = video.batch(config, jax.random.key(1), 2)
    state = jax.jit(algorithm(made).init)(jax.random.key(0), batch)
    others = {"discriminator": {"params": state.params["discriminator"]}}

    @jax.jit
    @jax.grad
    def slope(params):
        nets = {**others, "generator": {"params": params}}
        return made.players["generator"].loss(nets, batch, None)[0]

    found = slope(state.params["generator"])
    for scale, last in enumerate((3, 3, 5, 5)):
        assert np.abs(found[f"scale{scale}_{last}"]["kernel"]).max() > 0


def test_later_frames_are_guessed_from_guesses():
    init = algorithm(video.game(TINY)).init
    batch = video.batch(TINY, jax.random.key(1), 2)
    state = jax.jit(init)(jax.random.key(0), batch)
    nets = {"generator": {"params": state.params["generator"]}}
    guess = jax.jit(functools.partial(video.predict, TINY, nets))
    first = guess(batch["clip"])
    both = video.predict(TINY, nets, batch["clip"], 2)
    np.testing.assert_allclose(both[:, :1], first, rtol=1e-5, atol=1e-6)
    moved = jnp.concatenate([batch["clip"][:, 1:2], first, first], 1)
    np.testing.assert_allclose(both[:, 1:], guess(moved), rtol=1e-5, atol=1e-6)


def test_without_a_judgement_there_is_no_discriminator():
    made = video.game(video.Config(width=2, hidden=4, adversarial=0))
    assert list(made.nets) == list(made.players) == ["generator"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"resolution": 28}, "resolution is 28; give a multiple of 8"),
        (
            {"reconstruction": 0, "gradient_difference": 0, "adversarial": 0},
            "are all 0",
        ),
    ],
)
def test_settings_that_cannot_be_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        video.Config(**change)


def test_the_squared_error_prefers_the_mean_of_two_futures():
    """And the gradient difference does not: two bars, and half of each."""
    left, right = np.zeros((2, 1, 8, 8, 1), np.float32)
    left[:, :, 2] = right[:, :, 5] = 1

    def expected(loss, guess):
        return np.mean([float(loss(true, guess)[0]) for true in (left, right)])

    mean = (left + right) / 2
    assert expected(losses.l2_loss, mean) < expected(losses.l2_loss, left)
    slopes = losses.gradient_difference_loss
    assert expected(slopes, mean) == pytest.approx(expected(slopes, left))
