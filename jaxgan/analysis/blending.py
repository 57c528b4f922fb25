"""Blending: pasting an image into another without a seam."""

import chex
import jax
import jax.numpy as jnp
from jax.scipy.sparse.linalg import cg
from jax.typing import ArrayLike


def poisson_blend(source: ArrayLike, target: ArrayLike, mask: ArrayLike) -> jax.Array:
    """Pastes the gradients of one image into a hole of another.

    Inside the mask the result has the differences between neighbouring pixels that
    `source` has, as nearly as least squares allows, and around it the values of
    `target`. So a patch of another brightness takes on that of its surroundings. Where
    the mask reaches the border of the image nothing is asked there (the natural
    boundary). With f the result, the least squares solution makes f - source harmonic
    in the mask, so this is `source` and what `harmonic_fill` makes of the difference.

    Args:
        source: what to paste, `[..., H, W, C]`, any real dtype.
        target: where to paste it, the same shape.
        mask: `[H, W]` or `[..., H, W]`, true (or not 0) where to paste.

    Returns:
        float32 `[..., H, W, C]`: `target` itself outside the mask. Values may leave the
        range that images have; clip them. With a mask that covers an image, its source.

    Raises:
        AssertionError: shapes do not go together.

    References:
        Pérez, Gangnet and Blake, "Poisson Image Editing", SIGGRAPH 2003, equation 7.
    """
    source, target = (jnp.asarray(x, jnp.float32) for x in (source, target))
    chex.assert_equal_shape([source, target])
    inside = _mask_of(source, mask)
    pasted = source + harmonic_fill(target - source, mask)
    return jnp.where(inside[..., None], pasted, target)


def harmonic_fill(image: ArrayLike, mask: ArrayLike) -> jax.Array:
    """Fills a hole by the solution of Laplace's equation: the smoothest there is.

    Every pixel of the hole is the mean of its neighbours above, below, left and right,
    of those that are inside the image. The system is solved by conjugate gradients,
    without a matrix, to a residual of 1e-6 of the right-hand side.

    Args:
        image: `[..., H, W, C]`, any real dtype; what is in the hole is not looked at.
        mask: `[H, W]` or `[..., H, W]`, true (or not 0) in the hole.

    Returns:
        float32 `[..., H, W, C]`: `image` itself outside the hole, 0 everywhere where
        the hole is all there is.

    Raises:
        AssertionError: shapes do not go together.
    """
    image = jnp.asarray(image, jnp.float32)
    inside = _mask_of(image, mask)
    height, width, channels = image.shape[-3:]
    planes = jnp.moveaxis(image, -1, -3)
    holes = jnp.broadcast_to(inside[..., None, :, :], planes.shape)
    flat = (x.reshape(-1, height, width) for x in (planes, holes))
    filled = jax.vmap(_fill)(*flat)
    shape = (*image.shape[:-3], channels, height, width)
    return jnp.moveaxis(filled.reshape(shape), -3, -1)


def _mask_of(image, mask):
    mask = jnp.asarray(mask) != 0
    shape = image.shape[:-1]
    if mask.ndim == 2:
        chex.assert_shape(mask, shape[-2:])
    else:
        chex.assert_shape(mask, shape)
    return jnp.broadcast_to(mask, shape)


def _fill(plane, inside):
    """One plane `[H, W]`."""
    degree = _neighbours(jnp.ones_like(plane))
    outside = jnp.where(inside, 0, plane)

    def laplacian(x):  # of what is 0 outside the hole, and stays so
        return jnp.where(inside, degree * x - _neighbours(x), 0)

    right = jnp.where(inside, _neighbours(outside), 0)
    # Steps grow with the side of the hole; exact arithmetic needs a step a pixel.
    most = 10 * sum(plane.shape)
    x, _ = cg(laplacian, right, tol=1e-6, maxiter=most)
    return jnp.where(inside, x, plane)


def _neighbours(x):
    """The sum of the neighbours of each pixel, of those that there are."""
    padded = jnp.pad(x, 1)
    return padded[:-2, 1:-1] + padded[2:, 1:-1] + padded[1:-1, :-2] + padded[1:-1, 2:]
