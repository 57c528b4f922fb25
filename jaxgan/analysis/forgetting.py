"""Makes a generator forget an object: finds the maps that draw it and drops them.

A linear classifier learns to tell, from the maps of a layer at one position, whether
the position lies on the object. The maps with positive weights are then set to zero
everywhere:

    seen = positions(key, maps, boxes)               # and any logistic regression
    without = edited(generator, {layer: drop(heaviest(weights))})

Radford, Metz and Chintala, arXiv:1511.06434, section 6.3.2, make windows vanish so.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike as JaxArrayLike
from numpy.typing import ArrayLike


class Positions(NamedTuple):
    """The examples that a classifier learns from.

    Attributes:
        features: the values of all maps at each position, float32 `[M, C]`.
        labels: whether the position lies on the object, bool `[M]`.
    """

    features: np.ndarray
    labels: np.ndarray


def inside(boxes: ArrayLike, height: int, width: int) -> np.ndarray:
    """Which positions of a map have their middle inside a box.

    Args:
        boxes: `[N, 4]`: top, left, bottom, right, in image heights.
        height: rows of the maps.
        width: columns of the maps.

    Returns:
        bool `[N, H, W]`. A box too small to contain the middle of any position gets the
        position that contains the box's own middle.

    Raises:
        ValueError: a box is not inside the image, or is empty.
    """
    boxes = np.asarray(boxes, np.float64)
    if boxes.ndim != 2 or boxes.shape[1] != 4:
        raise ValueError(
            f"boxes are {list(boxes.shape)}, expected [N, 4]: top, left, bottom, right"
        )
    ends = (1.0, width / height)
    first, last = boxes[:, :2], boxes[:, 2:]
    right = (first >= 0).all(1) & (first < last).all(1) & (last <= ends).all(1)
    if not right.all():
        i = int(np.flatnonzero(~right)[0])
        raise ValueError(
            f"box {i} is {boxes[i].tolist()}, expected top, left, bottom, right with"
            f" 0 <= top < bottom <= 1 and 0 <= left < right <= {ends[1]:g}, in image"
            " heights"
        )
    rows, columns = ((np.arange(n) + 0.5) / height for n in (height, width))

    def along(low, high, middles):
        within = (low[:, None] <= middles) & (middles < high[:, None])
        nearest = np.abs(middles - (low + high)[:, None] / 2).argmin(1)
        nearest = np.arange(len(middles)) == nearest[:, None]
        return np.where(within.any(1, keepdims=True), within, nearest)

    down = along(boxes[:, 0], boxes[:, 2], rows)
    across = along(boxes[:, 1], boxes[:, 3], columns)
    return down[:, :, None] & across[:, None, :]


def positions(
    key: jax.Array,
    maps: ArrayLike,
    boxes: ArrayLike,
    there: ArrayLike | None = None,
    *,
    outside: bool = True,
) -> Positions:
    """Collects positions on an object and positions that are not on it.

    Objects that always appear in the same place, such as glasses, need images without
    them too: a classifier that sees glasses only against their surroundings finds the
    maps that draw eyes.

    Args:
        key: a random key, for positions outside of boxes.
        maps: the maps of a layer, `[N, H, W, C]`.
        boxes: the box of the object in each image, `[N, 4]`: top, left, bottom, right,
            in image heights; in images without the object, where it would be.
        there: which images have the object, bool `[N]`; all of them by default.
        outside: whether to add, for images with the object, as many random positions
            outside of its box as lie inside, as the paper does. An image whose box
            covers more than half of it gives all positions outside, which are fewer.

    Returns:
        First the positions in the boxes of images with the object, then those outside
        of these boxes, then those in the boxes of images without it.

    Raises:
        ValueError: as for `inside`; or the maps have another shape or are not finite;
            or all positions, or none, lie on the object.
    """
    maps, boxes = np.asarray(maps, np.float32), np.asarray(boxes)
    has = np.ones(len(boxes), bool) if there is None else np.asarray(there, bool)
    if maps.ndim != 4 or not len(maps) == len(boxes) == len(has) > 0:
        raise ValueError(
            f"maps have shape {list(maps.shape)}, with {len(boxes)} boxes and"
            f" {len(has)} answers whether the object is there; expected [N, H, W, C],"
            " N boxes and N answers, for N of 1 or more"
        )
    if not np.isfinite(maps).all():
        raise ValueError("maps are not finite: the network has diverged")
    box = inside(boxes, *maps.shape[1:3])
    with_it = has[:, None, None]
    order = np.array(jax.random.uniform(key, box.shape))
    order[box] = 2  # these sort last and are left out
    rank = order.reshape(len(box), -1).argsort(1).argsort(1).reshape(box.shape)
    random = ~box & (rank < box.sum((1, 2), keepdims=True)) & with_it & outside
    features = [maps[where] for where in (box & with_it, random, box & ~with_it)]
    labels = np.arange(sum(map(len, features))) < len(features[0])
    if labels.all() or not labels.any():
        raise ValueError(
            f"{labels.sum()} positions are on the object and {(~labels).sum()} are"
            " not, but both kinds are needed: add images with smaller boxes, or images"
            " without it"
        )
    return Positions(np.concatenate(features), labels)


def heaviest(weights: ArrayLike, most: int = 0) -> np.ndarray:
    """The maps that draw an object: those with a positive weight.

    Args:
        weights: the classifier's, `[C]`. If the maps differ in scale, give the weights
            for maps scaled to one standard deviation.
        most: the largest number of maps to take, those of greatest weight; 0 takes all,
            as the paper does.

    Returns:
        bool `[C]`, true for the maps taken.

    Raises:
        ValueError: the weights are not a vector or not finite, or `most` is negative.
    """
    weights = np.asarray(weights)
    if weights.ndim != 1 or not np.isfinite(weights).all():
        raise ValueError(
            f"weights have shape {list(weights.shape)}; expected finite numbers [C],"
            " one per map"
        )
    if most < 0:
        raise ValueError(f"most is {most}; give the number of maps, or 0 for all")
    rank = np.argsort(np.argsort(-weights, kind="stable"))
    return (weights > 0) & (rank < (most or len(weights)))


def drop(maps: JaxArrayLike) -> Callable[[jax.Array], jax.Array]:
    """Makes an edit for `edited` that sets some maps to zero at all positions.

    Args:
        maps: which maps to drop, bool `[C]`, as from `heaviest`.

    Returns:
        `f(x)`, which takes maps `[..., C]` and returns the same shape.

    Raises:
        ValueError: the layer has another number of maps; raised when the edit is used.
    """
    maps = jnp.asarray(maps, bool)

    def edit(x: jax.Array) -> jax.Array:
        if maps.shape != x.shape[-1:]:
            raise ValueError(
                f"maps to drop have shape {list(maps.shape)}, but the layer has"
                f" {x.shape[-1]} maps: give true or false for each of them"
            )
        return jnp.where(maps[(None,) * (x.ndim - 1)], 0, x)

    return edit


def evidence(
    maps: JaxArrayLike, weights: JaxArrayLike, bias: JaxArrayLike = 0.0
) -> jax.Array:
    """The log odds `[N, H, W]` that each position lies on the object.

    Args:
        maps: `[N, H, W, C]`.
        weights: the classifier's, `[C]`.
        bias: the classifier's, `[]`.
    """
    return jnp.einsum("nhwc,c->nhw", jnp.asarray(maps), jnp.asarray(weights)) + bias
