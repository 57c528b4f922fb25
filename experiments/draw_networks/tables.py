"""Makes a table of the layers of a net."""

from collections.abc import Sequence
from typing import Any

from experiments.draw_networks.layout import written
from jaxgan.analysis.outline import Call, geometry

HEADER = ("layer", "kind", "kernel", "input", "output", "parameters")


def table(calls: Sequence[Call]) -> list[tuple[str, ...]]:
    """Makes rows of text, one for each call and one for the total, under `HEADER`."""
    rows = [
        (
            call.path or "(all)",
            call.kind,
            kernel(call),
            " + ".join(written(x[1:]) for x in call.inputs if x),
            written(call.output[1:]),
            "as above" if call.again else f"{call.parameters:,}",
        )
        for call in calls
    ]
    total = sum(call.parameters for call in calls)
    return [*rows, ("total", "", "", "", "", f"{total:,}")]


def described(call: Call) -> dict[str, Any]:
    """A call for the results."""
    shape = geometry(call)
    return {
        "layer": call.path,
        "kind": call.kind,
        "kernel": shape and list(shape.kernel),
        "stride": shape and list(shape.stride),
        "inputs": [list(x[1:]) for x in call.inputs],
        "output": list(call.output[1:]),
        "parameters": call.parameters,
        "called_before": call.again,
    }


def kernel(call: Call) -> str:
    """The side and the stride of a convolution, as text."""
    shape = geometry(call)
    if shape is None:
        return ""
    stride = shape.stride[0] if len({*shape.stride}) == 1 else written(shape.stride)
    return f"{written(shape.kernel)}, stride {stride}"


def printed(rows: Sequence[Sequence[str]]) -> str:
    """A table as lines of text."""
    lines = [HEADER, *rows]
    wide = [max(len(line[i]) for line in lines) for i in range(len(HEADER))]
    return "\n".join(
        "  ".join(
            x.rjust(n) if i == len(wide) - 1 else x.ljust(n)
            for i, (x, n) in enumerate(zip(line, wide, strict=True))
        )
        for line in lines
    )
