"""Sizes of routing alone, and its least work."""

from typing import NamedTuple


class Sizes(NamedTuple):
    """The sizes of routing; the defaults are the paper's.

    Attributes:
        batch: B, examples.
        below: I, capsules below.
        below_dim: K, numbers in each.
        above: J, capsules above.
        above_dim: D, numbers in each.
        iterations: of routing.
    """

    batch: int
    below: int = 1152
    below_dim: int = 8
    above: int = 10
    above_dim: int = 16
    iterations: int = 3

    @property
    def shapes(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Shapes of the capsules below, `[B, I, K]`, and of weights, `[I, K, J, D]`."""
        own = (self.below, self.below_dim)
        return (self.batch, *own), (*own, self.above, self.above_dim)


def flops(sizes: Sizes, *, backward: bool) -> float:
    """Counts multiplications and additions; the gradients have twice as many."""
    votes = sizes.below * sizes.above * sizes.above_dim * sizes.batch
    products = votes * (sizes.below_dim + 2 * sizes.iterations - 1)
    return 2.0 * products * (3 if backward else 1)


def bound(sizes: Sizes, dtype: str, *, backward: bool) -> float:
    """The least number of bytes that routing reads and writes."""
    size = 4 if dtype == "float32" else 2
    outputs = sizes.above * sizes.above_dim
    inputs = size * sizes.below * sizes.below_dim * (sizes.batch + outputs)
    results = 4 * sizes.batch * outputs
    return (2 if backward else 1) * (inputs + results)
