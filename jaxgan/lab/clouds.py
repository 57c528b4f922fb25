"""For experiments on points: batches from a stream, pictures, animations."""

import itertools
import pathlib
from collections.abc import Iterator, Mapping, Sequence

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from PIL import Image

from jaxgan import report
from jaxgan.data.synthetic.points import Points, stream
from jaxgan.lab import figures
from jaxgan.train import Feed, Run
from jaxgan.train.terminal import say

REAL, FAKE, LINE = "#2b2d42", "#e4572e", "#155e75"
LAND = LinearSegmentedColormap.from_list(
    "land", ["#efe2c6", "#f7f5ee", "#d3e7e6", "#9ccbd3", "#6aa9bd"]
)
_STREAM = 0x64617461  # folded into the key of a run, for that of its data


def feed(points: Points, run: Run, repeats: int, seeds: int) -> Feed:
    """Endless batches `{"data": [K, B, D]}`, `[K, k, B, D]` where k is above 1.

    An item holds the positions of its examples in a stream, so the examples are drawn
    inside the compiled step, on each device its own. Every seed has its own stream.
    """

    def items(start: int) -> Iterator[np.ndarray]:
        size = repeats * run.batch_size
        for step in itertools.count(start):
            here = np.arange(step * size, (step + 1) * size, dtype=np.uint64)
            here = here.astype(np.uint32)  # after 2^32 examples, the same again
            yield here.reshape(repeats, -1) if repeats > 1 else here

    def prepare(arrays, positions):
        del arrays
        key = jax.random.fold_in(jax.random.key(run.seed), _STREAM)
        keys = jax.vmap(jax.random.fold_in, (None, 0))(key, jnp.arange(seeds))
        draw = lambda key: stream(points, key, positions)  # noqa: E731
        return {"data": jax.vmap(draw)(keys)}

    return Feed(arrays=(), items=items, prepare=prepare, axis=int(repeats > 1))


def pixels(figure: Figure) -> np.ndarray:
    """A drawn figure: `[H, W, 3]` uint8."""
    canvas = figure.canvas
    assert isinstance(canvas, FigureCanvasAgg)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def cloud(fake: np.ndarray, real: np.ndarray | None) -> np.ndarray:
    """Points `[N, 2]`, over those of the data where there are some: `[H, W, 3]`."""
    figure = figures.new(4, 4)
    axes = figure.subplots()
    for some, colour in ((real, REAL), (fake, FAKE)):
        if some is not None:
            axes.scatter(*some.T, s=5, c=colour, lw=0, alpha=0.6)
    axes.set(aspect="equal")
    return pixels(figure)


def window(points: Points, margin: float = 0.2) -> np.ndarray:
    """A rectangle around the data, with a margin: `[[x0, x1], [y0, y1]]`."""
    low = points.centres.min(0) - 3 * points.sigma
    high = points.centres.max(0) + 3 * points.sigma
    more = margin * (high - low)
    return np.stack([low - more, high + more], axis=1)


def lattice(box: np.ndarray, side: int) -> np.ndarray:
    """Points of a rectangle, row by row: `[side * side, 2]` float32."""
    x, y = (np.linspace(low, high, side, dtype=np.float32) for low, high in box)
    return np.stack(np.meshgrid(x, y), -1).reshape(-1, 2)


def draw_plane(
    axes: Axes,
    box: np.ndarray,
    scores: np.ndarray,
    boundary: float,
    clouds: Sequence[tuple[np.ndarray, str, float]],
) -> None:
    """Draws the discriminator as a landscape, one of its contours, and points on it.

    Args:
        axes: where.
        box: the rectangle, from `window`.
        scores: the discriminator's, on the `lattice` of the box.
        boundary: the level whose contour is drawn.
        clouds: points `[N, 2]`, their colour and size; later ones on top.
    """
    side = round(len(scores) ** 0.5)
    x, y = (np.linspace(low, high, side) for low, high in box)
    values = scores.reshape(side, side)
    low, high = np.quantile(values, (0.02, 0.98))
    if high - low > 1e-9:
        levels = np.linspace(low, high, 13)
        axes.contourf(x, y, values, levels, cmap=LAND, extend="both")
    if values.min() < boundary < values.max():
        style = {"colors": LINE, "linewidths": 1.3, "linestyles": "solid"}
        axes.contour(x, y, values, [boundary], **style)
    for points, colour, size in clouds:
        axes.scatter(*points.T, s=size, c=colour, lw=0, alpha=0.75)
    axes.set(xlim=box[0], ylim=box[1], xticks=(), yticks=(), aspect="equal")
    axes.spines[:].set_visible(False)


def save_frames(path: pathlib.Path, frames: Sequence[np.ndarray]) -> None:
    """Writes an animation, in the colours of its last frame, on which it rests."""
    palette = Image.fromarray(frames[-1]).quantize(48)
    flat = [
        np.asarray(
            Image.fromarray(f)
            .quantize(palette=palette, dither=Image.Dither.NONE)
            .convert("RGB")
        )
        for f in frames
    ]
    report.save_gif(path, flat + [flat[-1]] * 12, milliseconds=120)
    say(f"{path}: {len(frames)} frames")


def frames(folder: pathlib.Path, name: str, most: int = 32) -> list[np.ndarray]:
    """Up to `most` of the pictures that a run left, in order, evenly chosen."""
    paths = sorted(folder.glob(f"{name}_*.png"))
    chosen = np.unique(np.linspace(0, len(paths) - 1, min(most, len(paths))).round())
    pictures = []
    for i in chosen.astype(int):
        with Image.open(paths[i]) as image:
            pictures.append(np.asarray(image.convert("RGB")))
    return pictures


def spread(values: Mapping[str, np.ndarray]) -> dict[str, dict]:
    """Mean and standard deviation over the first axis, the seeds, and all values."""
    return {
        name: {
            "mean": np.mean(x, axis=0).tolist(),
            "std": np.std(x, axis=0, ddof=int(len(x) > 1)).tolist(),
            "seeds": np.asarray(x).tolist(),
        }
        for name, x in values.items()
    }
