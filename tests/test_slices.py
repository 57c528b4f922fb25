"""A GAN made a SAN: features and scale learn one loss, the direction another."""

import flax.linen as linen
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxgan import compose, losses
from jaxgan.game import Turn, algorithm, pure, variables
from jaxgan.models import dcgan
from jaxgan.models.parts.two_players import adversarial


class Judge(linen.Module):
    """Two features of a point, and a score."""

    @linen.compact
    def __call__(self, x):
        return linen.Dense(1, name="to_logit")(linen.tanh(linen.Dense(2)(x)))


def build():
    return adversarial(
        linen.Dense(3),
        Judge(),
        latent=lambda key, count: jax.random.normal(key, (count, 2)),
        losses=(losses.hinge_discriminator_loss, losses.hinge_generator_loss),
        optimizer=optax.sgd(0.1),
        data="point",
    )


BATCH = {
    name: np.random.default_rng(i).normal(size=(5, 3 - i)).astype("float32")
    for i, name in enumerate(("point", "latent"))
}


@pytest.fixture(scope="module")
def state():
    return algorithm(build()).init(jax.random.key(0), BATCH)


def gradients(game, state):
    """The loss of the discriminator, its metrics and its gradient."""
    net = variables(state)

    def loss(params):
        given = {**net, "discriminator": {"params": params}}
        value, (_, seen) = game.players["discriminator"].loss(
            given, BATCH, Turn(jax.random.key(0), state.step)
        )
        return value, seen

    return jax.value_and_grad(loss, has_aux=True)(net["discriminator"]["params"])


def test_the_gradients_are_those_of_the_paper(state):
    params = jax.tree.map(np.asarray, state.params)
    game = build()
    (value, seen), grads = gradients(compose.sliced(game), state)
    (plain, _), plainly = gradients(game, state)
    fake = BATCH["latent"] @ params["generator"]["kernel"]
    judge = params["discriminator"]
    dense, last = judge["Dense_0"], judge["to_logit"]
    real_h, fake_h = (
        np.tanh(x @ dense["kernel"] + dense["bias"]) for x in (BATCH["point"], fake)
    )
    real, fake = (h @ last["kernel"][:, 0] for h in (real_h, fake_h))
    apart = fake.mean() - real.mean()
    np.testing.assert_allclose(seen["direction"], apart, rtol=1e-5)
    np.testing.assert_allclose(value, plain + apart, rtol=1e-5)
    # Features, and the offset, learn the loss of the GAN alone.
    for name in ("Dense_0", "to_logit"):
        ours, theirs = grads[name], plainly[name]
        for leaf in ("bias",) if name == "to_logit" else ("kernel", "bias"):
            np.testing.assert_allclose(ours[leaf], theirs[leaf], rtol=1e-5, atol=1e-7)
    # The weights: its part along the direction, and the means' part across it.
    unit = last["kernel"][:, 0] / np.linalg.norm(last["kernel"])
    along = plainly["to_logit"]["kernel"][:, 0] @ unit * unit
    means = fake_h.mean(0) - real_h.mean(0)
    across = means - means @ unit * unit
    np.testing.assert_allclose(
        grads["to_logit"]["kernel"][:, 0], along + across, rtol=1e-4, atol=1e-6
    )


def test_neither_side_has_a_gradient_to_what_the_other_learns(state):
    params = state.params["discriminator"]
    weights = params["to_logit"]["kernel"]

    def score(params):
        judge = pure(Judge(), "judge")
        return judge({"judge": {"params": params}}, BATCH["point"])[0].sum()

    scale, direction = (
        jax.grad(lambda p, i=i: score(compose.slices(p, "to_logit")[i]))(params)
        for i in (0, 1)
    )
    unit = weights / jnp.linalg.norm(weights)
    turned = scale["to_logit"]["kernel"]
    np.testing.assert_allclose(turned - unit * (unit * turned).sum(), 0, atol=1e-6)
    assert not any(np.any(leaf) for leaf in jax.tree.leaves(direction["Dense_0"]))
    assert not np.any(direction["to_logit"]["bias"])
    np.testing.assert_allclose(
        (unit * direction["to_logit"]["kernel"]).sum(), 0, atol=1e-6
    )
    assert np.any(direction["to_logit"]["kernel"])


def test_a_discriminator_that_cannot_tell_has_the_loss_of_the_gan(state):
    flat = jax.tree.map(jnp.zeros_like, state.params["discriminator"])
    blind = state.replace(params={**state.params, "discriminator": flat})
    (value, seen), grads = gradients(compose.sliced(build()), blind)
    assert value == 2
    assert seen["direction"] == 0
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(grads))


def test_every_class_has_a_direction():
    params = {"to_logit": {"kernel": jnp.asarray([[3.0, 0.0], [4.0, 2.0]])}}

    def second(params):
        return compose.slices(params, "to_logit")[1]["to_logit"]["kernel"][0, 0]

    grads = jax.grad(second)(params)["to_logit"]["kernel"]
    np.testing.assert_allclose(grads, [[1 - 0.36, 0], [-0.48, 0]], atol=1e-6)


def test_a_layer_that_is_not_there_is_refused(state):
    game = compose.sliced(build(), "last")
    with pytest.raises(ValueError, match=r"no weights 'last/kernel'.*to_logit/kernel"):
        gradients(game, state)


@pytest.mark.parametrize("norm", ["batch", "spectral"])
def test_any_discriminator_with_a_last_layer_will_do(norm):
    """A dense one, or a convolution over all that is left."""
    config = dcgan.Config(resolution=8, width=2, latent=3, norm=norm)
    batch = {"image": np.zeros((2, 8, 8, 3), "float32")}
    run = algorithm(compose.sliced(dcgan.game(config)))
    start = jax.eval_shape(run.init, jax.random.key(0), batch)
    state, metrics = jax.eval_shape(run.step, start, batch)
    assert jax.tree.structure(state) == jax.tree.structure(start)
    assert "discriminator/direction" in metrics
