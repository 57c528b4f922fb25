"""Latents of a generator: walks, grids, averages, arithmetic and directions.

Radford, Metz and Chintala, "Unsupervised Representation Learning with Deep
Convolutional Generative Adversarial Networks", arXiv:1511.06434, walk between latents
to see whether a generator has learnt or memorised, and add and subtract averages of
latents as concepts. All functions but `steps` take latents `[..., Z]` and return
latents `[..., Z]`.
"""

from typing import NamedTuple

import chex
import jax
import jax.numpy as jnp
from jax import lax
from jax.typing import ArrayLike

from jaxgan import nn


class Directions(NamedTuple):
    """Directions in the space of latents, as `sefa` finds them.

    Attributes:
        direction: unit vectors, `[count, Z]`, with signs such that the element of
            largest magnitude is positive.
        eigenvalue: the squared length of a unit step after the layer, `[count]`,
            largest first.
    """

    direction: jax.Array
    eigenvalue: jax.Array


def walk(stops: jax.Array, frames: int, *, spherical: bool, closed: bool) -> jax.Array:
    """Latents along a path through stops, evenly spaced from each to the next.

    Args:
        stops: `[S, ..., Z]`: S latents, or S stops of several walks side by side.
        frames: the number of steps from one stop to the next.
        spherical: whether to walk along great circles (see `nn.slerp`), which suits
            Gaussian latents, instead of straight lines.
        closed: whether the path goes on from the last stop to the first.

    Returns:
        `[K, ..., Z]`. On a closed path K is S · frames, and the path ends one step
        before its start. On an open one K is (S - 1) · frames + 1, and the path ends on
        the last stop.

    Raises:
        ValueError: `frames` below 1, no stop, or an open path with less than 2.
    """
    if frames < 1:
        raise ValueError(
            f"frames is {frames}; give at least 1 from one stop to the next"
        )
    least = 1 if closed else 2
    if len(stops) < least:
        raise ValueError(f"there are {len(stops)} stops; such a path needs {least}")
    ends = jnp.roll(stops, -1, 0)
    if not closed:
        stops, ends = stops[:-1], ends[:-1]
    parts = jnp.arange(frames) / frames
    legs = [_between(stops, ends, t, spherical) for t in parts]
    path = jnp.stack(legs, 1).reshape(-1, *stops.shape[1:])
    return path if closed else jnp.concatenate([path, ends[-1:]])


def grid(
    corners: jax.Array, rows: int, columns: int, *, spherical: bool = False
) -> jax.Array:
    """Fills a grid between four latents: first down both sides, then from side to side.

    Args:
        corners: `[4, Z]`: top left, top right, bottom left, bottom right.
        rows: at least 2.
        columns: at least 2.
        spherical: whether to interpolate along great circles instead of straight lines,
            which would make the grid bilinear.

    Returns:
        `[rows, columns, Z]`, with the four latents in its corners.

    Raises:
        ValueError: there are not four corners, or fewer than 2 rows or columns.
    """
    if len(corners) != 4:
        raise ValueError(f"there are {len(corners)} corners; a grid has 4")
    if min(rows, columns) < 2:
        raise ValueError(f"the grid is {rows} by {columns}; it must be at least 2 by 2")
    down = jnp.linspace(0, 1, rows)
    across = jnp.linspace(0, 1, columns)
    sides = jnp.stack([_between(corners[:2], corners[2:], t, spherical) for t in down])
    between = [_between(sides[:, 0], sides[:, 1], t, spherical) for t in across]
    return jnp.stack(between, 1)


def concept(latents: jax.Array) -> jax.Array:
    """Averages exemplars of a concept, `[N, ..., Z]` to `[..., Z]`.

    DCGAN takes three exemplars for each concept, since single ones are unstable. The
    average of N independent Gaussian latents is shorter than they are by a factor of
    √N; see `with_norm`.
    """
    return latents.mean(0)


def arithmetic(start: jax.Array, minus: jax.Array, plus: jax.Array) -> jax.Array:
    """`start - minus + plus`, such as smiling woman - neutral woman + neutral man.

    Args:
        start: the latent of something with the attribute, `[..., Z]`.
        minus: the latent of the same thing without the attribute.
        plus: the latent of the thing to give the attribute to.
    """
    return start - minus + plus


def with_norm(latents: jax.Array, norm: ArrayLike) -> jax.Array:
    """Scales latents `[..., Z]` to a norm `[]` or `[...]`; zeros stay zero.

    Averages and sums of Gaussian latents lie nearer to or farther from the origin than
    the latents that a generator was trained on, whose norms are all close to √Z.
    Latents of other distributions vary more in norm, so scaling them matters less.
    """
    length = jnp.linalg.norm(latents, axis=-1, keepdims=True)
    norm = jnp.broadcast_to(jnp.asarray(norm), latents.shape[:-1])[..., None]
    return jnp.where(length > 0, latents / jnp.where(length > 0, length, 1) * norm, 0)


def noise_sheet(
    key: jax.Array, latent: jax.Array, amplitude: float = 0.25
) -> jax.Array:
    """Puts eight noisy copies around a latent `[Z]`, for a sheet of 3 by 3: `[9, Z]`.

    The latent itself is the fifth. Uniform noise in [-amplitude, amplitude] is added to
    the others. DCGAN shows in this way that a result of arithmetic does not depend on
    one lucky point.

    Raises:
        ValueError: a negative amplitude.
    """
    if amplitude < 0:
        raise ValueError(f"amplitude is {amplitude}, expected at least 0")
    shape = (9, *latent.shape)
    noise = jax.random.uniform(key, shape, minval=-amplitude, maxval=amplitude)
    return latent[None] + noise.at[4].set(0)


def turn_vector(left: jax.Array, right: jax.Array) -> jax.Array:
    """The step from the mean of `right` to that of `left`: `[N, Z]`, `[M, Z]` to `[Z]`.

    The average of `right` plus the result is the average of `left`. DCGAN takes four
    faces that look to the left and four that look to the right; adding fractions of the
    result turns other faces.
    """
    return concept(left) - concept(right)


def along(latents: jax.Array, direction: jax.Array, scales: jax.Array) -> jax.Array:
    """Latents moved along a direction: `latents + scale · direction` for every scale.

    Args:
        latents: `[..., Z]`.
        direction: `[Z]`.
        scales: `[K]`.

    Returns:
        `[K, ..., Z]`.
    """
    chex.assert_equal_shape_suffix((latents, direction), 1)
    outer = (-1,) + (1,) * latents.ndim
    moves = scales.reshape(outer) * direction.reshape((1,) * latents.ndim + (-1,))
    return latents[None] + moves


def sefa(weight: jax.Array, count: int) -> Directions:
    """The directions that the first layer stretches most: closed-form factorisation.

    The layer makes y = A z + b of a latent z, so a move by n changes y by A n, wherever
    it starts. The unit vectors n that change y most are the eigenvectors of A^T A with
    the largest eigenvalues. No samples are needed, but what a direction means has to be
    seen from pictures. A batch norm that follows scales the channels of y again, which
    is ignored; fold it into the weight to take it into account.

    Args:
        weight: the weight of the layer that takes the latents, `[Z, F]`, as flax stores
            it: the transpose of A.
        count: the number of directions, 1 to Z.

    Raises:
        ValueError: the weight is not a matrix, or `count` is not in 1..Z.

    References:
        Shen and Zhou, "Closed-Form Factorization of Latent Semantics in GANs", 2020,
        https://arxiv.org/abs/2007.06600
    """
    if weight.ndim != 2:
        raise ValueError(f"weight has shape {weight.shape}, expected [Z, F]")
    if not 1 <= count <= len(weight):
        raise ValueError(
            f"count is {count}; give 1 to {len(weight)}, the number of directions of"
            " these latents"
        )
    gram = jnp.matmul(weight, weight.T, precision=lax.Precision.HIGHEST)
    values, vectors = jnp.linalg.eigh(gram)  # smallest first, vectors in columns
    found = vectors.T[::-1][:count]
    largest = jnp.take_along_axis(found, jnp.abs(found).argmax(1)[:, None], 1)
    return Directions(found * jnp.sign(largest), values[::-1][:count])


def steps(images: jax.Array, *, closed: bool = False) -> jax.Array:
    """The root mean square difference between each picture of a walk and the next.

    Args:
        images: `[K, ..., H, W, C]`.
        closed: whether the first picture follows the last.

    Returns:
        `[K - 1, ...]`, or `[K, ...]` if closed, in units of the pixels. In a walk
        without abrupt changes no step is much larger than the mean of all steps, and
        none comes close to the distance between two unrelated pictures.
    """
    images = images.astype(jnp.float32)
    following = jnp.roll(images, -1, 0)
    apart = jnp.sqrt(jnp.square(following - images).mean((-3, -2, -1)))
    return apart if closed else apart[:-1]


def _between(a: jax.Array, b: jax.Array, t: jax.Array, spherical: bool) -> jax.Array:
    if spherical:
        return nn.slerp(a, b, jnp.full(a.shape[:-1], t))
    return (1 - t) * a + t * b
