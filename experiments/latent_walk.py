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
grid.png (all that lies between four points), steps.png and results.json.
"""

import dataclasses
import pathlib
from typing import Annotated, Any, Literal

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan import bounds, report
from jaxgan.analysis import latent
from jaxgan.lab import cli, figures, inference, painting
from jaxgan.train.terminal import say

KINDS = {"linear": "straight lines", "spherical": "great circles"}
SHOWN = 9  # walks side by side in the animation
SIDE = 7  # rows and columns of the grid
WALK, CORNERS = 0, 1  # purposes of random keys


@dataclasses.dataclass(frozen=True)
class Config:
    """Which walk through which run."""

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
    seed: int = 0
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
    painter = painting.painter(trained)
    factors = painting.reader(trained)
    key = jax.random.key(config.seed)
    shape = (config.stops, config.walks)
    stops = painter.vectors(jax.random.fold_in(key, WALK), config.stops * config.walks)
    stops = stops.reshape(*shape, -1)
    labels = np.arange(config.walks) % max(1, trained.classes)  # a class a walk
    kinds = list(KINDS) if config.path == "both" else [config.path]
    fine = {}
    for kind in kinds:  # at twice the frames: every other picture is the walk's
        path = latent.walk(
            stops, 2 * config.frames, spherical=kind == "spherical", closed=True
        )
        fine[kind] = path, painter.paint(path, np.broadcast_to(labels, path.shape[:2]))
    results: dict[str, Any] = {
        "step": trained.step,
        "config": dataclasses.asdict(config),
        "about": {
            "pixels": "are from 0 to 1; a step is the root mean square over an image",
            "independent": "distance of independent samples"
            + (" of the same class" if trained.classes else ""),
            "largest_over_mean": "for each walk; the median of walks, and the worst",
            "halved": "largest step with twice the frames over the largest step: 0.5 if"
            " smooth, 1 at a jump",
        },
    }
    apart = {}
    for kind, (_, images) in fine.items():
        walked = images[::2]
        apart[kind] = _steps(walked)
        independent = _steps(walked[:: config.frames])
        results[kind] = smoothness(apart[kind], independent, _steps(images))
        if factors is not None:
            read = painting.read(factors, walked)
            results[kind]["factors"] = {
                name: lengths(values, config.frames) for name, values in read.items()
            }
        _draw_walk(config, kind, painter, stops, trained.classes)
        shown = [report.sheet(frame) for frame in walked[:, :SHOWN]]
        gif = config.workdir / f"walk_{kind}.gif"
        report.save_gif(gif, [enlarged(frame, images.shape[-2]) for frame in shown])
        say(f"{gif}: {min(SHOWN, config.walks)} walks along {KINDS[kind]}")
    norms = {
        kind: np.linalg.norm(np.asarray(path[::2]), axis=-1)
        for kind, (path, _) in fine.items()
    }
    mean = float(np.mean([results[kind]["independent"]["mean"] for kind in kinds]))
    _draw_steps(config, apart, norms, mean)
    corners = painter.vectors(jax.random.fold_in(key, CORNERS), 4)
    _draw_grid(config, painter, corners, kinds)
    if factors is not None:
        results["regressor"] = dict(factors.quality)
    figures.save_results(config.workdir / "results.json", results)
    for kind in kinds:
        found = results[kind]
        say(
            f"{KINDS[kind]}: the largest step is"
            f" {found['largest_over_mean']['median']:.2f} times the mean (worst"
            f" {found['largest_over_mean']['worst']:.2f}) and"
            f" {found['largest_over_independent']:.2f} of the distance of independent"
            f" samples; {found['halved']:.2f} of it with twice the frames"
        )


def smoothness(
    steps: np.ndarray, independent: np.ndarray, halved: np.ndarray
) -> dict[str, Any]:
    """Measures closed walks.

    Args:
        steps: `[K, W]`, those of W walks.
        independent: `[S, W]`, between their stops.
        halved: `[2 K, W]`, those of the same walks with twice as many steps.
    """
    ratio = steps.max(0) / np.maximum(steps.mean(0), 1e-12)
    return {
        "mean_step": float(steps.mean()),
        "largest_step": float(steps.max()),
        "largest_over_mean": {
            "median": float(np.median(ratio)), "worst": float(ratio.max()),
        },
        "independent": {
            "mean": float(independent.mean()), "least": float(independent.min()),
        },
        "largest_over_independent": float(
            steps.max() / np.maximum(independent.mean(), 1e-12)
        ),
        "halved": float(halved.max() / np.maximum(steps.max(), 1e-12)),
    }  # fmt: skip


def lengths(values: np.ndarray, frames: int) -> dict[str, float]:
    """Measures how far a factor moves on closed walks.

    Args:
        values: `[S * frames, W]`, read off the pictures.
        frames: steps from one stop to the next.

    Returns:
        `length`, the mean length of the path from a stop to the next, in units of the
        factor; and `detour`, that length over the change from stop to stop: 1 for
        factors that never turn back in between.
    """
    steps = np.abs(np.roll(values, -1, 0) - values)
    at_stops = values[::frames]
    direct = np.abs(np.roll(at_stops, -1, 0) - at_stops)
    length = steps.sum() / direct.size
    return {
        "length": float(length),
        "detour": float(length / np.maximum(direct.mean(), 1e-12)),
    }


def enlarged(image: np.ndarray, side: int) -> np.ndarray:
    """A sheet of tiles of a side, with pixels doubled where those are small."""
    times = 2 if side <= 64 else 1
    return image.repeat(times, 0).repeat(times, 1)


def _steps(images: np.ndarray) -> np.ndarray:
    """Steps `[K, W]` of closed walks uint8 `[K, W, H, W, C]`, pixels from 0 to 1."""
    return np.asarray(latent.steps(jnp.asarray(images), closed=True)) / 255


def _draw_walk(config: Config, kind: str, painter, stops, classes: int) -> None:
    rows = config.rows or config.stops
    ends = stops[:, 0], jnp.roll(stops[:, 0], -1, 0)
    legs = latent.walk(
        jnp.stack(ends)[:, :rows], config.frames, spherical=kind == "spherical",
        closed=False,
    )  # fmt: skip
    labels = np.arange(rows) % max(1, classes)
    images = painter.paint(legs, np.broadcast_to(labels, legs.shape[:2]))
    images = images.swapaxes(0, 1) / 255
    left = [f"{row + 1} to {(row + 1) % config.stops + 1}" for row in range(rows)]
    if classes:
        left = [f"{text}\nclass {c}" for text, c in zip(left, labels, strict=True)]
    above = [f"{100 * t / config.frames:.0f} %" for t in range(config.frames + 1)]
    scale = tile_side(images.shape[-2]) / images.shape[-2]
    width, height = (
        scale * count * (images.shape[-2] + report.GAP) / 100
        for count in (config.frames + 1, rows)
    )
    figure = figures.new(width + 0.9, height + 0.8)
    figure.suptitle(
        f"Along {KINDS[kind]} between {config.stops} random latents,"
        " a row from each to the next"
    )
    figures.tiles(figure.subplots(), images, left, above)
    path = config.workdir / f"walk_{kind}.png"
    figures.save(path, figure, f"a walk along {KINDS[kind]}")


def _draw_grid(config: Config, painter, corners, kinds) -> None:
    images = []
    for kind in kinds:
        z = latent.grid(corners, SIDE, SIDE, spherical=kind == "spherical")
        images.append(painter.paint(z))
    side = tile_side(images[0].shape[-2]) * SIDE / 100
    figure = figures.new(len(kinds) * (side + 0.3), side + 0.9)
    figure.suptitle("Four random latents in the corners, all between them in between")
    panels = figure.subplots(1, len(kinds), squeeze=False)[0]
    for axes, kind, sheet in zip(panels, kinds, images, strict=True):
        figures.tiles(axes, sheet / 255, [""] * SIDE, [""] * SIDE)
        axes.set_title(KINDS[kind])
    figures.save(config.workdir / "grid.png", figure, "between four latents")


def _draw_steps(config: Config, apart, norms, independent: float) -> None:
    """Steps and norms against the place between two stops."""
    figure = figures.new(11, 4.2)
    left, right = figure.subplots(1, 2)
    for kind in apart:
        # [S, frames, W] to a row a place.
        steps = apart[kind].reshape(config.stops, config.frames, -1)
        low, middle, high = np.quantile(steps, (0.05, 0.5, 0.95), axis=(0, 2))
        place = (np.arange(config.frames) + 0.5) / config.frames
        (line,) = left.plot(place, middle, marker="o", ms=3, label=KINDS[kind])
        left.fill_between(place, low, high, alpha=0.2, color=line.get_color())
        norm = norms[kind].reshape(config.stops, config.frames, -1).mean((0, 2))
        norm = np.append(norm, norm[0])
        right.plot(np.linspace(0, 1, config.frames + 1), norm, marker="o", ms=3)
    left.axhline(independent, color="black", ls="--", label="two independent samples")
    left.set_ylim(0)
    left.set_ylabel("change of a pixel in a step (RMS, pixels 0 to 1)")
    left.set_title("Steps: median of all walks, and 5 to 95 %")
    left.legend(fontsize="small", loc="center right", framealpha=0.6)
    right.set_ylim(0)
    right.set_ylabel("mean length of the latent")
    right.set_title("How far from the origin walks are")
    for axes in (left, right):
        axes.set_xlabel("from one stop (0) to the next (1)")
        axes.grid(alpha=0.3)
    figures.save(config.workdir / "steps.png", figure, "how large the steps are")


def tile_side(side: int) -> float:
    """The pixels that an image of a side gets in a picture: about 90, or its own."""
    return side * max(2, round(180 / side)) / 2


if __name__ == "__main__":
    cli.run(main, Config, description=__doc__)
