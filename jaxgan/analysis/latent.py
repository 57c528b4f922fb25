"""The space of latents: walks, grids, averages, arithmetic, and directions in it.

Radford, Metz and Chintala, "Unsupervised Representation Learning with Deep
Convolutional Generative Adversarial Networks", arXiv:1511.06434, walk between latents
to see whether a generator has learnt or memorised, and add and subtract averages of
latents as concepts. All functions but `steps` are on latents alone: `[..., Z]` in,
`[..., Z]` out.
"""

from typing import NamedTuple

import chex
import jax
import jax.numpy as jnp
from jax import lax
from jax.typing import ArrayLike

from jaxgan import nn


class Directions(NamedTuple):
    """Directions of `sefa`.

    Attributes:
        direction: unit vectors, `[count, Z]`; the largest number of each is positive.
        eigenvalue: the squared length that a step of 1 has after the layer, `[count]`,
            largest first.
    """

    direction: jax.Array
    eigenvalue: jax.Array


def walk(stops: jax.Array, frames: int, *, spherical: bool, closed: bool) -> jax.Array:
    """Latents along a path through stops, evenly spaced from each to the next.

    Args:
        stops: `[S, ..., Z]`; S latents, or S of several walks side by side.
        frames: steps from one stop to the next.
        spherical: whether to go along great circles (see `nn.slerp`), which Gaussian
            latents want, and not along straight lines.
        closed: whether the path goes on from the last stop to the first.

    Returns:
        `[K, ..., Z]`. K is S · frames on a closed path, which ends one step before it
        is back, and (S - 1) · frames + 1 on an open one, which ends on the last stop.

    Raises:
        ValueError: `frames` below 1, no stop, or an open path with less than 2.
    """
    if frames < 1:
        raise ValueError(
            f"frames is {frames}; from one stop to the next there must be at least 1"
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
    """Latents between four: down both sides, and from side to side.

    Args:
        corners: `[4, Z]`: top left, top right, bottom left, bottom right.
        rows: at least 2.
        columns: at least 2.
        spherical: whether to go along great circles and not along straight lines,
            which make the grid bilinear.

    Returns:
        `[rows, columns, Z]`, the corners in its corners.

    Raises:
        ValueError: there are not four corners, or less than 2 rows or columns.
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
    """The average of exemplars, `[N, ..., Z]` to `[..., Z]`.

    DCGAN takes three a concept, since single ones are unstable. The average of N
    independent Gaussian latents is shorter than they are, by the root of N; see
    `with_norm`.
    """
    return latents.mean(0)


def arithmetic(start: jax.Array, minus: jax.Array, plus: jax.Array) -> jax.Array:
    """`start - minus + plus`: smiling woman - neutral woman + neutral man.

    Args:
        start: what has the attribute, `[..., Z]`.
        minus: the same without the attribute.
        plus: what shall have it.
    """
    return start - minus + plus


def with_norm(latents: jax.Array, norm: ArrayLike) -> jax.Array:
    """Latents `[..., Z]` stretched to a norm `[]` or `[...]`; zeros stay zero.

    Averages and sums of Gaussian latents lie nearer to or farther from the origin than
    the latents that a generator was trained on, whose norms are all about the root of
    Z. Of latents of another distribution that says less.
    """
    length = jnp.linalg.norm(latents, axis=-1, keepdims=True)
    norm = jnp.broadcast_to(jnp.asarray(norm), latents.shape[:-1])[..., None]
    return jnp.where(length > 0, latents / jnp.where(length > 0, length, 1) * norm, 0)


def noise_sheet(
    key: jax.Array, latent: jax.Array, amplitude: float = 0.25
) -> jax.Array:
    """A latent `[Z]` and eight around it, for a sheet of 3 by 3: `[9, Z]`.

    The latent itself is the fifth. Uniform noise in [-amplitude, amplitude] is added to
    the others: DCGAN shows so that a result of arithmetic is no lucky point.

    Raises:
        ValueError: a negative amplitude.
    """
    if amplitude < 0:
        raise ValueError(f"amplitude is {amplitude}, expected at least 0")
    shape = (9, *latent.shape)
    noise = jax.random.uniform(key, shape, minval=-amplitude, maxval=amplitude)
    return latent[None] + noise.at[4].set(0)


def turn_vector(left: jax.Array, right: jax.Array) -> jax.Array:
    """From the average of one kind to that of another, `[N, Z]`, `[M, Z]` to `[Z]`.

    `right` plus the result is `left`. DCGAN takes four faces that look to the left and
    four that look to the right; adding parts of the result turns other faces.
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
    """The directions that the first layer stretches most, closed-form factorisation.

    The layer makes y = A z + b of a latent z, so a move along n changes y by A n, by
    how much ever; those n of unit length that change it most are the eigenvectors of
    A^T A with the largest eigenvalues. No samples are needed. What a direction means
    has to be looked at. A batch norm that follows scales the channels of y again, which
    is not taken into account: fold it into the weight if it should be.

    Args:
        weight: of the layer that takes the latents, `[Z, F]` as `flax` has it: the
            transpose of A.
        count: how many, 1 to Z.

    Raises:
        ValueError: a weight that is no matrix, or `count` outside 1..Z.

    References:
        Shen and Zhou, "Closed-Form Factorization of Latent Semantics in GANs", 2020,
        https://arxiv.org/abs/2007.06600
    """
    if weight.ndim != 2:
        raise ValueError(f"weight has shape {weight.shape}, expected [Z, F]")
    if not 1 <= count <= len(weight):
        raise ValueError(
            f"count is {count}; latents of {len(weight)} numbers have 1 to"
            f" {len(weight)} directions"
        )
    gram = jnp.matmul(weight, weight.T, precision=lax.Precision.HIGHEST)
    values, vectors = jnp.linalg.eigh(gram)  # smallest first, vectors in columns
    found = vectors.T[::-1][:count]
    largest = jnp.take_along_axis(found, jnp.abs(found).argmax(1)[:, None], 1)
    return Directions(found * jnp.sign(largest), values[::-1][:count])


def steps(images: jax.Array, *, closed: bool = False) -> jax.Array:
    """How far each picture of a walk is from the next: root mean square of a pixel.

    Args:
        images: `[K, ..., H, W, C]`.
        closed: whether the last is followed by the first.

    Returns:
        `[K - 1, ...]`, or `[K, ...]` if closed, in units of the pixels. A walk without
        abrupt changes has no step that is much larger than their mean, and none near to
        the distance of two pictures that have nothing to do with each other.
    """
    images = images.astype(jnp.float32)
    following = jnp.roll(images, -1, 0)
    apart = jnp.sqrt(jnp.square(following - images).mean((-3, -2, -1)))
    return apart if closed else apart[:-1]


def _between(a: jax.Array, b: jax.Array, t: jax.Array, spherical: bool) -> jax.Array:
    if spherical:
        return nn.slerp(a, b, jnp.full(a.shape[:-1], t))
    return (1 - t) * a + t * b
