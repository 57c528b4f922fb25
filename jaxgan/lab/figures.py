"""Pictures of several panels: tiles, sheets and curves of runs, and their numbers."""

import pathlib
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from jaxgan import report
from jaxgan.lab import pixels, session
from jaxgan.train import Run, directory
from jaxgan.train.terminal import say

SCORES = (
    "frechet_distance",
    "mnist_score",
    "class_score",
    "class_divergence",
    "pairwise_distance",
)
NAME = 24  # letters of the name of a class, at most
SMOOTHED = 15  # logged values a point of a curve is the mean of


def new(width: float, height: float, space: float = 0.02) -> Figure:
    """An empty figure, its width and height in hundreds of pixels."""
    figure = Figure(figsize=(width, height), dpi=100)
    figure.set_layout_engine("constrained", wspace=space, hspace=space)
    FigureCanvasAgg(figure)
    return figure


def tiles(axes: Axes, rows: Any, left: Sequence[str], above: Sequence[str]) -> None:
    """Draws images `[R, C, H, W, channels]` in [0, 1], with a label a row and column.

    Args:
        axes: where.
        rows: the images.
        left: a label for each row.
        above: a label for each column.
    """
    rows = np.asarray(pixels.to_bytes(jnp.asarray(rows)))
    count, columns, height, width, channels = rows.shape
    sheet = report.sheet(rows.reshape(-1, height, width, channels), columns)
    if channels == 1:
        sheet = sheet.repeat(3, -1)
    axes.imshow(sheet)
    axes.set_yticks(middles(count, height), left)
    axes.set_xticks(middles(columns, width), above)
    axes.tick_params(length=0, labeltop=True, labelbottom=False)
    axes.spines[:].set_visible(False)


def plain(names: Sequence[str]) -> list[str]:
    """Names of classes as text of a figure: long ones cut short, none a formula."""
    short = [name if len(name) <= NAME else f"{name[: NAME - 1]}…" for name in names]
    return [name.replace("$", r"\$") for name in short]


def save_rows(
    path: pathlib.Path,
    rows: np.ndarray,
    names: Sequence[str],
    about: str = "a row a class, a column a latent",
) -> None:
    """Writes images `[R, C, H, W, channels]` as a sheet, a name beside each row."""
    count, columns, height, width, _ = rows.shape
    scale = max(1.0, 12 / height)  # inches of text do not shrink with the images
    figure = new(1 + columns * width * scale / 100, 0.2 + count * height * scale / 100)
    tiles(figure.subplots(), rows / np.float32(255), plain(names), [""] * columns)
    save(path, figure, about)


def save_sentences(
    path: pathlib.Path, rows: Any, said: Sequence[str], above: Sequence[str] = ()
) -> None:
    """Writes images `[R, C, H, W, channels]` with the sentence they are drawn for.

    Args:
        path: of the picture.
        rows: bytes; a row for each sentence.
        said: the sentences; empty ones go on with what is above.
        above: a heading for each column, or none.
    """
    rows = np.asarray(rows)
    scale = max(1, 64 // rows.shape[2])  # so that three lines of text fit
    rows = rows.repeat(scale, 2).repeat(scale, 3)
    count, columns, side = rows.shape[:3]
    labels = [textwrap.fill(text, 30) for text in said]
    figure = new(3 + columns * side / 90, count * side / 90)
    axes = figure.subplots()
    tiles(axes, rows / np.float32(255), labels, above or [""] * columns)
    axes.set_anchor("E")  # all that is left over is for the sentences
    save(path, figure, "captions, and what is drawn for them")


def middles(count: int, side: int) -> np.ndarray:
    """Where in a sheet the middles of its tiles are."""
    return report.GAP + (side - 1) / 2 + np.arange(count) * (side + report.GAP)


def save(path: pathlib.Path, figure: Figure, about: str) -> None:
    """Writes a picture, and says so."""
    canvas = figure.canvas
    assert isinstance(canvas, FigureCanvasAgg)
    canvas.draw()
    image = np.asarray(canvas.buffer_rgba())[..., :3]
    grey = (image == image[..., :1]).all()  # then one channel says it all
    report.save_png(path, image[..., :1] if grey else image)
    say(f"{path}: {about}")


def save_results(path: pathlib.Path, results: dict[str, Any]) -> None:
    """Writes the numbers behind the pictures, with the command that made them."""
    session.save_json(path, {"command": session.command(), **results})
    say(f"{path}: the numbers")


def last_sheet_file(run: Run, name: str) -> pathlib.Path:
    """The file of the latest sheet of a run."""
    sheets = directory.sheets(run.workdir, name)
    return sheets[max(sheets)]


def last_sheet(run: Run, name: str = "ema") -> np.ndarray:
    """The latest sheet of a run, grey, `[H, W]` uint8."""
    return grey(last_sheet_file(run, name))


def grey(path: pathlib.Path) -> np.ndarray:
    """A picture of a file, grey, `[H, W]` uint8."""
    with Image.open(path) as image:
        return np.asarray(image.convert("L"))


def show(axes: Axes, sheet: np.ndarray, title: str) -> None:
    """Draws a sheet, with a line above it."""
    axes.imshow(sheet, cmap="gray", vmin=0, vmax=255)
    axes.set_title(title, fontsize="medium")
    axes.set_axis_off()


def curve(
    axes: Axes, run: Run, metric: str, label: str, **style: Any
) -> tuple[np.ndarray, np.ndarray]:
    """Draws a metric over steps, as a moving average over a thin line of all of it.

    Returns:
        Steps and values, as logged.
    """
    rows = [row for row in directory.scalars(run.workdir) if metric in row]
    steps = np.array([row["step"] for row in rows])
    values = np.array([row[metric] for row in rows])
    count = min(SMOOTHED, len(values))
    smooth = np.convolve(values, np.ones(count) / count, "valid")
    (line,) = axes.plot(steps[count - 1 :], smooth, label=label, lw=1.5, **style)
    axes.plot(steps, values, color=line.get_color(), alpha=0.25, lw=0.7)
    axes.grid(alpha=0.3)
    axes.set_xlabel("step")
    return steps, values


def write(
    title: str,
    workdir: pathlib.Path,
    results: Mapping[str, Mapping[str, Any]],
    pictures: Mapping[str, pathlib.Path],
    **more: Any,
) -> None:
    """Writes what runs gave side by side: results.json and a page.

    Args:
        title: of the page.
        workdir: above the runs.
        results: run -> its results.
        pictures: caption -> file, for the page.
        more: other facts, for both.
    """
    first, *others = results.values()
    common = {
        key: first[key]
        for key in ("data", "steps", "batch_size", "seed", "device")
        if all(found[key] == first[key] for found in others)
    }
    scores = {
        name: {key: found[key] for key in found if key not in common}
        for name, found in results.items()
    }
    facts = common | more
    save_results(workdir / directory.RESULTS, {**facts, "runs": scores})
    short = {
        name: {key: f"{found[key]:.4g}" for key in SCORES if found.get(key) is not None}
        for name, found in results.items()
    }
    page = report.page(
        title, {**facts, **short, "command": session.command()}, pictures
    )
    report.write(workdir / directory.REPORT, page)


def distance(results: Mapping[str, Any]) -> str:
    """The Fréchet distance of a run, for a title; nothing where none was measured."""
    value = results.get("frechet_distance")
    return "" if value is None else f"\nFréchet distance {value:.1f}"
