"""Puts the layers of a net in lines: blocks, and operations between them."""

import math
from collections.abc import Sequence
from typing import NamedTuple

from jaxgan.analysis.outline import Call, geometry

Shape = tuple[int, ...]  # without the batch
ASIDE = {"Norm": "norm", "Dropout": "dropout", "Noise": "noise"}  # keep the shape


class Block(NamedTuple):
    """An array that flows between operations.

    Attributes:
        shape: its shape, without the batch.
        joined: the number of channels or numbers joined to it before the next
            operation.
        again: whether it was drawn before, on the line above.
    """

    shape: Shape
    joined: int = 0
    again: bool = False


class Chain(NamedTuple):
    """A sequence of operations.

    Attributes:
        blocks: the arrays, one more than there are operations.
        labels: the labels of the operations, a line for each part.
        windows: for each operation, the side of the kernel, and whether it is a
            transposed convolution; None without a kernel.
    """

    blocks: list[Block]
    labels: list[list[str]]
    windows: list[tuple[int, bool] | None]


def chains(calls: Sequence[Call], start: Shape, output: Shape) -> list[Chain]:
    """Puts calls in lines; in a line, the input of each is the output of the last.

    Args:
        calls: from `outline`.
        start: the shape of the net's input.
        output: the shape of its output.
    """
    lines = [Chain([Block(start or (1,))], [], [])]
    for call in calls:
        given = (call.inputs[0][1:] if call.inputs else ()) or (1,)
        out = call.output[1:] or (1,)
        extra = _connect(lines, given)
        line = lines[-1]
        aside = [said for part, said in ASIDE.items() if part in call.kind]
        if aside and given == out:
            said = "batch norm" if call.kind == "BatchNorm" else aside[0]
            if line.labels and not extra:
                line.labels[-1].append(said)
            continue
        shape = geometry(call)
        said = call.kind.lower()
        if shape is not None:
            said = "transposed conv" if shape.transposed else "conv"
            extra += [f"{said} {written(shape.kernel)}"]
            extra += [f"stride {shape.stride[0]}"] if max(shape.stride) > 1 else []
        else:
            extra += [said]
        line.blocks.append(Block(out))
        line.labels.append(extra)
        line.windows.append(shape and (shape.kernel[0], shape.transposed))
    if lines[-1].labels:
        _connect(lines, output or (1,), last=True)
    return [line for line in lines if line.labels] or lines


def _connect(lines: list[Chain], given: Shape, last: bool = False) -> list[str]:
    """Makes the last line end in the input of the next call.

    Returns:
        The operations that make it, if the label of the next operation has to name
        them.
    """
    line = lines[-1]
    had = line.blocks[-1].shape
    if had == given:
        return []
    if math.prod(had) == math.prod(given):
        flat = kind(given) == "vector"
        if flat or not line.labels:  # flattened, or an input in shape
            if last:
                line.blocks[-1] = Block(given)
            return ["flatten" if flat else "reshape"]
        line.blocks[-1] = Block(given)
        line.labels[-1].append("reshape")
        return []
    more = math.prod(given) - math.prod(had)
    if kind(given) == "vector" and 0 < more < given[0] / 2:
        line.blocks[-1] = Block(had, more)
        return ["join"] if kind(had) == "vector" else ["flatten, join"]
    if kind(given) == "maps" and kind(had) == "vector" and line.labels:
        maps, rest = divmod(had[0], given[0] * given[1])
        if rest == 0 and 0 < maps < given[2] <= 2 * maps:
            line.labels[-1].append("reshape")
            line.blocks[-1] = Block((*given[:2], maps), given[2] - maps)
            return ["join"]
    if kind(given) == kind(had) == "maps":
        added = given[2] - had[2]
        if given[:2] == had[:2] and added > 0 and (added <= had[2] or not line.labels):
            line.blocks[-1] = Block(had, added)
            return ["join"]
        if given[2] == had[2]:
            line.blocks.append(Block(given))
            line.labels.append(["enlarge" if given > had else "reduce"])
            line.windows.append(None)
            return []
    if not last:
        lines.append(Chain([Block(given)], [], []))
    return []


def kind(shape: Shape) -> str:
    """The kind of block that a shape is drawn as: a key of `COLOURS`."""
    return ("vector", "vector", "capsules", "maps")[min(3, len(shape))]


def written(shape: Sequence[int]) -> str:
    """A shape as text: `4x4x1024`."""
    return "x".join(map(str, shape)) or "1"
