"""The losses of TP-GAN, which are sums over rows and columns.

Huang et al., arXiv:1704.04086, section 3.2, reduced as in the first author's code:
means over channels, on which the weights count.
"""

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
from jax import lax

from jaxgan import losses, nn

Embed = Callable[[jax.Array], tuple[jax.Array, jax.Array]]
"""`embed(images) -> (maps, vectors)`: what a network that recognises people makes of
images `[B, R, R, C]` in [0, 1]. Vectors `[B, F]` are compared by means; maps, which are
`[B, ...]`, or `[B, 0]` where there are none, by sums."""
SCALES = (1.5, 1.0, 1.0)
"""Weights of images of a quarter, half and all of the resolution."""


def sized(loss: Callable, *images: Sequence[jax.Array]) -> jax.Array:
    """The sum of a loss over the three sizes, with their weights: a number."""
    each = zip(SCALES, *images, strict=True)
    return jnp.stack([scale * loss(*some).mean() for scale, *some in each]).sum()


def pixel_loss(target: jax.Array, image: jax.Array) -> jax.Array:
    """Absolute errors `[B]`, summed over rows and columns, in mean over channels."""
    return losses.l1_loss(target, image) * (image.shape[1] * image.shape[2])


def asymmetry(image: jax.Array) -> jax.Array:
    """How far right halves are from mirrored left ones, `[B]`, as in `pixel_loss`.

    At 128x128 pixels and more, means of 2x2 pixels are compared, below that pixels and
    their differences from their neighbours. The left half is held still.
    """
    if image.shape[1] >= 128:
        image = nn.halve(image)
    else:
        image = jnp.concatenate([image, _edges(image)], -1)
    half = image.shape[2] // 2
    left, right = lax.stop_gradient(image[:, :, :half]), image[:, :, half:]
    return pixel_loss(left[:, :, ::-1], right)


def _edges(image):
    """Eight times each pixel less its eight neighbours; those outside are 0."""
    rows = jnp.pad(image, ((0, 0), (1, 1), (0, 0), (0, 0)))
    rows = rows[:, :-2] + rows[:, 1:-1] + rows[:, 2:]
    both = jnp.pad(rows, ((0, 0), (0, 0), (1, 1), (0, 0)))
    return 9 * image - (both[:, :, :-2] + both[:, :, 1:-1] + both[:, :, 2:])


def variation(image: jax.Array) -> jax.Array:
    """The total variation `[B]`: absolute differences of all neighbours, summed."""
    _, rows, columns, channels = image.shape
    pairs = channels * rows * (columns - 1)  # as many along rows as along columns
    return losses.total_variation_loss(image) * pairs


def identity_loss(
    embed: Embed | None, target: jax.Array, image: jax.Array
) -> jax.Array:
    """How far images `[B, R, R, C]` in [-1, 1] are from the same person, `[B]`.

    Raises:
        ValueError: there is no embedding.
    """
    if embed is None:
        raise ValueError(
            "identity is above 0: give `game` an embedding of people,"
            " or set identity to 0"
        )
    (maps, vector), (found, read) = (embed((x + 1) / 2) for x in (target, image))
    apart = jnp.abs(maps - found).reshape(len(maps), -1).sum(1)
    return apart + jnp.abs(vector - read).mean(1)
