"""What networks from images to images share: sizes in words, and their norms."""

from typing import Any, Literal

import jax
from flax import linen

from jaxgan import nn

Norm = Literal["instance", "batch", "plain"]
"""The norm after a convolution, which then has no bias. `instance` normalises every
image by itself and learns gains and biases; `plain` learns none; `batch` normalises
with the statistics of the batch, in tests too."""


def normalised(x: jax.Array, norm: Norm, dtype: Any) -> jax.Array:
    """Maps `[B, H, W, C]` behind a new norm, inside a compact module."""
    if norm == "batch":
        return nn.BatchNorm(use_running_average=False, dtype=dtype)(x)
    return nn.InstanceNorm(affine=norm == "instance", dtype=dtype)(x)


def sides(resolution: str) -> tuple[int, int]:
    """Height and width of a resolution such as "64x128" or "64".

    Raises:
        ValueError: it is no resolution.
    """
    numbers = resolution.lower().split("x")
    if len(numbers) > 2 or not all(n.isdecimal() and int(n) > 0 for n in numbers):
        raise ValueError(
            f"resolution is {resolution!r}; give a height and a width in pixels, such"
            " as 64x64 or 64x128"
        )
    return int(numbers[0]), int(numbers[-1])


def check_sides(resolution: str, multiple: int, least: int, who: str) -> None:
    """Sees that a network can halve images as often as it does.

    Args:
        resolution: such as "64x128".
        multiple: what both sides must be a multiple of.
        least: the smallest side.
        who: the network, for the error.

    Raises:
        ValueError: it cannot; the message has sides that it can.
    """
    height, width = sides(resolution)
    if all(side % multiple == 0 and side >= least for side in (height, width)):
        return
    least = -(-least // multiple) * multiple
    lower = [max(least, side // multiple * multiple) for side in (height, width)]
    upper = [max(least, -(-side // multiple) * multiple) for side in (height, width)]
    fitting = dict.fromkeys("x".join(map(str, both)) for both in (lower, upper))
    raise ValueError(
        f"resolution is {resolution!r}, but {who} needs sides of at least {least} that"
        f" are multiples of {multiple}; use {' or '.join(fitting)}"
    )


class Dropout(linen.Module):
    """Dropout that is always on where a random stream "dropout" is given."""

    rate: float

    @linen.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Sets a share of the values to 0, and scales the others up."""
        off = self.rate == 0 or not self.has_rng("dropout")
        return linen.Dropout(self.rate, deterministic=off)(x)
