"""Poisson blending: pastes one image into another without a visible seam."""

import chex
import jax
import jax.numpy as jnp
from jax.scipy.sparse.linalg import cg
from jax.typing import ArrayLike


def poisson_blend(source: ArrayLike, target: ArrayLike, mask: ArrayLike) -> jax.Array:
    """Pastes the gradients of one image into a hole of another.

    Inside the mask, the differences between neighbouring pixels of the result are those
    of `source`, as nearly as least squares allows; outside it, the result is `target`.
    So a pasted patch takes on the brightness of its surroundings. Where the mask
    touches the border of the image, the border is free (the natural boundary
    condition). The least squares solution f makes f - source harmonic inside the mask,
    so it is computed as `source` plus `harmonic_fill` of target - source.

    Args:
        source: what to paste, `[..., H, W, C]`, any real dtype.
        target: where to paste it, the same shape.
        mask: `[H, W]` or `[..., H, W]`, true (or not 0) where to paste.

    Returns:
        float32 `[..., H, W, C]`, equal to `target` outside the mask. Values may leave
        the range of the images; clip them. Where the mask covers a whole image, the
        result is `source`.

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
    """Fills a hole as smoothly as possible: by the solution of Laplace's equation.

    Every pixel of the hole becomes the mean of its neighbours above, below, left and
    right, as far as they lie inside the image. The linear system is solved by conjugate
    gradients, without a matrix, to a residual of 1e-6 of the right-hand side.

    Args:
        image: `[..., H, W, C]`, any real dtype; its values in the hole are ignored.
        mask: `[H, W]` or `[..., H, W]`, true (or not 0) in the hole.

    Returns:
        float32 `[..., H, W, C]`, equal to `image` outside the hole. Where the hole
        covers a whole image, the result is 0 everywhere.

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
    """Fills the hole of one plane `[H, W]`."""
    degree = _neighbours(jnp.ones_like(plane))
    outside = jnp.where(inside, 0, plane)

    def laplacian(x):  # takes and returns planes that are 0 outside the hole
        return jnp.where(inside, degree * x - _neighbours(x), 0)

    right = jnp.where(inside, _neighbours(outside), 0)
    # Steps grow with the side of the hole; exact arithmetic needs a step a pixel.
    most = 10 * sum(plane.shape)
    x, _ = cg(laplacian, right, tol=1e-6, maxiter=most)
    return jnp.where(inside, x, plane)


def _neighbours(x):
    """The sum of each pixel's neighbours, as far as they lie inside the image."""
    padded = jnp.pad(x, 1)
    return padded[:-2, 1:-1] + padded[2:, 1:-1] + padded[1:-1, :-2] + padded[1:-1, 2:]
