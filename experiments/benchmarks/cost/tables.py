"""Makes tables and a picture of the measured costs."""

import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.ticker import LogLocator

from jaxgan.lab import figures

COLOURS = {"dcgan": "#1b4965", "capsnet": "#e4572e"}
TITLES = {"dcgan": "DCGAN", "capsnet": "CapsNet"}


def tables(results: Mapping[str, Any]) -> str:
    """Writes all measurements as Markdown."""
    lines = []
    if "roofs" in results:
        roofs = results["roofs"]
        lines += [
            "| float32 product, GFLOP/s | bfloat16 product, GFLOP/s | memory, GB/s |",
            "|---|---|---|",
            "| "
            + " | ".join(
                f"{roofs[name] / 1e9:.1f}"
                for name in ("float32", "bfloat16", "bandwidth")
            )
            + " |",
            "",
        ]
    for part, table in (
        ("roofline", _roofline_table),
        ("growth", _growth_table),
        ("compile", _compile_table),
    ):
        if part in results:
            lines += [*table(results), ""]
    return "\n".join(lines)


def _number(value: float | None, unit: float) -> str:
    return "" if value is None else f"{value / unit:.4g}"


def _roofline_table(results: Mapping[str, Any]) -> list[str]:
    found, roofs = results["roofline"], results["roofs"]
    lines = [
        "| step | GFLOP by hand | by XLA | MB at least | XLA's bytes, MB"
        " | arithmetic, ms | memory, ms | least, ms | layer by layer, ms"
        " | measured, ms | share of the roof |",
        "|---" * 11 + "|",
    ]
    for row in found.values():
        cells = [
            row["subject"],
            *(_number(row[name], 1e9) for name in ("flops", "xla_flops")),
            *(_number(row[name], 1e6) for name in ("bytes", "xla_bytes")),
            *(
                f"{1e3 * row[name]:.3g}"
                for name in ("arithmetic", "memory", "least", "in_turn", "measured")
            ),
            f"{row['share']:.0%}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    for name, row in found.items():
        lines += [
            "",
            f"| {name}: layer | GFLOP | MB | arithmetic, ms | memory, ms | bound by |",
            "|---|---|---|---|---|---|",
        ]
        for layer in row["layers"]:
            times = (
                layer["flops"] / roofs["float32"],
                layer["bytes"] / roofs["bandwidth"],
            )
            cells = [
                layer["name"],
                _number(layer["flops"], 1e9),
                _number(layer["bytes"], 1e6),
                *(f"{1e3 * seconds:.3g}" for seconds in times),
                "arithmetic" if times[0] > times[1] else "memory",
            ]
            lines.append(f"| {' | '.join(cells)} |")
    return lines


def _growth_table(results: Mapping[str, Any]) -> list[str]:
    lines = [
        "| axis | value | ms a step | images/s | GFLOP | ms per GFLOP"
        " | share of the roof |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in results["growth"]:
        lines.append(
            f"| {row['axis']} | {row['value']} | {1e3 * row['measured']:.4g}"
            f" | {row['images'] / row['measured']:.4g} | {row['flops'] / 1e9:.4g}"
            f" | {_per_gflop(row):.3g} | {row['share']:.0%} |"
        )
    return lines


def _per_gflop(row: Mapping[str, Any]) -> float:
    """Milliseconds."""
    return 1e12 * row["measured"] / row["flops"]


def _compile_table(results: Mapping[str, Any]) -> list[str]:
    lines = [
        "| model | kept compilations | to the first step, s | of which import"
        " | state and compilation | first step |",
        "|---|---|---|---|---|---|",
    ]
    for name, found in results["compile"].items():
        for which, kept in (("cold", "none"), ("warm", "all")):
            times = [found[which][key] for key in ("all", "import", "build", "step")]
            cells = [name, kept, *(f"{seconds:.2f}" for seconds in times)]
            lines.append(f"| {' | '.join(cells)} |")
    return lines


def draw(
    path: pathlib.Path, growth: Sequence[Mapping[str, Any]], roofs: Mapping[str, Any]
) -> None:
    """Draws the time of a step, and that for each GFLOP, as the step grows."""
    axes_names = list(dict.fromkeys(row["axis"] for row in growth))
    figure = figures.new(3.6 * len(axes_names), 6.4, 0.03)
    panels = figure.subplots(2, len(axes_names), squeeze=False, sharey="row")
    for (above, below), name in zip(panels.T, axes_names, strict=True):
        rows = sorted(
            (r for r in growth if r["axis"] == name), key=lambda r: r["value"]
        )
        values = [row["value"] for row in rows]
        model = rows[0]["subject"].split()[0]
        colour = COLOURS[model]
        for axes, measured, least in (
            (
                above,
                [1e3 * r["measured"] for r in rows],
                [1e3 * r["least"] for r in rows],
            ),
            (
                below,
                [_per_gflop(r) for r in rows],
                [1e12 * r["least"] / r["flops"] for r in rows],
            ),
        ):
            axes.plot(values, measured, "o-", color=colour, label="measured")
            axes.plot(values, least, ":", color="#777777", label="least")
            axes.set_xscale("log", base=2)
            axes.set_yscale("log")
            axes.set_xticks(values, list(map(str, values)))
            axes.minorticks_off()
            axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axes.yaxis.set_major_formatter("{x:g}")
            axes.grid(alpha=0.3)
        above.set_title(TITLES[model])
        below.axhline(1e12 / roofs["float32"], color="#e8a33d", label="the peak")
        below.set_xlabel(name.removeprefix("capsnet's "))
    panels[0, 0].set_ylabel("milliseconds a step")
    panels[1, 0].set_ylabel("milliseconds per GFLOP")
    handles, labels = panels[1, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3)
    figures.save(path, figure, "the cost of a step as it grows")
