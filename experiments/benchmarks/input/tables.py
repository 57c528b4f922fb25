"""Summarises the measurements of all turns."""

import statistics
from collections.abc import Callable


def summary(samples: list[dict]) -> dict[str, dict[str, float]]:
    """Computes median and quartiles of every measurement."""
    out = {}
    for key in samples[0]:
        values = [sample[key] for sample in samples]
        low, _, high = statistics.quantiles(values, n=4, method="inclusive")
        out[key] = {"median": statistics.median(values), "low": low, "high": high}
    return out


def table(rows: dict[str, dict[str, dict[str, float]]]) -> str:
    """The rows as a table in Markdown."""

    def cell(row: dict, key: str, form: Callable[[float], str]) -> str:
        if key not in row:
            return ""
        x = row[key]
        return f"{form(x['median'])} ({form(x['low'])}-{form(x['high'])})"

    def share(x: float) -> str:
        return f"{100 * x:.2f}"

    lines = [
        "| case | images / s (quartiles) | CPU s / 10,000 | next, % | placing, % "
        "| starved, % | other CPUs |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, row in rows.items():
        cells = (
            name,
            cell(row, "images / s", lambda x: f"{x:.0f}"),
            cell(row, "cpu s / 10,000", lambda x: f"{x:.3f}"),
            cell(row, "next", share),
            cell(row, "placing", share),
            cell(row, "starved", share),
            f"{row['foreign']['median']:.2f}",
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)
