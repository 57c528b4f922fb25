"""Gaussian-Poisson blending: gradients of two images, with colours of a third.

    blended = gaussian_poisson.blend(source, target, mask)

Needs no training and takes images of any size. The systems of linear equations are
solved exactly, in the cosine basis: with borders that mirror the image, the Laplacian
and the Gaussian are diagonal in an orthonormal DCT-II.

References:
    Wu, Zheng, Zhang and Huang, "GP-GAN: Towards Realistic High-Resolution Image
    Blending", arXiv:1703.07195, section 3.3, and the authors' code.
    Tanaka, Kamio and Okutomi, "Seamless Image Cloning by a Closed Form Solution of a
    Modified Poisson Problem", SIGGRAPH Asia 2012 (posters).
"""

from typing import Literal, get_args

import chex
import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy import fft
from jax.typing import ArrayLike

from jaxgan import nn

System = Literal["linear", "least_squares"]
_AXES = (-3, -2)  # height and width


def blend(
    source: ArrayLike,
    target: ArrayLike,
    mask: ArrayLike,
    *,
    colour: ArrayLike | None = None,
    weight: float = 1.0,
    system: System = "linear",
    coarsest: int = 64,
) -> jax.Array:
    """Pastes one image into another, from a small version of both up to the full size.

    At each size, `solve` finds the image whose gradients are those of the composite and
    whose blurred colours are those of the size before; the first colours are `colour`.

    Args:
        source: what to paste, `[..., H, W, C]` in [0, 1].
        target: where to paste it, the same shape.
        mask: `[H, W]`, true (or not 0) where to paste.
        colour: the colours, `[..., h, w, C]` of any height and width, such as GP-GAN's
            blending network draws; by default those of the composite itself.
        weight: of the colours; the authors use 0.001 to 1.
        system: the equations to solve, see `solve`.
        coarsest: the longer side of the smallest version. Sides double up to the full
            size; the proportions are those of the images (the released code makes every
            version but the last one square, which distorts other images).

    Returns:
        float32 `[..., H, W, C]` in [0, 1].

    Raises:
        ValueError: the sizes of images or mask differ, the mask covers all or nothing,
            or a number makes no sense.
    """
    source, target = _images(source, target)
    given, mask = mask, jnp.asarray(mask)
    if mask.shape != source.shape[-3:-1]:
        raise ValueError(
            f"the mask is {mask.shape} for images of {source.shape[-3:-1]}; give a mask"
            " of their height and width"
        )
    nn.check_mask(given)
    mask = (mask != 0).astype(jnp.float32)
    sizes = pyramid_sizes(*mask.shape, coarsest=coarsest)
    masks = [_resized(mask[..., None], size, "nearest")[..., 0] for size in sizes]
    sources, targets = (_pyramid(image, sizes) for image in (source, target))
    if colour is None:
        found = composite(sources[0], targets[0], masks[0])
    else:
        found = jnp.asarray(colour, jnp.float32)
    for size, *level in zip(sizes, sources, targets, masks, strict=True):
        wanted = _resized(found, size, "cubic")
        gradients = divergence(*level)
        found = solve(gradients, wanted, weight=weight, system=system).clip(0, 1)
    return found


def modified_poisson_blend(
    source: ArrayLike, target: ArrayLike, mask: ArrayLike, *, weight: float = 1e-8
) -> jax.Array:
    """Pastes gradients without a boundary: the whole image is solved for at once.

    The least squares solution of gradients of the composite, and of its colours at a
    small weight. So the mean colour is that of the composite, and what disagrees at the
    edge of the mask is spread over the whole image.

    Args:
        source: what to paste, `[..., H, W, C]`, any real dtype.
        target: where to paste it, the same shape.
        mask: `[H, W]`, true (or not 0) where to paste.
        weight: of the colours.

    Returns:
        float32 `[..., H, W, C]`. Values may leave the range of the images; clip them.

    Raises:
        ValueError: the sizes differ, or `weight` is not above 0.
    """
    source, target = _images(source, target)
    colours = composite(source, target, mask)
    gradients = divergence(source, target, mask)
    return solve(gradients, colours, weight=weight, blurred=False)


def composite(source: ArrayLike, target: ArrayLike, mask: ArrayLike) -> jax.Array:
    """Copies `source` into `target` where the mask is true: copy and paste.

    Args:
        source: `[..., H, W, C]`.
        target: the same shape.
        mask: `[H, W]`.
    """
    source, target = _images(source, target)
    return jnp.where(jnp.asarray(mask)[..., None] != 0, source, target)


def divergence(source: ArrayLike, target: ArrayLike, mask: ArrayLike) -> jax.Array:
    """Minus the divergence of the gradients of a composite.

    Between two pixels inside the mask the gradient is the source's, outside it is the
    target's, and across the edge of the mask it is the mean of both.

    Args:
        source: `[..., H, W, C]`.
        target: the same shape.
        mask: `[H, W]`, numbers that are true (not 0) inside.

    Returns:
        `[..., H, W, C]`; its sum over an image is 0. For equal images it is their
        Laplacian, of the kernel with 4 in the middle and -1 beside it.
    """
    source, target = _images(source, target)
    inside = _planes(jnp.asarray(mask) != 0, source)
    total = jnp.zeros_like(target)
    for axis in _AXES:
        length = inside.shape[axis]
        first = jax.lax.slice_in_dim(inside, 0, length - 1, axis=axis)
        second = jax.lax.slice_in_dim(inside, 1, length, axis=axis)
        share = (first + second) / 2
        steps = share * jnp.diff(source, axis=axis)
        steps += (1 - share) * jnp.diff(target, axis=axis)
        before, after = ([(0, 0)] * steps.ndim for _ in range(2))
        before[axis], after[axis] = (1, 0), (0, 1)
        total += jnp.pad(steps, before) - jnp.pad(steps, after)
    return total


def solve(
    gradients: ArrayLike,
    colour: ArrayLike,
    *,
    weight: float = 1.0,
    system: System = "linear",
    blurred: bool = True,
) -> jax.Array:
    """Finds an image x of given gradients and colours, in closed form.

    With the Laplacian L, the 3x3 Gaussian G of deviation 1/2, v and c:

    - `linear`: (L + w G) x = v + w c, which the released code solves. It is not a least
      squares problem, and since the kernel of G, which is cut off, sums to 0.99894,
      it makes an unedited image brighter by a factor of 1.00106.
    - `least_squares`: x minimises |L x - v|² + w |G x - c|², the paper's equation.

    Args:
        gradients: v, `[..., H, W, C]`, of `divergence`.
        colour: c, the same shape.
        weight: w, above 0.
        system: the equations.
        blurred: whether c is compared with the blurred x; otherwise G is the identity.

    Returns:
        x, `[..., H, W, C]`, of the dtype of the arguments but at least float32.

    Raises:
        ValueError: the weight is not above 0, or there is no such system.
    """
    v, c = _floats(gradients), _floats(colour)
    chex.assert_equal_shape([v, c])
    if not weight > 0:
        raise ValueError(
            f"weight is {weight}; it must be above 0, since gradients alone do not"
            " determine the brightness of an image"
        )
    if system not in get_args(System):
        raise ValueError(f"unknown system {system!r}; choose from {get_args(System)}")
    rows, columns = (np.cos(np.pi * np.arange(n) / n) for n in v.shape[-3:-1])
    laplacian = 4 - 2 * rows[:, None] - 2 * columns
    gaussian = np.outer(
        *(_GAUSS[1] + 2 * _GAUSS[0] * cosines for cosines in (rows, columns))
    )
    gaussian = gaussian if blurred else np.ones_like(gaussian)
    if system == "linear":
        of_gradients, of_colour = np.ones_like(laplacian), np.ones_like(laplacian)
        whole = laplacian + weight * gaussian
    else:
        of_gradients, of_colour = laplacian, gaussian
        whole = laplacian**2 + weight * gaussian**2
    # The sum of v is 0, up to rounding that a small weight would turn into colour.
    of_gradients = np.array(of_gradients)
    of_gradients[0, 0] = 0
    whole = np.maximum(whole, 1e-12)
    v, c = (fft.dctn(x, axes=_AXES, norm="ortho") for x in (v, c))
    v *= _planes(of_gradients / whole, v)
    c *= _planes(weight * of_colour / whole, c)
    return fft.idctn(v + c, axes=_AXES, norm="ortho")


def pyramid_sizes(
    height: int, width: int, *, coarsest: int = 64
) -> list[tuple[int, int]]:
    """Heights and widths from the smallest version of an image to the whole one.

    Args:
        height: of the image.
        width: of the image.
        coarsest: the longer side of the smallest version.

    Raises:
        ValueError: `coarsest` is below 2.

    >>> pyramid_sizes(100, 200)
    [(32, 64), (64, 128), (100, 200)]
    """
    if coarsest < 2:
        raise ValueError(f"coarsest is {coarsest}; it must be at least 2 pixels")
    longer, sizes = max(height, width), []
    side = coarsest
    while side < longer:
        sizes.append(tuple(max(1, round(n * side / longer)) for n in (height, width)))
        side *= 2
    return [*sizes, (height, width)]


def _images(source, target):
    source, target = _floats(source), _floats(target)
    if source.shape != target.shape or source.ndim < 3:
        raise ValueError(
            f"the source is {source.shape} and the target {target.shape}; both must be"
            " [..., height, width, channels] and equal: put the source on a canvas of"
            " the target's size"
        )
    return source, target


def _floats(image: ArrayLike) -> jax.Array:
    image = jnp.asarray(image)
    return image.astype(jnp.promote_types(image.dtype, jnp.float32))


def _planes(plane: ArrayLike, like: jax.Array) -> jax.Array:
    """An array `[H, W]` in the form of images `[..., H, W, C]`."""
    plane = jnp.asarray(plane, like.dtype)
    return plane.reshape((1,) * (like.ndim - 3) + (*plane.shape, 1))


def _resized(image: jax.Array, size: tuple[int, int], method: str) -> jax.Array:
    return jax.image.resize(image, (*image.shape[:-3], *size, image.shape[-1]), method)


def _pyramid(image: jax.Array, sizes: list[tuple[int, int]]) -> list[jax.Array]:
    """The image at all sizes, the last of which is its own."""
    found = [image]
    for size in reversed(sizes[:-1]):
        smooth = _smoothed(found[-1], _bell(1.0, 4))
        shape = (*image.shape[:-3], *size, image.shape[-1])
        found.append(jax.image.resize(smooth, shape, "linear", antialias=False))
    return found[::-1]


def _smoothed(image: jax.Array, bell: np.ndarray) -> jax.Array:
    """Blurs along both axes, with borders that mirror the image."""
    reach = len(bell) // 2
    for axis in _AXES:
        around = [(0, 0)] * image.ndim
        around[axis] = (reach, reach)
        padded, length = jnp.pad(image, around, "symmetric"), image.shape[axis]
        image = sum(
            (
                jax.lax.slice_in_dim(padded, i, i + length, axis=axis) * float(share)
                for i, share in enumerate(bell)
            ),
            jnp.zeros_like(image),
        )
    return image


def _bell(deviation: float, reach: int) -> np.ndarray:
    """A Gaussian on `2 reach + 1` pixels, whose sum is 1."""
    found = np.exp(-0.5 * np.square(np.arange(-reach, reach + 1) / deviation))
    return found / found.sum()


# SciPy cuts the kernel off at four deviations, which are 5 pixels; the released code
# keeps the 3 in the middle, whose sum is below 1.
_GAUSS = _bell(0.5, 2)[1:4]
