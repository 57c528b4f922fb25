"""Semantic inpainting: masks of what is known, and pasting a drawn image into a hole.

Masks are `[H, W]`, true where the image is known. A search finds a latent z whose image
G(z) agrees with the known pixels and looks real; G(z) then fills the hole. The losses
for the search are `jaxgan.losses.inpainting_contextual_loss` and
`inpainting_prior_loss`.

References:
    Yeh et al., "Semantic Image Inpainting with Deep Generative Models",
    arXiv:1607.07539.
"""

import chex
import jax
import jax.numpy as jnp


def paste(drawn: jax.Array, images: jax.Array, known: jax.Array) -> jax.Array:
    """Fills the unknown pixels with the drawn image: M y + (1 - M) G(z).

    Args:
        drawn: `[B, H, W, C]`.
        images: the same shape.
        known: M, `[H, W]`.
    """
    known = jnp.asarray(known) != 0
    chex.assert_shape(known, drawn.shape[1:3])
    return jnp.where(known[None, :, :, None], images, drawn)


def centre_mask(height: int, width: int, share: float = 0.25) -> jax.Array:
    """A mask whose hole is a rectangle in the middle, in the proportions of the image.

    Args:
        height: H.
        width: W.
        share: the part of the image that the hole takes, as nearly as whole pixels
            allow.

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
    """A mask with pixels missing at random.

    Args:
        key: a random key.
        height: H.
        width: W.
        share: the part of the pixels that is missing, rounded to a whole number.

    Raises:
        ValueError: the share is not above 0 and below 1.
    """
    _check_share(share)
    missing = round(share * height * width)
    order = jax.random.permutation(key, height * width)
    return (order >= missing).reshape(height, width)


def half_mask(height: int, width: int) -> jax.Array:
    """A mask without the left half."""
    return jnp.broadcast_to(jnp.arange(width) >= width // 2, (height, width))


def rows_mask(height: int, width: int, band: int = 0) -> jax.Array:
    """A mask without every other band of rows; the first band is known.

    Args:
        height: H.
        width: W.
        band: the rows of a band; 0 means an eighth of the height.

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
