"""Maps cut out of boxes and put into boxes: the affine resampling of GAWWN."""

import chex
import jax
import jax.numpy as jnp


def crop(maps: jax.Array, box: jax.Array) -> jax.Array:
    """Enlarges what is in a box to the whole of the maps.

    Maps are sampled bilinearly at the corners' pixels and evenly between them, as in
    spatial transformers whose corners are aligned; beyond the borders there are zeros.

    Args:
        maps: `[B, H, W, C]`.
        box: top, left, bottom, right in heights and widths of the maps, 0 to 1,
            `[B, 4]`.

    Returns:
        `[B, H, W, C]`.

    References:
        Reed, Akata, Mohan, Tenka, Schiele and Lee, "Learning What and Where to Draw",
        arXiv:1610.02454, section 4.2; Jaderberg et al., arXiv:1506.02025.
    """
    scale, shift = _affine(box)
    return _sampled(maps, scale, shift)


def paste(maps: jax.Array, box: jax.Array) -> jax.Array:
    """Shrinks maps into a box, with zeros around it: the inverse of `crop`.

    Args:
        maps: `[B, H, W, C]`.
        box: as in `crop`; its sides must be above 0.

    Returns:
        `[B, H, W, C]`.
    """
    scale, shift = _affine(box)
    return _sampled(maps, 1 / scale, -shift / scale)


def _affine(box):
    """The scale and the shift `[B, 2]` of a crop, where the maps go from -1 to 1."""
    chex.assert_rank(box, 2)
    first, last = box[:, :2], box[:, 2:]
    return last - first, first + last - 1


def _sampled(maps, scale, shift):
    """Samples at `scale * place + shift`, which rows and columns do by themselves."""
    chex.assert_rank(maps, 4)

    def weights(axis):
        size = maps.shape[1 + axis]
        places = jnp.linspace(-1.0, 1.0, size)
        wanted = scale[:, axis, None] * places[None] + shift[:, axis, None]
        pixel = (wanted + 1) * ((size - 1) / 2)
        away = jnp.abs(pixel[:, :, None] - jnp.arange(size)[None, None])
        return jnp.maximum(1 - away, 0.0).astype(maps.dtype)  # [B, out, in]

    rows, columns = weights(0), weights(1)
    return jnp.einsum("bij,bjkc,blk->bilc", rows, maps, columns)
