"""One device, many, several processes, sharded parameters, pmap: the same training?

    python -m experiments.endurance.agreement
    python -m experiments.endurance.agreement --models dcgan infogan --steps 1 10

Plays every model of the catalogue, at its size for tests, one step and ten on each
layout of devices, each layout in processes of its own, and compares the whole state
and the losses with those of a single device. Two numbers a and b deviate by
|a - b| / (1 + |b|); the table has the largest deviation of each model, and beside it
the largest difference within an array over its largest number, which is stricter where
all numbers of an array are small. All games play under plain gradient descent: Adam
divides by the size of a gradient, and so turns the rounding of one that is nearly zero
into whole steps.

Some games, at some moments, make much of little. So the same is played on one device
from weights that were nudged to the next number that float32 has: no layout can be
asked to deviate less than that.

Under pmap every device draws its own noise, which is another computation than that of
the global batch; it is compared with `jax.vmap` over the same shards on one device.

About 20 minutes on two cores, nearly all of it compiling, though the compiler is told
not to try hard. Writes results.json.
"""

import concurrent.futures
import dataclasses
import functools
import pathlib
import tempfile
from typing import Literal

import numpy as np
from tqdm import tqdm

from experiments.endurance.parts import processes as processes_
from experiments.endurance.parts.agreement import BATCH, RATE, Layout
from jaxgan.lab import cli, figures
from jaxgan.lab.data import say
from jaxgan.models.catalogue import CATALOGUE

LEAST = 1e-3  # arrays of smaller numbers are mostly rounding
ONE = Layout()
LAYOUTS = (
    Layout(devices=2),
    Layout(devices=2, fsdp=2),
    Layout(devices=8),
    Layout(devices=8, fsdp=4),
    Layout(processes=2, devices=1),
    Layout(processes=2, devices=1, fsdp=2),
    Layout(processes=2, devices=4),
    Layout(processes=2, devices=4, fsdp=2),
    Layout(devices=8, pmap=True),
)


@dataclasses.dataclass(frozen=True)
class Config:
    """What to compare."""

    workdir: pathlib.Path = pathlib.Path("runs/agreement")
    """Where results.json goes."""
    models: tuple[str, ...] = tuple(sorted(CATALOGUE))
    """Models of the catalogue."""
    steps: tuple[int, ...] = (1, 10)
    """After how many steps."""
    dtype: Literal["float32", "bfloat16"] = "float32"
    """Arithmetic of the networks; bfloat16 leaves out models that have no choice."""
    at_once: int = 2
    """Layouts to play at the same time."""

    def __post_init__(self):
        if unknown := [name for name in self.models if name not in CATALOGUE]:
            raise ValueError(
                f"--models names {unknown}; there are {', '.join(sorted(CATALOGUE))}"
            )
        if self.at_once < 1:
            raise ValueError(f"--at-once is {self.at_once}; it must be at least 1")
        if not self.steps or min(self.steps) < 1:
            raise ValueError(f"--steps is {self.steps}; give numbers from 1")


def main(config: Config) -> None:
    """Plays every layout, compares, writes the table."""
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        homes = [root / str(i) for i in range(len(LAYOUTS) + 1)]
        play = functools.partial(_play_apart, config)
        with concurrent.futures.ThreadPoolExecutor(config.at_once) as pool:
            played = pool.map(play, (ONE, *LAYOUTS), homes)
            list(tqdm(played, total=len(homes), unit="layout"))
        compare = functools.partial(_compare, config, homes[0])
        table = {
            layout.name: compare(home, reference="_pmap" if layout.pmap else "")
            for layout, home in zip(LAYOUTS, homes[1:], strict=True)
        }
        table["nudged, 1 device"] = compare(homes[0], "_nudged")
        table["nudged, under vmap"] = compare(homes[0], "_pmap_nudged", "_pmap")
    results = {
        "deviation": table,
        "dtype": config.dtype,
        "batch": BATCH,
        "learning rate": RATE,
    }
    figures.save_results(config.workdir / "results.json", results)
    for layout, rows in table.items():
        for steps in map(str, config.steps):
            worst = max(rows, key=lambda name: rows[name][steps]["of 1 + |b|"])
            strict = max(row[steps]["of the array"] for row in rows.values())
            say(
                f"{layout:>24}, {steps:>2} steps, {len(rows)} models: at most"
                f" {rows[worst][steps]['of 1 + |b|']:.1e} ({worst}); of the array"
                f" {strict:.1e}"
            )


def _compare(config, reference_home, home, kind="", reference=""):
    """Model -> steps -> deviation of what lies in a folder."""
    return {
        name: {
            str(steps): deviation(
                _read(home, name, steps, kind),
                _read(reference_home, name, steps, reference),
            )
            for steps in config.steps
        }
        for name in config.models
        if (home / f"{name}_{config.steps[0]}{kind}.npz").exists()
    }


def deviation(
    one: dict[str, np.ndarray], other: dict[str, np.ndarray]
) -> dict[str, float]:
    """The largest differences of two states, measured in two ways.

    Raises:
        ValueError: they do not have the same arrays.
    """
    if one.keys() != other.keys():
        raise ValueError(f"the states differ in {sorted(one.keys() ^ other.keys())}")
    plain = strict = 0.0
    for name, b in other.items():
        apart = np.abs(one[name] - b)
        plain = max(plain, float(np.max(apart / (1 + np.abs(b)), initial=0)))
        largest = np.max(np.abs(b), initial=LEAST)
        strict = max(strict, float(np.max(apart, initial=0) / largest))
    return {"of 1 + |b|": plain, "of the array": strict}


def _play_apart(config, layout, folder) -> None:
    """Plays all models on a layout, in processes of its own."""
    folder.mkdir()
    flags = [
        *("--folder", str(folder), "--models", *config.models),
        *("--steps", *map(str, config.steps), "--dtype", config.dtype),
        *("--layout.processes", str(layout.processes)),
        *("--layout.devices", str(layout.devices), "--layout.fsdp", str(layout.fsdp)),
        "--layout.pmap" if layout.pmap else "--layout.no-pmap",
    ]
    module = "experiments.endurance.parts.agreement"
    started = processes_.together(
        module, flags, layout.processes, layout.devices,
        more={"JAX_DISABLE_MOST_OPTIMIZATIONS": "1"},
    )  # fmt: skip
    if any([process.wait() for process in started]):
        raise ChildProcessError(f"the processes of {layout.name} failed; see above")


def _read(folder, name, steps, kind="") -> dict[str, np.ndarray]:
    with np.load(folder / f"{name}_{steps}{kind}.npz", allow_pickle=False) as file:
        return dict(file)


if __name__ == "__main__":
    cli.run(main, Config, description=__doc__)
