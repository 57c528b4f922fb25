"""Losses that see neighbouring pixels: gradients and structural similarity.

Images are `[B, H, W, C]`, the real one first, and the result is `[B]`: means over
pixels and channels.
"""

import functools
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from jaxgan.losses import _checks

MULTI_SCALE_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)


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


def _similarity(
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
    # Variances do not depend on the origin, and round least around the mean.
    centre = jax.lax.stop_gradient(0.5 * (t + p).mean(axis=(1, 2), keepdims=True))
    x, y = t - centre, p - centre
    means = _blur(
        jnp.concatenate([x, y, x * x, y * y, x * y], axis=-1), filter_size, filter_sigma
    )
    mean_x, mean_y, square_x, square_y, product = jnp.split(means, 5, axis=-1)
    variances = square_x - mean_x**2 + square_y - mean_y**2
    structure = (2 * (product - mean_x * mean_y) + c2) / (variances + c2)
    mean_t, mean_p = mean_x + centre, mean_y + centre
    luminance = (2 * mean_t * mean_p + c1) / (mean_t**2 + mean_p**2 + c1)
    return (luminance * structure).mean(axis=(1, 2)), structure.mean(axis=(1, 2))


def _blur(image: jax.Array, size: int, sigma: float) -> jax.Array:
    """Means under a Gaussian window wherever it fits, channel by channel.

    Two products with band matrices are fifty times faster on CPU than the grouped
    convolution, and so is their gradient.
    """
    bands = [jnp.asarray(_band(n, size, sigma), image.dtype) for n in image.shape[1:3]]
    return jnp.einsum("oh,pw,bhwc->bopc", *bands, image, precision="highest")


@functools.cache
def _band(length: int, size: int, sigma: float) -> np.ndarray:
    """`[length − size + 1, length]`: the window at every place where it fits."""
    window = np.exp(-0.5 * np.square((np.arange(size) - (size - 1) / 2) / sigma))
    padded = np.pad(window / window.sum(), (0, length - size))
    return np.stack([np.roll(padded, i) for i in range(length - size + 1)])


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

    >>> image = jnp.linspace(0.0, 1.0, 22 * 22).reshape(1, 22, 22, 1)
    >>> ssim(image, image, data_range=1.0)
    Array([1.], dtype=float32)
    """
    t, p = _checks.same_shape(rank=4, target=target, prediction=prediction)
    _checks.number("data_range", data_range, "more than 0", lambda value: value > 0)
    _image("target", t, filter_size)
    whole, _ = _similarity(t, p, data_range, filter_size, filter_sigma, k1, k2)
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

    >>> image = jnp.linspace(0.0, 1.0, 22 * 22).reshape(1, 22, 22, 1)
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
    weights: Sequence[float] = MULTI_SCALE_WEIGHTS,
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
        whole, structure = _similarity(
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
    weights: Sequence[float] = MULTI_SCALE_WEIGHTS,
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
