"""Masks: random regions, as context encoders are trained on, and what all must have."""

from typing import Any

import jax
import jax.core
import jax.numpy as jnp
import numpy as np

CELL = 10_000 / 600  # pixels: the authors enlarge 600x600 random numbers to 10,000


def random_regions(
    key: jax.Array,
    height: int,
    width: int,
    *,
    share: tuple[float, float] = (0.2, 0.3),
    cell: float = CELL,
    threshold: float = 0.25,
    tries: int = 32,
) -> jax.Array:
    """A mask of blobs of any form, which cover a share of the image.

    Uniform random numbers on a coarse grid are enlarged by bicubic interpolation, and
    blobs are where the result is below the threshold. The authors cut pieces out of one
    large pattern until the share is right. Here each try has a pattern of its own, and
    if none is right, the one that misses least is taken.

    Args:
        key: a random key.
        height: of the mask.
        width: of the mask.
        share: the smallest and the largest part of the pixels that the blobs cover.
        cell: pixels between the points of the grid.
        threshold: below which the numbers make blobs.
        tries: patterns that are drawn.

    Returns:
        `[height, width]` bool, true in the blobs.

    Raises:
        ValueError: the shares are not 0 <= least < most <= 1, or a number is not
            above 0.

    References:
        Pathak et al., "Context Encoders: Feature Learning by Inpainting",
        arXiv:1604.07379, section 3.3, and the authors' code.
    """
    least, most = share
    if not 0 <= least < most <= 1:
        raise ValueError(
            f"share is {share}; give the smallest and the largest part of the image,"
            " such as (0.2, 0.3)"
        )
    if cell <= 0 or tries < 1:
        raise ValueError(
            f"cell is {cell} and tries {tries}; cell must be above 0, tries at least 1"
        )
    # Two more points each way, so that interpolation never meets the grid's border.
    grid = tuple(int(side / cell) + 5 for side in (height, width))

    def pattern(key):
        noise_key, place_key = jax.random.split(key)
        noise = jax.random.uniform(noise_key, grid)
        offset = -cell * (2 + jax.random.uniform(place_key, (2,)))
        smooth = jax.image.scale_and_translate(
            noise, (height, width), (0, 1), jnp.full(2, cell), offset, "cubic"
        )
        return smooth < threshold

    patterns = jax.vmap(pattern)(jax.random.split(key, tries))
    covered = patterns.mean((1, 2))
    missed = jnp.maximum(jnp.maximum(least - covered, covered - most), 0)
    return patterns[jnp.argmin(missed)]  # the first of those that miss least


def check_mask(mask: Any) -> None:
    """Refuses masks that cover all of an image, or nothing of any image.

    Inside a compiled function, masks that depend on its arguments pass unseen.

    Args:
        mask: `[..., H, W]`, true (or not 0) where it covers an image.

    Raises:
        ValueError: it covers a whole image, or nothing at all.
    """
    if isinstance(mask, jax.core.Tracer):
        return
    covered = np.asarray(mask) != 0
    if not covered.any():
        raise ValueError(
            "the mask covers nothing; give one that is not 0 where the image shall"
            " change"
        )
    if covered.all((-2, -1)).any():
        raise ValueError(
            "the mask covers the whole image; leave some of it at 0, where the image"
            " shall stay as it is"
        )
