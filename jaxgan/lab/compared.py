"""Experiments that train several models in one command and show them together."""

import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from PIL import Image

from jaxgan import report, train
from jaxgan.lab import figures, session

SCORES = ("frechet_distance", "mnist_score", "class_divergence", "pairwise_distance")
SMOOTHED = 15  # logged values a point of a curve is the mean of


def last_sheet(run: train.Run, name: str = "ema") -> np.ndarray:
    """The latest sheet of a run, grey, `[H, W]` uint8."""
    sheets = sorted((run.workdir / "samples").glob(f"{name}_*.png"))
    with Image.open(sheets[-1]) as image:
        return np.asarray(image.convert("L"))


def show(axes: Axes, sheet: np.ndarray, title: str) -> None:
    """Draws a sheet, with a line above it."""
    axes.imshow(sheet, cmap="gray", vmin=0, vmax=255)
    axes.set_title(title, fontsize="medium")
    axes.set_axis_off()


def curve(
    axes: Axes, run: train.Run, metric: str, label: str, **style: Any
) -> tuple[np.ndarray, np.ndarray]:
    """Draws a metric over steps, as a moving average over a thin line of all of it.

    Returns:
        Steps and values, as logged.
    """
    rows = [
        r for r in report.read_scalars(run.workdir / "scalars.jsonl") if metric in r
    ]
    steps = np.array([row["step"] for row in rows])
    values = np.array([row[metric] for row in rows])
    count = min(SMOOTHED, len(values))
    smooth = np.convolve(values, np.ones(count) / count, "valid")
    (line,) = axes.plot(steps[count - 1 :], smooth, label=label, lw=1.5, **style)
    axes.plot(steps, values, color=line.get_color(), alpha=0.25, lw=0.7)
    axes.grid(alpha=0.3)
    axes.set_xlabel("step")
    return steps, values


def write(
    title: str,
    workdir: pathlib.Path,
    results: Mapping[str, Mapping[str, Any]],
    pictures: Mapping[str, pathlib.Path],
    **more: Any,
) -> None:
    """Writes what runs gave side by side: results.json and a page.

    Args:
        title: of the page.
        workdir: above the runs.
        results: run -> its results.
        pictures: caption -> file, for the page.
        more: other facts, for both.
    """
    first, *others = results.values()
    common = {
        key: first[key]
        for key in ("data", "steps", "batch_size", "seed", "device")
        if all(found[key] == first[key] for found in others)
    }
    scores = {
        name: {key: found[key] for key in found if key not in common}
        for name, found in results.items()
    }
    facts = common | more
    figures.save_results(workdir / "results.json", {**facts, "runs": scores})
    short = {
        name: {key: f"{found[key]:.4g}" for key in SCORES if key in found}
        for name, found in results.items()
    }
    page = report.page(
        title, {**facts, **short, "command": session.command()}, pictures
    )
    report.write(workdir / "report.html", page.encode())


def distance(results: Mapping[str, Any]) -> str:
    """The Fréchet distance of a run, for a title; nothing where none was measured."""
    value = results.get("frechet_distance")
    return "" if value is None else f"\nFréchet distance {value:.1f}"
