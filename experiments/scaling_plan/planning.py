"""Makes the plan: the times of a step on slices of chips."""

import math
from typing import Any

from jaxgan.lab.counting import costs
from jaxgan.lab.counting.costs import Chip, Model

SPARE = 0.9  # the share of the memory that a program may fill
STORAGE = 1e9  # bytes per second to the storage of checkpoints


def plan(
    model: Model, sizes: tuple[int, ...], batches: tuple[int, ...], chip: Chip
) -> dict[str, Any]:
    """Makes the plan of one model for JSON, in seconds and bytes."""
    held, beside = costs.state(model), costs.transient(model)
    count, size = costs.norms(model)
    room = SPARE * chip.hbm - sum(held.values()) - beside["gradients"]
    return {
        "parameters": {name: net.params for name, (net, _) in model.nets.items()},
        "flops_an_image": model.flops,
        "flops_fixed": model.fixed,
        "flops_by_hand": costs.operations(model.nets),
        "state": held,
        **beside,
        "hbm_fixed": costs.hbm_bytes(model, 0),
        "hbm_an_image": costs.hbm_bytes(model, 1) - costs.hbm_bytes(model, 0),
        "gradients_crossing": costs.gradients(model),
        "norm_messages": count,
        "norm_bytes": size,
        "even_with_memory": balanced(model, chip),
        "largest_batch_a_chip": math.floor(room / beside["activations"]),
        "checkpoint": sum(held.values()),
        "checkpoint_seconds": sum(held.values()) * (1 / chip.pcie + 1 / STORAGE),
        "slices": [slice_of(model, n, batches, chip) for n in sizes],
    }


def slice_of(
    model: Model, chips: int, batches: tuple[int, ...], chip: Chip
) -> dict[str, Any]:
    """Plans one slice: messages, the batch that outweighs them, times of steps."""
    shared = costs.shape(chips)[1]
    norm = costs.norm_seconds(model, chips, chip)
    crossing = {
        f: costs.gradient_seconds(model, chips, chip, f)
        for f in sorted({1, shared, chips})
    }
    message = norm + crossing[1]
    return {
        "chips": chips,
        "gradients_sent": costs.reduce_bytes(costs.gradients(model), chips),
        "gradients_seconds": {str(f): seconds for f, seconds in crossing.items()},
        "norm_seconds": norm,
        "message_seconds": costs.reduce_seconds(0.0, costs.shape(chips), chip),
        "even_with_arithmetic": even(model, message, chip, 0.0),
        "even_with_chip": even(model, message, chip, 1.0),
        "norm_even": even(model, norm, chip, 0.0),
        "state_a_chip": {
            str(f): sum(costs.state(model).values()) / f for f in crossing
        },
        "steps": [
            step(model, chips, batch, f, chip)
            for batch in batches
            for f in dict.fromkeys((1, shared))
        ],
    }


def balanced(model: Model, chip: Chip) -> int | None:
    """Finds the smallest batch on a chip whose arithmetic takes as long as its traffic.

    The traffic is that of the chip's memory. None if the traffic of one image takes
    longer.
    """
    compute, memory = (
        [seconds(model, batch, chip) for batch in (0, 1)]
        for seconds in (costs.compute_seconds, costs.hbm_seconds)
    )
    image = (compute[1] - compute[0]) - (memory[1] - memory[0])
    return max(1, math.ceil((memory[0] - compute[0]) / image)) if image > 0 else None


def even(model: Model, seconds: float, chip: Chip, memory: float) -> int:
    """Finds the smallest batch that keeps a chip busy for `seconds`; 1 if any does.

    Args:
        model: the model that is trained.
        seconds: the time that messages take.
        chip: the chip that computes meanwhile.
        memory: 1 to count the traffic of memory as work, 0 for arithmetic alone.
    """
    at = [
        (
            costs.compute_seconds(model, batch, chip),
            memory * costs.hbm_seconds(model, batch, chip),
        )
        for batch in (0, 1)
    ]
    needed = [
        (seconds - none) / (one - none) if one > none else math.inf
        for none, one in zip(*at, strict=True)
    ]
    return max(1, math.ceil(min(needed)))


def step(model: Model, chips: int, batch: int, fsdp: int, chip: Chip) -> dict[str, Any]:
    """Plans one step of `batch` images on each chip, in seconds, and the host's rate.

    `apart` is the slower of arithmetic and memory, plus the messages. `overlapped`
    hides the messages of the gradients behind it, but not those of batch norm, for
    which the next layer waits.
    """
    compute = costs.compute_seconds(model, batch, chip)
    memory = costs.hbm_seconds(model, batch, chip, fsdp)
    crossing = costs.gradient_seconds(model, chips, chip, fsdp)
    norm = costs.norm_seconds(model, chips, chip)
    apart = max(compute, memory) + crossing + norm
    overlapped = max(compute, memory, crossing) + norm
    times = {
        "arithmetic": compute, "memory": memory, "gradients": crossing, "norm": norm
    }  # fmt: skip
    images = model.images * batch * chips / overlapped
    return {
        "batch": batch,
        "fsdp": fsdp,
        **times,
        "bound": max(times, key=lambda name: times[name]),
        "apart": apart,
        "overlapped": overlapped,
        "images_a_second": images,
        "host_bytes_a_second": {
            str(n): images * model.image * min(n, chips) / chips for n in (4, 8)
        },
    }


def filling(model: Model, chip: Chip) -> dict[str, Any]:
    """Finds how many seeds, trained together under `vmap`, keep one chip busy.

    A small step takes the time of starting its operations, and seeds share these
    starts.
    """
    compute = costs.compute_seconds(model, model.batch, chip)
    memory = costs.hbm_seconds(model, model.batch, chip)
    beside = costs.transient(model)
    each = sum(costs.state(model).values()) + beside["gradients"]
    each += model.batch * beside["activations"]
    starts = model.launches * chip.launch
    return {
        "batch": model.batch,
        "launches": model.launches,
        "starts": starts,
        "arithmetic": compute,
        "memory": memory,
        "bytes": each,
        "fill": max(1, math.ceil(starts / max(compute, memory))),
        "fit": math.floor(SPARE * chip.hbm / each),
    }


def by_hand(model: Model, fsdp: int, batch: int) -> dict[str, float]:
    """Plans a step that was compiled."""
    return {
        "flops": model.flops * batch + model.fixed,
        "bytes_accessed": costs.hbm_bytes(model, batch, fsdp),
        "state": sum(costs.state(model).values()) / fsdp,
        "gradients_crossing": costs.gradients(model),
        "parameters_gathered": sum(
            costs.gathered(net, play) * (fsdp > 1) for net, play in model.nets.values()
        ),
        "norm_messages": costs.norms(model)[0],
        "norm_bytes": costs.norms(model)[1],
    }
