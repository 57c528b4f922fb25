"""The tables of the paper: its settings, its numbers and those of runs."""

import dataclasses
from collections.abc import Sequence
from typing import Any

from jaxgan import report
from jaxgan.lab import capsules, session
from jaxgan.lab.spread import Spread, spread
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


# Channels of the small baselines, whose arithmetic is about that of the small capsule
# networks; that of the paper's baseline is eight times the arithmetic of its capsules.
NARROW = {"mnist": (16, 16, 4), "multimnist": (32, 24)}


def models(
    name: str,
    preset: str,
    steps: int,
    iterations: Sequence[int] = (1, 3),
    narrower: int = 8,
) -> dict[str, Any]:
    """The rows of one table: name -> model.

    Args:
        name: "mnist" or "multimnist".
        preset: "small", where the baseline has as many parameters as the capsules with
            their decoder, or "paper".
        steps: to train for.
        iterations: numbers of iterations of routing, a row each.
        narrower: how many times fewer channels than the paper's networks small ones
            have.
    """
    # As many classes as the data has.
    net = capsnet.Config(classes=None)
    base = capsnet_baseline.Config(classes=None)
    if name == "multimnist":
        net = dataclasses.replace(capsnet.MULTI_MNIST, classes=None)
        base = dataclasses.replace(capsnet_baseline.MULTI_MNIST, classes=None)
    if preset == "small":
        # The step size falls to a fiftieth, as in the paper's long runs. It starts at
        # three times the paper's, which is much better in runs as short as these.
        fast = {"decay_steps": max(1, steps // 96), "learning_rate": 0.003}
        net = dataclasses.replace(
            net,
            features=max(1, 256 // narrower),
            types=max(1, 64 // narrower),
            decoder=(256, 512),
            **fast,
        )
        base = dataclasses.replace(base, features=NARROW[name], **fast)
        base = capsules.as_large(base, net)
    rows: dict[str, Any] = {"baseline": base}
    for count in iterations:
        routed = dataclasses.replace(net, iterations=count)
        if f"routing {count}" in PUBLISHED[name]:
            bare = dataclasses.replace(routed, reconstruction=0.0)
            rows[f"routing {count}"] = bare
        rows[f"routing {count}, reconstruction"] = routed
    paper = "routing 3, reconstruction"
    if name == "mnist" and paper in rows:
        released = dataclasses.replace(rows[paper], scaling="released")
        rows[f"{paper}, released loss"] = released
    return rows


def write(config: Any, results: dict[str, Any]) -> None:
    """Writes the tables so far, as text and as numbers."""
    lines, sets = [], {}
    for name, rows in results.items():
        if not rows:
            continue
        first = next(iter(rows.values()))[0]
        sets[name] = {row: _summary(name, row, found) for row, found in rows.items()}
        cells = [
            (row, f"{of['parameters']:,}", _error(of), *_affine(of), len(of["runs"]),
             of["published"])
            for row, of in sets[name].items()
        ]  # fmt: skip
        some = next(iter(sets[name].values()))
        warped = ("under affine maps, %",) if "affine" in some else ()
        head = ("model", "parameters", "error, %", *warped, "seeds", PAPERS[name])
        lines += [
            f"### {name}",
            "",
            f"{first['data']}; {first['steps']:,} steps of {first['batch_size']}; error"
            f" on {first['test_images']:,} test images, mean ± standard deviation over"
            " training seeds.",
            "",
            report.table(head, cells),
            "",
            *_crossed(sets[name]),
        ]
    report.write(config.workdir / "table.md", "\n".join(lines))
    session.save_json(
        config.workdir / directory.RESULTS,
        {"command": session.command(), "sets": sets},
    )


def _summary(name: str, row: str, runs: list[dict[str, Any]]) -> dict[str, Any]:
    summary: dict[str, Any] = _percent([run["test_error"] for run in runs])
    if "affine_error" in runs[0]:
        summary["affine"] = _percent([run["affine_error"] for run in runs])
    if "error_at_iterations" in runs[0]:
        each = [run["error_at_iterations"] for run in runs]
        summary["at_iterations"] = {n: _percent([x[n] for x in each]) for n in each[0]}
    return {
        **summary,
        "parameters": runs[0]["parameters"],
        "published": PUBLISHED[name].get(row, ""),
        "runs": runs,
    }


def _percent(errors: Sequence[float]) -> dict[str, float | None]:
    return spread([100 * error for error in errors])._asdict()


def _crossed(rows: dict[str, Any]) -> list[str]:
    """Errors of nets by their iterations in training (rows) and in the test (columns).

    Empty where the runs were tested with the iterations of their training alone.
    """
    key = "at_iterations"
    found = {row: of[key] for row, of in rows.items() if key in of}
    if not found:
        return []
    tested = next(iter(found.values()))
    cells = [(row, *map(_error, of.values())) for row, of in found.items()]
    head = ("error, %, by iterations in the test", *tested)
    return [report.table(head, cells), ""]


def _affine(of: dict[str, Any]) -> tuple[str, ...]:
    """The error on digits under affine maps, where it was measured."""
    return (_error(of["affine"]),) if "affine" in of else ()


def _error(of: dict[str, Any]) -> str:
    return Spread(of["mean"], of["standard_deviation"]).text()
