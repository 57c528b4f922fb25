"""The expected numbers are those of torchgan's own tests (test_losses.py)."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from jaxgan.losses.compat import torchgan

DX = jnp.array([[1.3], [2.9], [8.4], [6.3]])
DGZ = jnp.array([[4.8], [1.2], [-3.5], [5.9]])
EXPECTED = {  # generator, discriminator, without reduction
    "wasserstein": ([-4.8, -1.2, 3.5, -5.9], [3.5, -1.7, -11.9, -0.4]),
    "least_squares": ([7.22, 0.02, 10.125, 12.005], [11.565, 2.525, 33.505, 31.45]),
    "minimax": (
        [8.1960661e-03, 2.6328245e-01, 3.5297503e00, 2.7356991e-03],
        [5.0492043, 1.5168452, 0.02997526, 5.90457],
    ),
}


@pytest.mark.parametrize("family", EXPECTED)
def test_reductions(family):
    generator = getattr(torchgan, f"{family}_generator_loss")
    discriminator = getattr(torchgan, f"{family}_discriminator_loss")
    for loss, args, wanted in [
        (generator, (DGZ,), EXPECTED[family][0]),
        (discriminator, (DX, DGZ), EXPECTED[family][1]),
    ]:
        none = loss(*args, reduction="none")
        np.testing.assert_allclose(none[:, 0], wanted, atol=1e-5)
        np.testing.assert_allclose(loss(*args), np.mean(wanted), atol=1e-5)
        total = loss(*args, reduction="sum")
        np.testing.assert_allclose(total, np.sum(wanted), atol=1e-4)
        with pytest.raises(ValueError, match="reduction is 'batch', expected one of"):
            loss(*args, reduction="batch")


def test_saturating_generator():
    # torchgan's expected value is written with the constant softplus(-1) of TF-GAN
    loss = torchgan.minimax_generator_loss(DGZ, nonsaturating=False)
    np.testing.assert_allclose(loss, -3.3642528 + np.log1p(np.exp(-1.0)), atol=1e-5)


class Distribution:
    def __init__(self, log_prob):
        self.log_prob = log_prob


def test_mutual_information_has_torchgans_value_and_a_gradient():
    mean = jnp.array([[1.3, 4.6, 7.1], [0.2, 11.4, 1.0]])
    std = np.array([[1.0, 0.5, 3.1], [0.2, 3.5, 4.9]])
    logits = jax.nn.log_softmax(jnp.array([[0.5, 0.5], [0.75, 0.25]]))
    c_dis, c_cont = (
        jnp.array([[0, 1], [1, 0]]),
        jnp.array([[1.4, 4.0, 5.0], [-1.0, 7.0, 2.0]]),
    )

    def losses(mean, reduction):
        def normal(code):
            z = (code - mean) / std
            return -0.5 * z**2 - np.log(std * np.sqrt(2 * np.pi))

        def categorical(code):
            # torch broadcasts the codes [2, 2] against the batch of distributions
            return logits[jnp.array([[0, 1], [0, 1]]), code]

        return torchgan.mutual_information_penalty(
            c_dis, c_cont, Distribution(categorical), Distribution(normal), reduction
        )

    np.testing.assert_allclose(losses(mean, "none"), [0.7086121, 4.491654], atol=1e-5)
    np.testing.assert_allclose(losses(mean, "mean"), 2.600133, atol=1e-5)
    np.testing.assert_allclose(losses(mean, "sum"), 5.200266, atol=1e-5)
    gradient = jax.grad(lambda m: losses(m, "mean"))(mean)
    assert (jnp.abs(gradient) > 1e-3).all()
    np.testing.assert_allclose(
        losses(mean, "none")[1], -stats.norm(mean, std).logpdf(c_cont).mean(), rtol=1e-5
    )


def test_penalties_take_a_norm_for_each_example():
    x = jnp.array([[3.0, 4.0], [6.0, 8.0]])

    def critic(x):
        return 0.5 * x**2  # slope x, of norm 5 and 10

    penalty = torchgan.wasserstein_gradient_penalty(x, critic, "none")
    np.testing.assert_allclose(penalty, [16.0, 81.0], rtol=1e-6)
    penalty = torchgan.dragan_gradient_penalty(x, critic, k=5.0)
    np.testing.assert_allclose(penalty, 12.5, rtol=1e-6)
    # the same with the whole batch in one norm would be (sqrt(125) - 1)²
    mean = torchgan.wasserstein_gradient_penalty(x, critic)
    assert abs(mean - (np.sqrt(125.0) - 1) ** 2) > 1.0


def test_the_others():
    logits, labels = jnp.zeros((2, 4)), jnp.array([0, 3])
    loss = torchgan.auxiliary_classification_loss(logits, labels, reduction="sum")
    np.testing.assert_allclose(loss, 2 * np.log(4.0), rtol=1e-6)
    np.testing.assert_allclose(torchgan.energy_based_generator_loss(DGZ), 2.1, 1e-6)
    np.testing.assert_allclose(
        torchgan.energy_based_discriminator_loss(DX, DGZ, 5.0, "none")[:, 0],
        [1.5, 6.7, 16.9, 6.3],
        rtol=1e-6,
    )
    np.testing.assert_allclose(
        torchgan.boundary_equilibrium_generator_loss(DGZ, "sum"), 8.4, rtol=1e-6
    )
    total, real, fake = torchgan.boundary_equilibrium_discriminator_loss(DX, DGZ, 0.5)
    np.testing.assert_allclose([total, real, fake], [3.675, 4.725, 2.1], rtol=1e-5)
    same = torchgan.energy_based_pulling_away_term(jnp.ones((3, 2, 2)))
    np.testing.assert_allclose(same, 1.0, rtol=1e-6)
    orthogonal = torchgan.energy_based_pulling_away_term(jnp.eye(3))
    assert orthogonal == 0.0
