"""Losses between images, the real one first.

Unless a function says otherwise it takes `[B, ...]` and gives `[B]`: the *mean* over
every axis but the first, so that a weight does not depend on the size of the image.
Images are `[B, H, W, C]`. The functions that sum are those whose published weights
count on it: `inpainting_contextual_loss` here, `capsule_reconstruction_loss` and the
likelihoods elsewhere.
"""

import operator
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from jaxgan.losses import _checks, adversarial

_MULTI_SCALE_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)


def l1_loss(target: ArrayLike, prediction: ArrayLike) -> jax.Array:
    """Mean absolute error.

    mean |t − p|.

    Args:
      target: t, `[B, ...]`.
      prediction: p, the same shape.

    Returns:
      `[B]`.

    References:
      Isola et al., 2016, https://arxiv.org/abs/1611.07004, equation 3.

    >>> l1_loss(jnp.zeros((1, 2)), jnp.array([[1.0, 3.0]]))
    Array([2.], dtype=float32)
    """
    t, p = _checks.same_shape(target=target, prediction=prediction)
    return _checks.per_example(jnp.abs(t - p))


def l2_loss(target: ArrayLike, prediction: ArrayLike) -> jax.Array:
    """Mean squared error, not halved.

    mean (t − p)².

    Args:
      target: t, `[B, ...]`.
      prediction: p, the same shape.

    Returns:
      `[B]`.

    References:
      Mathieu et al., 2015, https://arxiv.org/abs/1511.05440, equation 1 with p = 2
      (a sum there).

    >>> l2_loss(jnp.zeros((1, 2)), jnp.array([[1.0, 3.0]]))
    Array([5.], dtype=float32)
    """
    t, p = _checks.same_shape(target=target, prediction=prediction)
    return _checks.per_example(jnp.square(t - p))


def charbonnier_loss(
    target: ArrayLike, prediction: ArrayLike, *, epsilon: float = 1e-3
) -> jax.Array:
    """A smooth absolute error.

    mean √((t − p)² + ε²): quadratic below ε, linear above, ε at zero.

    Args:
      target: t, `[B, ...]`.
      prediction: p, the same shape.
      epsilon: ε, positive.

    Returns:
      `[B]`.

    References:
      Charbonnier et al., 1994, "Two deterministic half-quadratic regularization
      algorithms for computed imaging"; as a loss: Lai et al., 2017,
      https://arxiv.org/abs/1704.03915.

    >>> charbonnier_loss(jnp.zeros((1, 1)), jnp.full((1, 1), 3.0), epsilon=4.0)
    Array([5.], dtype=float32)
    """
    t, p = _checks.same_shape(target=target, prediction=prediction)
    _checks.number("epsilon", epsilon, "more than 0", lambda value: value > 0)
    return _checks.per_example(jnp.sqrt(jnp.square(t - p) + epsilon**2))


def _differences(image: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Down and right neighbours less each pixel of `[B, H, W, C]`."""
    return image[:, 1:] - image[:, :-1], image[:, :, 1:] - image[:, :, :-1]


def _image(name: str, value: ArrayLike, smallest: int) -> jax.Array:
    image = _checks.floating(name, value, rank=4)
    if min(image.shape[1:3]) < smallest:
        raise ValueError(
            f"{name} has shape {image.shape}, expected height and width of at least "
            f"{smallest}"
        )
    return image


def total_variation_loss(image: ArrayLike) -> jax.Array:
    """Anisotropic total variation of one image.

    mean |∂_y p| + mean |∂_x p|, over neighbouring pixels.

    Args:
      image: p, `[B, H, W, C]`, at least 2×2.

    Returns:
      `[B]`.

    References:
      Rudin, Osher and Fatemi, 1992; on images made by networks: Mahendran and Vedaldi,
      2014, https://arxiv.org/abs/1412.0035.

    >>> total_variation_loss(jnp.array([[[[0.0], [1.0]], [[0.0], [1.0]]]]))
    Array([1.], dtype=float32)
    """
    down, right = _differences(_image("image", image, 2))
    return _checks.per_example(jnp.abs(down)) + _checks.per_example(jnp.abs(right))


def gradient_difference_loss(
    target: ArrayLike, prediction: ArrayLike, *, alpha: float = 1.0
) -> jax.Array:
    """Penalises differences between the gradients of two images, against blur.

    mean ||∂_y t| − |∂_y p||^α + mean ||∂_x t| − |∂_x p||^α (sums in the paper).

    Args:
      target: t, `[B, H, W, C]`, at least 2×2.
      prediction: p, the same shape.
      alpha: α, at least 1.

    Returns:
      `[B]`.

    References:
      Mathieu et al., 2015, https://arxiv.org/abs/1511.05440, equation 6.

    >>> step = jnp.array([[[[0.0], [1.0]], [[0.0], [1.0]]]])
    >>> gradient_difference_loss(step, jnp.zeros_like(step))
    Array([1.], dtype=float32)
    """
    t, p = _checks.same_shape(rank=4, target=target, prediction=prediction)
    _image("target", t, 2)
    _checks.number("alpha", alpha, "1 or more", lambda value: value >= 1)

    def gap(dt: jax.Array, dp: jax.Array) -> jax.Array:
        difference = jnp.abs(jnp.abs(dt) - jnp.abs(dp))
        return _checks.per_example(difference if alpha == 1 else difference**alpha)

    (down_t, right_t), (down_p, right_p) = _differences(t), _differences(p)
    return gap(down_t, down_p) + gap(right_t, right_p)


def _blur(image: jax.Array, filter_size: int, filter_sigma: float) -> jax.Array:
    """Means under a Gaussian window wherever it fits, channel by channel.

    As two products with band matrices: on CPU fifty times faster than the grouped
    convolution, and its gradient too.
    """
    place = jnp.arange(filter_size, dtype=image.dtype) - (filter_size - 1) / 2
    window = jax.nn.softmax(-0.5 * jnp.square(place / filter_sigma))

    def band(length: int) -> jax.Array:
        rows = jnp.arange(length - filter_size + 1)[:, None]
        offset = jnp.arange(length)[None, :] - rows
        inside = (offset >= 0) & (offset < filter_size)
        return jnp.where(inside, window[jnp.clip(offset, 0, filter_size - 1)], 0.0)

    _, height, width, _ = image.shape
    image = jnp.einsum("oh,bhwc->bowc", band(height), image, precision="highest")
    return jnp.einsum("ow,bhwc->bhoc", band(width), image, precision="highest")


def _ssim_maps(
    t: jax.Array,
    p: jax.Array,
    data_range: _checks.Number,
    filter_size: int,
    filter_sigma: float,
    k1: float,
    k2: float,
) -> tuple[jax.Array, jax.Array]:
    """Luminance times contrast-structure, and contrast-structure, `[B, C]` each."""
    c1, c2 = (k1 * data_range) ** 2, (k2 * data_range) ** 2
    stacked = jnp.concatenate([t, p, t * t, p * p, t * p], axis=-1)
    mean_t, mean_p, square_t, square_p, product = jnp.split(
        _blur(stacked, filter_size, filter_sigma), 5, axis=-1
    )
    covariance = product - mean_t * mean_p
    variances = square_t - mean_t**2 + square_p - mean_p**2
    luminance = (2 * mean_t * mean_p + c1) / (mean_t**2 + mean_p**2 + c1)
    structure = (2 * covariance + c2) / (variances + c2)
    return (luminance * structure).mean(axis=(1, 2)), structure.mean(axis=(1, 2))


def ssim(
    target: ArrayLike,
    prediction: ArrayLike,
    *,
    data_range: _checks.Number,
    filter_size: int = 11,
    filter_sigma: float = 1.5,
    k1: float = 0.01,
    k2: float = 0.03,
) -> jax.Array:
    """Structural similarity: 1 for equal images.

    The mean over windows and channels of
    (2μ_tμ_p + c₁)(2σ_tp + c₂) / ((μ_t² + μ_p² + c₁)(σ_t² + σ_p² + c₂)), cᵢ = (kᵢL)²,
    with Gaussian windows wherever they fit inside the image and population variances.

    Args:
      target: t, `[B, H, W, C]`, at least as large as the window.
      prediction: p, the same shape.
      data_range: L, the width of the range of values: 2 for [−1, 1], 1 for [0, 1].
      filter_size: width of the window.
      filter_sigma: its standard deviation.
      k1: constant of the luminance.
      k2: constant of the contrast.

    Returns:
      `[B]`.

    References:
      Wang et al., 2004, "Image quality assessment: from error visibility to structural
      similarity", IEEE TIP 13(4), equation 13.

    >>> image = jnp.linspace(0.0, 1.0, 144).reshape(1, 12, 12, 1)
    >>> ssim(image, image, data_range=1.0)
    Array([1.], dtype=float32)
    """
    t, p = _checks.same_shape(rank=4, target=target, prediction=prediction)
    _checks.number("data_range", data_range, "more than 0", lambda value: value > 0)
    _image("target", t, filter_size)
    whole, _ = _ssim_maps(t, p, data_range, filter_size, filter_sigma, k1, k2)
    return whole.mean(axis=1)


def ssim_loss(
    target: ArrayLike,
    prediction: ArrayLike,
    *,
    data_range: _checks.Number,
    filter_size: int = 11,
    filter_sigma: float = 1.5,
    k1: float = 0.01,
    k2: float = 0.03,
) -> jax.Array:
    """One minus structural similarity.

    1 − SSIM(t, p), from 0 for equal images to 2.

    Args:
      target: t, `[B, H, W, C]`.
      prediction: p, the same shape.
      data_range: L, as in `ssim`.
      filter_size: as in `ssim`.
      filter_sigma: as in `ssim`.
      k1: as in `ssim`.
      k2: as in `ssim`.

    Returns:
      `[B]`.

    References:
      Wang et al., 2004, IEEE TIP 13(4), equation 13; as a loss: Zhao et al., 2015,
      https://arxiv.org/abs/1511.08861.

    >>> image = jnp.linspace(0.0, 1.0, 144).reshape(1, 12, 12, 1)
    >>> ssim_loss(image, image, data_range=1.0)
    Array([0.], dtype=float32)
    """
    return 1.0 - ssim(
        target,
        prediction,
        data_range=data_range,
        filter_size=filter_size,
        filter_sigma=filter_sigma,
        k1=k1,
        k2=k2,
    )


def multi_scale_ssim(
    target: ArrayLike,
    prediction: ArrayLike,
    *,
    data_range: _checks.Number,
    weights: Sequence[float] = _MULTI_SCALE_WEIGHTS,
    filter_size: int = 11,
    filter_sigma: float = 1.5,
    k1: float = 0.01,
    k2: float = 0.03,
) -> jax.Array:
    """Structural similarity over several scales.

    Π_j (contrast-structure at scale j)^wⱼ · (luminance at the last)^w_M, halving the
    image between scales by 2×2 means (an odd last row or column is left out). A
    negative factor counts as 0, as in TensorFlow, and there the gradient is 0.

    Args:
      target: t, `[B, H, W, C]`, at least `filter_size`·2^(M−1) high and wide: 176 for
        the defaults.
      prediction: p, the same shape.
      data_range: L, as in `ssim`.
      weights: w, one for each of the M scales; fewer suit smaller images.
      filter_size: as in `ssim`.
      filter_sigma: as in `ssim`.
      k1: as in `ssim`.
      k2: as in `ssim`.

    Returns:
      `[B]`.

    References:
      Wang, Simoncelli and Bovik, 2003, "Multi-scale structural similarity for image
      quality assessment", equation 7.

    >>> image = jnp.linspace(0.0, 1.0, 22 * 22).reshape(1, 22, 22, 1)
    >>> print(multi_scale_ssim(image, image, data_range=1.0, weights=(0.5, 0.5)))
    [1.]
    """
    t, p = _checks.same_shape(rank=4, target=target, prediction=prediction)
    _checks.number("data_range", data_range, "more than 0", lambda value: value > 0)
    if not weights:
        raise ValueError("weights is empty, expected one weight for each scale")
    _image("target", t, filter_size * 2 ** (len(weights) - 1))
    result = jnp.ones((t.shape[0], t.shape[3]), t.dtype)
    for scale, weight in enumerate(weights, start=1):
        whole, structure = _ssim_maps(
            t, p, data_range, filter_size, filter_sigma, k1, k2
        )
        factor = whole if scale == len(weights) else structure
        low = factor <= 0  # not `> 0`: NaN must pass
        power = jnp.where(low, 1.0, factor) ** weight
        result = result * jnp.where(low, 0.0, power)
        if scale < len(weights):
            t, p = _halve(t), _halve(p)
    return result.mean(axis=1)


def _halve(image: jax.Array) -> jax.Array:
    batch, height, width, channels = image.shape
    image = image[:, : height // 2 * 2, : width // 2 * 2]
    shape = (batch, height // 2, 2, width // 2, 2, channels)
    return image.reshape(shape).mean(axis=(2, 4))


def multi_scale_ssim_loss(
    target: ArrayLike,
    prediction: ArrayLike,
    *,
    data_range: _checks.Number,
    weights: Sequence[float] = _MULTI_SCALE_WEIGHTS,
    filter_size: int = 11,
    filter_sigma: float = 1.5,
    k1: float = 0.01,
    k2: float = 0.03,
) -> jax.Array:
    """One minus multi-scale structural similarity.

    1 − MS-SSIM(t, p), from 0 for equal images to 1.

    Args:
      target: t, `[B, H, W, C]`.
      prediction: p, the same shape.
      data_range: L, as in `ssim`.
      weights: as in `multi_scale_ssim`.
      filter_size: as in `ssim`.
      filter_sigma: as in `ssim`.
      k1: as in `ssim`.
      k2: as in `ssim`.

    Returns:
      `[B]`.

    References:
      Wang, Simoncelli and Bovik, 2003, equation 7; as a loss: Zhao et al., 2015,
      https://arxiv.org/abs/1511.08861.

    >>> image = jnp.linspace(0.0, 1.0, 22 * 22).reshape(1, 22, 22, 1)
    >>> multi_scale_ssim_loss(image, image, data_range=1.0, weights=(0.5, 0.5))
    Array([0.], dtype=float32)
    """
    return 1.0 - multi_scale_ssim(
        target,
        prediction,
        data_range=data_range,
        weights=weights,
        filter_size=filter_size,
        filter_sigma=filter_sigma,
        k1=k1,
        k2=k2,
    )


def cycle_consistency_loss(
    real_a: ArrayLike, cycled_a: ArrayLike, real_b: ArrayLike, cycled_b: ArrayLike
) -> jax.Array:
    """Cycle consistency of a pair of translators.

    mean |a − F(G(a))| + mean |b − G(F(b))|.

    Args:
      real_a: a, images of one domain, `[B, ...]`.
      cycled_a: F(G(a)), the same shape.
      real_b: b, images of the other domain, `[B, ...]`.
      cycled_b: G(F(b)), the shape of b.

    Returns:
      `[B]`.

    References:
      Zhu et al., 2017, https://arxiv.org/abs/1703.10593, equation 2.

    >>> zero, one = jnp.zeros((1, 2)), jnp.ones((1, 2))
    >>> cycle_consistency_loss(zero, one, zero, 3 * one)
    Array([4.], dtype=float32)
    """
    a, again_a = _checks.same_shape(real_a=real_a, cycled_a=cycled_a)
    b, again_b = _checks.same_shape(real_b=real_b, cycled_b=cycled_b)
    _checks.same_batch(real_a=a, real_b=b)
    return l1_loss(a, again_a) + l1_loss(b, again_b)


def identity_loss(
    real_a: ArrayLike, same_a: ArrayLike, real_b: ArrayLike, same_b: ArrayLike
) -> jax.Array:
    """A translator leaves images of its own target domain alone.

    mean |a − F(a)| + mean |b − G(b)|, for G: A → B and F: B → A. In CycleGAN its weight
    is half that of the cycle loss.

    Args:
      real_a: a, images of domain A, `[B, ...]`.
      same_a: F(a), the same shape.
      real_b: b, images of domain B, `[B, ...]`.
      same_b: G(b), the shape of b.

    Returns:
      `[B]`.

    References:
      Zhu et al., 2017, https://arxiv.org/abs/1703.10593, section 5.2.

    >>> zero, one = jnp.zeros((1, 2)), jnp.ones((1, 2))
    >>> identity_loss(zero, one, zero, 3 * one)
    Array([4.], dtype=float32)
    """
    a, again_a = _checks.same_shape(real_a=real_a, same_a=same_a)
    b, again_b = _checks.same_shape(real_b=real_b, same_b=same_b)
    _checks.same_batch(real_a=a, real_b=b)
    return l1_loss(a, again_a) + l1_loss(b, again_b)


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
    """How far a generated image is from the known pixels.

    ‖w ⊙ (G(z) − t)‖₁, a *sum*, which the published weights of the prior term (0.1,
    0.003) count on.

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
    return _checks.per_example(jnp.abs(w * (g - t)), jnp.sum)


def inpainting_prior_loss(fake_logits: ArrayLike) -> jax.Array:
    """How unreal a generated image looks, for the search of its latent.

    log(1 − D(G(z))) = −softplus(y): the saturating loss, as published.

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

    wᵢ = Mᵢ · (share of missing pixels in a window around i), the part of the window
    that lies outside the image left out.

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


def perceptual_loss(
    target: ArrayLike, prediction: ArrayLike, feature_fn: Callable[[jax.Array], Any]
) -> jax.Array:
    """Distance between two images in the features of any network.

    Σ over layers of mean (φ(t) − φ(p))², each mean over the layer's own values.

    Args:
      target: t, `[B, ...]`.
      prediction: p, the same shape.
      feature_fn: features of a batch, one array `[B, ...]` or a pytree of them; scale
        layers inside it to weigh them.

    Returns:
      `[B]`.

    References:
      Johnson et al., 2016, https://arxiv.org/abs/1603.08155, equation 2.

    >>> def layers(x):
    ...     return [x, 2.0 * x]
    >>> perceptual_loss(jnp.zeros((1, 2)), jnp.ones((1, 2)), layers)
    Array([5.], dtype=float32)
    """
    t, p = _checks.same_shape(target=target, prediction=prediction)

    def distance(of_target: jax.Array, of_prediction: jax.Array) -> jax.Array:
        loss = l2_loss(of_target, of_prediction)
        if loss.shape != (len(t),):
            raise ValueError(
                f"feature_fn returned shape {of_target.shape}, expected ({len(t)}, ...)"
            )
        return loss

    terms = jax.tree.map(distance, feature_fn(t), feature_fn(p))
    if not jax.tree.leaves(terms):
        raise ValueError("feature_fn returned no arrays, expected one or more")
    return jax.tree.reduce(operator.add, terms)
