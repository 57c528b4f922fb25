"""The table of the CapsNet paper: routing by reconstruction, beside a baseline.

    python -m experiments.capsnet_table
    python -m experiments.capsnet_table --data idx:MNIST --seeds 0 1 2
    python -m experiments.capsnet_table --preset paper --data idx:MNIST

Sabour, Frosst and Hinton (arXiv:1710.09829), tables 1 and 2. Trains every setting with
every seed, one run directory each, and writes table.md and results.json:
mean and standard deviation of the test error over training seeds. Nothing is selected
by validation: the error is that of the last step. The same command again goes on where
it stopped, and runs that ended are not repeated. Without flags: small networks on 5,000
digits, three seeds, about an hour on two CPU cores.
"""

import dataclasses
import functools
import pathlib
from typing import Annotated, Any, Literal

import numpy as np
import tyro

from jaxgan import bounds, parallel, report
from jaxgan.lab import capsules, cli, runs, session
from jaxgan.lab.data import Data
from jaxgan.models import capsnet, capsnet_baseline
from jaxgan.train import Run, directory
from jaxgan.train.terminal import say

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


@dataclasses.dataclass(frozen=True)
class Config:
    """Which runs the table is made of."""

    data: Annotated[Data, tyro.conf.arg(name="")]
    mnist_steps: bounds.Natural = 3000
    """Steps of every run on single digits; 0 leaves them out."""
    multimnist_steps: bounds.Natural = 3000
    """Steps of every run on two digits an image; 0 leaves them out."""
    batch_size: bounds.Count = 64
    """Images a minibatch."""
    seeds: tuple[int, ...] = (0, 1, 2)
    """Training seeds."""
    devices: bounds.Natural = 0
    """Devices to train on; 0 takes all there are."""
    workdir: pathlib.Path = pathlib.Path("runs/capsnet_table")
    """Directory of the runs and the table."""
    preset: Literal["small", "paper"] = "small"
    """small: an eighth of the width, a sixteenth for the baseline; paper: the paper's
    networks."""

    def __post_init__(self):
        bounds.check(self, flags=True)
        if not self.seeds or len(set(self.seeds)) < len(self.seeds):
            raise ValueError(
                f"--seeds is {self.seeds}; give different ones, at least one"
            )


PRESETS = {
    "small": Config(data=Data(shift=2)),
    "paper": Config(
        data=Data(shift=2),
        mnist_steps=300_000,
        multimnist_steps=600_000,
        batch_size=128,
        workdir=pathlib.Path("runs/capsnet_table_paper"),
        preset="paper",
    ),
}


def models(name: str, preset: str, steps: int) -> dict[str, Any]:
    """The rows of one table: name -> model."""
    net, base = capsnet.Config(), capsnet_baseline.Config()
    if name == "multimnist":
        net, base = capsnet.MULTI_MNIST, capsnet_baseline.MULTI_MNIST
    if preset == "small":
        # The step size ends at a fiftieth, as it does in the paper's long runs.
        fast = {"decay_steps": max(1, steps // 96)}
        net = dataclasses.replace(net, features=32, types=8, decoder=(256, 512), **fast)
        # About as much arithmetic as the capsules; the paper's has eight times theirs.
        narrow = {"features": tuple(n // 16 for n in base.features)}
        base = dataclasses.replace(base, **narrow, **fast)
    rows: dict[str, Any] = {"baseline": base}
    for iterations in (1, 3):
        for weight in (0.0, net.reconstruction):
            row = f"routing {iterations}" + ", reconstruction" * bool(weight)
            rows[row] = dataclasses.replace(
                net, iterations=iterations, reconstruction=weight
            )
    return {row: rows[row] for row in PUBLISHED[name]}


def main(config: Config) -> None:
    """Trains what is missing, then writes the table."""
    lengths = {"mnist": config.mnist_steps, "multimnist": config.multimnist_steps}
    lengths = {name: steps for name, steps in lengths.items() if steps}
    results: dict[str, Any] = {name: {} for name in lengths}
    for seed in config.seeds:  # a table early, and a better one with every seed
        for name, steps in lengths.items():
            for row, model in models(name, config.preset, steps).items():
                run = Run(
                    workdir=config.workdir / name / f"{_slug(row)}_{seed}",
                    steps=steps,
                    batch_size=config.batch_size,
                    seed=seed,
                    devices=config.devices,
                    sample_every=steps,
                    checkpoint_every=max(1, steps // 5),
                    keep=1,
                )
                part = runs.Part(run, config.data, model)
                fit = functools.partial(capsules.train, f"{name}, {row}", part)
                done = runs.once(part, fit)
                results[name].setdefault(row, []).append(done)
                if parallel.is_main():
                    _write(config, results)
    session.only_main()
    say((config.workdir / "table.md").read_text(encoding="utf-8"))


def _slug(row: str) -> str:
    return row.replace(",", "").replace(" ", "_")


def _write(config: Config, results: dict[str, Any]) -> None:
    """The table so far, as text, picture and JSON."""
    summary: dict[str, Any] = {"command": session.command(), "sets": {}}
    lines = []
    for name, rows in results.items():
        if not rows:
            continue
        first = next(iter(rows.values()))[0]
        lines += [
            f"### {name}",
            "",
            f"{first['data']}; {first['steps']:,} steps of {first['batch_size']}; error"
            f" on {first['test_images']:,} test images, mean ± standard deviation over"
            " training seeds.",
            "",
            "| model | error, % | seeds | the paper, % |",
            "|---|---|---|---|",
        ]
        summary["sets"][name] = {}
        for row, found in rows.items():
            errors = 100 * np.array([r["test_error"] for r in found])
            spread = errors.std(ddof=1) if len(errors) > 1 else float("nan")
            value = f"{errors.mean():.2f} ± {spread:.2f}"
            lines.append(
                f"| {row} | {value if len(errors) > 1 else f'{errors[0]:.2f}'}"
                f" | {len(errors)} | {PUBLISHED[name][row]} |"
            )
            summary["sets"][name][row] = {
                "mean": errors.mean(),
                "standard_deviation": spread if len(errors) > 1 else None,
                "published": PUBLISHED[name][row],
                "runs": found,
            }
        lines.append("")
    report.write(config.workdir / "table.md", "\n".join(lines))
    session.save_json(config.workdir / directory.RESULTS, summary)


if __name__ == "__main__":
    cli.run(main, Config, presets=PRESETS, description=__doc__)
