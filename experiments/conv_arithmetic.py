"""Shows the arithmetic of convolutions and of their transposed twins.

    python -m experiments.conv_arithmetic
    python -m experiments.conv_arithmetic --cases 4 3 1 0 7 3 2 1

Takes a few seconds on a CPU; nothing is trained. For each image side i, kernel k,
stride s and padding p, the size by the formula stands beside the size of what the
library's layers make, and the transposed convolution is compared with the transposed
matrix. Writes arithmetic.png, arithmetic.md and arithmetic.json. Expect differences of
0 or of rounding, and uneven overlaps where the stride does not divide the kernel, which
are the checkerboards of generated images.
"""

import dataclasses
import pathlib
from typing import Annotated, Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan import bounds, nn, report
from jaxgan.analysis import arithmetic
from jaxgan.lab import cli, figures
from jaxgan.train.terminal import say

Case = tuple[bounds.Count, bounds.Count, bounds.Count, bounds.Natural]
INK, PALE, WINDOW = "#333333", "#bbbbbb", "#d1495b"


@dataclasses.dataclass(frozen=True)
class Config:
    """The convolutions to look at."""

    cases: Annotated[tuple[Case, ...], bounds.Long(1)] = (
        (4, 3, 1, 0),
        (5, 3, 2, 1),
        (6, 3, 2, 1),
        (8, 4, 2, 1),
        (5, 3, 1, 1),
        (8, 5, 2, 2),
        (28, 9, 1, 0),
        (20, 9, 2, 0),
    )
    """Image side, kernel, stride and padding of each convolution."""
    drawn: bounds.Count = 4
    """How many of them to draw, from the first on."""
    workdir: pathlib.Path = pathlib.Path("runs/conv_arithmetic")
    """Directory for the picture and the tables."""

    def __post_init__(self):
        bounds.check(self, flags=True)
        for case in self.cases:
            arithmetic.small_side(*case)


def measured(case: Case) -> dict[str, Any]:
    """The sizes of a convolution and of its transpose, by formula and by the layers."""
    side, k, s, p = case
    small, extra = arithmetic.small_side(*case), arithmetic.left_over(*case)
    kernel, y = _integers(case)
    x = jnp.zeros((1, side, side, 1))
    layer = nn.Conv(1, k, s, padding=p, use_bias=False)
    made = np.asarray(layer.apply({"params": {"kernel": kernel[:, :, None, None]}}, x))
    back = arithmetic.transposed(y, kernel, side, s, p)
    matrix = arithmetic.convolution_matrix(kernel, side, s, p)
    by_matrix = (matrix.T @ y.reshape(-1)).reshape(side, side)
    row = {
        "side": side,
        "kernel": k,
        "stride": s,
        "padding": p,
        "convolved": made.shape[1],
        "by_formula": small,
        "output_padding": extra,
        "transposed": back.shape[0],
        "transposed_by_formula": arithmetic.large_side(small, k, s, p, extra),
        "difference_to_matrix": float(jnp.abs(back - by_matrix).max()),
        "overlaps": _inside(case),
    }
    if s == 2 and p == (k - 1) // 2 and side == 2 * small:  # where there is a layer
        twin = nn.ConvTranspose(1, k, use_bias=False)
        given = {"params": {"kernel": kernel[:, :, None, None]}}
        doubled = np.asarray(twin.apply(given, y[None, :, :, None]))
        row["difference_to_layer"] = float(np.abs(back - doubled[0, :, :, 0]).max())
    return row


def overlaps(case: Case) -> np.ndarray:
    """How many stamps of the kernel fall on each pixel, within the image: `[i, i]`."""
    side, k, s, p = case
    small = arithmetic.small_side(*case)
    ones = jnp.ones((small, small)), jnp.ones((k, k))
    return np.asarray(arithmetic.transposed(*ones, side, s, p))


def _integers(case: Case) -> tuple[jax.Array, jax.Array]:
    """A kernel and a small image of whole numbers, whose sums have no rounding."""
    random = np.random.default_rng(0)

    def some(side):
        return jnp.asarray(random.integers(-9, 10, (side, side)), jnp.float32)

    return some(case[1]), some(arithmetic.small_side(*case))


def _inside(case: Case) -> list[int]:
    """The least and the largest count far from borders, where counts repeat."""
    side, k, s, p = case
    counts = overlaps((side + 2 * k * s, k, s, p))
    middle = slice(len(counts) // 2, len(counts) // 2 + s)
    some = counts[middle, middle]
    return [round(float(some.min())), round(float(some.max()))]


def table(rows: list[dict[str, Any]]) -> str:
    """Writes the sizes as Markdown."""
    lines = [
        "| i, k, s, p | convolution | by formula | transposed | by formula |"
        " output padding | largest difference | overlaps inside |",
        "|---" * 8 + "|",
    ]
    for row in rows:
        case = ", ".join(str(row[n]) for n in ("side", "kernel", "stride", "padding"))
        worst = max(row["difference_to_matrix"], row.get("difference_to_layer", 0.0))
        low, high = row["overlaps"]
        lines.append(
            f"| {case} | {row['side']} → {row['convolved']} | {row['by_formula']} |"
            f" {row['convolved']} → {row['transposed']} |"
            f" {row['transposed_by_formula']} | {row['output_padding']} | {worst:g} |"
            f" {low if low == high else f'{low} to {high}'} |"
        )
    return "\n".join(lines) + "\n"


def main(config: Config) -> None:
    """Computes, compares and draws."""
    rows = [measured(case) for case in config.cases]
    text = table(rows)
    say(text)
    drawn = config.cases[: config.drawn]
    figure = figures.new(12.6, 2.9 * len(drawn), space=0.03)
    grid = figure.subplots(len(drawn), 4, width_ratios=(1, 0.8, 1.7, 1), squeeze=False)
    for axes, case in zip(grid, drawn, strict=True):
        draw(axes, case)
    path = config.workdir / "arithmetic.png"
    figures.save(path, figure, "windows, matrices and overlaps")
    report.write(config.workdir / "arithmetic.md", text)
    figures.save_results(config.workdir / "arithmetic.json", {"cases": rows})


def draw(axes: Any, case: Case) -> None:
    """Draws a convolution: its first and last window, its matrix, its overlaps."""
    side, k, s, p = case
    small = arithmetic.small_side(*case)
    image, result, matrix, counts = axes
    padded = np.zeros((side + 2 * p,) * 2)
    padded[p : p + side, p : p + side] = 0.28
    _cells(image, padded, -0.5 - p)
    _cells(result, np.full((small, small), 0.28), -0.5)
    for at, style in ((0, "-"), (small - 1, "--")):
        corner = at * s - p - 0.5
        _frame(image, corner, k, style)
        _frame(result, at - 0.5, 1, style)
    image.set_title(f"i {side}, k {k}, s {s}, p {p}", size=11)
    result.set_title(f"{side} → {small}", size=11)
    taps = jnp.arange(1.0, k * k + 1).reshape(k, k)
    values = np.asarray(arithmetic.convolution_matrix(taps, side, s, p))
    matrix.imshow(np.where(values > 0, values, np.nan), cmap="viridis", aspect="auto")
    matrix.set_title(f"matrix {values.shape[0]} by {values.shape[1]}", size=11)
    matrix.set(xticks=[], yticks=[], xlabel="pixels of the image", ylabel="results")
    found = overlaps(case)
    counts.imshow(found, cmap="Blues", vmin=0, vmax=found.max() * 1.4)
    for (row, column), value in np.ndenumerate(found):
        counts.text(column, row, f"{value:.0f}", ha="center", va="center", size=9)
    extra = arithmetic.left_over(*case)
    more = f",\noutput padding {extra}" if extra else ""
    counts.set_title(f"transposed: {small} → {side}{more}", size=11)
    counts.set(xticks=[], yticks=[], xlabel="stamps on each pixel")


def _cells(axes: Any, shades: np.ndarray, corner: float) -> None:
    end = corner + len(shades)
    extent = (corner, end, end, corner)
    axes.imshow(shades, cmap="Greys", vmin=0, vmax=1, extent=extent)
    lines = np.arange(corner, end + 0.5)
    axes.hlines(lines, corner, end, color=PALE, lw=0.8)
    axes.vlines(lines, corner, end, color=PALE, lw=0.8)
    axes.set_axis_off()


def _frame(axes: Any, corner: float, side: float, style: str) -> None:
    ends = [corner, corner + side, corner + side, corner, corner]
    axes.plot(ends, [ends[i] for i in (0, 0, 1, 1, 0)], style, color=WINDOW, lw=2.4)


if __name__ == "__main__":
    cli.run(main, Config, description=__doc__)
