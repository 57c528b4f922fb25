"""The arithmetic of a scaling plan: a chip, a torus, a training step."""

import math
from typing import NamedTuple

from jaxgan.lab.counting.networks import Net, Play

WEIGHT, COMPUTE = 4, 2  # bytes of a number: float32 state, bfloat16 arithmetic
ADAM = 2  # moments of the optimiser
# What one update of a parameter moves through HBM: gradient, parameter and two moments
# are read, the last three are written; an average takes two reads and a write.
UPDATE, AVERAGE = 7 * WEIGHT, 3 * WEIGHT
CAST = WEIGHT + COMPUTE  # of a parameter to bfloat16, before a pass
READ = COMPUTE  # of it, by a product
# How often an output of a layer passes HBM: written, read for the statistics, read and
# written by normalisation, read by the next layer; twice as often backward.
FORWARD, BACKWARD = 5, 10
KEPT = 2  # numbers kept for the backward pass, for each output


class Chip(NamedTuple):
    """The rates of one chip, each second, and its sizes, in bytes.

    Attributes:
        peak: bfloat16 operations.
        hbm: bytes of memory.
        hbm_rate: of memory.
        link: bytes one way over one link to a neighbour.
        hop: seconds to a neighbour.
        pcie: bytes to its host.
        mxu: share of the peak that convolutions are assumed to reach.
        hbm_share: share of the memory's rate that is assumed to be reached.
        launch: seconds that every operation of a program is assumed to take at least.
    """

    peak: float = 197e12
    hbm: float = 16e9
    hbm_rate: float = 819e9
    link: float = 45e9
    hop: float = 1e-6
    pcie: float = 15e9
    mxu: float = 0.4
    hbm_share: float = 0.8
    launch: float = 2e-6


class Model(NamedTuple):
    """What a step of a game costs.

    Attributes:
        nets: name -> net, and how a step uses it.
        flops: operations of a step for each image of the batch.
        fixed: operations of a step that do not depend on the batch.
        image: bytes of an image as it comes from the host, uint8.
        images: images that the host sends for each image of the batch.
        batch: batch size of the paper.
        launches: products, convolutions and reductions of the step.
    """

    nets: dict[str, tuple[Net, Play]]
    flops: float
    fixed: float
    image: int
    images: int
    batch: int
    launches: int


def shape(chips: int) -> tuple[int, int]:
    """Rows and columns of a v5e slice.

    Raises:
        ValueError: there is no such slice.
    """
    slices = {1: (1, 1), 4: (2, 2), 8: (2, 4), 16: (4, 4), 32: (4, 8), 64: (8, 8)}
    slices |= {128: (8, 16), 256: (16, 16)}
    if chips not in slices:
        raise ValueError(
            f"--chips has {chips}, but slices of v5e have"
            f" {', '.join(map(str, slices))} chips"
        )
    return slices[chips]


def gather_seconds(
    size: float, axes: tuple[int, ...], chip: Chip, messages: int = 1
) -> float:
    """An all-gather, or reduce-scatter, of arrays over axes of the torus.

    Args:
        size: bytes of the whole arrays.
        axes: chips along each axis. One of 16 is a ring, shorter ones are lines.
        chip: its links.
        messages: how many times the first byte has to arrive.
    """
    n = math.prod(axes)
    real = [axis for axis in axes if axis > 1]
    if not real:
        return 0.0
    rate = sum(chip.link * (2 if axis == 16 else 1) for axis in real)
    hops = sum(axis // 2 if axis == 16 else axis - 1 for axis in real)
    return messages * hops * chip.hop + size * (n - 1) / n / rate


def reduce_seconds(
    size: float, axes: tuple[int, ...], chip: Chip, messages: int = 1
) -> float:
    """An all-reduce: a reduce-scatter and an all-gather."""
    return 2 * gather_seconds(size, axes, chip, messages)


def reduce_bytes(size: float, chips: int) -> float:
    """Bytes that each chip sends in an all-reduce of `size` bytes: 2 (n - 1) / n."""
    return 2 * size * (chips - 1) / chips


def gradients(model: Model, wire: int = COMPUTE) -> float:
    """Bytes of all gradients that a step reduces.

    Each pass that makes a gradient has it reduced: those of real and of generated
    images, which pass the discriminator apart, cross apart.
    """
    return sum(wire * net.params * play.train for net, play in model.nets.values())


def gathered(net: Net, play: Play) -> float:
    """Bytes of parameters that a step gathers where they are split.

    For every pass, forward or backward, and in float32, as the TPU's compiler does it.
    """
    return WEIGHT * net.params * (play.passes + play.backward)


def norms(model: Model) -> tuple[int, float]:
    """Messages of global batch norm in a step, one after another, and their bytes.

    A forward pass reduces a sum of each channel and then one of squares, for which the
    first is waited for; a backward pass reduces two sums more in one message.
    """
    count, size = 0, 0.0
    for net, play in model.nets.values():
        once = play.train // play.beside + play.through
        count += len(net.norms) * (2 * play.forward + 3 * once)
        size += sum(net.norms) * 2 * WEIGHT * (play.passes + play.backward)
    return count, size


def state(model: Model) -> dict[str, float]:
    """Bytes of the state, all of which one chip holds."""
    nets = model.nets.values()
    params = sum(net.params for net, _ in nets)
    average = sum(net.params for net, play in nets if play.average)
    return {
        "parameters": WEIGHT * params,
        "optimiser": WEIGHT * ADAM * params,
        "average": WEIGHT * average,
    }


def transient(model: Model) -> dict[str, float]:
    """Bytes beside the state, of the player that needs most.

    Gradients are float32 when the optimiser reads them; activations are of one image.
    """
    kept = []
    for name, (net, play) in model.nets.items():
        others = [
            n for other, (n, p) in model.nets.items() if other != name and p.through
        ]
        kept.append(net.numbers * play.beside + sum(n.numbers for n in others))
    return {
        "gradients": WEIGHT * max(net.params for net, _ in model.nets.values()),
        "activations": COMPUTE * KEPT * max(kept),
    }


def hbm_bytes(model: Model, batch: float, fsdp: int = 1) -> float:
    """Bytes that a step moves in the memory of a chip; `fsdp` chips share updates."""
    total = 0.0
    for net, play in model.nets.values():
        update = UPDATE * play.updates + AVERAGE * play.average
        casts = CAST * (play.updates + 1)
        reads = READ * (play.passes + play.backward + play.train)
        total += net.params * (update / fsdp + casts + reads)
        touches = FORWARD * play.passes + BACKWARD * play.backward
        total += batch * net.numbers * COMPUTE * touches
    return total


def compute_seconds(model: Model, batch: float, chip: Chip) -> float:
    """Seconds of arithmetic of a step, with `batch` images on each chip."""
    return (model.flops * batch + model.fixed) / chip.peak / chip.mxu


def hbm_seconds(model: Model, batch: float, chip: Chip, fsdp: int = 1) -> float:
    """Seconds of memory traffic of a step, with `batch` images on each chip."""
    return hbm_bytes(model, batch, fsdp) / chip.hbm_rate / chip.hbm_share


def gradient_seconds(
    model: Model, chips: int, chip: Chip, fsdp: int = 1, wire: int = COMPUTE
) -> float:
    """Seconds that gradients and parameters take to cross, with nothing in parallel.

    Replicated, gradients are reduced over all chips, one message an update. With
    `fsdp`, they are reduced and scattered over that axis, the shards reduced over the
    others, and parameters gathered, array by array, for every pass.

    Raises:
        ValueError: `fsdp` is neither 1, nor an axis of the slice, nor all of it.
    """
    axes = shape(chips)
    groups: dict[int, tuple[tuple[int, ...], tuple[int, ...]]] = {
        chips: (axes, ()),
        axes[1]: ((axes[1],), (axes[0],)),
        1: ((), axes),
    }
    if fsdp not in groups:
        raise ValueError(
            f"--fsdp is {fsdp}; on {chips} chips it is planned for"
            f" {', '.join(map(str, sorted(groups)))}"
        )
    inner, outer = groups[fsdp]
    seconds = 0.0
    for net, play in model.nets.values():
        size, count = wire * net.params * play.train, play.updates
        if fsdp > 1:
            count = net.arrays * play.updates
            seconds += gather_seconds(size, inner, chip, count)
            messages = net.arrays * (play.passes + play.backward)
            seconds += gather_seconds(gathered(net, play), inner, chip, messages)
        seconds += reduce_seconds(size / fsdp, outer, chip, count)
    return seconds


def norm_seconds(model: Model, chips: int, chip: Chip) -> float:
    """Seconds that the messages of global batch norm take, each waited for."""
    count, size = norms(model)
    return reduce_seconds(size, shape(chips), chip, count)


def operations(nets: dict[str, tuple[Net, Play]]) -> float:
    """Multiplications and additions of a step for an image, counted by hand."""
    return sum(
        2.0 * net.macs * (play.passes + play.backward + play.train)
        for net, play in nets.values()
    )
