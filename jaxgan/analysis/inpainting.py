"""Semantic inpainting: the losses of a search for an image with a hole, and masks.

Masks are `[H, W]`, true where the image is known. A latent z is sought whose image G(z)
agrees with what is known and looks real; G(z) then fills the hole.

References:
    Yeh et al., "Semantic Image Inpainting with Deep Generative Models",
    arXiv:1607.07539.
"""

import chex
import jax
import jax.numpy as jnp
from jax.typing import ArrayLike


def importance(known: ArrayLike, size: int = 7) -> jax.Array:
    """The weight of every known pixel: how much is missing around it.

    W_i is the share of missing pixels in the window around a known pixel i, and 0 where
    i itself is missing. Known pixels far from any hole say little about it and weigh
    nothing. Windows are cut off at the border of the image.

    Args:
        known: `[H, W]`, true (or not 0) where the image is known.
        size: side of the window, odd.

    Returns:
        float32 `[H, W]` in [0, 1).

    Raises:
        ValueError: the size is not odd and above 0.
    """
    if size < 1 or size % 2 == 0:
        raise ValueError(f"size is {size}; a window needs an odd side, such as 7")
    known = jnp.asarray(known) != 0
    chex.assert_rank(known, 2)

    def window(x):  # sums
        return jax.lax.reduce_window(x, 0.0, jax.lax.add, (size, size), (1, 1), "SAME")

    missing = jnp.where(known, 0.0, 1.0)
    return jnp.where(known, window(missing) / window(jnp.ones_like(missing)), 0)


def contextual_loss(
    drawn: ArrayLike, images: ArrayLike, weights: ArrayLike
) -> jax.Array:
    """How far a drawn image is from what is known: sum of W |G(z) - y|.

    A sum over pixels and channels, as the weight of the prior loss expects it.

    Args:
        drawn: G(z), `[B, H, W, C]`.
        images: y, the same shape; what is in the hole is not looked at.
        weights: W, `[H, W]`, of `importance`, or the mask itself.

    Returns:
        `[B]`.
    """
    drawn, images = jnp.asarray(drawn), jnp.asarray(images)
    chex.assert_equal_shape([drawn, images])
    chex.assert_shape(weights, drawn.shape[1:3])
    # What is unknown may be anything, also not a number.
    weights = jnp.asarray(weights, drawn.dtype)[None, :, :, None]
    gap = jnp.where(weights > 0, drawn - images, 0)
    return (weights * jnp.abs(gap)).sum((1, 2, 3))


def prior_loss(logits: jax.Array, *, saturating: bool = True) -> jax.Array:
    """How unreal a drawn image looks to the discriminator.

    The paper's log(1 - D(G(z))), from logits a as -softplus(a). By way of D it would be
    log 0 as soon as D rounds to 1 (in float32 from a = 17 on), with no gradient to use.
    Its slope is -D, exact for every a, and next to nothing where D is sure that the
    image is drawn; with `saturating=False` the loss is -log D instead, whose slope -
    (1 - D) is largest there. Both fall as the image looks more real.

    Args:
        logits: of the discriminator, a with D = sigmoid(a), any shape.
        saturating: the paper's form; otherwise -log D(G(z)).

    Returns:
        The same shape.
    """
    if saturating:
        return -jax.nn.softplus(logits)
    return jax.nn.softplus(-logits)


def paste(drawn: jax.Array, images: jax.Array, known: jax.Array) -> jax.Array:
    """M y + (1 - M) G(z): what is known, and the drawn image in the hole.

    Args:
        drawn: `[B, H, W, C]`.
        images: the same shape.
        known: M, `[H, W]`.
    """
    known = jnp.asarray(known) != 0
    chex.assert_shape(known, drawn.shape[1:3])
    return jnp.where(known[None, :, :, None], images, drawn)


def centre_mask(height: int, width: int, share: float = 0.25) -> jax.Array:
    """A rectangle in the middle is missing, as wide against its height as the image.

    Args:
        height: H.
        width: W.
        share: of the image that it covers, as nearly as whole pixels allow.

    Raises:
        ValueError: the share is not above 0 and below 1.
    """
    _check_share(share)
    rows, columns = (
        abs(jnp.arange(side) - (side - 1) / 2) < side * share**0.5 / 2
        for side in (height, width)
    )
    return ~(rows[:, None] & columns[None, :])


def random_mask(
    key: jax.Array, height: int, width: int, share: float = 0.8
) -> jax.Array:
    """Pixels are missing at random.

    Args:
        key: random.
        height: H.
        width: W.
        share: of pixels that are missing, rounded to a whole number of them.

    Raises:
        ValueError: the share is not above 0 and below 1.
    """
    _check_share(share)
    missing = round(share * height * width)
    order = jax.random.permutation(key, height * width)
    return (order >= missing).reshape(height, width)


def half_mask(height: int, width: int) -> jax.Array:
    """The left half is missing."""
    return jnp.broadcast_to(jnp.arange(width) >= width // 2, (height, width))


def rows_mask(height: int, width: int, band: int = 0) -> jax.Array:
    """Bands of full rows are missing, as many as are known, the first one known.

    Args:
        height: H.
        width: W.
        band: rows of a band; an eighth of the height if 0.

    Raises:
        ValueError: there is no room for a band.
    """
    band = band or max(1, height // 8)
    if not 1 <= band < height:
        raise ValueError(f"band is {band}; it must be from 1 to {height - 1} rows")
    rows = jnp.arange(height) // band % 2 == 0
    return jnp.broadcast_to(rows[:, None], (height, width))


def _check_share(share):
    if not 0 < share < 1:
        raise ValueError(f"share is {share}; it must be above 0 and below 1")
