"""Walks through the latents of a finished run, and measures how smooth the images are.

    python -m experiments.latent_walk --run runs/dcgan_faces
    python -m experiments.latent_walk --run runs/dcgan_faces --path spherical --stops 5

Radford, Metz and Chintala, arXiv:1511.06434, walk along straight lines between nine
random latents: a generator that had only memorised images would jump from one to the
next. Here jumps are measured as well. A step is the root mean square change of a pixel
from one picture to the next. On a smooth walk no step is much larger than the mean one,
all are far below the distance between two independent samples, and twice as many steps
are half as large. For runs on drawn faces the command also measures how far the factors
of a face (its yaw, its smile, ...) move, as the regressor reads them.

Takes a minute on two CPU cores; the first run on drawn faces trains the regressor,
which takes some more. The run itself is only read. --workdir gets walk_*.png (a row
from each point to the next) and walk_*.gif, for straight lines and for great circles,
grid.png (a grid between four points), steps.png and results.json.
"""

import dataclasses
import pathlib
from typing import Annotated, Literal

import jax
import numpy as np

from experiments.latent_walk.measuring import about, measure, steps, summary
from experiments.latent_walk.pictures import (
    KINDS,
    draw_grid,
    draw_steps,
    draw_walk,
    save_animation,
)
from jaxgan import bounds
from jaxgan.analysis import latent
from jaxgan.lab import figures, inference, painting
from jaxgan.train.terminal import say

WALK, CORNERS = 0, 1  # purposes of random keys


@dataclasses.dataclass(frozen=True)
class Config:
    """The run, and the walk through its latents."""

    run: pathlib.Path
    """Directory of a finished run of a generator; it is only read."""
    workdir: pathlib.Path = pathlib.Path("runs/latent_walk")
    """Directory for the pictures and the results."""
    stops: Annotated[int, bounds.Within(2)] = 9
    """Random latents that the walk passes through, before it returns to the first."""
    frames: Annotated[int, bounds.Within(2)] = 10
    """Steps from one stop to the next."""
    rows: bounds.Natural = 0
    """Rows of the picture, one from each stop to the next; 0 shows all."""
    path: Literal["linear", "spherical", "both"] = "both"
    """Straight lines, as in the paper, or great circles, where Gaussian latents lie."""
    walks: bounds.Count = 16
    """Walks that are measured; the picture shows the first."""
    seed: bounds.Seed = 0
    """Seed of the latents."""
    ema: bool = True
    """Whether to use the moving average of the weights."""

    def __post_init__(self):
        bounds.check(self, flags=True)
        if self.rows > self.stops:
            raise ValueError(
                f"--rows is {self.rows}, but there are {self.stops} rows, one from each"
                " stop to the next"
            )


def main(config: Config) -> None:
    """Walks, measures and draws."""
    trained = inference.open_run(config.run, ema=config.ema)
    painter, factors = painting.painter(trained), painting.reader(trained)
    key = jax.random.key(config.seed)
    count = config.stops * config.walks
    stops = painter.vectors(jax.random.fold_in(key, WALK), count)
    stops = stops.reshape(config.stops, config.walks, -1)
    kinds = list(KINDS) if config.path == "both" else [config.path]
    walks = {kind: walk(config, trained, painter, stops, kind) for kind in kinds}
    apart = {kind: steps(images[::2]) for kind, (_, images) in walks.items()}
    results = {
        kind: measure(images, apart[kind], config.frames, factors)
        for kind, (_, images) in walks.items()
    }
    for kind, (_, images) in walks.items():
        draw_walk(config, kind, painter, stops, inference.class_names(trained))
        save_animation(config.workdir / f"walk_{kind}.gif", images[::2], KINDS[kind])
    norms = {
        kind: np.linalg.norm(np.asarray(path[::2]), axis=-1)
        for kind, (path, _) in walks.items()
    }
    mean = float(np.mean([found["independent"]["mean"] for found in results.values()]))
    draw_steps(config, apart, norms, mean)
    corners = painter.vectors(jax.random.fold_in(key, CORNERS), 4)
    draw_grid(config, painter, corners, kinds)
    facts = {
        "step": trained.step,
        "config": dataclasses.asdict(config),
        "about": about(trained.classes),
        **results,
    }
    if factors is not None:
        facts["regressor"] = dict(factors.quality)
    figures.save_results(config.workdir / "results.json", facts)
    for kind, found in results.items():
        say(f"{KINDS[kind]}: {summary(found)}")


def walk(config: Config, trained, painter, stops, kind: str):
    """Makes latents and images of walks at twice the frames, `[2 K, W, ...]`.

    Every other picture belongs to the walk itself.
    """
    path = latent.walk(
        stops, 2 * config.frames, spherical=kind == "spherical", closed=True
    )
    labels = np.arange(config.walks) % max(1, trained.classes)  # a class for each walk
    return path, painter.paint(path, np.broadcast_to(labels, path.shape[:2]))
