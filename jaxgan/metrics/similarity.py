"""How alike two images are, pixel by pixel and by structure.

The same SSIM serves as a loss, `jaxgan.losses.ssim`; losses and metrics know nothing of
each other.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.typing import ArrayLike

_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)  # of Wang et al., 2003
_SIZE, _SIGMA = 11, 1.5  # the window of Wang et al., 2004
_K1, _K2 = 0.01, 0.03


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
        ValueError: if the shapes are others, or `data_range` is not above 0.
    """
    a, b = _pair(a, b, data_range)
    error = jnp.square(a - b).mean((1, 2, 3))
    return 10 * jnp.log10(data_range**2 / error)


def ssim(a: ArrayLike, b: ArrayLike, *, data_range: float) -> jax.Array:
    """Structural similarity: 1 for equal images, −1 at least.

    The mean over windows and channels of
    (2μ_aμ_b + c₁)(2σ_ab + c₂) / ((μ_a² + μ_b² + c₁)(σ_a² + σ_b² + c₂)) with
    c₁ = (0.01 L)², c₂ = (0.03 L)², Gaussian windows of 11×11 and a deviation of 1.5
    wherever they fit inside the image, and population variances.

    Args:
        a: `[B, H, W, C]`, any real dtype, 11×11 at least.
        b: the same shape.
        data_range: L, the width of the range of values: 2 for [−1, 1], 255 for bytes.

    Returns:
        `[B]`.

    Raises:
        ValueError: if the shapes are others, or `data_range` is not above 0.

    References:
        Wang et al., 2004, "Image quality assessment: from error visibility to
        structural similarity", IEEE TIP 13(4), equation 13.
    """
    a, b = _pair(a, b, data_range)
    if min(a.shape[1:3]) < _SIZE:
        raise ValueError(
            f"images have shape {a.shape}, expected a height and width of {_SIZE} or"
            " more, the size of the window"
        )
    return _maps(a, b, data_range)[0].mean(1)


def ms_ssim(
    a: ArrayLike, b: ArrayLike, *, data_range: float, scales: int = 5
) -> jax.Array:
    """Structural similarity over several scales: 1 for equal images, 0 at least.

    Π_j (contrast and structure at scale j)^wⱼ · (luminance at the last)^w_M, of every
    channel, and the mean of channels. The image is halved between scales by means of
    2×2 pixels; an odd last row or column is left out. A negative factor counts as 0,
    and there the gradient is 0.

    Args:
        a: `[B, H, W, C]`, any real dtype; 176 high and wide at least for five scales,
            half of it for each scale less.
        b: the same shape.
        data_range: as in `ssim`.
        scales: 1 to 5. Five have the published weights, which add up to 1.0001; fewer
            have the first of them, divided by their sum. Values compare only at one
            number of scales.

    Returns:
        `[B]`.

    Raises:
        ValueError: if the images are too small for the scales, the shapes are others,
            `scales` is not from 1 to 5, or `data_range` is not above 0.

    References:
        Wang, Simoncelli and Bovik, 2003, "Multi-scale structural similarity for image
        quality assessment", equation 7.
    """
    a, b = _pair(a, b, data_range)
    _scaled(a.shape, scales)
    weights = np.asarray(_WEIGHTS[:scales])
    if scales < len(_WEIGHTS):
        weights = weights / weights.sum()
    result = jnp.ones((a.shape[0], a.shape[3]), a.dtype)
    for scale, weight in enumerate(weights.tolist(), start=1):
        whole, structure = _maps(a, b, data_range)
        factor = whole if scale == scales else structure
        low = factor <= 0  # not `> 0`: NaN must pass
        power = jnp.where(low, 1.0, factor) ** weight
        result = result * jnp.where(low, 0.0, power)
        if scale < scales:
            a, b = _halve(a), _halve(b)
    return result.mean(1)


def ms_ssim_diversity(
    images: ArrayLike,
    key: jax.Array,
    *,
    data_range: float,
    pairs: int = 100,
    scales: int = 5,
    block: int = 16,
) -> jax.Array:
    """The mean MS-SSIM of random pairs of different images: low is diverse.

    1 if all images are equal. Compare it with that of as many real images of one
    class; it says nothing of quality, for noise is diverse.

    Args:
        images: `[N, H, W, C]`, any real dtype, N of 2 or more.
        key: of the draw of pairs. No image is paired with itself; a pair may come
            twice.
        data_range: as in `ssim`.
        pairs: how many.
        scales: as in `ms_ssim`.
        block: pairs looked at together.

    Returns:
        A scalar, 0 to 1.

    Raises:
        ValueError: if there are fewer than two images, `pairs` or `block` is below 1,
            or as `ms_ssim` has it.

    References:
        Odena, Olah and Shlens, 2016, https://arxiv.org/abs/1610.09585, section 4.2.
    """
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
    return lax.map(one, (first, second), batch_size=min(block, pairs)).mean()


def _maps(a, b, data_range):
    """Luminance times contrast-structure, and contrast-structure, `[B, C]` each."""
    c1, c2 = (_K1 * data_range) ** 2, (_K2 * data_range) ** 2
    # Variances do not know where zero is, and their rounding is least around the mean.
    centre = lax.stop_gradient(0.5 * (a + b).mean((1, 2), keepdims=True))
    x, y = a - centre, b - centre
    means = _blur(jnp.concatenate([x, y, x * x, y * y, x * y], axis=-1))
    mean_x, mean_y, square_x, square_y, product = jnp.split(means, 5, axis=-1)
    variances = square_x - mean_x**2 + square_y - mean_y**2
    structure = (2 * (product - mean_x * mean_y) + c2) / (variances + c2)
    mean_a, mean_b = mean_x + centre, mean_y + centre
    luminance = (2 * mean_a * mean_b + c1) / (mean_a**2 + mean_b**2 + c1)
    return (luminance * structure).mean((1, 2)), structure.mean((1, 2))


def _blur(image):
    """Means under the window wherever it fits, as two products with band matrices."""
    bands = [jnp.asarray(_band(n), image.dtype) for n in image.shape[1:3]]
    return jnp.einsum("oh,pw,bhwc->bopc", *bands, image, precision="highest")


@functools.cache
def _band(length: int) -> np.ndarray:
    """`[length − 10, length]`, the window at every place it fits."""
    place = np.arange(_SIZE) - (_SIZE - 1) / 2
    window = np.exp(-0.5 * np.square(place / _SIGMA))
    rows = [np.roll(np.pad(window, (0, length - _SIZE)), i) for i in range(length - 10)]
    return np.stack(rows) / window.sum()


def _halve(image):
    batch, height, width, channels = image.shape
    image = image[:, : height // 2 * 2, : width // 2 * 2]
    shape = (batch, height // 2, 2, width // 2, 2, channels)
    return image.reshape(shape).mean((2, 4))


def _pair(a, b, data_range):
    a, b = (jnp.asarray(x) for x in (a, b))
    if a.ndim != 4 or a.shape != b.shape or not a.size:
        raise ValueError(
            f"a has shape {a.shape} and b {b.shape}, expected [B, H, W, C] of both,"
            " the same and not empty"
        )
    if isinstance(data_range, float | int) and not data_range > 0:
        raise ValueError(f"data_range is {data_range}, expected more than 0")
    dtype = jnp.promote_types(jnp.result_type(a, b), jnp.float32)
    return a.astype(dtype), b.astype(dtype)


def _scaled(shape, scales):
    if not 1 <= scales <= len(_WEIGHTS):
        raise ValueError(f"scales is {scales}, expected 1 to {len(_WEIGHTS)}")
    side = min(shape[1:3])
    least = _SIZE * 2 ** (scales - 1)
    if side < least:
        fit = [s for s in range(1, scales) if _SIZE * 2 ** (s - 1) <= side]
        advice = f"pass scales={fit[-1]}" if fit else f"{_SIZE} is the least of one"
        raise ValueError(
            f"images have shape {shape}, expected a height and width of {least} or more"
            f" for {scales} scales; {advice}"
        )
