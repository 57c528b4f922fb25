import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import integrate, stats  # 1.17

from jaxgan import losses

NAMES = sorted(losses.DIVERGENCES)
every_divergence = pytest.mark.parametrize("name", NAMES)

# The raw output v with g(v) = f'(u), solved by hand.
BEST_OUTPUT = {
    "kl": lambda log_u: 1.0 + log_u,
    "reverse_kl": lambda log_u: log_u,
    "pearson": lambda log_u: 2.0 * np.expm1(log_u),
    "neyman": lambda log_u: 2.0 * log_u,
    "squared_hellinger": lambda log_u: 0.5 * log_u,
    "jensen_shannon": lambda log_u: log_u,
    "gan": lambda log_u: log_u,
    "total_variation": lambda log_u: 40.0 * np.sign(log_u),
}

# P = N(0, 1) and Q = N(1, 1.3²), on a grid fine enough for 1e-6.
GRID = np.linspace(-12.0, 14.0, 40001)
P, Q = stats.norm(0.0, 1.0), stats.norm(1.0, 1.3)
LOG_RATIO = P.logpdf(GRID) - Q.logpdf(GRID)


def gaussian_divergences():
    """The divergences of P and Q from closed forms or adaptive quadrature."""

    def quad(function):
        return integrate.quad(function, -12.0, 14.0, limit=400, points=[0.0, 1.0])[0]

    p, q = P.pdf, Q.pdf
    js = (
        quad(lambda x: p(x) * np.log(2 * p(x) / (p(x) + q(x)))) / 2
        + quad(lambda x: q(x) * np.log(2 * q(x) / (p(x) + q(x)))) / 2
    )
    kl = math.log(1.3) + (1 + 1) / (2 * 1.3**2) - 0.5
    reverse = -math.log(1.3) + (1.3**2 + 1) / 2 - 0.5
    affinity = math.sqrt(2 * 1.3 / (1 + 1.3**2)) * math.exp(-1 / (4 * (1 + 1.3**2)))
    return {
        "kl": kl,
        "reverse_kl": reverse,
        "pearson": quad(lambda x: (p(x) - q(x)) ** 2 / q(x)),
        "neyman": quad(lambda x: (p(x) - q(x)) ** 2 / p(x)) if 2 > 1.3**2 else None,
        "squared_hellinger": 2 - 2 * affinity,
        "jensen_shannon": 2 * js,
        "gan": 2 * js - math.log(4.0),
        "total_variation": quad(lambda x: abs(p(x) - q(x)) / 2),
    }


DIVERGENCES = gaussian_divergences()


def expected_loss(name, outputs):
    with jax.enable_x64(True):
        real, fake = losses.f_gan_discriminator_terms(outputs, outputs, divergence=name)
    integrand = P.pdf(GRID) * np.asarray(real) + Q.pdf(GRID) * np.asarray(fake)
    return integrate.trapezoid(integrand, GRID)


@every_divergence
def test_the_bound_is_tight_at_the_best_output_and_below_elsewhere(name):
    best = BEST_OUTPUT[name](LOG_RATIO)
    np.testing.assert_allclose(-expected_loss(name, best), DIVERGENCES[name], rtol=2e-5)
    for change in (0.3, -0.3, 0.2 * np.sin(GRID)):
        moved = best + change if name != "total_variation" else 0.02 * best + change
        assert -expected_loss(name, moved) < DIVERGENCES[name] + 1e-9


@every_divergence
def test_threshold_is_the_slope_of_f_at_one(name):
    row = losses.f_divergence(name)
    with jax.enable_x64(True):
        # the mean of the two one-sided slopes: total variation has a kink
        slope = (row.generator(1 + 1e-6) - row.generator(1 - 1e-6)) / 2e-6
    np.testing.assert_allclose(slope, row.threshold, atol=1e-6)


@every_divergence
def test_conjugate_is_the_supremum(name):
    row = losses.f_divergence(name)
    with jax.enable_x64(True):
        v = np.linspace(-1.5, 1.5, 7)
        t = np.asarray(row.activation(jnp.asarray(v)))
        u = np.exp(np.linspace(-12.0, 12.0, 200001))
        f = np.asarray(row.generator(jnp.asarray(u)))
        supremum = [(ti * u - f).max() for ti in t]
        np.testing.assert_allclose(row.conjugate(jnp.asarray(t)), supremum, atol=1e-4)
        np.testing.assert_allclose(
            row.conjugate_of_activation(jnp.asarray(v)),
            row.conjugate(jnp.asarray(t)),
            rtol=1e-12,
            atol=1e-12,
        )


@every_divergence
def test_outputs_rise_with_the_density_ratio_and_cross_the_threshold_at_one(name):
    row = losses.f_divergence(name)
    outputs = np.linspace(-3.0, 3.0, 61)
    with jax.enable_x64(True):
        rising = np.asarray(row.activation(jnp.asarray(outputs)))
        best = BEST_OUTPUT[name](LOG_RATIO)
        above = np.asarray(row.activation(jnp.asarray(best))) > row.threshold
    assert (np.diff(rising) > 0).all()
    clear = np.abs(LOG_RATIO) > 1e-6
    np.testing.assert_array_equal(above[clear], LOG_RATIO[clear] > 0)


def test_gan_row_is_the_minimax_game():
    x, y = jnp.array([2.0, -1.0]), jnp.array([0.5, -3.0])
    np.testing.assert_allclose(
        losses.f_gan_discriminator_loss(x, y, divergence="gan"),
        losses.minimax_discriminator_loss(x, y),
        rtol=1e-6,
    )
    np.testing.assert_allclose(
        losses.f_gan_generator_loss(y, divergence="gan"),
        losses.non_saturating_generator_loss(y),
    )
    np.testing.assert_allclose(
        losses.f_gan_generator_loss(y, divergence="gan", saturating=True),
        losses.minimax_generator_loss(y),
    )


@every_divergence
def test_table_entries_by_hand(name):
    wanted = {  # -g(1), f*(g(1)) at v = 1
        "kl": (-1.0, 1.0),
        "reverse_kl": (math.exp(-1.0), 0.0),
        "pearson": (-1.0, 1.25),
        "neyman": (math.exp(-1.0) - 1.0, 2.0 - 2.0 * math.exp(-0.5)),
        "squared_hellinger": (math.exp(-1.0) - 1.0, math.e - 1.0),
        "jensen_shannon": (
            math.log1p(math.exp(-1.0)) - math.log(2.0),
            math.log1p(math.e) - math.log(2.0),
        ),
        "gan": (math.log1p(math.exp(-1.0)), math.log1p(math.e)),
        "total_variation": (-0.5 * math.tanh(1.0), 0.5 * math.tanh(1.0)),
    }[name]
    one = jnp.ones(1)
    real, fake = losses.f_gan_discriminator_terms(one, one, divergence=name)
    np.testing.assert_allclose([real[0], fake[0]], wanted, rtol=1e-6, atol=1e-7)
    generator = losses.f_gan_generator_loss(one, divergence=name)
    np.testing.assert_allclose(generator, [wanted[0]], rtol=1e-6)
    saturating = losses.f_gan_generator_loss(one, divergence=name, saturating=True)
    np.testing.assert_allclose(saturating, [-wanted[1]], rtol=1e-6, atol=1e-7)


@every_divergence
def test_overflow_is_infinite_and_never_nan(name):
    for value in (1e4, -1e4):
        v = jnp.full(1, value)
        loss, gradient = jax.value_and_grad(
            lambda v: losses.f_gan_discriminator_terms(v, v, divergence=name)[1].sum()
        )(v)
        assert not jnp.isnan(loss)
        assert not jnp.isnan(gradient).any()


def test_unknown_divergences_are_refused_by_name():
    x = jnp.zeros(2)
    for call in [
        lambda: losses.f_divergence("jeffreys"),
        lambda: losses.f_gan_discriminator_loss(x, x, divergence="jeffreys"),
        lambda: losses.f_gan_generator_loss(x, divergence="jeffreys"),
        lambda: jax.jit(
            lambda y: losses.f_gan_generator_loss(y, divergence="jeffreys")
        )(x),
    ]:
        with pytest.raises(
            ValueError, match=r"divergence is 'jeffreys', .*kl, reverse"
        ):
            call()
