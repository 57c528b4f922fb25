"""Losses for filling holes in images: context encoders and semantic inpainting.

A context encoder predicts the hole and is compared with the original. Semantic
inpainting searches for a latent whose image agrees with the known pixels and looks
real.
"""

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from jaxgan.losses import _checks, adversarial


def masked_reconstruction_loss(
    target: ArrayLike, prediction: ArrayLike, weights: ArrayLike
) -> jax.Array:
    """Weighted squared error of filling a hole.

    mean (w ⊙ (t − p)²) over all values, those of weight 0 included: weights of 1 give
    `l2_loss`. A 0/1 mask gives the paper's ‖M ⊙ (t − p)‖² over the number of values.

    Args:
      target: t, `[B, H, W, C]` (any rank).
      prediction: p, the same shape.
      weights: w, a mask or weights of the same rank, each axis equal or 1; see
        `overlap_weights`.

    Returns:
      `[B]`.

    References:
      Pathak et al., 2016, https://arxiv.org/abs/1604.07379, equation 1.

    >>> mask = jnp.array([[1.0, 0.0]])
    >>> masked_reconstruction_loss(jnp.zeros((1, 2)), jnp.full((1, 2), 2.0), mask)
    Array([2.], dtype=float32)
    """
    t, p = _checks.same_shape(target=target, prediction=prediction)
    w = _checks.weights("weights", weights, t)
    return _checks.per_example(w * jnp.square(t - p))


def overlap_weights(
    height: int, width: int, *, overlap: int = 4, weight: float = 10.0
) -> jax.Array:
    """Weights for a predicted hole whose border overlaps the visible context.

    `weight` in a band of `overlap` pixels along the border, 1 inside: the seam is where
    an error shows.

    Args:
      height: of the predicted region.
      width: of the predicted region.
      overlap: width of the band; the authors use 4 for a centred hole, 7 otherwise.
      weight: of the band.

    Returns:
      `[1, height, width, 1]`, for `masked_reconstruction_loss`.

    References:
      Pathak et al., 2016, https://arxiv.org/abs/1604.07379, and the authors' code.

    >>> overlap_weights(3, 3, overlap=1)[0, :, :, 0]
    Array([[10., 10., 10.],
           [10.,  1., 10.],
           [10., 10., 10.]], dtype=float32)
    """
    if min(height, width) < 1 or overlap < 0 or 2 * overlap > min(height, width):
        raise ValueError(
            f"overlap is {overlap} for a region of {height} by {width}, expected 0 to "
            "half of the smaller side"
        )
    inside = jnp.ones((height - 2 * overlap, width - 2 * overlap), jnp.float32)
    band = jnp.pad(inside, overlap, constant_values=weight)
    return band[None, :, :, None]


def inpainting_contextual_loss(
    target: ArrayLike, generated: ArrayLike, weights: ArrayLike
) -> jax.Array:
    """The distance of a generated image from the known pixels.

    ‖w ⊙ (G(z) − t)‖₁, a *sum*, which the published weights of the prior term (0.1,
    0.003) count on. Values of weight 0 are ignored, NaN too.

    Args:
      target: t, the damaged image, `[B, H, W, C]` (any rank).
      generated: G(z), the same shape.
      weights: w, the mask of known pixels or `inpainting_weights` of it; the same rank,
        each axis equal or 1.

    Returns:
      `[B]`.

    References:
      Yeh et al., 2016, https://arxiv.org/abs/1607.07539, the contextual loss.

    >>> mask = jnp.array([[1.0, 0.0]])
    >>> inpainting_contextual_loss(jnp.zeros((1, 2)), jnp.full((1, 2), 2.0), mask)
    Array([2.], dtype=float32)
    """
    t, g = _checks.same_shape(target=target, generated=generated)
    w = _checks.weights("weights", weights, t)
    gap = jnp.where(w != 0, g - t, 0.0)  # the hole may hold anything
    return _checks.per_example(jnp.abs(w * gap), jnp.sum)


def inpainting_prior_loss(fake_logits: ArrayLike) -> jax.Array:
    """The unreality of a generated image, for the search of its latent.

    log(1 − D(G(z))) = −softplus(y): the saturating loss, as published. Its slope −σ(y)
    vanishes where the discriminator is sure that the image is generated;
    `non_saturating_generator_loss` has its largest slope there.

    Args:
      fake_logits: the discriminator's logits of G(z), `[B, ...]`.

    Returns:
      One loss per logit, the same shape.

    References:
      Yeh et al., 2016, https://arxiv.org/abs/1607.07539, the prior loss.

    >>> inpainting_prior_loss(jnp.zeros(1))
    Array([-0.6931472], dtype=float32)
    """
    return adversarial.minimax_generator_loss(fake_logits)


def inpainting_weights(mask: ArrayLike, *, window: int = 7) -> jax.Array:
    """Importance of the known pixels: those beside the hole count most.

    wᵢ = Mᵢ · (share of missing pixels in a window around i), counting only the part of
    the window inside the image. Known pixels far from any hole weigh nothing.

    Args:
      mask: M, 1 where known and 0 where missing, `[B, H, W, C]` (C may be 1).
      window: the width of the window, odd.

    Returns:
      `[B, H, W, C]`.

    References:
      Yeh et al., 2016, https://arxiv.org/abs/1607.07539, the weighted contextual loss
      of the later version.

    >>> print(inpainting_weights(jnp.array([[[[1.0], [0.0]]]]), window=3)[0, 0, :, 0])
    [0.5 0. ]
    """
    m = jnp.asarray(mask)
    if jnp.issubdtype(m.dtype, jnp.bool_) or jnp.issubdtype(m.dtype, jnp.integer):
        m = m.astype(jnp.float32)
    m = _checks.floating("mask", m, rank=4)
    if window < 1 or window % 2 == 0:
        raise ValueError(f"window is {window}, expected a positive odd number")

    def summed(image: jax.Array) -> jax.Array:
        return jax.lax.reduce_window(
            image, 0.0, jax.lax.add, (1, window, window, 1), (1, 1, 1, 1), "SAME"
        )

    return m * summed(1.0 - m) / summed(jnp.ones_like(m))
