"""Writes the results of GANs on points: numbers, pictures, an animation."""

import dataclasses
from typing import Any

import numpy as np

from experiments.gan_2d.measuring import PICTURES
from experiments.gan_2d.pictures import overview
from jaxgan import report, train
from jaxgan.data.synthetic.points import SETS
from jaxgan.lab import clouds, figures
from jaxgan.train.terminal import say


def write(config: Any, seen: dict[str, np.ndarray], step: int) -> None:
    """Prints the results of all seeds, and writes them.

    Args:
        config: the config of the command.
        seen: the measurements after the last step.
        step: the last step.
    """
    run, points = config.run, SETS[config.data]
    results = clouds.spread(
        {name: value for name, value in seen.items() if name not in PICTURES}
    )
    for name, of in results.items():
        mean, std = (np.mean(of[x]) for x in ("mean", "std"))
        say(f"{name:>20}  {mean:.4g} ± {std:.2g}")
    covered = seen["modes"] == len(points.centres)
    say(f"all {len(points.centres)} modes: {covered.sum()} of {config.seeds} seeds")
    figures.save(
        run.workdir / "samples.png",
        overview(config, seen, step),
        "samples over the discriminator",
    )
    rows = report.read_scalars(run.workdir / "scalars.jsonl")
    report.save_png(run.workdir / "curves.png", report.curves(rows, "GANs on points"))
    clouds.save_frames(
        run.workdir / "animation.gif",
        clouds.frames(run.workdir / "samples", "frame"),
    )
    figures.save_results(
        run.workdir / "results.json",
        {
            "steps": step,
            "modes_there": len(points.centres),
            "seeds_that_cover_all": int(covered.sum()),
            **results,
            "setting": train.as_json(dataclasses.asdict(config)),
        },
    )
