"""What a step has to do at least: multiply-adds and bytes, counted layer by layer.

A layer has three products: forward, the gradient of its input and that of its kernel.
Each is taken to read its two operands from memory once and to write its result once;
all that stands between products (norms, activations, losses) costs nothing. The
optimiser comes on top. Products with the zeros around an image are not counted, and an
algorithm that needs fewer multiplications than the definition (Winograd's) can be
quicker than what is called the least time here. What stays in a cache from one product
to the next makes a step faster than its bytes say, so on small networks they are no
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
        name: by whom.
        flops: multiplications and additions.
        bytes: through memory.
    """

    name: str
    flops: float
    bytes: float


def rows(nets: Nets, batch: int, size: int = 4) -> list[Work]:
    """One step, layer by layer, and the update of each net.

    Args:
        nets: layers, and how the step plays them.
        batch: examples.
        size: bytes of a number that products read and write; parameters and moments
            have four whatever it is.
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
    """How many products of a layer one step has, of its input's and kernel's gradients.

    Training asks for no gradient of data, playing through a net does.
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
        work: to be done.
        peak: operations a second.
        bandwidth: bytes a second.
    """
    return max(work.flops / peak, work.bytes / bandwidth)
