import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import losses

REAL, FAKE = jnp.array([1.0, 2.0]), jnp.array([4.0, 20.0])


def test_energy_based_losses_by_hand():
    loss = losses.energy_based_discriminator_loss(REAL, FAKE, margin=10.0)
    np.testing.assert_allclose(loss, [1.0 + 6.0, 2.0 + 0.0])
    np.testing.assert_array_equal(losses.energy_based_generator_loss(FAKE), FAKE)


def test_fakes_beyond_the_margin_have_no_gradient():
    def total(fake):
        return losses.energy_based_discriminator_loss(REAL, fake, margin=10.0).sum()

    np.testing.assert_array_equal(jax.grad(total)(FAKE), [-1.0, 0.0])


def test_boundary_equilibrium_by_hand():
    loss = losses.boundary_equilibrium_discriminator_loss(REAL, FAKE, 0.25)
    np.testing.assert_allclose(loss, [0.0, -3.0])
    np.testing.assert_array_equal(
        losses.boundary_equilibrium_generator_loss(FAKE), FAKE
    )
    measure = losses.convergence_measure(REAL, FAKE, gamma=0.5)
    np.testing.assert_allclose(measure, 1.5 + abs(0.75 - 12.0))


def test_balance_moves_by_hand_and_stays_between_zero_and_one():
    low = jnp.array([0.1, 0.3])
    k = losses.update_balance(0.2, REAL, low, gamma=0.5, rate=0.1)
    np.testing.assert_allclose(k, 0.2 + 0.1 * (0.5 * 1.5 - 0.2), rtol=1e-6)
    assert losses.update_balance(0.0, REAL, FAKE) == 0.0
    assert losses.update_balance(0.999, 1e4 * REAL, low, gamma=1.0) == 1.0


def test_balance_is_at_rest_where_the_ratio_is_gamma():
    k = losses.update_balance(0.4, REAL, 0.5 * REAL, gamma=0.5, rate=1.0)
    np.testing.assert_allclose(k, 0.4, rtol=1e-6)


def test_no_gradient_passes_to_the_balance():
    def total(k, energies):
        loss = losses.boundary_equilibrium_discriminator_loss(REAL, energies, k).sum()
        return loss + losses.update_balance(k, REAL, energies)

    to_k, to_fakes = jax.grad(total, (0, 1))(jnp.float32(0.5), FAKE)
    assert to_k == 0.0
    np.testing.assert_allclose(to_fakes, [-0.5, -0.5])


def test_balance_is_carried_through_a_scan():
    def step(k, _):
        k = losses.update_balance(k, REAL, 0.1 * REAL, rate=0.01)
        return k, k

    _, ks = jax.lax.scan(step, jnp.float32(0.0), length=5)
    np.testing.assert_allclose(ks, 0.01 * 0.4 * 1.5 * np.arange(1, 6), rtol=1e-5)


@pytest.mark.parametrize("wrong", [jnp.zeros(2), jnp.zeros((1, 1))])
def test_balance_must_be_a_number(wrong):
    with pytest.raises(ValueError, match=r"balance has shape .*expected rank 0"):
        losses.boundary_equilibrium_discriminator_loss(REAL, FAKE, wrong)


def test_ranking_losses_by_hand():
    discriminator = losses.margin_ranking_discriminator_loss(
        jnp.array([3.0, 3.0, 1.0]), jnp.array([0.0, 2.5, 4.0]), margin=1.0
    )
    np.testing.assert_allclose(discriminator, [0.0, 0.5, 4.0])
    generator = losses.margin_ranking_generator_loss(
        jnp.array([0.0, 0.0]), jnp.array([2.0, 0.5]), margin=1.0
    )
    np.testing.assert_allclose(generator, [0.0, 0.5])


def test_ranking_with_a_large_margin_is_the_wasserstein_loss():
    real, fake = jnp.array([3.0, 1.0]), jnp.array([0.5, 2.0])
    loss = losses.margin_ranking_discriminator_loss(real, fake, margin=100.0)
    wanted = losses.wasserstein_discriminator_loss(real, fake)
    np.testing.assert_allclose(loss - 100.0, wanted, atol=1e-5)


@pytest.mark.parametrize(
    "loss",
    [
        losses.energy_based_discriminator_loss,
        losses.margin_ranking_discriminator_loss,
        losses.margin_ranking_generator_loss,
    ],
)
def test_negative_margins_are_refused(loss):
    with pytest.raises(ValueError, match=r"margin is -1.0, expected 0 or more"):
        loss(REAL, FAKE, margin=-1.0)
