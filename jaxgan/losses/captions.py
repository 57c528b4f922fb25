"""Losses of captions: GAN-CLS, GAN-INT, and the embedding that they start from."""

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from jaxgan.losses import _checks, adversarial


def matching_aware_discriminator_loss(
    real_logits: ArrayLike, wrong_logits: ArrayLike, fake_logits: ArrayLike
) -> jax.Array:
    """The matching-aware discriminator of GAN-CLS.

    softplus(−r) + ½(softplus(w) + softplus(y)): a real image with the right caption
    against a real image with a wrong caption and a generated image with the right one,
    which share the negative weight.

    Args:
      real_logits: r, of real images with their captions, `[B, ...]`.
      wrong_logits: w, of real images with captions of other images, the same shape.
      fake_logits: y, of generated images with the captions they were made from, the
        same shape.

    Returns:
      One loss per logit, the same shape.

    References:
      Reed et al., 2016, https://arxiv.org/abs/1605.05396, algorithm 1.

    >>> matching_aware_discriminator_loss(jnp.zeros(1), jnp.zeros(1), jnp.zeros(1))
    Array([1.3862944], dtype=float32)
    """
    real, wrong, fake = _checks.same_shape(
        real_logits=real_logits, wrong_logits=wrong_logits, fake_logits=fake_logits
    )
    negatives = jax.nn.softplus(wrong) + jax.nn.softplus(fake)
    return jax.nn.softplus(-real) + 0.5 * negatives


def matching_aware_generator_loss(fake_logits: ArrayLike) -> jax.Array:
    """The generator of GAN-CLS: non-saturating, on images with their captions.

    softplus(−y).

    Args:
      fake_logits: logits of generated images with their captions, `[B, ...]`.

    Returns:
      One loss per logit, the same shape.

    References:
      Reed et al., 2016, https://arxiv.org/abs/1605.05396, algorithm 1.

    >>> matching_aware_generator_loss(jnp.zeros(1))
    Array([0.6931472], dtype=float32)
    """
    return adversarial.non_saturating_generator_loss(fake_logits)


def interpolate_embeddings(
    first: ArrayLike, second: ArrayLike, *, beta: _checks.Number = 0.5
) -> jax.Array:
    """Captions between captions, for the generator of GAN-INT.

    β·t₁ + (1 − β)·t₂.

    Args:
      first: text embeddings t₁, `[B, D]`.
      second: text embeddings t₂ of other captions, the same shape.
      beta: β.

    Returns:
      `[B, D]`.

    References:
      Reed et al., 2016, https://arxiv.org/abs/1605.05396, equation 5.

    >>> interpolate_embeddings(jnp.zeros((1, 2)), jnp.ones((1, 2)))
    Array([[0.5, 0.5]], dtype=float32)
    """
    t1, t2 = _checks.same_shape(rank=2, first=first, second=second)
    return beta * t1 + (1.0 - beta) * t2


def matching_aware_interpolation_loss(interpolated_logits: ArrayLike) -> jax.Array:
    """The additional generator term of GAN-INT, on interpolated captions.

    softplus(−y) of G(z, βt₁ + (1 − β)t₂) judged with that same embedding. The
    discriminator has no such term: no real image belongs to an interpolated caption.

    Args:
      interpolated_logits: logits of images made from interpolated captions, `[B, ...]`.

    Returns:
      One loss per logit, the same shape.

    References:
      Reed et al., 2016, https://arxiv.org/abs/1605.05396, equation 5.

    >>> matching_aware_interpolation_loss(jnp.zeros(1))
    Array([0.6931472], dtype=float32)
    """
    logits = _checks.floating("interpolated_logits", interpolated_logits)
    return adversarial.non_saturating_generator_loss(logits)


def structured_joint_embedding_loss(
    image: ArrayLike, text: ArrayLike, *, also: ArrayLike | None = None
) -> jax.Array:
    """The structured joint embedding of images and their captions.

    With compatibility F(v, t) = v·t, image i and caption i: the mean of
    max(0, 1 + F(v_i, t_j) − F(v_i, t_i)) over the captions j that are wrong of image i,
    plus the mean of max(0, 1 + F(v_j, t_i) − F(v_i, t_i)) over the images j that
    caption i is wrong of. The released code takes the sum over a minibatch, where the
    paper has the largest term.

    Args:
      image: embeddings v of images, `[B, D]`.
      text: embeddings t of their captions, the same shape.
      also: 1 at `[i, j]` where caption j is true of image i too, which is no mistake
        then, and 0 elsewhere, `[B, B]`; none if left out. The diagonal is ignored.

    Returns:
      `[B]`.

    References:
      Reed, Akata, Schiele and Lee, 2016, https://arxiv.org/abs/1605.05395, equations
      1 to 5.

    >>> structured_joint_embedding_loss(jnp.eye(2), jnp.eye(2))
    Array([0., 0.], dtype=float32)
    """
    v, t = _checks.same_shape(rank=2, image=image, text=text)
    scores, count = v @ t.T, len(v)
    wrong = 1.0 - jnp.eye(count, dtype=scores.dtype)
    if also is not None:
        held = _checks.floating("also", also, rank=2)
        if held.shape != (count, count):
            raise ValueError(
                f"also has shape {held.shape}, expected {(count, count)}: a row for"
                " each image, a column for each caption"
            )
        wrong *= 1.0 - held
    right = jnp.diagonal(scores)[:, None]
    of_images = wrong * jax.nn.relu(1.0 + scores - right)
    of_texts = wrong.T * jax.nn.relu(1.0 + scores.T - right)
    return of_images.sum(1) / jnp.maximum(wrong.sum(1), 1.0) + of_texts.sum(
        1
    ) / jnp.maximum(wrong.sum(0), 1.0)
