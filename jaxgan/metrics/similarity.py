"""The similarity of two images, pixel by pixel and by structure.

The arithmetic of SSIM is that of the losses of the same name, `jaxgan.losses.image`;
here images may be bytes.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.typing import ArrayLike

from jaxgan.losses import image
from jaxgan.metrics import _arrays

_WINDOW = 11  # the width of the window of Wang et al., 2004


def psnr(a: ArrayLike, b: ArrayLike, *, data_range: float) -> jax.Array:
    """Peak signal-to-noise ratio, in decibels.

    10 log₁₀(L² / MSE): infinite for equal images, where it has no gradient.

    Args:
        a: `[B, H, W, C]`, any real dtype.
        b: the same shape.
        data_range: L, the width of the range of values: 2 for [−1, 1], 255 for bytes.

    Returns:
        `[B]`.

    Raises:
        ValueError: if the shapes are wrong or `data_range` is not above 0.
    """
    a, b = _pair(a, b, data_range)
    error = jnp.square(a - b).mean((1, 2, 3))
    return 10 * jnp.log10(data_range**2 / error)


def masked_psnr(
    a: ArrayLike, b: ArrayLike, mask: ArrayLike, *, data_range: float
) -> jax.Array:
    """Peak signal-to-noise ratio of the pixels of a mask alone, in decibels.

    10 log₁₀(L² / MSE), the mean over the pixels where the mask is true. Papers on video
    often make all other pixels equal and go on to divide by the number of all pixels,
    which adds a constant that grows as the mask shrinks.

    Args:
        a: `[B, H, W, C]`, any real dtype.
        b: the same shape.
        mask: `[B, H, W]`, true where pixels count.
        data_range: L, as in `psnr`.

    Returns:
        `[B]`; NaN where a mask is empty.

    Raises:
        ValueError: if the shapes are wrong or `data_range` is not above 0.
    """
    a, b = _pair(a, b, data_range)
    if jnp.shape(mask) != a.shape[:3]:
        raise ValueError(
            f"mask has shape {jnp.shape(mask)}, expected {a.shape[:3]}: one value a"
            " pixel"
        )
    weights = jnp.asarray(mask, a.dtype)[..., None]
    error = (weights * jnp.square(a - b)).sum((1, 2, 3))
    count = weights.sum((1, 2, 3)) * a.shape[-1]
    return 10 * jnp.log10(data_range**2 * count / error)


def sharpness(truth: ArrayLike, image: ArrayLike, *, data_range: float) -> jax.Array:
    """How well the slopes of an image have the steepness of the true one, in decibels.

    10 log₁₀(L² / S), where S is the sum of ||∂_x t| − |∂_x p|| + ||∂_y t| − |∂_y p||
    over all pixels but those at the borders, divided by the number of all values. It is
    infinite where slopes are equally steep, as in images that differ by a constant.

    Args:
        truth: t, `[B, H, W, C]`, any real dtype, at least 3×3.
        image: p, the same shape.
        data_range: L, as in `psnr`; the authors use 255/128 for [−1, 1].

    Returns:
        `[B]`.

    Raises:
        ValueError: if the shapes are wrong or `data_range` is not above 0.

    References:
        Mathieu et al., 2015, https://arxiv.org/abs/1511.05440, as in their code.
    """
    t, p = _pair(truth, image, data_range)
    if min(t.shape[1:3]) < 3:
        raise ValueError(f"images have shape {t.shape}, expected 3x3 or larger")

    def steepness(x):
        inside = x[:, 1:-1, 1:-1]
        return jnp.abs(inside - x[:, :-2, 1:-1]), jnp.abs(inside - x[:, 1:-1, :-2])

    pairs = zip(steepness(t), steepness(p), strict=True)
    error = sum(jnp.abs(a - b).sum((1, 2, 3)) for a, b in pairs)
    found = 10 * jnp.log10(data_range**2 * t[0].size / error)
    return _arrays.unless_nan(found, t, p)  # the borders count too


def ssim(a: ArrayLike, b: ArrayLike, *, data_range: float) -> jax.Array:
    """Structural similarity, from −1 to 1 for equal images.

    `jaxgan.losses.ssim` with its default window, 11×11 pixels with a deviation of 1.5.

    Args:
        a: `[B, H, W, C]`, any real dtype, 11×11 or larger.
        b: the same shape.
        data_range: L, the width of the range of values: 2 for [−1, 1], 255 for bytes.

    Returns:
        `[B]`.

    Raises:
        ValueError: if the shapes are wrong or `data_range` is not above 0.

    References:
        Wang et al., 2004, "Image quality assessment: from error visibility to
        structural similarity", IEEE TIP 13(4), equation 13.
    """
    a, b = _pair(a, b, data_range)
    if min(a.shape[1:3]) < _WINDOW:
        raise ValueError(
            f"images have shape {a.shape}, expected a height and width of {_WINDOW} or"
            " more, the size of the window"
        )
    return image.ssim(a, b, data_range=data_range)


def ms_ssim(
    a: ArrayLike, b: ArrayLike, *, data_range: float, scales: int = 5
) -> jax.Array:
    """Structural similarity over several scales, from 0 to 1 for equal images.

    `jaxgan.losses.multi_scale_ssim` with the published weights.

    Args:
        a: `[B, H, W, C]`, any real dtype; five scales need a height and width of 176 or
            more, and each scale less halves that.
        b: the same shape.
        data_range: as in `ssim`.
        scales: 1 to 5. Five have the published weights, which add up to 1.0001; fewer
            have the first of them, divided by their sum. Values are comparable only
            between equal numbers of scales.

    Returns:
        `[B]`.

    Raises:
        ValueError: if the images are too small for the scales, the shapes are wrong,
            `scales` is not from 1 to 5, or `data_range` is not above 0.

    References:
        Wang, Simoncelli and Bovik, 2003, "Multi-scale structural similarity for image
        quality assessment", equation 7.
    """
    a, b = _pair(a, b, data_range)
    _check_scales(a.shape, scales)
    published = image.MULTI_SCALE_WEIGHTS
    weights = np.asarray(published[:scales])
    if scales < len(published):
        weights = weights / weights.sum()
    return image.multi_scale_ssim(a, b, data_range=data_range, weights=weights.tolist())


def ms_ssim_diversity(
    images: ArrayLike,
    key: jax.Array,
    *,
    data_range: float,
    pairs: int = 100,
    scales: int = 5,
    block: int = 16,
) -> jax.Array:
    """The mean MS-SSIM of random pairs of different images; low values are diverse.

    It is 1 if all images are equal. Compare it with the value of equally many real
    images of one class. It does not measure quality: noise is diverse.

    Args:
        images: `[N, H, W, C]`, any real dtype, N of 2 or more.
        key: the random key of the pairs. No image is paired with itself; a pair may be
            drawn twice.
        data_range: as in `ssim`.
        pairs: the number of pairs.
        scales: as in `ms_ssim`.
        block: the number of pairs computed together.

    Returns:
        A scalar, 0 to 1.

    Raises:
        ValueError: if there are fewer than two images, `pairs` or `block` is below 1,
            or for the reasons of `ms_ssim`.

    References:
        Odena, Olah and Shlens, 2016, https://arxiv.org/abs/1610.09585, section 4.2.
    """
    _arrays.check_finite(images=images)
    images = jnp.asarray(images)
    if images.ndim != 4 or len(images) < 2:
        raise ValueError(
            f"images has shape {images.shape}, expected [N, H, W, C] with N of 2 or"
            " more"
        )
    for name, value in (("pairs", pairs), ("block", block)):
        if value < 1:
            raise ValueError(f"{name} is {value}, expected 1 or more")
    first_key, step_key = jax.random.split(key)
    first = jax.random.randint(first_key, (pairs,), 0, len(images))
    step = jax.random.randint(step_key, (pairs,), 1, len(images))

    def one(index):
        a, b = images[index[0]], images[index[1]]
        return ms_ssim(a[None], b[None], data_range=data_range, scales=scales)[0]

    second = (first + step) % len(images)
    likeness = lax.map(one, (first, second), batch_size=min(block, pairs)).mean()
    return _arrays.unless_nan(likeness, images)  # no pair may have been of a NaN


def _pair(a, b, data_range):
    _arrays.check_finite(a=a, b=b)
    a, b = (jnp.asarray(x) for x in (a, b))
    if a.ndim != 4 or a.shape != b.shape or not a.size:
        raise ValueError(
            f"a has shape {a.shape} and b {b.shape}, expected the same shape"
            " [B, H, W, C], not empty"
        )
    if isinstance(data_range, float | int) and not data_range > 0:
        raise ValueError(f"data_range is {data_range}, expected more than 0")
    dtype = jnp.promote_types(jnp.result_type(a, b), jnp.float32)
    return a.astype(dtype), b.astype(dtype)


def _check_scales(shape, scales):
    most = len(image.MULTI_SCALE_WEIGHTS)
    if not 1 <= scales <= most:
        raise ValueError(f"scales is {scales}, expected 1 to {most}")
    side = min(shape[1:3])
    smallest = [_WINDOW * 2**scale for scale in range(scales)]
    if side < smallest[-1]:
        fitting = sum(size <= side for size in smallest)
        advice = f"pass scales={fitting}" if fitting else f"one scale needs {_WINDOW}"
        raise ValueError(
            f"images have shape {shape}, expected a height and width of {smallest[-1]}"
            f" or more for {scales} scales; {advice}"
        )
