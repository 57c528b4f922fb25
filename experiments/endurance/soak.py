"""Trains for long, and checks that memory stays flat and that nothing is recompiled.

    python -m experiments.endurance.soak
    python -m experiments.endurance.soak --steps 20000 --streamed

Trains a small DCGAN with all that a run does (sheets, scalars, checkpoints), and checks
the process every hundred steps: the memory that it holds, the arrays on the devices,
and the programs compiled (the first checkpoint, after a hundred steps, compiles too).
Reads images from memory or, with --streamed, from files on disk. Takes about a minute
for 2,000 steps on two cores. Writes results.json.
"""

import dataclasses
import pathlib
import resource
import tempfile
from typing import Annotated

import jax
import jax.monitoring
import numpy as np

from jaxgan import bounds, data, game, nn, report, train
from jaxgan.lab import cli, feeds, figures
from jaxgan.lab.data import Data, Set
from jaxgan.models import dcgan
from jaxgan.train import directory
from jaxgan.train.terminal import say

BETWEEN = 100  # steps
MODEL = dcgan.Config(resolution=16, width=8, kernel=4)


@dataclasses.dataclass(frozen=True)
class Config:
    """How long to train."""

    workdir: pathlib.Path = pathlib.Path("runs/soak")
    """Directory for the run and results.json; older ones there are removed."""
    steps: Annotated[int, bounds.Within(4 * BETWEEN)] = 2000
    """Training steps."""
    streamed: bool = False
    """Whether to read images from disk instead of memory."""

    def __post_init__(self):
        bounds.check(self, flags=True)


def main(config: Config) -> None:
    """Trains, measures and reports."""
    directory.remove(config.workdir / "run")
    run = train.Run(
        workdir=config.workdir / "run",
        steps=config.steps,
        batch_size=16,
        sample_every=BETWEEN,
        checkpoint_every=BETWEEN,
    )
    seen = []
    compiled = []

    def listen(event, duration_secs, **_):
        del duration_secs
        if event == "/jax/core/compile/backend_compile_duration":
            compiled.append(event)

    latent = dcgan.latent(MODEL, jax.random.key(1), 16)

    @jax.jit
    def draw(variables):
        return nn.to_uint8(dcgan.sample(MODEL, variables, latent))

    def measure(state):
        seen.append(
            {
                "step": int(state.step),
                "resident MiB": _resident_mib(),
                "device arrays": len(jax.live_arrays()),
                "device MiB": sum(x.nbytes for x in jax.live_arrays()) / 2**20,
                "compiled": len(compiled),
            }
        )
        return {"raw": np.asarray(draw(game.variables(state)))}

    mesh = train.devices(run)
    jax.monitoring.register_event_duration_secs_listener(listen)
    with tempfile.TemporaryDirectory() as folder:
        images = _images(pathlib.Path(folder) if config.streamed else None)
        feed = feeds.feed(images, run, mesh, between=dcgan.MODEL.range)
        algorithm = game.algorithm(dcgan.game(MODEL))
        train.train(algorithm, feed, run, {"steps": config.steps}, measure, mesh)
    half = seen[len(seen) // 2 :]  # by then caches and the allocator's pools are full
    growth = np.polyfit([x["step"] for x in half], [x["resident MiB"] for x in half], 1)
    results = {
        "streamed": config.streamed,
        "steps": config.steps,
        "KiB a step, second half": round(float(growth[0]) * 1024, 3),
        "most MiB ever": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "compiled after two hundred steps": seen[-1]["compiled"] - seen[2]["compiled"],
        "device arrays, second half": sorted({x["device arrays"] for x in half}),
        "seen": seen,
    }
    figures.save_results(config.workdir / "results.json", results)
    say(
        f"{config.steps} steps: {half[0]['resident MiB']:.0f} MiB at step"
        f" {half[0]['step']}, {half[-1]['resident MiB']:.0f} at step"
        f" {half[-1]['step']} ({results['KiB a step, second half']} KiB a step);"
        f" {results['device arrays, second half']} arrays on the devices;"
        f" {results['compiled after two hundred steps']} programs compiled after the"
        " first two hundred steps"
    )


def _images(folder: pathlib.Path | None) -> Set:
    """Makes drawn faces, in memory or read from a folder for every batch."""
    source = data.open_source("faces:256", size=MODEL.resolution)
    held = data.load(source, size=MODEL.resolution, channels=3)
    if folder:
        for i, image in enumerate(held["image"]):
            report.save_png(folder / f"{i:03}.png", image)
        source = data.open_source(f"folder:{folder}")
        held = data.fitted(source, size=MODEL.resolution, channels=3)
    shape = (MODEL.resolution, MODEL.resolution, 3)
    return Set(Data("faces", flip=True), "faces", "soak", held, {}, shape)


def _resident_mib() -> float:
    """The memory that the process holds."""
    status = pathlib.Path("/proc/self/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1]) / 1024


if __name__ == "__main__":
    cli.run(main, Config, description=__doc__)
