"""Makes the table of the CapsNet paper: routing by reconstruction, and a baseline.

    python -m experiments.capsnet_table
    python -m experiments.capsnet_table --data idx:MNIST --seeds 0 1 2
    python -m experiments.capsnet_table --preset paper --data idx:MNIST

Sabour, Frosst and Hinton (arXiv:1710.09829), tables 1 and 2. Trains every setting with
every seed, one run directory each, and writes table.md and results.json:
mean and standard deviation of the test error over training seeds. Nothing is selected
by validation: the error is that of the last step. Single digits have a row more, with
the margin loss of the released code, and a second table: networks that were trained
with some number of iterations of routing, tested with others. The same command again
goes on where it stopped, and runs that ended are not repeated. Without flags: small
networks on 5,000 digits, three seeds, about two hours on two CPU cores. More numbers of
iterations are rows of their own:

    python -m experiments.capsnet_table --iterations 1 2 3 5 --multimnist-steps 0
"""

import dataclasses
import functools
import pathlib
from typing import Annotated, Any, Literal

import tyro

from experiments.capsnet_table.tables import models, write
from jaxgan import bounds, parallel
from jaxgan.lab import capsules, runs, session
from jaxgan.lab.data import Data
from jaxgan.train import Run
from jaxgan.train.terminal import say

TESTED = (1, 2, 3, 5)  # iterations of routing in the test


@dataclasses.dataclass(frozen=True)
class Config:
    """The runs of the table."""

    data: Annotated[Data, tyro.conf.arg(name="")]
    mnist_steps: bounds.Natural = 3000
    """Steps of every run on single digits; 0 leaves them out."""
    multimnist_steps: bounds.Natural = 3000
    """Steps of every run on two digits an image; 0 leaves them out."""
    batch_size: bounds.Count = 64
    """Images a minibatch."""
    seeds: tuple[bounds.Seed, ...] = (0, 1, 2)
    """Training seeds."""
    iterations: tuple[bounds.Depth, ...] = (1, 3)
    """Iterations of routing to train with; the paper has 1 and 3."""
    narrower: Annotated[int, bounds.Within(1, 64)] = 8
    """How many times fewer channels than the paper's the small networks have."""
    devices: bounds.Natural = 0
    """Devices to train on; 0 takes all there are."""
    workdir: pathlib.Path = pathlib.Path("runs/capsnet_table")
    """Directory of the runs and the table."""
    preset: Literal["small", "paper"] = "small"
    """small: narrow networks, and a baseline of as many parameters; paper: the paper's
    networks."""

    def __post_init__(self):
        bounds.check(self, flags=True)
        if not self.seeds or len(set(self.seeds)) < len(self.seeds):
            raise ValueError(
                f"--seeds is {self.seeds}; give different ones, at least one"
            )
        if not self.iterations or len(set(self.iterations)) < len(self.iterations):
            raise ValueError(
                f"--iterations is {self.iterations}; give different numbers, at least"
                " one"
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


def main(config: Config) -> None:
    """Trains what is missing, then writes the table."""
    lengths = {"mnist": config.mnist_steps, "multimnist": config.multimnist_steps}
    lengths = {name: steps for name, steps in lengths.items() if steps}
    results: dict[str, Any] = {name: {} for name in lengths}
    for seed in config.seeds:  # a table comes early, and grows by every seed
        for name, steps in lengths.items():
            rows = models(
                name, config.preset, steps, config.iterations, config.narrower
            )
            for row, model in rows.items():
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
                # Nets that differ by nothing but their iterations are tested with all.
                alike = name == "mnist" and row.endswith("reconstruction")
                tested = TESTED if alike else ()
                fit = functools.partial(capsules.train, f"{name}, {row}", part, tested)
                done = runs.once(part, fit)
                results[name].setdefault(row, []).append(done)
                if parallel.is_main():
                    write(config, results)
    session.only_main()
    say((config.workdir / "table.md").read_text(encoding="utf-8"))


def _slug(row: str) -> str:
    return row.replace(",", "").replace(" ", "_")
