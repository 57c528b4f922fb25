"""Regularisers of a critic's scores, of features and of weights.

They differentiate nothing themselves, and none carries its weight.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from jaxgan.losses import _checks


def drift_penalty(real_logits: ArrayLike) -> jax.Array:
    """Keeps the critic's scores from drifting away from zero.

    x², for each score of a real example.

    Args:
      real_logits: critic scores of real examples, `[B, ...]`.

    Returns:
      One value per score, the same shape.

    References:
      Karras et al., 2017, https://arxiv.org/abs/1710.10196, appendix A.1.

    >>> drift_penalty(jnp.array([3.0]))
    Array([9.], dtype=float32)
    """
    return jnp.square(_checks.floating("real_logits", real_logits))


class LecamAnchors(NamedTuple):
    """The memory of `lecam_penalty`: running means of the scores.

    Attributes:
      real: mean score of real examples so far, `[]`.
      fake: mean score of generated examples so far, `[]`.
    """

    real: ArrayLike = 0.0
    fake: ArrayLike = 0.0


def lecam_penalty(
    real_logits: ArrayLike,
    fake_logits: ArrayLike,
    anchors: LecamAnchors,
    *,
    decay: _checks.Number = 0.99,
    one_sided: bool = False,
) -> tuple[jax.Array, LecamAnchors]:
    """LeCam regularisation: each score is drawn to the other side's running mean.

    (x − α_F)² + (y − α_R)² with the anchors as they came in; then
    α ← decay·α + (1 − decay)·mean.

    Args:
      real_logits: logits of real examples, `[B, ...]`.
      fake_logits: logits of generated examples, the same shape.
      anchors: the running means; start from `LecamAnchors()`.
      decay: how much of the old means is kept.
      one_sided: as in the authors' code, max(0, x − α_F)² + max(0, α_R − y)².

    Returns:
      The penalty, the same shape, and the new anchors, without gradient.

    References:
      Tseng et al., 2021, https://arxiv.org/abs/2104.03310.

    >>> real, fake = jnp.array([2.0]), jnp.array([-1.0])
    >>> penalty, anchors = lecam_penalty(real, fake, LecamAnchors(1.0, 0.0), decay=0.5)
    >>> penalty
    Array([8.], dtype=float32)
    >>> print(*anchors)
    1.5 -0.5
    """
    real, fake = _checks.same_shape(real_logits=real_logits, fake_logits=fake_logits)
    real_anchor = jax.lax.stop_gradient(_checks.scalar("anchors.real", anchors.real))
    fake_anchor = jax.lax.stop_gradient(_checks.scalar("anchors.fake", anchors.fake))
    real_gap, fake_gap = real - fake_anchor, real_anchor - fake
    if one_sided:
        real_gap, fake_gap = jax.nn.relu(real_gap), jax.nn.relu(fake_gap)
    new = LecamAnchors(
        jax.lax.stop_gradient(decay * real_anchor + (1.0 - decay) * real.mean()),
        jax.lax.stop_gradient(decay * fake_anchor + (1.0 - decay) * fake.mean()),
    )
    return jnp.square(real_gap) + jnp.square(fake_gap), new


def pulling_away_term(embeddings: ArrayLike) -> jax.Array:
    """EBGAN's repelling regulariser: mean squared cosine to the other examples.

    For example i, 1/(B − 1) Σ_{j≠i} (sᵢᵀsⱼ / ‖sᵢ‖‖sⱼ‖)²; the mean over i is the paper's
    f_PT: 0 for orthogonal embeddings, 1 for identical ones. It belongs in the
    generator's loss alone. A zero embedding has cosine 0 to everything.

    Args:
      embeddings: encoder outputs of generated examples, `[B, D]`, B at least 2.

    Returns:
      `[B]`.

    References:
      Zhao et al., 2016, https://arxiv.org/abs/1609.03126, section 2.4.

    >>> pulling_away_term(jnp.eye(3))
    Array([0., 0., 0.], dtype=float32)
    """
    s = _checks.floating("embeddings", embeddings, rank=2)
    if len(s) < 2:
        raise ValueError(f"embeddings has shape {s.shape}, expected two rows or more")
    norm = _checks.safe_sqrt(jnp.square(s).sum(axis=1, keepdims=True))
    unit = s / jnp.where(norm == 0, 1.0, norm)
    cosine = jnp.matmul(unit, unit.T, precision="highest")
    others = jnp.where(jnp.eye(len(s), dtype=bool), 0.0, jnp.square(cosine))
    return others.sum(axis=1) / (len(s) - 1)


def mode_seeking_loss(
    images: ArrayLike,
    others: ArrayLike,
    latents: ArrayLike,
    other_latents: ArrayLike,
    *,
    epsilon: float = 1e-5,
) -> jax.Array:
    """Makes a conditional generator heed its latents: different ones, different images.

    1 / (r + ε) with r = mean|G(c, z₁) − G(c, z₂)| / mean|z₁ − z₂|, for each pair of
    images of one condition c. It belongs in the generator's loss alone. As in the
    authors' code, it is what is minimised, where the paper maximises r; the code has
    one r of the whole batch. Draw the latents apart: where two are equal but for
    rounding, the slope is so large that it drowns all others.

    Args:
      images: generated examples, `[B, ...]`.
      others: of the same conditions and other latents, the same shape.
      latents: what `images` were made of, `[B, Z]`.
      other_latents: what `others` were made of, the same shape.
      epsilon: bounds the loss where two images are equal, at 1 / ε.

    Returns:
      `[B]`.

    References:
      Mao et al., 2019, https://arxiv.org/abs/1903.05628, equation 4.

    >>> black, white = jnp.zeros((1, 2, 2)), jnp.ones((1, 2, 2))
    >>> mode_seeking_loss(black, white, jnp.zeros((1, 3)), jnp.full((1, 3), 2.0))
    Array([1.99996], dtype=float32)
    """
    image, other = _checks.same_shape(images=images, others=others, min_rank=2)
    latent, other_latent = _checks.same_shape(
        latents=latents, other_latents=other_latents, min_rank=2
    )
    _checks.same_batch(images=image, latents=latent)
    # Without the ratio itself, which nothing bounds where two latents are equal.
    latents_apart = _mean_distance(latent, other_latent)
    total = _mean_distance(image, other) + epsilon * latents_apart
    return latents_apart / jnp.where(total == 0, 1.0, total)


def _mean_distance(x, y):
    return jnp.abs(x - y).mean(axis=range(1, x.ndim))


def orthogonal_penalty(kernel: ArrayLike) -> jax.Array:
    """BigGAN's relaxed orthogonal regularisation of one weight.

    ‖WᵀW ⊙ (1 − I)‖²_F: different filters are drawn apart, their norms stay free.

    Args:
      kernel: weights with the output channels last, `[..., O]`: dense `[I, O]`,
        convolution `[H, W, I, O]`; every other axis is flattened.

    Returns:
      One number, `[]`.

    References:
      Brock et al., 2018, https://arxiv.org/abs/1809.11096, equation 3.

    >>> orthogonal_penalty(jnp.eye(3))
    Array(0., dtype=float32)
    >>> orthogonal_penalty(jnp.ones((2, 2)))
    Array(8., dtype=float32)
    """
    w = _checks.floating("kernel", kernel, min_rank=2)
    w = w.reshape(-1, w.shape[-1])
    gram = jnp.matmul(w.T, w, precision="highest")
    return jnp.square(jnp.where(jnp.eye(len(gram), dtype=bool), 0.0, gram)).sum()
