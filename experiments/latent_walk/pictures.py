"""Draws walks: rows, a grid, and the sizes of steps."""

import pathlib
from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxgan import report
from jaxgan.analysis import latent
from jaxgan.lab import figures
from jaxgan.train.terminal import say

KINDS = {"linear": "straight lines", "spherical": "great circles"}
SHOWN = 9  # walks side by side in the animation
SIDE = 7  # rows and columns of the grid


def enlarged(image: np.ndarray, side: int) -> np.ndarray:
    """Makes a sheet of tiles, with pixels enlarged if tiles are small."""
    times = 2 if side <= 64 else 1
    return image.repeat(times, 0).repeat(times, 1)


def save_animation(path: pathlib.Path, walked: np.ndarray, kind: str) -> None:
    """Writes some walks `[K, W, H, W, C]` side by side, as an animation."""
    sheets = [report.sheet(frame) for frame in walked[:, :SHOWN]]
    report.save_gif(path, [enlarged(sheet, walked.shape[-2]) for sheet in sheets])
    say(f"{path}: {min(SHOWN, walked.shape[1])} walks along {kind}")


def draw_walk(config: Any, kind: str, painter, stops, classes) -> None:
    """Draws the first walk: a row from each stop to the next, of one class if any."""
    rows = config.rows or config.stops
    ends = stops[:, 0], jnp.roll(stops[:, 0], -1, 0)
    legs = latent.walk(
        jnp.stack(ends)[:, :rows], config.frames, spherical=kind == "spherical",
        closed=False,
    )  # fmt: skip
    labels = np.arange(rows) % max(1, len(classes))
    images = painter.paint(legs, np.broadcast_to(labels, legs.shape[:2]))
    images = images.swapaxes(0, 1) / 255
    left = [f"{row + 1} to {(row + 1) % config.stops + 1}" for row in range(rows)]
    if classes:
        names = figures.plain(classes)
        each = zip(left, labels, strict=True)
        left = [f"{text}\nclass {names[c]}" for text, c in each]
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


def draw_grid(config: Any, painter, corners, kinds) -> None:
    """Draws a grid between four latents, for each kind of walk."""
    images = []
    for kind in kinds:
        z = latent.grid(corners, SIDE, SIDE, spherical=kind == "spherical")
        images.append(painter.paint(z))
    side = tile_side(images[0].shape[-2]) * SIDE / 100
    figure = figures.new(len(kinds) * (side + 0.3), side + 0.9)
    figure.suptitle("Four random latents in the corners, and a grid between them")
    panels = figure.subplots(1, len(kinds), squeeze=False)[0]
    for axes, kind, sheet in zip(panels, kinds, images, strict=True):
        figures.tiles(axes, sheet / 255, [""] * SIDE, [""] * SIDE)
        axes.set_title(KINDS[kind])
    figures.save(config.workdir / "grid.png", figure, "between four latents")


def draw_steps(config: Any, apart, norms, independent: float) -> None:
    """Draws steps and norms over the place between two stops."""
    figure = figures.new(11, 4.2)
    left, right = figure.subplots(1, 2)
    for kind in apart:
        # [S, frames, W] to a row for each place.
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
    right.set_title("The distance of walks from the origin")
    for axes in (left, right):
        axes.set_xlabel("from one stop (0) to the next (1)")
        axes.grid(alpha=0.3)
    figures.save(config.workdir / "steps.png", figure, "the sizes of steps")


def tile_side(side: int) -> float:
    """The side of an image in a picture: about 90 pixels, or its own."""
    return side * max(2, round(180 / side)) / 2
