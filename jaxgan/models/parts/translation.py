"""What networks from images to images share: sizes in words, and their norms."""

from collections.abc import Callable
from typing import Any, Literal

import jax
import optax
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


def falling(rate: float, constant: int, decay: int) -> float | Callable[[Any], Any]:
    """A step size that stays for `constant` steps and then falls along a line to zero.

    Args:
        rate: at the start.
        constant: steps before it falls.
        decay: steps until it is 0; with 0 it never falls.
    """
    if not decay:
        return rate
    fall = optax.linear_schedule(rate, 0.0, decay)
    return optax.join_schedules([optax.constant_schedule(rate), fall], [constant])


def check_steps(steps: int, constant: int, decay: int) -> None:
    """Sees that training ends before the rate has been 0 for long.

    Raises:
        ValueError: it does not.
    """
    if decay and steps > constant + decay:
        raise ValueError(
            f"--steps is {steps}, but the rate has fallen to 0 after"
            f" {constant + decay}: give --model.constant and --model.decay {steps}"
            " steps between them"
        )


class Dropout(linen.Module):
    """Dropout that is always on where a random stream "dropout" is given."""

    rate: float

    @linen.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Sets a share of the values to 0, and scales the others up."""
        off = self.rate == 0 or not self.has_rng("dropout")
        return linen.Dropout(self.rate, deterministic=off)(x)
