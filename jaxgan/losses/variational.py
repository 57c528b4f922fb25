"""Terms of variational auto-encoders and of their hybrids with GANs.

Gaussians are diagonal and given by mean μ and log-variance log σ². Likelihoods and
divergences are summed over every axis but the first, in nats. A log-likelihood is
positive when good: maximise it; everything called loss or KL is minimised.
"""

import math

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from jaxgan.losses import _checks, adversarial

_LOG_2_PI = math.log(2.0 * math.pi)


def gaussian_kl(mean: ArrayLike, log_variance: ArrayLike) -> jax.Array:
    """Divergence of a diagonal Gaussian from the standard one, the VAE's prior term.

    KL(N(μ, σ²) ‖ N(0, I)) = ½ Σ [μ² + σ² − 1 − log σ²].

    Args:
      mean: μ, `[B, ...]`.
      log_variance: log σ², the same shape.

    Returns:
      `[B]`.

    References:
      Kingma and Welling, 2013, https://arxiv.org/abs/1312.6114, appendix B.

    >>> gaussian_kl(jnp.array([[2.0]]), jnp.array([[0.0]]))
    Array([2.], dtype=float32)
    """
    mu, log_var = _checks.same_shape(mean=mean, log_variance=log_variance)
    terms = jnp.square(mu) + jnp.expm1(log_var) - log_var
    return 0.5 * _checks.per_example(terms, jnp.sum)


def gaussian_reverse_kl(mean: ArrayLike, log_variance: ArrayLike) -> jax.Array:
    """Divergence of the standard Gaussian from a diagonal one.

    KL(N(0, I) ‖ N(μ, σ²)) = ½ Σ [(1 + μ²)/σ² − 1 + log σ²].

    Args:
      mean: μ, `[B, ...]`.
      log_variance: log σ², the same shape.

    Returns:
      `[B]`.

    References:
      The closed form for two Gaussians; see `gaussian_kl_between`.

    >>> gaussian_reverse_kl(jnp.array([[2.0]]), jnp.array([[0.0]]))
    Array([2.], dtype=float32)
    """
    mu, log_var = _checks.same_shape(mean=mean, log_variance=log_variance)
    terms = jnp.square(mu) * jnp.exp(-log_var) + jnp.expm1(-log_var) + log_var
    return 0.5 * _checks.per_example(terms, jnp.sum)


def gaussian_kl_between(
    mean_p: ArrayLike,
    log_variance_p: ArrayLike,
    mean_q: ArrayLike,
    log_variance_q: ArrayLike,
) -> jax.Array:
    """Divergence of one diagonal Gaussian from another.

    KL(P ‖ Q) = ½ Σ [(σ_p² + (μ_p − μ_q)²)/σ_q² − 1 + log σ_q² − log σ_p²].

    Args:
      mean_p: μ_p, `[B, ...]`.
      log_variance_p: log σ_p², the same shape.
      mean_q: μ_q, the same shape.
      log_variance_q: log σ_q², the same shape.

    Returns:
      `[B]`.

    References:
      Kingma and Welling, 2013, https://arxiv.org/abs/1312.6114, appendix B, where Q
      is standard.

    >>> zero = jnp.zeros((1, 1))
    >>> gaussian_kl_between(zero, zero, 2 + zero, zero)
    Array([2.], dtype=float32)
    """
    mu_p, log_p, mu_q, log_q = _checks.same_shape(
        mean_p=mean_p,
        log_variance_p=log_variance_p,
        mean_q=mean_q,
        log_variance_q=log_variance_q,
    )
    ratio = log_p - log_q
    terms = jnp.square(mu_p - mu_q) * jnp.exp(-log_q) + jnp.expm1(ratio) - ratio
    return 0.5 * _checks.per_example(terms, jnp.sum)


def reparameterise(
    mean: ArrayLike, log_variance: ArrayLike, key: jax.Array
) -> jax.Array:
    """A sample through which gradients flow to mean and variance.

    μ + σ·ε, ε ~ N(0, I).

    Args:
      mean: μ, `[B, ...]`.
      log_variance: log σ², the same shape.
      key: a random key.

    Returns:
      A sample of the same shape.

    References:
      Kingma and Welling, 2013, https://arxiv.org/abs/1312.6114, section 2.4.

    >>> certain = jnp.full((1, 2), -jnp.inf)  # no variance
    >>> reparameterise(jnp.ones((1, 2)), certain, jax.random.key(0))
    Array([[1., 1.]], dtype=float32)
    """
    mu, log_var = _checks.same_shape(mean=mean, log_variance=log_variance)
    noise = jax.random.normal(key, mu.shape, mu.dtype)
    return mu + jnp.exp(0.5 * log_var) * noise


def bernoulli_log_likelihood(targets: ArrayLike, logits: ArrayLike) -> jax.Array:
    """Log-likelihood of binary pixels, or minus cross-entropy for grey ones.

    Σ [t·log σ(l) + (1 − t)·log(1 − σ(l))] = Σ [t·l − softplus(l)].

    Args:
      targets: t in [0, 1], `[B, ...]`.
      logits: l, the same shape.

    Returns:
      `[B]`, to be maximised.

    References:
      Kingma and Welling, 2013, https://arxiv.org/abs/1312.6114, equation 11.

    >>> bernoulli_log_likelihood(jnp.ones((1, 2)), jnp.zeros((1, 2)))
    Array([-1.3862944], dtype=float32)
    """
    t, logit = _checks.same_shape(targets=targets, logits=logits)
    terms = t * -jax.nn.softplus(-logit) - (1.0 - t) * jax.nn.softplus(logit)
    return _checks.per_example(terms, jnp.sum)


def gaussian_log_likelihood(
    targets: ArrayLike, mean: ArrayLike, log_variance: ArrayLike = 0.0
) -> jax.Array:
    """Log-density of a diagonal Gaussian.

    −½ Σ [(t − μ)²/σ² + log σ² + log 2π].

    Args:
      targets: t, `[B, ...]`.
      mean: μ, the same shape.
      log_variance: log σ², the same shape or one number.

    Returns:
      `[B]`, to be maximised.

    References:
      Kingma and Welling, 2013, https://arxiv.org/abs/1312.6114, equation 12.

    >>> gaussian_log_likelihood(jnp.ones((1, 1)), jnp.zeros((1, 1)))
    Array([-1.4189385], dtype=float32)
    """
    t, mu = _checks.same_shape(targets=targets, mean=mean)
    if jnp.ndim(log_variance) == 0:
        log_var = jnp.broadcast_to(
            _checks.scalar("log_variance", log_variance), t.shape
        )
    else:
        t, log_var = _checks.same_shape(targets=t, log_variance=log_variance)
    terms = jnp.square(t - mu) * jnp.exp(-log_var) + log_var + _LOG_2_PI
    return -0.5 * _checks.per_example(terms, jnp.sum)


def density_ratio_loss(logits: ArrayLike) -> jax.Array:
    """A divergence estimated by a discriminator, α-GAN's R_D and R_C.

    R = −log D + log(1 − D) = −logit: where D tells P (as real) from Q, the mean over
    samples of Q estimates KL(Q ‖ P). The encoder minimises it on its codes, with the
    code discriminator's logits; the generator on its images, with the image
    discriminator's.

    Args:
      logits: the discriminator's logits of generated samples, `[B, ...]`.

    Returns:
      One value per logit, the same shape.

    References:
      Rosca et al., 2017, https://arxiv.org/abs/1706.04987, algorithm 1.

    >>> density_ratio_loss(jnp.array([3.0]))
    Array([-3.], dtype=float32)
    """
    return -_checks.floating("logits", logits)


def alpha_gan_discriminator_loss(
    real_logits: ArrayLike, reconstruction_logits: ArrayLike, sample_logits: ArrayLike
) -> jax.Array:
    """The image discriminator of α-GAN: reals against reconstructions and samples.

    softplus(−x) + softplus(r) + softplus(y).

    Args:
      real_logits: x, of real images, `[B, ...]`.
      reconstruction_logits: r, of G(E(image)), the same shape.
      sample_logits: y, of G(z), the same shape.

    Returns:
      One loss per logit, the same shape.

    References:
      Rosca et al., 2017, https://arxiv.org/abs/1706.04987, algorithm 1.

    >>> alpha_gan_discriminator_loss(jnp.zeros(1), jnp.zeros(1), jnp.zeros(1))
    Array([2.0794415], dtype=float32)
    """
    real, reconstruction, sample = _checks.same_shape(
        real_logits=real_logits,
        reconstruction_logits=reconstruction_logits,
        sample_logits=sample_logits,
    )
    fakes = jax.nn.softplus(reconstruction) + jax.nn.softplus(sample)
    return jax.nn.softplus(-real) + fakes


def alpha_gan_generator_loss(
    reconstruction_logits: ArrayLike, sample_logits: ArrayLike
) -> jax.Array:
    """The adversarial part of α-GAN's generator loss.

    R_D(G(E(image))) + R_D(G(z)) = −r − y; its other part is `l1_loss`, times λ.

    Args:
      reconstruction_logits: r, of G(E(image)), `[B, ...]`.
      sample_logits: y, of G(z), the same shape.

    Returns:
      One loss per logit, the same shape.

    References:
      Rosca et al., 2017, https://arxiv.org/abs/1706.04987, algorithm 1.

    >>> alpha_gan_generator_loss(jnp.array([1.0]), jnp.array([2.0]))
    Array([-3.], dtype=float32)
    """
    reconstruction, sample = _checks.same_shape(
        reconstruction_logits=reconstruction_logits, sample_logits=sample_logits
    )
    return -reconstruction - sample


def alpha_gan_code_discriminator_loss(
    prior_logits: ArrayLike, code_logits: ArrayLike
) -> jax.Array:
    """The code discriminator of α-GAN: draws of the prior against encodings.

    softplus(−c) + softplus(e).

    Args:
      prior_logits: c, of codes drawn from the prior, `[B, ...]`.
      code_logits: e, of encoded images, the same shape.

    Returns:
      One loss per logit, the same shape.

    References:
      Rosca et al., 2017, https://arxiv.org/abs/1706.04987, algorithm 1.

    >>> alpha_gan_code_discriminator_loss(jnp.zeros(1), jnp.zeros(1))
    Array([1.3862944], dtype=float32)
    """
    prior, code = _checks.same_shape(prior_logits=prior_logits, code_logits=code_logits)
    return adversarial.minimax_discriminator_loss(prior, code)


def learned_similarity_loss(
    real_features: ArrayLike, reconstruction_features: ArrayLike
) -> jax.Array:
    """VAE/GAN's reconstruction error in the discriminator's features.

    ½ Σ (D_l(x) − D_l(x̃))²: minus the log-density of a Gaussian with unit variance
    around the features of the reconstruction, without its constant. Encoder and
    decoder minimise it; the discriminator gets no gradient from it.

    Args:
      real_features: D_l(x), `[B, ...]`.
      reconstruction_features: D_l(x̃), the same shape.

    Returns:
      `[B]`, summed over the features.

    References:
      Larsen et al., 2015, https://arxiv.org/abs/1512.09300, equations 7 and 8.

    >>> learned_similarity_loss(jnp.zeros((1, 2)), jnp.full((1, 2), 3.0))
    Array([9.], dtype=float32)
    """
    real, reconstruction = _checks.same_shape(
        min_rank=2,
        real_features=real_features,
        reconstruction_features=reconstruction_features,
    )
    return 0.5 * _checks.per_example(jnp.square(real - reconstruction), jnp.sum)


def vae_gan_discriminator_loss(
    real_logits: ArrayLike, reconstruction_logits: ArrayLike, sample_logits: ArrayLike
) -> jax.Array:
    """The discriminator of VAE/GAN, minus its L_GAN.

    softplus(−x) + softplus(r) + softplus(y).

    Args:
      real_logits: x, of real images, `[B, ...]`.
      reconstruction_logits: r, of decoded encodings, the same shape.
      sample_logits: y, of decoded draws of the prior, the same shape.

    Returns:
      One loss per logit, the same shape.

    References:
      Larsen et al., 2015, https://arxiv.org/abs/1512.09300, algorithm 1.

    >>> vae_gan_discriminator_loss(jnp.zeros(1), jnp.zeros(1), jnp.zeros(1))
    Array([2.0794415], dtype=float32)
    """
    return alpha_gan_discriminator_loss(
        real_logits, reconstruction_logits, sample_logits
    )


def vae_gan_generator_loss(
    reconstruction_logits: ArrayLike,
    sample_logits: ArrayLike,
    *,
    saturating: bool = False,
) -> jax.Array:
    """The adversarial part of VAE/GAN's decoder loss.

    softplus(−r) + softplus(−y); with `saturating`, the paper's −L_GAN as printed,
    −softplus(r) − softplus(y). Its other part is `learned_similarity_loss`, times γ.

    Args:
      reconstruction_logits: r, of decoded encodings, `[B, ...]`.
      sample_logits: y, of decoded draws of the prior, the same shape.
      saturating: play the zero-sum game.

    Returns:
      One loss per logit, the same shape.

    References:
      Larsen et al., 2015, https://arxiv.org/abs/1512.09300, algorithm 1.

    >>> vae_gan_generator_loss(jnp.zeros(1), jnp.zeros(1))
    Array([1.3862944], dtype=float32)
    """
    reconstruction, sample = _checks.same_shape(
        reconstruction_logits=reconstruction_logits, sample_logits=sample_logits
    )
    if saturating:
        return -jax.nn.softplus(reconstruction) - jax.nn.softplus(sample)
    return jax.nn.softplus(-reconstruction) + jax.nn.softplus(-sample)
