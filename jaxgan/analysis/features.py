"""Features for other tasks: a network's maps, pooled to one row of numbers per image.

A discriminator learns from images without labels. A classifier that has only a few
labels can learn from its pooled maps.
"""

from collections.abc import Sequence

import jax
import jax.numpy as jnp


def pooled(maps: Sequence[jax.Array], size: int = 4) -> jax.Array:
    """Max-pools the maps of all layers to one small grid and joins them to a row.

        judge, maps = rectifiers.observed(network)(images)
        rows = pooled(maps)

    On a side of length H, cell i is the maximum over the places from floor(i · H /
    size) up to but not including ceil((i + 1) · H / size). So cells overlap where
    `size` does not divide H, and several cells share a place where H is below `size`.

    Args:
        maps: `[B, H, W, C]`, as `rectifiers.observed` returns them; arrays without four
            dimensions, such as the units of dense layers, are left out.
        size: the number of cells along each side.

    Returns:
        `[B, F]`, where F is size² times the number of channels of all maps. Each map is
        laid out row by row, with channels last.

    Raises:
        ValueError: no map has four dimensions, or `size` is below 1.

    References:
        Radford, Metz and Chintala, "Unsupervised Representation Learning with Deep
        Convolutional Generative Adversarial Networks", arXiv:1511.06434, section 5.1,
        pool to 4x4.
    """
    if size < 1:
        raise ValueError(f"size is {size}; pool to a grid of at least 1 cell per side")
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
