"""The tables of the paper: its settings, its numbers and those of runs."""

import dataclasses
from typing import Any

import numpy as np

from jaxgan import report
from jaxgan.lab import session
from jaxgan.models import capsnet, capsnet_baseline
from jaxgan.train import directory

# What the paper reports, in percent.
PUBLISHED = {
    "mnist": {
        "baseline": "0.39",
        "routing 1": "0.34 ± 0.032",
        "routing 1, reconstruction": "0.29 ± 0.011",
        "routing 3": "0.35 ± 0.036",
        "routing 3, reconstruction": "0.25 ± 0.005",
    },
    "multimnist": {
        "baseline": "8.1",
        "routing 1, reconstruction": "7.5",
        "routing 3, reconstruction": "5.2",
    },
}
PAPERS = {
    "mnist": "the paper, on MNIST, %",
    "multimnist": "the paper, on MultiMNIST, %",
}


def models(name: str, preset: str, steps: int) -> dict[str, Any]:
    """The rows of one table: name -> model."""
    net, base = capsnet.Config(), capsnet_baseline.Config()
    if name == "multimnist":
        net, base = capsnet.MULTI_MNIST, capsnet_baseline.MULTI_MNIST
    if preset == "small":
        # The step size falls to a fiftieth, as in the paper's long runs.
        fast = {"decay_steps": max(1, steps // 96)}
        net = dataclasses.replace(net, features=32, types=8, decoder=(256, 512), **fast)
        # It has about as much arithmetic as the capsules; the paper's has eight times
        # theirs.
        narrow = {"features": tuple(n // 16 for n in base.features)}
        base = dataclasses.replace(base, **narrow, **fast)
    rows: dict[str, Any] = {"baseline": base}
    for iterations in (1, 3):
        for weight in (0.0, net.reconstruction):
            row = f"routing {iterations}" + ", reconstruction" * bool(weight)
            rows[row] = dataclasses.replace(
                net, iterations=iterations, reconstruction=weight
            )
    # As many classes as the data has.
    return {
        row: dataclasses.replace(rows[row], classes=None) for row in PUBLISHED[name]
    }


def write(config: Any, results: dict[str, Any]) -> None:
    """Writes the tables so far, as text and as numbers."""
    lines, sets = [], {}
    for name, rows in results.items():
        if not rows:
            continue
        first = next(iter(rows.values()))[0]
        sets[name] = {row: _summary(name, row, found) for row, found in rows.items()}
        cells = [
            (row, _error(of), len(of["runs"]), of["published"])
            for row, of in sets[name].items()
        ]
        lines += [
            f"### {name}",
            "",
            f"{first['data']}; {first['steps']:,} steps of {first['batch_size']}; error"
            f" on {first['test_images']:,} test images, mean ± standard deviation over"
            " training seeds.",
            "",
            report.table(("model", "error, %", "seeds", PAPERS[name]), cells),
            "",
        ]
    report.write(config.workdir / "table.md", "\n".join(lines))
    session.save_json(
        config.workdir / directory.RESULTS,
        {"command": session.command(), "sets": sets},
    )


def _summary(name: str, row: str, runs: list[dict[str, Any]]) -> dict[str, Any]:
    errors = 100 * np.array([run["test_error"] for run in runs])
    return {
        "mean": errors.mean(),
        "standard_deviation": errors.std(ddof=1) if len(errors) > 1 else None,
        "published": PUBLISHED[name][row],
        "runs": runs,
    }


def _error(of: dict[str, Any]) -> str:
    spread = of["standard_deviation"]
    return f"{of['mean']:.2f}" + ("" if spread is None else f" ± {spread:.2f}")
