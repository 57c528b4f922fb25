import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import integrate, stats  # 1.17

from jaxgan import losses

quick = settings(max_examples=8, deadline=None, database=None)


def rows(low, high):
    return hnp.arrays(np.float32, (3, 2), elements=st.floats(low, high, width=32))


def kl_by_quadrature(p, q):
    def integrand(x):
        return p.pdf(x) * (p.logpdf(x) - q.logpdf(x))

    mean, deviation = p.mean(), p.std()
    low, high = mean - 12 * deviation, mean + 12 * deviation
    return integrate.quad(integrand, low, high, limit=200)[0]


def test_divergences_by_quadrature():
    mean_p, log_p = np.array([[0.7, -1.5]]), np.array([[0.4, -0.9]])
    mean_q, log_q = np.array([[-0.2, 0.5]]), np.array([[0.1, 1.1]])
    p = [stats.norm(mean_p[0, i], np.exp(log_p[0, i] / 2)) for i in (0, 1)]
    q = [stats.norm(mean_q[0, i], np.exp(log_q[0, i] / 2)) for i in (0, 1)]
    n = stats.norm(0.0, 1.0)

    def check(loss, *pairs):
        wanted = sum(kl_by_quadrature(a, b) for a, b in pairs)
        np.testing.assert_allclose(loss, [wanted], rtol=1e-5)

    check(losses.gaussian_kl(mean_p, log_p), (p[0], n), (p[1], n))
    check(losses.gaussian_reverse_kl(mean_p, log_p), (n, p[0]), (n, p[1]))
    between = losses.gaussian_kl_between(mean_p, log_p, mean_q, log_q)
    check(between, (p[0], q[0]), (p[1], q[1]))


@quick
@given(rows(-3, 3), rows(-2, 2), rows(-3, 3), rows(-2, 2))
def test_divergence_of_torch(mean_p, log_p, mean_q, log_q):
    distributions = pytest.importorskip("torch.distributions")  # torch 2.13.0
    torch = pytest.importorskip("torch")

    def normal(mean, log_variance):
        as_double = torch.tensor(log_variance).double()
        return distributions.Normal(torch.tensor(mean).double(), (as_double / 2).exp())

    twin = distributions.kl_divergence(normal(mean_p, log_p), normal(mean_q, log_q))
    result = losses.gaussian_kl_between(mean_p, log_p, mean_q, log_q)
    np.testing.assert_allclose(result, twin.sum(dim=1), rtol=1e-4, atol=1e-5)
    zero = np.zeros_like(mean_p)
    np.testing.assert_allclose(
        losses.gaussian_kl(mean_p, log_p),
        losses.gaussian_kl_between(mean_p, log_p, zero, zero),
        rtol=1e-5,
        atol=1e-6,
    )
    np.testing.assert_allclose(
        losses.gaussian_reverse_kl(mean_p, log_p),
        losses.gaussian_kl_between(zero, zero, mean_p, log_p),
        rtol=1e-5,
        atol=1e-6,
    )


def test_no_divergence_from_itself():
    mean, log_variance = jnp.array([[3.0, -2.0]]), jnp.array([[1e-4, -3.0]])
    loss = losses.gaussian_kl_between(mean, log_variance, mean, log_variance)
    np.testing.assert_array_equal(loss, [0.0])


@quick
@given(rows(0, 1), rows(-30, 30))
def test_bernoulli_likelihood_of_torch_and_scipy(targets, logits):
    torch = pytest.importorskip("torch")  # 2.13.0
    result = losses.bernoulli_log_likelihood(targets, logits)
    twin = torch.nn.functional.binary_cross_entropy_with_logits(
        torch.tensor(logits).double(), torch.tensor(targets).double(), reduction="none"
    )
    np.testing.assert_allclose(result, -twin.sum(dim=1), rtol=1e-5, atol=1e-5)
    binary = (targets > 0.5).astype(np.float32)
    probability = 1 / (1 + np.exp(-logits.astype(np.float64)))
    wanted = stats.bernoulli(probability).logpmf(binary).sum(axis=1)
    finite = np.isfinite(wanted) & (np.abs(logits).max(axis=1) < 15)
    result = losses.bernoulli_log_likelihood(binary, logits)
    np.testing.assert_allclose(result[finite], wanted[finite], rtol=1e-4, atol=1e-5)


@quick
@given(rows(-5, 5), rows(-5, 5), rows(-3, 3))
def test_gaussian_likelihood_of_scipy(targets, mean, log_variance):
    deviation = np.exp(log_variance.astype(np.float64) / 2)
    wanted = stats.norm(mean, deviation).logpdf(targets).sum(axis=1)
    result = losses.gaussian_log_likelihood(targets, mean, log_variance)
    np.testing.assert_allclose(result, wanted, rtol=1e-4, atol=1e-4)
    wanted = stats.norm(mean, np.exp(0.25)).logpdf(targets).sum(axis=1)
    result = losses.gaussian_log_likelihood(targets, mean, 0.5)
    np.testing.assert_allclose(result, wanted, rtol=1e-4, atol=1e-4)


def test_reparameterised_samples_have_the_moments_and_gradients():
    mean, log_variance = jnp.full((20000, 1), 2.0), jnp.full((20000, 1), 0.5)
    key = jax.random.key(0)
    sample = losses.reparameterise(mean, log_variance, key)
    np.testing.assert_allclose(sample.mean(), 2.0, atol=0.05)
    np.testing.assert_allclose(sample.var(), np.exp(0.5), rtol=0.05)

    def total(m, v):
        return losses.reparameterise(m, v, key)[:4].sum()

    to_mean, to_log_variance = jax.grad(total, (0, 1))(mean, log_variance)
    np.testing.assert_allclose(to_mean[:4], np.ones((4, 1)))
    wanted = 0.5 * (sample - mean)[:4]
    np.testing.assert_allclose(to_log_variance[:4], wanted, rtol=1e-5)


def test_density_ratio_is_minus_log_d_plus_log_one_minus_d():
    logits = np.linspace(-8.0, 8.0, 9)
    d = 1 / (1 + np.exp(-logits))
    np.testing.assert_allclose(
        losses.density_ratio_loss(logits), -np.log(d) + np.log(1 - d), atol=1e-5
    )


def test_density_ratio_estimates_a_divergence():
    # With the best discriminator of N(0,1) (real) from N(m, s²) it is the KL.
    p, q = stats.norm(0.0, 1.0), stats.norm(0.8, 0.6)
    x = np.linspace(-10.0, 10.0, 20001)
    logits = p.logpdf(x) - q.logpdf(x)
    estimate = integrate.trapezoid(
        q.pdf(x) * np.asarray(losses.density_ratio_loss(logits)), x
    )
    wanted = losses.gaussian_kl(np.array([[0.8]]), np.log(np.array([[0.36]])))
    np.testing.assert_allclose(estimate, wanted[0], rtol=1e-4)


def test_alpha_gan_losses_by_hand():
    real, reconstruction, sample = np.array([[2.0], [-1.0], [0.5]])
    softplus = np.logaddexp
    wanted = softplus(0, -real) + softplus(0, reconstruction) + softplus(0, sample)
    for loss in (
        losses.alpha_gan_discriminator_loss,
        losses.vae_gan_discriminator_loss,
    ):
        np.testing.assert_allclose(
            loss(real, reconstruction, sample), wanted, rtol=1e-6
        )
    np.testing.assert_allclose(
        losses.alpha_gan_generator_loss(reconstruction, sample), [0.5]
    )
    np.testing.assert_allclose(
        losses.alpha_gan_code_discriminator_loss(real, sample),
        softplus(0, -real) + softplus(0, sample),
        rtol=1e-6,
    )


def test_vae_gan_losses_by_hand():
    reconstruction, sample = np.array([[-1.0], [0.5]])
    softplus = np.logaddexp
    np.testing.assert_allclose(
        losses.vae_gan_generator_loss(reconstruction, sample),
        softplus(0, -reconstruction) + softplus(0, -sample),
        rtol=1e-6,
    )
    np.testing.assert_allclose(
        losses.vae_gan_generator_loss(reconstruction, sample, saturating=True),
        -softplus(0, reconstruction) - softplus(0, sample),
        rtol=1e-6,
    )


def test_learned_similarity_is_a_unit_gaussian_without_its_constant():
    rng = np.random.default_rng(0)
    real, reconstruction = rng.normal(size=(2, 3, 4, 5)).astype(np.float32)
    density = stats.norm(reconstruction, 1.0).logpdf(real).sum(axis=(1, 2))
    wanted = -density - 20 * 0.5 * np.log(2 * np.pi)
    result = losses.learned_similarity_loss(real, reconstruction)
    np.testing.assert_allclose(result, wanted, rtol=1e-4)


def test_wrong_shapes_are_refused():
    x = jnp.zeros((2, 3))
    with pytest.raises(ValueError, match=r"mean \(2, 3\), log_variance \(2, 1\)"):
        losses.gaussian_kl(x, x[:, :1])
    with pytest.raises(ValueError, match=r"targets \(2, 3\), log_variance \(3,\)"):
        losses.gaussian_log_likelihood(x, x, x[0])
    with pytest.raises(ValueError, match=r"targets \(2, 3\), logits \(2,\)"):
        losses.bernoulli_log_likelihood(x, x[:, 0])
    with pytest.raises(TypeError, match="targets has dtype uint8"):
        losses.bernoulli_log_likelihood(x.astype(jnp.uint8), x)
