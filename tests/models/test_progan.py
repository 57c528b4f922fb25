"""Progressive GAN: the paper's networks, and growth that changes nothing at first."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import nn
from jaxgan.compose import parameter_count
from jaxgan.game import Turn, algorithm, pure, variables
from jaxgan.models import progan

OLD = progan.Config(resolution=8, base=16, width=4, latent=5)
NEW = dataclasses.replace(OLD, resolution=16, fade=40, batch_size=4)


def first_state(config, seed=0):
    batch = progan.batch(config, jax.random.key(seed), 4)
    return jax.jit(algorithm(progan.game(config)).init)(jax.random.key(seed), batch)


@pytest.fixture(scope="module")
def stages():
    """The end of a stage, a fresh state of the next, and the one that has grown."""
    old, fresh = first_state(OLD), first_state(NEW, 1)
    old = old.replace(step=old.step + 7)
    return old, fresh, progan.grown(fresh, old)


@pytest.mark.parametrize(
    ("resolution", "generator", "discriminator"),
    [
        (4, 6_556_163, 6_561_793),
        (32, 20_715_011, 20_720_641),
        (128, 22_926_467, 22_932_097),
        (1024, 23_071_507, 23_077_137),
    ],
)
def test_networks_are_as_large_as_the_paper_s(resolution, generator, discriminator):
    config = progan.Config(resolution=resolution)
    image = jnp.zeros((1, resolution, resolution, 3))
    one, key = jnp.ones(()), jax.random.key(0)
    params = jax.eval_shape(
        progan.Generator(config).init, key, jnp.zeros((1, 512)), one
    )
    assert parameter_count(params) == generator
    params = jax.eval_shape(progan.Discriminator(config).init, key, image, one)
    assert parameter_count(params) == discriminator
    assert params["params"]["block4"]["kernel"].shape[2] == 513


def test_at_the_beginning_of_a_fade_the_old_networks_are_left_exactly(stages):
    old, _, state = stages
    latent = progan.latent(OLD, jax.random.key(2), 4)
    image = progan.batch(NEW, jax.random.key(3), 4)["image"]
    before, after = variables(old), variables(state)
    one, zero = jnp.ones(()), jnp.zeros(())

    def applied(kind, config, net, x, alpha):
        name = kind.__name__.lower()
        return jax.jit(pure(kind(config), name))(net, x, alpha)[0]

    small = applied(progan.Generator, OLD, before, latent, one)
    large = applied(progan.Generator, NEW, after, latent, zero)
    np.testing.assert_array_equal(large, nn.double(small))
    score = applied(progan.Discriminator, OLD, before, nn.halve(image), one)
    other = applied(progan.Discriminator, NEW, after, image, zero)
    np.testing.assert_array_equal(other, score)
    np.testing.assert_array_equal(
        progan.sample(NEW, after, latent), np.clip(large, -1, 1)
    )


def test_growing_keeps_weights_and_starts_optimisers_and_the_fade_afresh(stages):
    old, fresh, state = stages
    old = old.replace(stats={"fade": {"memory": {"alpha": jnp.ones(())}}})
    state = progan.grown(fresh, old)
    assert not state.stats["fade"]["memory"]["alpha"]
    for name in ("block4", "dense", "to_image8"):
        for kept, source in ((state.params, old.params), (state.ema, old.ema)):
            jax.tree.map(
                np.testing.assert_array_equal,
                kept["generator"][name], source["generator"][name],
            )  # fmt: skip
    jax.tree.map(np.testing.assert_array_equal, state.opt_state, fresh.opt_state)
    assert int(state.step) == 7


def test_alpha_counts_images():
    steps = jnp.arange(12)
    np.testing.assert_allclose(
        NEW.alpha(steps), np.minimum(steps * 4 / 40, 1), rtol=1e-6
    )
    many = dataclasses.replace(NEW, batch_size=8)
    np.testing.assert_allclose(many.alpha(steps)[:6], NEW.alpha(2 * steps)[:6])
    assert (NEW.fade_steps, many.fade_steps) == (10, 5)
    assert OLD.alpha(3) == 1


def test_the_optimiser_forgets_once_the_fade_is_over():
    config = dataclasses.replace(NEW, fade=12)  # three steps
    optimizer = progan.game(config).players["generator"].optimizer
    state = optimizer.init(jnp.zeros(1))
    moved = []
    for _ in range(5):
        updates, state = optimizer.update(jnp.ones(1), state)
        moved.append(float(updates[0]))
    np.testing.assert_allclose(moved, -1e-3, rtol=1e-4)
    updates, state = optimizer.update(jnp.full(1, 3.0), state)
    # Adam's second moment is of the three steps since it was reset, not of all six.
    second = 0.99 * (0.99 * 0.01 + 0.01) + 0.01 * 9
    expected = -1e-3 * 3 / (second / (1 - 0.99**3)) ** 0.5
    np.testing.assert_allclose(updates, expected, rtol=1e-4)


def test_real_images_and_the_penalty_are_the_paper_s(stages):
    config = dataclasses.replace(NEW, slope=2.0)
    net, step = variables(stages[2]), jnp.asarray(5)  # half of the fade
    image = progan.batch(config, jax.random.key(3), 4)["image"]
    latent = progan.latent(config, jax.random.key(4), 4)
    loss = progan.game(config).players["discriminator"].loss
    batch = {"image": image, "latent": latent}
    total, (after, seen) = jax.jit(loss)(net, batch, Turn(jax.random.key(0), step))
    assert after["fade"]["memory"]["alpha"] == seen["alpha"] == 0.5
    fake = jax.jit(pure(progan.Generator(config), "generator"))(net, latent, 0.5)[0]
    judge = jax.jit(pure(progan.Discriminator(config), "discriminator"))
    coarse = np.asarray(image).reshape(4, 8, 2, 8, 2, 3).mean((2, 4))
    real = (np.kron(coarse, np.ones((1, 2, 2, 1))) + np.asarray(image)) / 2
    alpha = jnp.asarray(0.5)
    scores = [judge(net, jnp.asarray(x, jnp.float32), alpha)[0] for x in (real, fake)]
    distance = scores[0].mean() - scores[1].mean()
    np.testing.assert_allclose(seen["distance"], distance, rtol=1e-3, atol=1e-5)
    drift = 1e-3 * np.square(scores[0]).mean()
    np.testing.assert_allclose(
        total, -distance + seen["penalty"] + drift, rtol=1e-4, atol=1e-5
    )
    # The penalty is (|slope| / 2 - 1)^2 with its weight: near 10 for a flat network.
    flat = jax.tree.map(jnp.zeros_like, net["discriminator"])
    flat = {**net, "discriminator": flat}
    seen = jax.jit(loss)(flat, batch, Turn(jax.random.key(0), step))[1][1]
    np.testing.assert_allclose(seen["penalty"], 10, rtol=1e-5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"resolution": 48}, "use 32 or 64"),
        ({"resolution": 2}, "use 4 or 8"),
        ({"resolution": 4, "fade": 5}, "nothing fades in at resolution 4"),
    ],
)
def test_stages_that_growing_cannot_reach_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        progan.Config(**change)
