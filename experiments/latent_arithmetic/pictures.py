"""Draws the pictures of arithmetic on latents."""

import pathlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from PIL import Image, ImageDraw

from jaxgan import report
from jaxgan.lab import figures

TILE = 88  # approximate side of an image in a figure, in pixels
RIGHT, WRONG = (42, 157, 58), (209, 73, 91)


def numbered(images: np.ndarray, columns: int = 10) -> np.ndarray:
    """Draws a sheet of images uint8 `[N, H, W, C]` with their numbers above them."""
    times = max(1, round(TILE / images.shape[2]))
    large = images.repeat(times, 1).repeat(times, 2)
    if large.shape[-1] == 1:
        large = large.repeat(3, -1)
    tiles = []
    for i, image in enumerate(large):
        tile = Image.new("RGB", (image.shape[1], image.shape[0] + 14), "white")
        tile.paste(Image.fromarray(image), (0, 14))
        ImageDraw.Draw(tile).text((2, 1), str(i), fill="black")
        tiles.append(np.asarray(tile))
    return report.sheet(np.stack(tiles), columns)


def equation(
    path: pathlib.Path,
    title: str,
    names: Sequence[str],
    exemplars: Sequence[np.ndarray],
    means: np.ndarray,
    noise: np.ndarray,
    control: np.ndarray,
) -> None:
    """The figure of the paper.

    Args:
        path: its file.
        title: its title.
        names: the names of the three concepts, in the order of `start - minus + plus`.
        exemplars: the exemplars of each, uint8 `[N, H, W, C]`.
        means: the images of their averages, `[3, H, W, C]`.
        noise: the result among eight around it, `[9, H, W, C]`.
        control: the same arithmetic on pixels, `[H, W, C]`.
    """
    count = max(len(x) for x in exemplars)
    across = -(-count // 4)  # columns of exemplars
    down = min(count, 4)
    unit = TILE / 100
    widths = [max(across, 1.7)] * 3 + [3.4, 1.7]
    figure = figures.new(
        unit * sum(widths) + 2.4, unit * max(down + 1.6, 3.4) + 1.3, 0.04
    )
    figure.suptitle(title)
    parts: Any = figure.subfigures(1, 5, width_ratios=widths)
    for i, (part, name) in enumerate(zip(parts[:3], names, strict=True)):
        sign = " -+"[i]
        upper, lower = part.subplots(2, 1, height_ratios=[down, 1.35])
        _show(upper, report.sheet(exemplars[i], across), f"{sign} {name}".strip())
        _show(lower, means[i], None, "their mean")
    _show(parts[3].subplots(), report.sheet(noise, 3), "= result, noise around it")
    upper, lower = parts[4].subplots(2, 1)
    _show(upper, noise[4], "result")
    _show(lower, control, "with pixels instead")
    figures.save(path, figure, title)


def trials(
    path: pathlib.Path,
    title: str,
    rows: Sequence[tuple[str, np.ndarray]],
    right: Sequence[np.ndarray | None],
) -> None:
    """Draws rows of trials side by side, with frames that show which are right.

    Args:
        path: the file.
        title: the title.
        rows: name and images uint8 `[T, H, W, C]` of each.
        right: for each row, booleans `[T]` for green or red frames, or None.
    """
    framed = [
        frame(images, verdict) for (_, images), verdict in zip(rows, right, strict=True)
    ]
    names = [name for name, _ in rows]
    strips(path, title, np.stack(framed), names, [""] * len(framed[0]))


def frame(images: np.ndarray, right: np.ndarray | None) -> np.ndarray:
    """Puts images `[N, H, W, 3]` in frames: green if right, red if not, else white."""
    edge = max(1, images.shape[2] // 20)
    colours = np.full((len(images), 3), 255, np.uint8)
    if right is not None:
        colours = np.where(
            right[:, None], np.asarray([RIGHT], np.uint8), np.asarray([WRONG], np.uint8)
        )
    count, height, width, _ = images.shape
    shape = (count, height + 2 * edge, width + 2 * edge, 3)
    framed = np.broadcast_to(colours[:, None, None], shape).copy()
    framed[:, edge:-edge, edge:-edge] = images
    return framed


def strips(
    path: pathlib.Path,
    title: str,
    images: np.ndarray,
    left: Sequence[str],
    above: Sequence[str],
) -> None:
    """Draws labelled rows of images uint8 `[R, K, H, W, C]`."""
    count, columns = images.shape[:2]
    unit = (TILE + report.GAP) / 100
    width = max(len(line) for text in left for line in text.splitlines()) * 0.075
    figure = figures.new(unit * columns + width + 0.3, unit * count + 0.9)
    figure.suptitle(title)
    figures.tiles(figure.subplots(), images / 255, left, above)
    figures.save(path, figure, title)


def _show(axes: Axes, image: np.ndarray, above: str | None = None, below: str = ""):
    axes.imshow(image.repeat(3, -1) if image.shape[-1] == 1 else image)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)
    if above:
        axes.set_title(above, fontsize="medium")
    if below:
        axes.set_xlabel(below)
