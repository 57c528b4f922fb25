"""Makes the tables: each case beside PyTorch, and beside the device's rates."""

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from experiments.benchmarks.accelerator.cases import Case, Peaks
from experiments.benchmarks.parts import roofline, routing, timing

PATIENCE = 2.0  # routing is near its bound if it takes up to this many times as long


def rows(
    case: Case,
    samples: Mapping[str, Sequence[Sequence[float]]],
    device: Mapping[str, Any],
    peaks: Peaks | None,
) -> list[dict[str, Any]]:
    """The rows of a case in the table, one for each of its processes.

    Args:
        case: the case.
        samples: `{"jaxgan tf32 1": [[ms, foreign], ...]}`, for a step of one run.
        device: the device, with the rates that it reaches.
        peaks: the rates that its vendor states.

    Returns:
        Milliseconds per step, examples per second, the ratio to the faster of PyTorch's
        sides in the same arithmetic (None without one) with its quartiles, and shares
        of the rates that the device reaches and of those that the vendor states.
    """
    turns = {
        name: [timing.Sample(*x) for x in found] for name, found in samples.items()
    }
    references = {name: _reference(name, turns) for name in turns}
    found = []
    for row in timing.compare(turns, references):
        side, precision, what = row.name.split()
        compared = references[row.name].split()[0] != "jaxgan"
        work = _work(case, precision, what)
        seconds = row.ms / 1e3
        reached = device["reached"]
        rates = (work.flops / seconds, work.bytes / seconds)
        said = (getattr(peaks, precision), peaks.bandwidth) if peaks else (None, None)
        found.append(
            {
                "side": side,
                "precision": precision,
                "what": what,
                "ms": row.ms,
                "examples": case.sizes["batch"] / seconds,
                "over": references[row.name] if compared else None,
                "ratio": row.ratio if compared else None,
                "quartiles": [row.ratio_low, row.ratio_high] if compared else None,
                "flops": work.flops,
                "bytes": work.bytes,
                "arithmetic": rates[0] / reached[precision],
                "memory": rates[1] / reached["bandwidth"],
                "vendor_arithmetic": said[0] and rates[0] / said[0],
                "vendor_memory": said[1] and rates[1] / said[1],
            }
        )  # fmt: skip
    return found


def _reference(name: str, turns: Mapping[str, Sequence[timing.Sample]]) -> str:
    """Finds the faster of PyTorch's sides in the same arithmetic, or the case itself.

    PyTorch trains several seeds one after the other, so its one run stands for all.
    """
    _, precision, what = name.split()
    sides = [
        other
        for other in turns
        for side, same, its in [other.split()]
        if side != "jaxgan" and same == precision and its in (what, "1")
    ]
    if not sides:
        return name
    return min(sides, key=lambda s: statistics.median(turn.ms for turn in turns[s]))


def _work(case: Case, precision: str, what: str) -> roofline.Work:
    """The least work of a step of one run, or of a call of routing."""
    from experiments.benchmarks.parts import roofs, steps

    dtype = roofs.DTYPES[precision]
    if case.name == "routing":
        sizes, backward = routing.Sizes(**case.sizes), "backward" in what
        moved = routing.bound(sizes, dtype, backward=backward)
        flops = routing.flops(sizes, backward=backward)
        return roofline.Work("routing", flops, moved)
    subject = steps.SUBJECTS[case.name](**case.sizes, dtype=dtype)
    size = 2 if precision == "bfloat16" else 4
    return roofline.step(subject.nets, subject.size, size)


def tables(
    device: Mapping[str, Any],
    peaks: Peaks | None,
    measured: Sequence[Mapping[str, Any]],
    sides: Sequence[str],
) -> str:
    """Writes all measurements as Markdown."""
    torch = device["torch"]
    beside = f"PyTorch {torch['version']}" if len(sides) > 1 else "jaxgan alone"
    names = ("float32", "tf32", "bfloat16", "bandwidth")
    reached = [f"{device['reached'][name] / 1e12:.4g}" for name in names]
    printed = [
        "" if peaks is None or getattr(peaks, name) is None
        else f"{getattr(peaks, name) / 1e12:.4g}"
        for name in names
    ]  # fmt: skip
    lines = [
        f"{device['kind']} ({device['platform']}), {beside}",
        "",
        "| TFLOP/s and TB/s | float32 | TF32 | bfloat16 | memory |",
        "|---|---|---|---|---|",
        f"| reached | {' | '.join(reached)} |",
        f"| the vendor's | {' | '.join(printed)} |",
        "",
        "| model | arithmetic | side | ms a step | images/s | ratio (quartiles)"
        " | of the product reached | of the copy | of the vendor's arithmetic"
        " | of its memory |",
        "|---" * 10 + "|",
    ]
    routing = [
        "| routing | arithmetic | side | what | ms | least, ms | times the least"
        " | ratio (quartiles) |",
        "|---" * 8 + "|",
    ]
    for entry in measured:
        case = Case(**entry["case"])
        for row in entry["rows"]:
            if case.name == "routing":
                routing.append(_routing_line(case, row))
            else:
                lines.append(_line(case, row))
        for side in entry["left_out"]:
            said = f"| {case.title} | | {side} | did not start, left out |"
            (routing if case.name == "routing" else lines).append(
                said + " |" * (4 if case.name == "routing" else 6)
            )
    if len(routing) > 2:
        lines += ["", *routing]
    return "\n".join(lines) + "\n"


def _ratio(row: Mapping[str, Any]) -> str:
    if row["ratio"] is None:
        return ""
    low, high = row["quartiles"]
    return f"{row['ratio']:.2f} ({low:.2f}-{high:.2f}) over {row['over'].split()[0]}"


def _line(case: Case, row: Mapping[str, Any]) -> str:
    side, seeds = row["side"], int(row["what"])
    who = side if len(case.seeds) == 1 else f"{side}, {seeds} seed{'s' * (seeds > 1)}"
    shares = [
        "" if row[name] is None else f"{row[name]:.1%}"
        for name in ("arithmetic", "memory", "vendor_arithmetic", "vendor_memory")
    ]
    cells = [
        case.title,
        row["precision"],
        who,
        f"{row['ms']:.4g}",
        f"{row['examples']:.4g}",
        _ratio(row),
        *shares,
    ]
    return f"| {' | '.join(cells)} |"


def _routing_line(case: Case, row: Mapping[str, Any]) -> str:
    over = 1 / row["memory"]
    cells = [
        case.title,
        row["precision"],
        row["side"],
        row["what"],
        f"{row['ms']:.4g}",
        f"{row['ms'] * row['memory']:.4g}",
        f"{over:.2f}{'' if over <= PATIENCE else f' (above {PATIENCE:g})'}",
        _ratio(row),
    ]
    return f"| {' | '.join(cells)} |"
