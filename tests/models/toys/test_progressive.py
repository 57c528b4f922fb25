"""Progressive growing in miniature; how stages are carried over is in test_compose."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.game import Turn, algorithm, pure, variables
from jaxgan.models.toys import progressive

CONFIG = progressive.Config(
    resolution=8, width=4, latent=6, fade_from=10, fade_steps=20
)


def drawn(*shape, seed=0):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape), "float32")


@pytest.fixture(scope="module")
def net():
    init = jax.jit(algorithm(progressive.game(CONFIG)).init)
    return variables(init(jax.random.key(0), {"image": drawn(4, 8, 8, 3)}))


def test_alpha_goes_from_zero_to_one_while_the_stage_fades_in():
    steps = jnp.asarray([0, 10, 15, 20, 30, 100])
    alpha = [CONFIG.alpha(step) for step in steps]
    np.testing.assert_allclose(alpha, [0, 0, 0.25, 0.5, 1, 1])
    at_once = progressive.Config(fade_from=10)
    assert [float(at_once.alpha(step)) for step in steps] == [1] * 6


@pytest.mark.parametrize("resolution", [0, 2, 12, -8])
def test_resolutions_are_powers_of_two(resolution):
    with pytest.raises(ValueError, match=f"{resolution}(?:;| is not a power of two)"):
        progressive.Config(resolution=resolution)


def test_a_stage_has_blocks_for_each_resolution_and_doors_for_the_last_two():
    config = progressive.Config(resolution=16, width=4, latent=6)
    state = jax.eval_shape(
        algorithm(progressive.game(config)).init,
        jax.random.key(0),
        {"image": jnp.zeros((1, 16, 16, 3))},
    )
    blocks = {"block4", "block8", "block16"}
    assert set(state.params["generator"]) == blocks | {
        "project", "to_image8", "to_image16",
    }  # fmt: skip
    assert set(state.params["critic"]) == blocks | {
        "to_score", "from_image8", "from_image16",
    }  # fmt: skip
    image = jax.eval_shape(
        lambda net: progressive.sample(config, net, jnp.zeros((2, 6)), 0),
        variables(state),
    )
    assert image.shape == (2, 16, 16, 3)


def test_images_are_blended_linearly_and_faded_by_the_step(net):
    latent = drawn(4, 6)
    sample = jax.jit(progressive.sample, static_argnums=0)
    old, half, new, later = (
        np.asarray(sample(CONFIG, net, latent, jnp.asarray(step)))
        for step in (10, 20, 30, 99)
    )
    np.testing.assert_allclose(half, (old + new) / 2, atol=1e-5)
    np.testing.assert_array_equal(new, later)
    blocks = old.reshape(4, 4, 2, 4, 2, 3)
    np.testing.assert_allclose(
        blocks, blocks[:, :, :1, :, :1] + np.zeros((1, 1, 2, 1, 2, 1))
    )
    assert not np.allclose(old, new, atol=1e-2)


def test_latents_count_by_their_direction(net):
    latent = drawn(4, 6)
    sample = jax.jit(progressive.sample, static_argnums=0)
    one, other = (sample(CONFIG, net, c * latent, jnp.asarray(30)) for c in (1, 5))
    np.testing.assert_allclose(one, other, atol=1e-5)


def test_real_images_are_blended_as_the_generated_ones_are(net):
    loss = progressive.game(CONFIG).players["critic"].loss
    critic = jax.jit(pure(progressive.Critic(CONFIG), "critic"))
    step, alpha = jnp.asarray(15), jnp.asarray(0.25)
    image, latent = drawn(4, 8, 8, 3), drawn(4, 6)
    turn, batch = Turn(jax.random.key(0), step), {"image": image, "latent": latent}
    metrics = jax.jit(loss)(net, batch, turn)[1][1]
    coarse = np.asarray(image).reshape(4, 4, 2, 4, 2, 3).mean((2, 4))
    blended = 0.75 * np.kron(coarse, np.ones((1, 2, 2, 1))) + 0.25 * np.asarray(image)
    fake = progressive.sample(CONFIG, net, latent, step)
    fake_score = critic(net, fake, alpha)[0].mean()
    real_score = critic(net, jnp.asarray(blended, "float32"), alpha)[0].mean()
    expected = real_score - fake_score
    np.testing.assert_allclose(metrics["distance"], expected, rtol=1e-3, atol=1e-5)
    as_it_is = critic(net, image, alpha)[0].mean() - fake_score
    assert abs(as_it_is - expected) > 0.01 * abs(expected)


def test_the_critic_blends_what_it_reads_by_alpha(net):
    critic = jax.jit(pure(progressive.Critic(CONFIG), "critic"))
    image, zero, one = drawn(4, 8, 8, 3), jnp.zeros(()), jnp.ones(())
    changed = {**net["critic"]["params"]}
    changed["from_image8"] = jax.tree.map(lambda x: x + 1, changed["from_image8"])
    changed = {**net, "critic": {"params": changed}}
    old, _ = critic(net, image, zero)
    np.testing.assert_array_equal(critic(changed, image, zero)[0], old)
    assert not np.allclose(critic(changed, image, one)[0], critic(net, image, one)[0])


def test_the_optimiser_is_adam_without_momentum():
    for player in progressive.game(CONFIG).players.values():
        params = jnp.zeros(1)
        state = player.optimizer.init(params)
        updates, state = player.optimizer.update(jnp.ones(1), state, params)
        np.testing.assert_allclose(updates, -1e-3, rtol=1e-4)
        updates, _ = player.optimizer.update(jnp.zeros(1), state, params)
        np.testing.assert_array_equal(updates, 0)
