"""LSGAN: the codings a, b, c reach the right players, with the paper's halves."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.game import algorithm, pure, variables
from jaxgan.models import lsgan
from jaxgan.models.parts import digit_nets


@pytest.mark.parametrize(("a", "b", "c"), [(0.0, 1.0, 1.0), (-1.0, 1.0, 0.0)])
def test_losses_are_half_the_squared_distances_to_the_codes(a, b, c):
    config = lsgan.Config(
        width=2, hidden=6, latent=3, fake_label=a, real_label=b, target=c,
        learning_rate=1e-12,
    )  # fmt: skip
    run, key = algorithm(lsgan.game(config)), jax.random.key(0)
    batch = lsgan.MODEL.batch(config, key, 4)
    batch["latent"] = lsgan.latent(config, key, 4)
    state = jax.jit(run.init)(key, batch)
    _, metrics = jax.jit(run.step)(state, batch)

    @jax.jit
    def scores(variables):
        fake = lsgan.sample(config, variables, batch["latent"])
        judge = pure(digit_nets.nets(config)[1], "discriminator")
        return judge(variables, batch["image"])[0], judge(variables, fake)[0]

    real, fake = map(np.asarray, scores(variables(state)))
    loss = 0.5 * np.mean((real - b) ** 2 + (fake - a) ** 2)
    np.testing.assert_allclose(metrics["discriminator/loss"], loss, rtol=1e-4)
    loss = 0.5 * np.mean((fake - c) ** 2)
    np.testing.assert_allclose(metrics["generator/loss"], loss, rtol=1e-4)


def test_the_defaults_are_the_papers():
    config = lsgan.Config()
    assert (config.fake_label, config.real_label, config.target) == (0, 1, 1)
    assert (config.learning_rate, config.latent) == (1e-3, 1024)
    adam = lsgan.game(config).players["generator"].optimizer
    updates, moments = adam.update(jnp.ones(1), adam.init(jnp.zeros(1)))
    np.testing.assert_allclose(updates, -1e-3, rtol=1e-4)
    updates, _ = adam.update(jnp.zeros(1), moments)
    first, second = 0.25 / (1 - 0.5**2), 0.000999 / (1 - 0.999**2)
    np.testing.assert_allclose(updates, -1e-3 * first / second**0.5, rtol=1e-3)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"fake_label": 1.0}, r"both 1\.0.*different ones"),
        ({"target": 0.0}, r"target is 0\.0, which is fake_label"),
        ({"latent": 0}, "latent is 0.*at least 1"),
    ],
)
def test_a_wrong_setting_is_refused_with_its_value(changes, message):
    with pytest.raises(ValueError, match=message):
        lsgan.Config(**changes)
