"""Makes a table and a picture of the plan."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from experiments.scaling_plan.planning import plan
from jaxgan.lab import figures
from jaxgan.lab.counting import costs
from jaxgan.lab.counting.costs import Chip, Model

COLOURS = ("#1b4965", "#5fa8a3", "#e4572e", "#e8a33d", "#777777")


def table(found: dict[str, Any]) -> list[str]:
    """Writes the steps of a plan as lines of Markdown; times are in milliseconds."""
    lines = [
        "| chips | batch a chip | `--fsdp` | arithmetic | memory | gradients |"
        " batch norm | step | bound by | images/s | MB/s a host of 8 |",
        "|---" * 11 + "|",
    ]
    most = max(on["chips"] for on in found["slices"])
    for on in found["slices"]:
        for row in on["steps"]:
            if row["fsdp"] > 1 and on["chips"] < most:
                continue  # smaller slices show the same less clearly
            times = [row[k] for k in ("arithmetic", "memory", "gradients", "norm")]
            best, worst = row["overlapped"], row["apart"]
            lines.append(
                f"| {on['chips']} | {row['batch']} | {row['fsdp']} | "
                + " | ".join(f"{1e3 * t:.2f}" for t in times)
                + f" | {1e3 * best:.2f}-{1e3 * worst:.2f} | {row['bound']}"
                f" | {row['images_a_second']:,.0f}"
                f" | {row['host_bytes_a_second']['8'] / 1e6:,.0f} |"
            )
    return lines


def draw(models: dict[str, Model], chips: int, chip: Chip) -> Figure:
    """Draws the times of a step over the batch on one chip, a panel for each model."""
    shared = costs.shape(chips)[1]
    batches = 2.0 ** np.arange(0, 9.01, 0.25)
    figure = figures.new(3.9 * len(models), 4.0, 0.03)
    panels = figure.subplots(1, len(models), sharey=True, squeeze=False)[0]
    for axes, (name, model) in zip(panels, models.items(), strict=True):
        compute, memory, split = (
            1e3 * np.array([seconds(b) for b in batches])
            for seconds in (
                lambda b, m=model: costs.compute_seconds(m, b, chip),
                lambda b, m=model: costs.hbm_seconds(m, b, chip),
                lambda b, m=model: costs.hbm_seconds(m, b, chip, shared),
            )
        )
        axes.plot(batches, compute, color=COLOURS[0], label="arithmetic")
        axes.plot(batches, memory, color=COLOURS[1], label="memory")
        axes.plot(
            batches, split, ":", color=COLOURS[1], label=f"memory, --fsdp {shared}"
        )
        cross = 1e3 * costs.gradient_seconds(model, chips, chip)
        axes.axhline(cross, color=COLOURS[2], label="gradients across chips")
        if norm := 1e3 * costs.norm_seconds(model, chips, chip):
            axes.axhline(norm, color=COLOURS[3], ls="--", label="global batch norm")
        room = plan(model, (), (), chip)["largest_batch_a_chip"]
        if room < batches[-1]:
            axes.axvspan(room, batches[-1], color=COLOURS[4], alpha=0.25, lw=0)
        at = model.batch / chips
        if at >= 1:
            axes.axvline(at, color=COLOURS[4], lw=1, ls="-.", label="the paper's batch")
        axes.set_xscale("log", base=2)
        axes.set_yscale("log")
        axes.set_xlim(batches[0], batches[-1])
        axes.set_title(f"{name}, {chips} chips")
        axes.set_xlabel("images of the batch on one chip")
        axes.grid(alpha=0.3)
    panels[0].set_ylabel("milliseconds of a step (planned)")
    lines = {
        t: h
        for a in panels
        for h, t in zip(*a.get_legend_handles_labels(), strict=True)
    }
    figure.legend(lines.values(), lines.keys(), loc="outside lower center", ncols=6)
    return figure
