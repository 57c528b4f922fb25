"""The sliced Wasserstein distance, and the patches of images that it compares."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.typing import ArrayLike

from jaxgan.metrics import _arrays

_TAPS = np.array([1, 4, 6, 4, 1], np.float32) / 16
_COARSEST = 16  # pixels of the last level, as in Karras et al.


def sliced_wasserstein_distance(
    real: ArrayLike,
    fake: ArrayLike,
    key: jax.Array,
    *,
    directions: int = 512,
    block: int = 64,
) -> Any:
    """The mean over random directions of the Wasserstein-1 distance of projections.

    In one dimension that distance is the area between the quantile functions: for equal
    counts the mean absolute difference of the sorted samples, and exact for unequal
    counts too. Karras et al. print it times 1000.

    NumPy arrays are computed in float64, JAX arrays in their own precision, inside any
    transformation.

    Args:
        real: `[N, F]`.
        fake: `[M, F]`.
        key: the random key of the directions, which are uniform on the sphere.
        directions: their number; the error falls with its root.
        block: directions computed together; `block · (N + M)` numbers are held at a
            time.

    Returns:
        A scalar in the units of the features, 0 or more.

    Raises:
        ValueError: if the shapes do not fit together, `directions` or `block` is below
            1, or a NumPy array has NaN or infinite values.

    References:
        Rabin et al., "Wasserstein barycenter and its application to texture mixing",
        2011.
        Karras et al., 2017, https://arxiv.org/abs/1710.10196, section 5.
    """
    xp, x, y = _arrays.feature_sets(real, fake)
    _arrays.positive("directions", directions)
    _arrays.positive("block", block)
    normal = xp.asarray(jax.random.normal(key, (directions, x.shape[1])), x.dtype)
    unit = normal / xp.sqrt(xp.square(normal).sum(1))[:, None]
    return _sliced(xp, x, y, unit, block=block)


@_arrays.compiled("block")
def _sliced(xp, real, fake, unit, *, block):
    width, at_real, at_fake = _quantiles(len(real), len(fake))

    def distances(index, rows):
        a, b = (xp.sort(_arrays.product(xp, rows, x.T), 1) for x in (real, fake))
        gap = xp.abs(a[:, at_real] - b[:, at_fake])
        return (gap * xp.asarray(width, gap.dtype)[None, :]).sum(1)

    return _arrays.by_block(xp, distances, unit, block).mean()


def _quantiles(n: int, m: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The widths of the steps of two quantile functions, and the samples at them.

    Ranks are in units of 1 / (n · m), so that no step is lost to rounding.
    """
    steps = np.union1d(np.arange(n + 1) * m, np.arange(m + 1) * n)
    return np.diff(steps) / (n * m), steps[:-1] // m, steps[:-1] // n


def laplacian_descriptors(
    images: ArrayLike,
    key: jax.Array,
    *,
    levels: int | None = None,
    patches: int = 128,
    size: int = 7,
) -> tuple[jax.Array, ...]:
    """Normalised patches of every level of a Laplacian pyramid.

    `sliced_wasserstein_distance` between those of real and fake images compares details
    of one size at each level. For images in batches, concatenate the
    `laplacian_patches` of each batch and pass them to `patch_descriptors`.

    Args:
        images: `[N, H, W, C]`, any real dtype and range.
        key: the random key of the places of the patches.
        levels: the number of levels, each half as large as the one before; None means
            down to 16 pixels.
        patches: the number of patches of each image and level.
        size: the height and width of a patch.

    Returns:
        For each level, the finest first, float32 `[N · patches, size · size · C]`.

    Raises:
        ValueError: as in `laplacian_patches`.

    References:
        Karras et al., 2017, https://arxiv.org/abs/1710.10196, section 5.
    """
    found = laplacian_patches(images, key, levels=levels, patches=patches, size=size)
    return tuple(patch_descriptors(level) for level in found)


def laplacian_patches(
    images: ArrayLike,
    key: jax.Array,
    *,
    levels: int | None = None,
    patches: int = 128,
    size: int = 7,
) -> tuple[jax.Array, ...]:
    """Random patches of every level of a Laplacian pyramid, not normalised.

    A level is what the image loses when it is halved and doubled again; the last level
    is the remaining small image. Patches lie anywhere inside the level.

    Args:
        images: one batch of images, as in `laplacian_descriptors`.
        key: as there; a different one for each batch.
        levels: as there.
        patches: as there.
        size: as there.

    Returns:
        For each level, the finest first, float32 `[N · patches, size, size, C]`, the
        patches of one image in a row.

    Raises:
        ValueError: if the images cannot be halved that often, a level is smaller than a
            patch, the shape is wrong, or a count is below 1.

    References:
        Burt and Adelson, "The Laplacian pyramid as a compact image code", 1983.
    """
    _arrays.check_finite(images=images)
    images = jnp.asarray(images)
    for name, value in (("patches", patches), ("size", size)):
        _arrays.positive(name, value)
    if images.ndim != 4 or not images.size:
        raise ValueError(
            f"images has shape {images.shape}, expected [N, H, W, C], not empty"
        )
    side = min(images.shape[1:3])
    if levels is None:
        levels = max(1, (side // _COARSEST).bit_length())
    _arrays.positive("levels", levels)
    factor = 2 ** (levels - 1)
    if any(n % factor for n in images.shape[1:3]) or side // factor < max(size, 3):
        raise ValueError(
            f"images has shape {images.shape}, expected a height and width that are"
            f" {factor} times {max(size, 3)} or more for {levels} levels and patches of"
            f" {size}; pass fewer levels or a smaller size"
        )
    pyramid = _pyramid(images.astype(jnp.float32), levels)
    keys = jax.random.split(key, levels)
    found = tuple(
        _patches(level, key, patches, size)
        for level, key in zip(pyramid, keys, strict=True)
    )
    return _arrays.unless_nan(found, images)  # they may lie beside a NaN


def patch_descriptors(patches: ArrayLike) -> jax.Array:
    """Flattens patches, every channel normalised by its own mean and deviation.

    Both are taken over all patches, so pass the patches of all images of a set
    together. A channel without spread becomes zero.

    Args:
        patches: `[P, h, w, C]`.

    Returns:
        `[P, h · w · C]`.

    Raises:
        ValueError: if the shape is wrong.
    """
    _arrays.check_finite(patches=patches)
    patches = jnp.asarray(patches)
    if patches.ndim != 4 or not patches.size:
        raise ValueError(
            f"patches has shape {patches.shape}, expected [P, h, w, C], not empty"
        )
    patches = patches.astype(jnp.promote_types(patches.dtype, jnp.float32))
    centred = patches - patches.mean((0, 1, 2), keepdims=True)
    variance = jnp.square(centred).mean((0, 1, 2), keepdims=True)
    scale = jnp.where(variance > 0, lax.rsqrt(jnp.where(variance > 0, variance, 1)), 0)
    return (centred * scale).reshape(len(patches), -1)


def _patches(level, key, count, size):
    batch, height, width, channels = level.shape
    keys = jax.random.split(key)
    limits = (height - size + 1, width - size + 1)
    corners = jnp.stack(
        [
            jax.random.randint(k, (batch, count), 0, limit)
            for k, limit in zip(keys, limits, strict=True)
        ],
        axis=-1,
    )

    def cut(image, corner):
        start = (corner[0], corner[1], 0)
        return lax.dynamic_slice(image, start, (size, size, channels))

    found = jax.vmap(jax.vmap(cut, (None, 0)))(level, corners)
    return found.reshape(batch * count, size, size, channels)


def _pyramid(images, levels):
    pyramid = []
    for _ in range(levels - 1):
        smaller = _blur(_blur(images, 1), 2)[:, ::2, ::2]
        pyramid.append(images - _doubled(smaller))
        images = smaller
    return [*pyramid, images]


def _doubled(images):
    batch, height, width, channels = images.shape
    zeros = jnp.zeros((batch, 2 * height, 2 * width, channels), images.dtype)
    return 4 * _blur(_blur(zeros.at[:, ::2, ::2].set(images), 1), 2)


def _blur(images, axis):
    """Blurs one axis with binomial weights, mirroring the image at its edge pixels."""
    length = images.shape[axis]
    pad = [(2, 2) if i == axis else (0, 0) for i in range(4)]
    padded = jnp.pad(images, pad, mode="reflect")
    slices = [lax.slice_in_dim(padded, i, i + length, axis=axis) for i in range(5)]
    return jnp.einsum("t...,t->...", jnp.stack(slices), _TAPS, precision="highest")
