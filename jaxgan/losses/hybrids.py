"""Hybrids of variational auto-encoders and GANs: α-GAN and VAE/GAN.

Their likelihoods and divergences are in `variational`.
"""

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from jaxgan.losses import _checks, adversarial


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
      saturating: use the generator's part of the zero-sum game instead.

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
