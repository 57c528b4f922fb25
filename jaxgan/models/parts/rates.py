"""Step sizes that change while training goes on."""

import optax


def falling(rate: float, steps: int, *, after: int = 0) -> float | optax.Schedule:
    """A step size that falls along a line to zero.

    Args:
        rate: at the start.
        steps: until it is 0; with 0 it never falls.
        after: steps before it begins to fall.
    """
    return optax.linear_schedule(rate, 0.0, steps, after) if steps else rate


def halving(rate: float, steps: int) -> float | optax.Schedule:
    """A step size that is halved again and again.

    Args:
        rate: at the start.
        steps: until it is halved, each time; with 0 it never is.
    """
    return optax.exponential_decay(rate, steps, 0.5, staircase=True) if steps else rate
