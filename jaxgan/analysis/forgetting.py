"""Making a generator forget an object: which maps draw it, and what is left without.

A linear classifier is asked, of every position of a layer, whether it lies on the
object. The maps that speak for it are then set to zero, everywhere:

    seen = positions(key, maps, boxes)               # and any logistic regression
    without = edited(generator, {layer: drop(heaviest(weights))})

Radford, Metz and Chintala, arXiv:1511.06434, section 6.3.2, do so with windows.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike as JaxArrayLike
from numpy.typing import ArrayLike


class Positions(NamedTuple):
    """What a classifier learns from.

    Attributes:
        features: the maps at positions, float32 `[M, C]`.
        labels: whether they lie on the object, bool `[M]`.
    """

    features: np.ndarray
    labels: np.ndarray


def inside(boxes: ArrayLike, height: int, width: int) -> np.ndarray:
    """Which positions of maps lie in boxes, by their middles.

    Args:
        boxes: `[N, 4]`: top, left, bottom, right, in image heights.
        height: rows of the maps.
        width: columns of the maps.

    Returns:
        bool `[N, H, W]`. A box too small to hold the middle of any position has the
        position that its own middle is in.

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
    """Positions on an object, and positions that are not.

    Objects with a place of their own, as glasses have, need images without them: a
    classifier that only sees glasses against what is around them finds the maps that
    draw eyes.

    Args:
        key: a random key, for positions outside of boxes.
        maps: of a layer, `[N, H, W, C]`.
        boxes: of the object, one an image, `[N, 4]`: top, left, bottom, right, in image
            heights; where it would be, in images without it.
        there: which images have it, bool `[N]`; all if left out.
        outside: whether to add as many random positions outside of the boxes of images
            with the object, as the paper does. An image whose box is more than half of
            it gives all that is outside, which is fewer.

    Returns:
        Positions in boxes of images with the object, then those outside of them, then
        those in boxes of images without it.

    Raises:
        ValueError: as `inside`; maps are of another shape, or not finite; or there is
            no position of one of the two kinds.
    """
    maps, boxes = np.asarray(maps, np.float32), np.asarray(boxes)
    has = np.ones(len(boxes), bool) if there is None else np.asarray(there, bool)
    if maps.ndim != 4 or not len(maps) == len(boxes) == len(has) > 0:
        raise ValueError(
            f"maps are {list(maps.shape)} for {len(boxes)} boxes and {len(has)} answers"
            " whether the object is there, expected [N, H, W, C] with one of each for"
            " each of N images, 1 or more"
        )
    if not np.isfinite(maps).all():
        raise ValueError("maps are not finite: the network has diverged")
    box = inside(boxes, *maps.shape[1:3])
    with_it = has[:, None, None]
    order = np.array(jax.random.uniform(key, box.shape))
    order[box] = 2  # last, and left out
    rank = order.reshape(len(box), -1).argsort(1).argsort(1).reshape(box.shape)
    random = ~box & (rank < box.sum((1, 2), keepdims=True)) & with_it & outside
    features = [maps[where] for where in (box & with_it, random, box & ~with_it)]
    labels = np.arange(sum(map(len, features))) < len(features[0])
    if labels.all() or not labels.any():
        raise ValueError(
            f"{labels.sum()} positions are on the object and {(~labels).sum()} are not;"
            " both are needed: give images with smaller boxes, or images without it"
        )
    return Positions(np.concatenate(features), labels)


def heaviest(weights: ArrayLike, most: int = 0) -> np.ndarray:
    """The maps that speak for an object: those of positive weight.

    Args:
        weights: of the classifier, `[C]`. Where maps differ in scale, take weights of
            maps brought to one spread.
        most: how many at most, the heaviest; 0 takes all, as the paper does.

    Returns:
        Which they are, bool `[C]`.

    Raises:
        ValueError: weights are no vector or not finite, or `most` is negative.
    """
    weights = np.asarray(weights)
    if weights.ndim != 1 or not np.isfinite(weights).all():
        raise ValueError(
            f"weights are {list(weights.shape)}, expected finite numbers [C], one a map"
        )
    if most < 0:
        raise ValueError(f"most is {most}; give how many maps, or 0 for all")
    rank = np.argsort(np.argsort(-weights, kind="stable"))
    return (weights > 0) & (rank < (most or len(weights)))


def drop(maps: JaxArrayLike) -> Callable[[jax.Array], jax.Array]:
    """An edit for `edited`: sets some maps to zero at all positions.

    Args:
        maps: which, bool `[C]`, such as `heaviest` gives.

    Returns:
        `f(x)` of maps `[..., C]` to the same shape.

    Raises:
        ValueError: the layer has another number of maps; it is raised where the edit is
            used.
    """
    maps = jnp.asarray(maps, bool)

    def edit(x: jax.Array) -> jax.Array:
        if maps.shape != x.shape[-1:]:
            raise ValueError(
                f"maps to drop are {list(maps.shape)}, but the layer has {x.shape[-1]}:"
                " say of each of them whether to drop it"
            )
        return jnp.where(maps[(None,) * (x.ndim - 1)], 0, x)

    return edit


def evidence(
    maps: JaxArrayLike, weights: JaxArrayLike, bias: JaxArrayLike = 0.0
) -> jax.Array:
    """How much each position speaks for the object: log odds `[N, H, W]`.

    Args:
        maps: `[N, H, W, C]`.
        weights: of the classifier, `[C]`.
        bias: of the classifier, `[]`.
    """
    return jnp.einsum("nhwc,c->nhw", jnp.asarray(maps), jnp.asarray(weights)) + bias
