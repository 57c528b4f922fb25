"""The tables of the paper: its settings, its numbers and those of runs."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

from jaxgan import compose, game, report
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
        # The step size falls to a fiftieth, as in the paper's long runs. So few steps
        # of so few images leave the paper's 0.001 far behind three times as much.
        fast = {"decay_steps": max(1, steps // 96), "learning_rate": 0.003}
        net = dataclasses.replace(
            net,
            features=max(1, 256 // narrower),
            types=max(1, 64 // narrower),
            decoder=(256, 512),
            **fast,
        )
        base = dataclasses.replace(base, features=NARROW[name], **fast)
        base = as_large(base, net)
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


def as_large(
    base: capsnet_baseline.Config, net: capsnet.Config
) -> capsnet_baseline.Config:
    """The baseline with so many units in its first hidden layer as make it as large.

    Its number of parameters is linear in that of these units.
    """

    def with_units(units):
        return dataclasses.replace(base, hidden=(units, *base.hidden[1:]))

    one, two = parameters(with_units(1)), parameters(with_units(2))
    return with_units(max(1, 1 + round((parameters(net) - one) / (two - one))))


def parameters(model: capsnet.Config | capsnet_baseline.Config) -> int:
    """Counts the parameters of a model of ten classes, a decoder included."""
    record = capsnet if isinstance(model, capsnet.Config) else capsnet_baseline
    model = dataclasses.replace(model, classes=10)
    init = game.algorithm(record.MODEL.game(model)).init
    key = jax.random.key(0)
    state = jax.eval_shape(init, key, record.MODEL.batch(model, key, 1))
    return compose.parameter_count(state.params)


def write(config: Any, results: dict[str, Any]) -> None:
    """Writes the tables so far, as text and as numbers."""
    lines, sets = [], {}
    for name, rows in results.items():
        if not rows:
            continue
        first = next(iter(rows.values()))[0]
        sets[name] = {row: _summary(name, row, found) for row, found in rows.items()}
        cells = [
            (row, f"{of['parameters']:,}", _error(of), len(of["runs"]), of["published"])
            for row, of in sets[name].items()
        ]
        head = ("model", "parameters", "error, %", "seeds", PAPERS[name])
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
    return {
        **spread([run["test_error"] for run in runs]),
        "parameters": runs[0]["parameters"],
        "published": PUBLISHED[name].get(row, ""),
        "runs": runs,
    }


def spread(errors: Sequence[float]) -> dict[str, float | None]:
    """The mean of the errors of several seeds and their deviation, in percent."""
    percent = 100 * np.array(errors)
    deviation = percent.std(ddof=1) if len(percent) > 1 else None
    return {"mean": percent.mean(), "standard_deviation": deviation}


def _crossed(rows: dict[str, Any]) -> list[str]:
    """Errors of nets by their iterations in training (rows) and in the test (columns).

    Empty where the runs were tested with the iterations of their training alone.
    """
    found = {}
    for row, of in rows.items():
        if "error_at_iterations" in of["runs"][0]:
            each = [run["error_at_iterations"] for run in of["runs"]]
            found[row] = {n: spread([run[n] for run in each]) for n in each[0]}
    if not found:
        return []
    tested = next(iter(found.values()))
    cells = [(row, *map(_error, of.values())) for row, of in found.items()]
    head = ("error, %, by iterations in the test", *tested)
    return [report.table(head, cells), ""]


def _error(of: dict[str, Any]) -> str:
    deviation = of["standard_deviation"]
    return f"{of['mean']:.2f}" + ("" if deviation is None else f" ± {deviation:.2f}")
