"""One device, many, several processes, sharded parameters, pmap: the same training?

    python -m experiments.endurance.agreement
    python -m experiments.endurance.agreement --models dcgan infogan --steps 1 10

Plays every model of the catalogue, at its size for tests, one step and ten on each
layout of devices, each layout in processes of its own, and compares the whole state and
the losses with those of a single device. The deviation of two arrays is their largest
difference over the largest number of the second, or over 0.001 where that is smaller;
the table has the largest of each model. All games play under plain
gradient descent: Adam divides by the size of a gradient, and so turns the rounding of a
gradient that is nearly zero into whole steps.

Under pmap every device draws its own noise and, like `jax.vmap` over the same shards on
one device, with which it is compared, is another computation than the global batch.

About 20 minutes on two cores, nearly all of it compiling, though the compiler is told
not to try hard. Writes results.json.
"""

import dataclasses
import pathlib
import tempfile

import numpy as np
from tqdm import tqdm

from experiments import _cli, _figures
from experiments._data import say
from experiments.endurance import _processes
from experiments.endurance._agreement import BATCH, RATE, Layout
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

    def __post_init__(self):
        if unknown := [name for name in self.models if name not in CATALOGUE]:
            raise ValueError(
                f"--models names {unknown}; there are {', '.join(sorted(CATALOGUE))}"
            )
        if not self.steps or min(self.steps) < 1:
            raise ValueError(f"--steps is {self.steps}; give numbers from 1")


def main(config: Config) -> None:
    """Plays every layout, compares, writes the table."""
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        for i, layout in enumerate(tqdm((ONE, *LAYOUTS), unit="layout")):
            _play_apart(config, layout, root / str(i))
        table = {
            layout.name: {
                name: {
                    str(steps): deviation(
                        _read(root / str(i), name, steps),
                        _read(root / "0", name, steps, "_pmap" if layout.pmap else ""),
                    )
                    for steps in config.steps
                }
                for name in config.models
                if (root / str(i) / f"{name}_{config.steps[0]}.npz").exists()
            }
            for i, layout in enumerate(LAYOUTS, 1)
        }
    results = {"deviation": table, "batch": BATCH, "learning rate": RATE}
    _figures.save_results(config.workdir / "results.json", results)
    for layout, rows in table.items():
        for steps in config.steps:
            worst = max(rows, key=lambda name: rows[name][str(steps)])
            say(
                f"{layout:>24}, {steps:>2} steps: at most"
                f" {rows[worst][str(steps)]:.1e} ({worst}), {len(rows)} models"
            )


def deviation(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> float:
    """The largest difference within an array of two states, over what it holds.

    Raises:
        ValueError: they do not have the same arrays.
    """
    if one.keys() != other.keys():
        raise ValueError(f"the states differ in {sorted(one.keys() ^ other.keys())}")
    return max(
        float(np.max(np.abs(one[k] - b), initial=0) / np.max(np.abs(b), initial=LEAST))
        for k, b in other.items()
    )


def _play_apart(config, layout, folder) -> None:
    """Plays all models on a layout, in processes of its own."""
    folder.mkdir()
    flags = [
        *("--folder", str(folder), "--models", *config.models),
        *("--steps", *map(str, config.steps)),
        *("--layout.processes", str(layout.processes)),
        *("--layout.devices", str(layout.devices), "--layout.fsdp", str(layout.fsdp)),
        "--layout.pmap" if layout.pmap else "--layout.no-pmap",
    ]
    module = "experiments.endurance._agreement"
    started = _processes.together(
        module, flags, layout.processes, layout.devices,
        environment={"JAX_DISABLE_MOST_OPTIMIZATIONS": "1"},
    )  # fmt: skip
    if any([process.wait() for process in started]):
        raise ChildProcessError(f"the processes of {layout.name} failed; see above")


def _read(folder, name, steps, kind="") -> dict[str, np.ndarray]:
    with np.load(folder / f"{name}_{steps}{kind}.npz", allow_pickle=False) as file:
        return dict(file)


if __name__ == "__main__":
    _cli.run(main, Config, description=__doc__)
