"""Writes what people look at in a run: scalars, sheets, strips, curves, a page.

These are functions of arrays and files. Pictures are written wholly or not at all, and
reports are made from the files of a run, so that a resumed run has one report.
"""

import contextlib
import io
import json
import os
import pathlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from jaxgan import paths
from jaxgan.report.document import page as page

GAP = 2  # pixels between the tiles of a sheet


def sheet(images: np.ndarray, columns: int | None = None) -> np.ndarray:
    """Tiles images `[N, H, W, C]` uint8 row by row, on white: `[height, width, C]`.

    Args:
        images: at least one image; or rows of them, `[R, columns, H, W, C]`.
        columns: the number of tiles in a row; by default the sheet is about square.
    """
    if images.ndim == 5:
        columns = images.shape[1]
        images = images.reshape(-1, *images.shape[2:])
    n, h, w, c = images.shape
    columns = columns or int(np.ceil(np.sqrt(n)))
    rows = -(-n // columns)
    out = np.full((rows * (h + GAP) + GAP, columns * (w + GAP) + GAP, c), 255, np.uint8)
    for i, image in enumerate(images):
        y, x = (GAP + (i // columns) * (h + GAP), GAP + (i % columns) * (w + GAP))
        out[y : y + h, x : x + w] = image
    return out


def save_png(path: pathlib.Path, image: np.ndarray) -> None:
    """Writes `[H, W, 1 or 3]` uint8."""
    file = io.BytesIO()
    _to_pil(image).save(file, "PNG", optimize=True)
    write(path, file.getvalue())


def save_gif(
    path: pathlib.Path, frames: Iterable[np.ndarray], milliseconds: int = 80
) -> None:
    """Writes frames `[H, W, 1 or 3]` uint8 as an endless animation."""
    first, *rest = (_to_pil(frame) for frame in frames)
    file = io.BytesIO()
    first.save(
        file, "GIF", save_all=True, append_images=rest, duration=milliseconds, loop=0
    )
    write(path, file.getvalue())


def write(path: pathlib.Path, content: bytes | str) -> None:
    """Writes a file wholly or not at all, see `paths.replacing`.

    Text becomes UTF-8. Names of files may have bytes that are not UTF-8 themselves;
    those are written as escapes.
    """
    if isinstance(content, str):
        content = content.encode(errors="backslashreplace")
    with _named(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with paths.replacing(path) as file:
            file.write(content)


def append(path: pathlib.Path, content: bytes) -> None:
    """Adds to a file, or leaves it as it was where the disk is full."""
    with _named(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        size = path.stat().st_size if path.exists() else 0
        try:
            with path.open("ab") as file:
                file.write(content)
        except OSError:
            with contextlib.suppress(OSError):
                os.truncate(path, size)
            raise


@contextlib.contextmanager
def _named(path: pathlib.Path) -> Iterator[None]:
    """Names the file in an error of the disk, which by itself may name none."""
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error


def strip(sheets: Mapping[int, pathlib.Path], tile: int, count: int = 8) -> np.ndarray:
    """Shows the first row of sheets over time: one row for each step, with its number.

    Args:
        sheets: step -> file of its sheet, all of one size.
        tile: the side of a tile in pixels.
        count: the largest number of steps to show, see `doubling`.
    """
    rows = []
    for step in doubling(sorted(sheets), count):
        with Image.open(sheets[step]) as image:
            row = np.asarray(image.convert("RGB"))[: tile + 2 * GAP, : 8 * (tile + GAP)]
        label = Image.new("RGB", (56, row.shape[0]), "white")
        ImageDraw.Draw(label).text((4, row.shape[0] // 2 - 6), str(step), fill="black")
        rows.append(np.concatenate([np.asarray(label), row], axis=1))
    return np.concatenate(rows)


def doubling(steps: Sequence[int], count: int) -> list[int]:
    """The first of some steps, the last, and those between that double.

    Pictures change most at the start.

    Args:
        steps: in order, at least one.
        count: the largest number of steps to keep.
    """
    wanted = np.geomspace(1, len(steps), min(count, len(steps))).round().astype(int) - 1
    return sorted({steps[i] for i in wanted})


def first_row(path: pathlib.Path, tiles: int) -> np.ndarray:
    """The first tiles of a sheet, as wide as high, without the white around them."""
    with Image.open(path) as image:
        pixels = np.asarray(image.convert("RGB"))
    side = tile_height(pixels) + GAP
    return pixels[GAP:side, GAP : tiles * side]


def tiles(path: pathlib.Path) -> np.ndarray:
    """The images of a sheet of square ones, `[N, side, side, 3]` uint8."""
    with Image.open(path) as image:
        pixels = np.asarray(image.convert("RGB"))
    side = tile_height(pixels) + GAP
    pixels = pixels[GAP:, GAP:]
    rows, columns = pixels.shape[0] // side, pixels.shape[1] // side
    cut = pixels[: rows * side, : columns * side].reshape(rows, side, columns, side, 3)
    return cut.swapaxes(1, 2).reshape(-1, side, side, 3)[:, :-GAP, :-GAP]


def tile_height(sheet: np.ndarray) -> int:
    """The height of the tiles of a sheet `[H, W, C]`, seen from the white between them.

    Where several heights are possible, as on white images, it is the smallest; where
    none is, the sheet is one tile.
    """
    white = (sheet == 255).all(axis=(1, 2))
    inner = len(white) - GAP
    between = white[:-1] & white[1:]
    for height in range(GAP + 2, inner - GAP):
        period = height + GAP
        if inner % period == 0 and between[period::period].all():
            return height
    return max(1, inner - GAP)


def append_scalars(path: pathlib.Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Adds JSON lines to a file of scalars."""
    append(path, "".join(json.dumps(row) + "\n" for row in rows).encode())


def read_scalars(path: pathlib.Path) -> list[dict[str, Any]]:
    """Reads the rows of a file of scalars, without a last line cut short by a crash."""
    if not path.exists():
        return []
    rows = []
    for line in path.read_text(errors="replace").splitlines():
        try:
            rows.append(json.loads(line))
        except json.JSONDecodeError:
            break
    return rows


def rewind_scalars(path: pathlib.Path, step: int) -> None:
    """Drops the rows after `step`, which will be written again."""
    rows = [row for row in read_scalars(path) if row["step"] <= step]
    write(path, "".join(json.dumps(row) + "\n" for row in rows))


def curves(rows: Sequence[Mapping[str, Any]], title: str) -> np.ndarray:
    """Plots every metric over steps, one panel for each player: `[H, W, 3]` uint8.

    Metrics of a panel that are all positive and orders of magnitude apart, such as an
    error that falls to a hundredth, are drawn on a logarithmic scale.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    names = sorted({name for row in rows for name in row if "/" in name})
    players = sorted({name.partition("/")[0] for name in names})
    figure = Figure(figsize=(9, 2.4 * max(1, len(players))), layout="constrained")
    figure.suptitle(title)
    axes = figure.subplots(max(1, len(players)), 1, sharex=True, squeeze=False)[:, 0]
    for player, ax in zip(players, axes, strict=False):
        values = []
        for name in [n for n in names if n.startswith(player + "/")]:
            points = [(row["step"], row[name]) for row in rows if name in row]
            ax.plot(*zip(*points, strict=True), label=name.partition("/")[2], lw=1)
            values += [value for _, value in points]
        positive = [value for value in values if value > 0]
        if positive and min(values) >= 0 and max(positive) > 100 * min(positive):
            ax.set_yscale("log", nonpositive="mask")
        ax.set_ylabel(player)
        ax.grid(alpha=0.3)
        ax.legend(loc="upper right", fontsize="small")
    axes[-1].set_xlabel("step")
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3]


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table in Markdown.

    Args:
        head: a title for each column.
        rows: what stands below them.
    """
    lines = [f"| {' | '.join(map(str, row))} |" for row in (head, *rows)]
    return "\n".join([lines[0], "|" + "---|" * len(head), *lines[1:]])


def _to_pil(image: np.ndarray) -> Image.Image:
    return Image.fromarray(
        np.asarray(image).squeeze(-1) if image.shape[-1] == 1 else image
    )
