"""Counts the least work of a step: multiply-adds and bytes, layer by layer.

A layer has three products: forward, the gradient of its input and that of its kernel.
Each is assumed to read its two operands from memory once and to write its result once;
everything between products (norms, activations, losses) is assumed to cost nothing. The
optimiser is added. Products with the zeros around an image are not counted. An
algorithm with fewer multiplications than the definition (Winograd's) can be quicker
than the least time computed here. Data that stay in a cache from one product to the
next make a step faster than its bytes say, so for small networks the bytes are not a
bound.
"""

from collections.abc import Mapping
from typing import NamedTuple

from jaxgan.lab.counting.costs import AVERAGE, UPDATE
from jaxgan.lab.counting.networks import Layer, Play, total

Nets = Mapping[str, tuple[list[Layer], Play]]


class Work(NamedTuple):
    """What is done.

    Attributes:
        name: the layer or part that does it.
        flops: multiplications and additions.
        bytes: bytes read from and written to memory.
    """

    name: str
    flops: float
    bytes: float


def rows(nets: Nets, batch: int, size: int = 4) -> list[Work]:
    """Counts one step, layer by layer, and the update of each net.

    Args:
        nets: the layers of each net, and how the step plays them.
        batch: the number of examples.
        size: bytes of a number that products read and write; parameters and moments
            always have four.
    """
    found = []
    for name, (layers, play) in nets.items():
        for layer in layers:
            count = products(layer, play)
            moved = layer.kernel + batch * (layer.reads + layer.numbers)
            found.append(
                Work(
                    f"{name}, {layer.name}",
                    2.0 * batch * (layer.macs - layer.border) * count,
                    float(size * moved * count),
                )
            )
        update = UPDATE * play.updates + AVERAGE * play.average
        found.append(Work(f"{name}, update", 0.0, float(total(layers).params * update)))
    return found


def products(layer: Layer, play: Play) -> int:
    """The numbers of a layer's products in one step: forward, and gradients.

    Training a net needs no gradient of its data; playing through it does.
    """
    of_input = play.through + (0 if layer.data else play.train)
    return play.passes + of_input + play.train


def step(nets: Nets, batch: int, size: int = 4) -> Work:
    """The sum of `rows`."""
    found = rows(nets, batch, size)
    return Work(
        "step", sum(row.flops for row in found), sum(row.bytes for row in found)
    )


def seconds(work: Work, peak: float, bandwidth: float) -> float:
    """The least time: arithmetic or memory, whichever takes longer.

    Args:
        work: the work to be done.
        peak: operations per second.
        bandwidth: bytes per second.
    """
    return max(work.flops / peak, work.bytes / bandwidth)
