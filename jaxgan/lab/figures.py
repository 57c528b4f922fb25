"""Figures with labelled tiles, and the parts of figures of a trained CapsNet."""

import pathlib
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from jaxgan import capsules, report
from jaxgan.lab import capsule_runs, data, digits, session
from jaxgan.models import capsnet

BLOCK = 250  # images encoded together
CANDIDATES = 25  # images of a class to search for one that is classified right

encode = jax.jit(capsnet.encode, static_argnums=0)
decode = jax.jit(capsnet.decode, static_argnums=0)


def restore(
    run: pathlib.Path, *, drawing: bool = False
) -> tuple[capsnet.Config, Any, digits.Sets]:
    """The model of a run on single digits, its variables, and its data.

    Args:
        run: its directory.
        drawing: whether it must have a decoder.

    Raises:
        ValueError: there is no such run, or it has no decoder.
    """
    model, variables, sets = capsule_runs.restore(run)
    if model.objects > 1:
        raise ValueError(
            f"{run} was trained on {model.objects} objects an image; give a run of"
            " experiments.capsnet_mnist"
        )
    if drawing and not model.reconstruction:
        raise ValueError(
            f"{run} has no decoder to draw with; train one with `python -m"
            " experiments.capsnet_mnist` and --model.reconstruction above 0"
        )
    return model, variables, sets


def images(sets: digits.Sets, index: Any) -> np.ndarray:
    """Test images in [0, 1] by their index: `[B, H, W, C]`."""
    return sets.test["image"][index].astype(np.float32) / 255


def in_blocks(function: Callable, *arrays: Any, size: int = BLOCK) -> Any:
    """Applies a compiled function to arrays `[N, ...]`, or trees of them, by blocks.

    The last block is filled up from the start of the arrays: one shape, one program.
    """
    count, parts = len(jax.tree.leaves(arrays)[0]), []
    for first in range(0, count, size):
        index = np.arange(first, first + size) % count
        block = jax.tree.map(lambda x, index=index: x[index], arrays)
        parts.append(jax.tree.map(np.asarray, function(*block)))
    return jax.tree.map(lambda *x: np.concatenate(x)[:count], *parts)


def classified_right(model: capsnet.Config, variables: Any, sets: digits.Sets):
    """The first test image of each class that the network gets right: `[classes]`.

    Classes without such an image are left out.

    Raises:
        ValueError: there is no such image.
    """
    labels = sets.test["label"]
    few = [np.flatnonzero(labels == c)[:CANDIDATES] for c in range(model.classes)]
    index = np.concatenate(few)
    v = in_blocks(lambda image: encode(model, variables, image), images(sets, index))
    right = index[np.asarray(capsules.longest(v))[:, 0] == labels[index]]
    if not len(right):
        raise ValueError(
            "the network classifies none of the first test images right; train it"
            " longer, or name images with flags"
        )
    return right[np.unique(labels[right], return_index=True)[1]]


def at_least(config: Any, **least: int) -> None:
    """Checks fields of a config.

    Raises:
        ValueError: one is smaller; the message names its flag.
    """
    for name, value in least.items():
        if getattr(config, name) < value:
            raise ValueError(
                f"--{name} is {getattr(config, name)}; it must be at least {value}"
            )


def check_digit(sets: digits.Sets, flag: str, index: int) -> None:
    """Checks the index of a test image.

    Raises:
        ValueError: there is no such image.
    """
    count = len(sets.test["label"])
    if not 0 <= index < count:
        raise ValueError(
            f"--{flag} has {index}, but test images are numbered 0 to {count - 1}"
        )


def new(width: float, height: float, space: float = 0.02) -> Figure:
    """An empty figure, its width and height in hundreds of pixels."""
    figure = Figure(figsize=(width, height), dpi=100)
    figure.set_layout_engine("constrained", wspace=space, hspace=space)
    FigureCanvasAgg(figure)
    return figure


def tiles(axes: Axes, rows: Any, left: Sequence[str], above: Sequence[str]) -> None:
    """Draws images `[R, C, H, W, channels]` in [0, 1], with labels of rows and columns.

    Args:
        axes: where.
        rows: the images.
        left: a label for each row.
        above: a label for each column.
    """
    rows = capsule_runs.to_uint8(rows)
    count, columns, height, width, channels = rows.shape
    sheet = report.sheet(rows.reshape(-1, height, width, channels), columns)
    if channels == 1:
        sheet = sheet.repeat(3, -1)
    axes.imshow(sheet)
    axes.set_yticks(middles(count, height), left)
    axes.set_xticks(middles(columns, width), above)
    axes.tick_params(length=0, labeltop=True, labelbottom=False)
    axes.spines[:].set_visible(False)


def middles(count: int, side: int) -> np.ndarray:
    """Pixels of a sheet at which the middles of its tiles are."""
    return report.GAP + (side - 1) / 2 + np.arange(count) * (side + report.GAP)


def save(path: pathlib.Path, figure: Figure, about: str) -> None:
    """Writes a picture, and prints where it is."""
    canvas = figure.canvas
    assert isinstance(canvas, FigureCanvasAgg)
    canvas.draw()
    image = np.asarray(canvas.buffer_rgba())[..., :3]
    grey = (image == image[..., :1]).all()  # one channel is enough
    report.save_png(path, image[..., :1] if grey else image)
    data.say(f"{path}: {about}")


def save_results(path: pathlib.Path, results: dict[str, Any]) -> None:
    """Writes the numbers behind the pictures, with the command that made them."""
    capsule_runs.save_json(path, {"command": session.command(), **results})
    data.say(f"{path}: the numbers")
