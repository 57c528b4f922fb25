"""Draws a net: its blocks above the table of its layers."""

import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Polygon

from experiments.draw_networks.layout import Block, Chain, kind, written
from experiments.draw_networks.tables import HEADER
from jaxgan.lab import figures

TALL = 1.7  # inches of the largest height, of maps and of vectors
LONG = 2.0  # inches of the most channels
GAP = 1.15  # inches between blocks
SLANT = (0.42, 0.30)  # the drawing of an inch into the depth
WIDE = 15.0  # largest width of the drawing in inches, before a new line
LINE = 0.27  # inches of a row of the table
COLOURS = {"maps": "#8fb4dd", "vector": "#f0b27a", "capsules": "#b79ad6"}


def draw(title: str, lines: Sequence[Chain], rows: Sequence[Sequence[str]]) -> Figure:
    """The drawing above the table."""
    shapes = [block.shape for line in lines for block in line.blocks]
    maps = [x for x in shapes if kind(x) == "maps"]
    side = max([max(x[:2]) for x in maps], default=1)
    deep = max([64, *(math.prod(x[2:]) for x in maps)])
    rank = max([100, *(x[0] for x in shapes if kind(x) != "maps")])

    def size(block: Block) -> tuple[float, float, float]:
        """Inches to the right, upwards and away from us."""
        x = block.shape
        if kind(x) == "maps":
            height, width = (max(0.12, TALL * (n / side) ** 0.6) for n in x[:2])
            long = max(0.05, LONG * (math.prod(x[2:]) / deep) ** 0.6)
            return long, height, width
        height = max(0.1, TALL * math.log1p(x[0]) / math.log1p(rank))
        if kind(x) == "capsules":
            return 0.18 * math.log2(1 + x[1]), height, 0
        return 0.13, height, 0.13

    parts = [part for line in lines for part in wrapped(line, size)]
    heights = [
        max(size(b)[1] + SLANT[1] * size(b)[2] for b in part.blocks) + 0.5
        + 0.2 * max([len(x) for x in part.labels] or [0])
        for part in parts
    ]  # fmt: skip
    widths = [width_of(part, size) for part in parts]
    wide = max(9.0, *widths) + 0.6
    below = LINE * (len(rows) + 2)
    tall = 0.6 + sum(heights) + below
    figure = figures.new(wide, tall)
    figure.set_layout_engine("none")
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_xlim(0, wide)
    axes.set_ylim(0, tall)
    axes.axis("off")
    axes.text(wide / 2, tall - 0.3, title, ha="center", va="center", fontsize=14)
    top = tall - 0.55
    for part, height, width in zip(parts, heights, widths, strict=True):
        _draw_chain(axes, part, size, (wide - width) / 2, top - height)
        top -= height
    _draw_table(axes, rows, 0.3, wide - 0.3, below - 0.25)
    return figure


def wrapped(line: Chain, size) -> list[Chain]:
    """Splits a chain to fit the page; each part begins with the block before it."""
    parts, first = [], 0
    for i in range(1, len(line.blocks)):
        part = Chain(line.blocks[first : i + 1], line.labels[first:i], [])
        if width_of(part, size) > WIDE and i - first > 1:
            parts.append((first, i - 1))
            first = i - 1
    parts.append((first, len(line.blocks) - 1))
    return [
        Chain(
            [line.blocks[a]._replace(again=a > 0), *line.blocks[a + 1 : b + 1]],
            line.labels[a:b],
            line.windows[a:b],
        )
        for a, b in parts
    ]


def width_of(line: Chain, size) -> float:
    """The width of a chain in inches; `size` gives that of a block."""
    each = [size(b)[0] + SLANT[0] * size(b)[2] for b in line.blocks]
    return sum(each) + GAP * (len(each) - 1) + 0.4


def _draw_chain(axes: Axes, line: Chain, size, left: float, bottom: float) -> None:
    """Draws blocks from left to right, centred on one line, and operations below."""
    lines = max([len(x) for x in line.labels] or [0])
    tallest = max(size(b)[1] + SLANT[1] * size(b)[2] for b in line.blocks)
    base = bottom + 0.1 + 0.2 * lines
    middle = base + 0.2 + tallest / 2
    x, faces = left + 0.2, []
    for block in line.blocks:
        right, up, away = size(block)
        dx, dy = SLANT[0] * away, SLANT[1] * away
        y = middle - (up + dy) / 2
        _draw_box(axes, block, x, y, (right, up), (dx, dy))
        text = written(block.shape) + (f"\n+ {block.joined}" if block.joined else "")
        axes.text(
            x + right / 2, y - 0.06, text, ha="center", va="top", fontsize=9,
            fontweight="bold", linespacing=1.1,
        )  # fmt: skip
        faces.append((x, y, right, up, dx, dy))
        x += right + dx + GAP
    pairs = zip(faces[:-1], faces[1:], line.blocks[:-1], line.blocks[1:], strict=True)
    for (one, two, a, b), said, window in zip(
        pairs, line.labels, line.windows, strict=True
    ):
        start = one[0] + one[2] + one[4]
        axes.text(
            (start + two[0]) / 2, base - 0.05, "\n".join(said), ha="center", va="top",
            fontsize=8.5, color="#444", linespacing=1.15,
        )  # fmt: skip
        maps = kind(a.shape) == kind(b.shape) == "maps"
        if window and maps:
            _draw_window(axes, one, two, a, b, *window)
        else:
            axes.annotate(
                "", (two[0] - 0.08, middle), (start + 0.08, middle),
                arrowprops={"arrowstyle": "-|>", "color": "#777", "lw": 1.2},
            )  # fmt: skip


def _draw_box(axes: Axes, block: Block, x, y, front, slant) -> None:
    """Draws a box seen from the front, from above and from the right."""
    (right, up), (dx, dy) = front, slant
    colour = COLOURS[kind(block.shape)]
    faces = [
        ([(0, 0), (right, 0), (right, up), (0, up)], 1.0),
        ([(0, up), (right, up), (right + dx, up + dy), (dx, up + dy)], 1.15),
        ([(right, 0), (right + dx, dy), (right + dx, up + dy), (right, up)], 0.8),
    ]
    for corners, light in faces:
        axes.add_patch(
            Polygon(
                [(x + a, y + b) for a, b in corners], closed=True, lw=0.8,
                facecolor=_lit(colour, light), edgecolor="#345",
                alpha=0.4 if block.again else 1.0,
            )
        )  # fmt: skip


def _draw_window(axes: Axes, one, two, a: Block, b: Block, k: int, transposed) -> None:
    """Draws the window of a kernel and the pixel it makes, on the facing sides."""
    large, small = (two, one) if transposed else (one, two)
    shape = (b if transposed else a).shape
    ratio = [min(1.0, k / n) for n in shape[:2]]

    def side(face, across, up):
        """A point on the facing side of a block, given as fractions of its sides."""
        x, y, right, height, dx, dy = face
        x += right if face is one else 0
        return x + across * dx, y + up * height + across * dy

    corners = [
        side(large, 0.5 + i * ratio[1] / 2, 0.5 + j * ratio[0] / 2)
        for i, j in ((-1, -1), (1, -1), (1, 1), (-1, 1))
    ]
    style = {"lw": 0.9, "edgecolor": "#b03a2e", "facecolor": "#e74c3c33"}
    axes.add_patch(Polygon(corners, closed=True, zorder=5, **style))
    point = side(small, 0.5, 0.5)
    for x, y in corners:
        axes.plot(
            [x, point[0]], [y, point[1]], color="#b03a2e", lw=0.6, ls="--", zorder=5
        )


def _draw_table(axes: Axes, rows, left: float, right: float, top: float) -> None:
    """Draws a table whose columns are as wide as their text."""
    lines = [HEADER, *rows]
    wide = [max(len(line[i]) for line in lines) + 3 for i in range(len(HEADER))]
    scale = min(0.11, (right - left) / sum(wide))
    left = (left + right - scale * sum(wide)) / 2
    size = min(10.0, 10.0 * scale / 0.085)
    for i, line in enumerate(lines):
        y = top - LINE * (i + 0.5)
        strong = "bold" if i in (0, len(rows)) else "normal"
        if i % 2:
            corners = [(left, y - LINE / 2), (left + scale * sum(wide), y + LINE / 2)]
            (x0, y0), (x1, y1) = corners
            axes.add_patch(
                Polygon([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], color="#f2f4f7", lw=0)
            )
        x = left + scale
        for column, (text, n) in enumerate(zip(line, wide, strict=True)):
            end = column == len(wide) - 1
            axes.text(
                x + (scale * (n - 2) if end else 0), y, text, va="center",
                ha="right" if end else "left", fontsize=size, fontweight=strong,
            )  # fmt: skip
            x += scale * n


def _lit(colour: str, light: float) -> tuple[float, ...]:
    """A colour `#rrggbb`, brighter or darker."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    return tuple(min(1.0, x * light) for x in parts)
