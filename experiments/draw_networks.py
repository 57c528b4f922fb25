"""The networks of a model, drawn: every layer's shapes and parameters, and a picture.

    python -m experiments.draw_networks --model dcgan --net generator
    python -m experiments.draw_networks --model capsnet
    python -m experiments.draw_networks --run runs/dcgan_faces

Seconds; nothing is computed but shapes. `--model` draws a model of the library at its
defaults, which are its paper's; `--run` one as it was trained. Prints a table for each
net, and writes NET.png with that table under a drawing like figure 1 of DCGAN
(arXiv:1511.06434), and results.json. For DCGAN's generator expect 4x4x1024, 8x8x512,
16x16x256, 32x32x128 and 64x64x3.

Maps are blocks of height x width x channels, vectors are bars, capsules are sheets;
sides grow slower than what they show, or the small would not be seen. Shapes leave out
the batch. What a network does between its layers, such as rectifiers, is not drawn, but
where it reshapes, resizes or joins, the drawing says so. A new line begins where a
layer takes something else than what came last, or, from a pale block, where the page
ends.
"""

import dataclasses
import importlib
import math
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Polygon

from jaxgan.analysis.outline import Call, geometry, outline
from jaxgan.lab import cli, data, session
from jaxgan.lab import figures as lab_figures
from jaxgan.models.catalogue import CATALOGUE

Shape = tuple[int, ...]  # without the batch

TALL = 1.7  # inches of the largest height, of maps and of vectors
LONG = 2.0  # inches of the most channels
GAP = 1.15  # inches between blocks
SLANT = (0.42, 0.30)  # how an inch that goes away from us is drawn
WIDE = 15.0  # inches of the drawing, before it goes on below
LINE = 0.27  # inches of a row of the table
COLOURS = {"maps": "#8fb4dd", "vector": "#f0b27a", "capsules": "#b79ad6"}
ASIDE = {"Norm": "norm", "Dropout": "dropout", "Noise": "noise"}  # keep the shape
HEADER = ("layer", "kind", "kernel", "input", "output", "parameters")


@dataclasses.dataclass(frozen=True)
class Config:
    """What to draw."""

    run: pathlib.Path | None = None
    """Directory of a training run: its model, as it was set up."""
    model: str = ""
    """A model of the library instead, at its defaults: dcgan, cdcgan, capsnet, ..."""
    net: str = ""
    """Which net of it, such as generator; all if left out."""
    workdir: pathlib.Path = pathlib.Path("runs/draw_networks")
    """Where pictures and numbers go."""

    def __post_init__(self):
        if (self.run is None) == (not self.model):
            raise ValueError(
                "give either --run or --model: --model dcgan draws what the paper has,"
                " --run what was trained"
            )
        if self.model and self.model not in CATALOGUE:
            raise ValueError(
                f"there is no model {self.model!r}; choose from {', '.join(CATALOGUE)}"
            )


class Block(NamedTuple):
    """What flows between operations.

    Attributes:
        shape: without the batch.
        joined: how many channels or numbers are added to it before the next operation.
        again: whether it was drawn before, on the line above.
    """

    shape: Shape
    joined: int = 0
    again: bool = False


class Chain(NamedTuple):
    """Operations one after the other.

    Attributes:
        blocks: what flows; one more than there are operations.
        labels: of the operations, a line for each part.
        windows: of the operations: kernel side, and whether it is a transposed
            convolution; None of what has no kernel.
    """

    blocks: list[Block]
    labels: list[list[str]]
    windows: list[tuple[int, bool] | None]


def main(config: Config) -> None:
    """Outlines every net that is asked for, then prints and draws."""
    name, model = opened(config)
    nets, given = arguments(name, model)
    if config.net and config.net not in nets:
        raise ValueError(
            f"{name} has no net {config.net!r}; it has {', '.join(sorted(nets))}"
        )
    figures, results = {}, {}
    for net in [config.net] if config.net else nets:
        calls = outline(nets[net], *given[net])
        out = jax.eval_shape(
            lambda *x, net=net: nets[net].init_with_output(jax.random.key(0), *x)[0],
            *given[net],
        )
        rows = table(calls)
        title = f"{name}, {net}"
        data.say(f"{title}\n{printed(rows)}\n")
        output = next((x.shape[1:] for x in jax.tree.leaves(out)), ())
        start = next((x.shape[1:] for x in jax.tree.leaves(given[net])), ())
        lines = chains(calls, start, output)
        figures[net] = draw(f"{title}; parameters: {rows[-1][-1]}", lines, rows)
        results[net] = {
            "parameters": sum(call.parameters for call in calls),
            "layers": [described(call) for call in calls],
        }
    for net, figure in figures.items():
        lab_figures.save(config.workdir / f"{net}.png", figure, f"{name}'s {net}")
    lab_figures.save_results(
        config.workdir / "results.json",
        {
            "model": name,
            "run": config.run and str(config.run),
            "configuration": dataclasses.asdict(model),
            "nets": results,
        },
    )


def opened(config: Config) -> tuple[str, Any]:
    """The name of the model, and its configuration.

    Raises:
        ValueError: the run is none, or of no model of the library.
    """
    if config.run is None:
        return config.model, _module(config.model).Config()
    plain = session.configuration(config.run)
    *package, name, kind = ["", "", *str(plain.get("game", "")).split(".")]
    if package[2:] != ["jaxgan", "models"] or name not in CATALOGUE:
        raise ValueError(
            f"{config.run / 'config.json'} does not say which model it is of; draw"
            " that at its defaults, by --model"
        )
    try:
        return name, getattr(_module(name), kind)(**_tuples(plain["model"]))
    except (AttributeError, KeyError, TypeError):
        raise ValueError(
            f"{config.run / 'config.json'} is not the configuration of a {name}"
        ) from None


def arguments(name: str, model: Any) -> tuple[Mapping[str, Any], Mapping[str, tuple]]:
    """The nets of a model, and the shapes that each is called with.

    The catalogue has batches for small configurations: their images are given the size
    of this one's.

    Args:
        name: of the model.
        model: its configuration.
    """
    played, entry = _module(name).game(model), CATALOGUE[name]
    batch = jax.eval_shape(lambda: entry.batch(jax.random.key(0), 2))
    leading = 1 if entry.make().repeats > 1 else 0
    side, channels = getattr(model, "resolution", 28), getattr(model, "channels", 1)

    def resized(x):
        shape = x.shape[leading:]
        if len(shape) == 4:
            shape = (shape[0], side, side, channels)
        elif len(shape) == 2 and isinstance(size := getattr(model, "data", 0), int):
            shape = (shape[0], size or shape[1])  # points
        return jax.ShapeDtypeStruct(shape, x.dtype)

    return played.nets, jax.eval_shape(played.inputs, jax.tree.map(resized, batch))


def table(calls: Sequence[Call]) -> list[tuple[str, ...]]:
    """Rows of text, one a call and one of the total, under `HEADER`."""
    rows = [
        (
            call.path or "(all)",
            call.kind,
            kernel(call),
            " + ".join(_text(x[1:]) for x in call.inputs if x),
            _text(call.output[1:]),
            "as above" if call.again else f"{call.parameters:,}",
        )
        for call in calls
    ]
    total = sum(call.parameters for call in calls)
    return [*rows, ("total", "", "", "", "", f"{total:,}")]


def described(call: Call) -> dict[str, Any]:
    """A call for the results."""
    shape = geometry(call)
    return {
        "layer": call.path,
        "kind": call.kind,
        "kernel": shape and list(shape.kernel),
        "stride": shape and list(shape.stride),
        "inputs": [list(x[1:]) for x in call.inputs],
        "output": list(call.output[1:]),
        "parameters": call.parameters,
        "called_before": call.again,
    }


def kernel(call: Call) -> str:
    """Side and stride of a convolution, as text."""
    shape = geometry(call)
    if shape is None:
        return ""
    stride = shape.stride[0] if len({*shape.stride}) == 1 else _text(shape.stride)
    return f"{_text(shape.kernel)}, stride {stride}"


def printed(rows: Sequence[Sequence[str]]) -> str:
    """A table as lines of text."""
    lines = [HEADER, *rows]
    wide = [max(len(line[i]) for line in lines) for i in range(len(HEADER))]
    return "\n".join(
        "  ".join(
            x.rjust(n) if i == len(wide) - 1 else x.ljust(n)
            for i, (x, n) in enumerate(zip(line, wide, strict=True))
        )
        for line in lines
    )


def chains(calls: Sequence[Call], start: Shape, output: Shape) -> list[Chain]:
    """Puts calls in lines: where the input of one is the output of the last.

    Args:
        calls: of `outline`.
        start: the shape of what the net is given.
        output: the shape that it returns in the end.
    """
    lines = [Chain([Block(start or (1,))], [], [])]
    for call in calls:
        given = (call.inputs[0][1:] if call.inputs else ()) or (1,)
        out = call.output[1:] or (1,)
        extra = _connect(lines, given)
        line = lines[-1]
        aside = [said for part, said in ASIDE.items() if part in call.kind]
        if aside and given == out:
            said = "batch norm" if call.kind == "BatchNorm" else aside[0]
            if line.labels and not extra:
                line.labels[-1].append(said)
            continue
        shape = geometry(call)
        said = call.kind.lower()
        if shape is not None:
            said = "transposed conv" if shape.transposed else "conv"
            extra += [f"{said} {_text(shape.kernel)}"]
            extra += [f"stride {shape.stride[0]}"] if max(shape.stride) > 1 else []
        else:
            extra += [said]
        line.blocks.append(Block(out))
        line.labels.append(extra)
        line.windows.append(shape and (shape.kernel[0], shape.transposed))
    if lines[-1].labels:
        _connect(lines, output or (1,), last=True)
    return [line for line in lines if line.labels] or lines


def _connect(lines: list[Chain], given: Shape, last: bool = False) -> list[str]:
    """Makes the last line end in what the next call is given.

    Returns:
        What is done to get it, as far as the next operation has to say it.
    """
    line = lines[-1]
    had = line.blocks[-1].shape
    if had == given:
        return []
    if math.prod(had) == math.prod(given):
        flat = kind(given) == "vector"
        if flat or not line.labels:  # flattened, or an input in shape
            if last:
                line.blocks[-1] = Block(given)
            return ["flatten" if flat else "reshape"]
        line.blocks[-1] = Block(given)
        line.labels[-1].append("reshape")
        return []
    more = math.prod(given) - math.prod(had)
    if kind(given) == "vector" and 0 < more < given[0] / 2:
        line.blocks[-1] = Block(had, more)
        return ["join"] if kind(had) == "vector" else ["flatten, join"]
    if kind(given) == "maps" and kind(had) == "vector" and line.labels:
        maps, rest = divmod(had[0], given[0] * given[1])
        if rest == 0 and 0 < maps < given[2] <= 2 * maps:
            line.labels[-1].append("reshape")
            line.blocks[-1] = Block((*given[:2], maps), given[2] - maps)
            return ["join"]
    if kind(given) == kind(had) == "maps":
        added = given[2] - had[2]
        if given[:2] == had[:2] and added > 0 and (added <= had[2] or not line.labels):
            line.blocks[-1] = Block(had, added)
            return ["join"]
        if given[2] == had[2]:
            line.blocks.append(Block(given))
            line.labels.append(["enlarge" if given > had else "reduce"])
            line.windows.append(None)
            return []
    if not last:
        lines.append(Chain([Block(given)], [], []))
    return []


def kind(shape: Shape) -> str:
    """What a shape is drawn as: a key of `COLOURS`."""
    return ("vector", "vector", "capsules", "maps")[min(3, len(shape))]


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

    parts = [part for line in lines for part in _wrapped(line, size)]
    heights = [
        max(size(b)[1] + SLANT[1] * size(b)[2] for b in part.blocks) + 0.5
        + 0.2 * max([len(x) for x in part.labels] or [0])
        for part in parts
    ]  # fmt: skip
    widths = [_width(part, size) for part in parts]
    wide = max(9.0, *widths) + 0.6
    below = LINE * (len(rows) + 2)
    tall = 0.6 + sum(heights) + below
    figure = lab_figures.new(wide, tall)
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


def _wrapped(line: Chain, size) -> list[Chain]:
    """Parts of a chain that fit the page; each goes on from the last's last block."""
    parts, first = [], 0
    for i in range(1, len(line.blocks)):
        part = Chain(line.blocks[first : i + 1], line.labels[first:i], [])
        if _width(part, size) > WIDE and i - first > 1:
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


def _width(line: Chain, size) -> float:
    each = [size(b)[0] + SLANT[0] * size(b)[2] for b in line.blocks]
    return sum(each) + GAP * (len(each) - 1) + 0.4


def _draw_chain(axes: Axes, line: Chain, size, left: float, bottom: float) -> None:
    """Blocks from the left, their middles on one line; the operations below."""
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
        text = _text(block.shape) + (f"\n+ {block.joined}" if block.joined else "")
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
    """A box seen from its front, above and its right."""
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
    """A kernel's window and what it reads from, or writes to, on the facing sides."""
    large, small = (two, one) if transposed else (one, two)
    shape = (b if transposed else a).shape
    ratio = [min(1.0, k / n) for n in shape[:2]]

    def side(face, across, up):
        """A point on the facing side of a block, from the fractions of its sides."""
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
    """A table whose columns are as wide as their text needs."""
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


def _text(shape: Sequence[int]) -> str:
    return "x".join(map(str, shape)) or "1"


def _module(name: str) -> Any:
    return importlib.import_module(f"jaxgan.models.{name}")


def _tuples(value: Any) -> Any:
    """JSON's lists as the tuples they were."""
    if isinstance(value, dict):
        return {name: _tuples(inner) for name, inner in value.items()}
    return tuple(map(_tuples, value)) if isinstance(value, list) else value


if __name__ == "__main__":
    cli.run(main, Config, description=__doc__)
