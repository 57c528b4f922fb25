"""Compares training on one device, many, several processes, sharded, and by pmap.

    python -m experiments.endurance.agreement
    python -m experiments.endurance.agreement --models dcgan infogan --steps 1 10

Trains every model of the library, at its size for tests, for one step and for ten on
each layout of devices, in separate processes, and compares the whole state and the
losses with those of a single device. Two numbers a and b deviate by |a - b| / (1 +
|b|). The table has the largest deviation of each model, and beside it the largest
difference within an array over its largest number, which is stricter if all numbers of
an array are small. All games train by plain gradient descent: Adam divides by the size
of a gradient, and so turns the rounding of a tiny one into whole steps.

Some games amplify small differences at times. So each is also trained on one device
from weights that were nudged to the next float32 number: no layout can be expected to
deviate less than that.

Under pmap every device draws its own noise, which is a different computation from that
of the global batch, so it is compared with `jax.vmap` over the same shards on one
device.

Takes about 20 minutes on two cores, nearly all of it compiling, although most
optimisations are switched off. Writes results.json.
"""

import concurrent.futures
import dataclasses
import functools
import pathlib
import tempfile
from typing import Literal

import numpy as np
from tqdm import tqdm

from experiments.endurance.parts import processes
from experiments.endurance.parts.agreement import BATCH, RATE, Layout
from jaxgan import bounds
from jaxgan.lab import cli, figures
from jaxgan.models import model as models
from jaxgan.train.terminal import say

LEAST = 1e-3  # arrays whose largest number is smaller are mostly rounding errors
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
    """Directory for results.json."""
    models: tuple[str, ...] = ()
    """Models to train; all of the library if left out."""
    steps: tuple[bounds.Count, ...] = (1, 10)
    """Numbers of steps after which to compare."""
    dtype: Literal["float32", "bfloat16"] = "float32"
    """Arithmetic of the networks; bfloat16 leaves out models that only have float32."""
    at_once: bounds.Count = 2
    """Layouts to train at the same time."""

    def __post_init__(self):
        bounds.check(self, flags=True)
        for name in self.models:
            models.named(name)
        if not self.steps:
            raise ValueError("--steps is empty; give one number or more")


def main(config: Config) -> None:
    """Trains on every layout, compares, and writes the table."""
    config = dataclasses.replace(config, models=config.models or tuple(models.find()))
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        homes = [root / str(i) for i in range(len(LAYOUTS) + 1)]
        train = functools.partial(_train_apart, config)
        with concurrent.futures.ThreadPoolExecutor(config.at_once) as pool:
            trained = pool.map(train, (ONE, *LAYOUTS), homes)
            list(tqdm(trained, total=len(homes), unit="layout"))
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
    """Model -> steps -> deviation of the states in a folder."""
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
    """The largest differences between two states, measured in two ways.

    Raises:
        ValueError: they have different arrays.
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


def _train_apart(config, layout, folder) -> None:
    """Trains all models on a layout, in separate processes."""
    folder.mkdir()
    flags = [
        *("--folder", str(folder), "--models", *config.models),
        *("--steps", *map(str, config.steps), "--dtype", config.dtype),
        *("--layout.processes", str(layout.processes)),
        *("--layout.devices", str(layout.devices), "--layout.fsdp", str(layout.fsdp)),
        "--layout.pmap" if layout.pmap else "--layout.no-pmap",
    ]
    module = "experiments.endurance.parts.agreement"
    started = processes.together(
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
