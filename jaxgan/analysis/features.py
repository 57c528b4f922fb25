"""What a network has learned, as one row of numbers an image.

A discriminator that was trained on images without labels has seen what they are made
of. Its maps, pooled, are features for whoever has a few labels.
"""

from collections.abc import Sequence

import jax
import jax.numpy as jnp


def pooled(maps: Sequence[jax.Array], size: int = 4) -> jax.Array:
    """The maps of all layers, max-pooled to one small grid and put in a row.

        judge, maps = rectifiers.observed(network)(images)
        rows = pooled(maps)

    Cell i of a side of H is the maximum over the places from floor(i · H / size) up to
    and without ceil((i + 1) · H / size), so cells overlap where `size` does not divide
    H, and repeat places where H is smaller.

    Args:
        maps: `[B, H, W, C]`, of `rectifiers.observed`; whatever has no four dimensions,
            as the units of dense layers, is left out.
        size: cells a side.

    Returns:
        `[B, F]`, with F = size² times the channels of all maps; of a map, row by row,
        channels last.

    Raises:
        ValueError: there is no map of four dimensions, or `size` is below 1.

    References:
        Radford, Metz and Chintala, "Unsupervised Representation Learning with Deep
        Convolutional Generative Adversarial Networks", arXiv:1511.06434, section 5.1,
        pool to 4x4.
    """
    if size < 1:
        raise ValueError(f"size is {size}; pool to a grid of at least 1 cell a side")
    images = [x for x in maps if x.ndim == 4]
    if not images:
        raise ValueError(
            f"the {len(maps)} maps have the shapes {[x.shape for x in maps]}, and none"
            " is [B, H, W, C]: take a network with convolutions and rectifiers"
        )
    rows = [_cells(_cells(x, 1, size), 2, size) for x in images]
    return jnp.concatenate([x.reshape(len(x), -1) for x in rows], axis=1)


def _cells(x: jax.Array, axis: int, size: int) -> jax.Array:
    """The maxima over the cells of one axis."""
    side = x.shape[axis]
    if side % size == 0:
        shape = (*x.shape[:axis], size, side // size, *x.shape[axis + 1 :])
        return x.reshape(shape).max(axis + 1)
    bounds = [(i * side // size, -(-(i + 1) * side // size)) for i in range(size)]
    cells = [jax.lax.slice_in_dim(x, *b, axis=axis).max(axis) for b in bounds]
    return jnp.stack(cells, axis)
