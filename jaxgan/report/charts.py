"""Curves as SVG, small, in the colours of the page around them."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike

from jaxgan.report.document import escape

WIDTH, HEIGHT = 360, 170
LEFT, RIGHT, TOP, BOTTOM = 64, 8, 8, 22  # margins
POINTS = 240  # of a line, at most
SMOOTH = 30  # the bold line has a mean over one part in so many
COLOURS = "abcde"

Curve = tuple[ArrayLike, ArrayLike]  # steps and values


def chart(curves: Mapping[str, Curve]) -> str:
    """Draws curves over steps: thin as they are, bold as moving averages.

    Values that are all positive and orders of magnitude apart are drawn on a
    logarithmic scale. What is NaN or infinite is left out, and the few values that lie
    far outside the others are cut.
    """
    colours = dict(zip(curves, _colours(len(curves)), strict=True))
    kept = {name: _finite(*curve) for name, curve in curves.items()}
    kept = {name: curve for name, curve in kept.items() if len(curve[0])}
    if not kept:
        return ""
    values = np.concatenate([values for _, values in kept.values()])
    logarithmic = values.min() > 0 and values.max() > 100 * values.min()
    if logarithmic:
        kept = {name: (at, np.log10(x)) for name, (at, x) in kept.items()}
        values = np.log10(values)
    low, high = _limits(values)
    last = max(at[-1] for at, _ in kept.values())
    first = min(at[0] for at, _ in kept.values())

    def points(at, x):
        right = (at - first) / max(last - first, 1) * (WIDTH - LEFT - RIGHT) + LEFT
        up = (np.clip(x, low, high) - low) / (high - low) * (HEIGHT - TOP - BOTTOM)
        return " ".join(
            f"{a:.1f},{b:.1f}" for a, b in zip(right, HEIGHT - BOTTOM - up, strict=True)
        )

    lines = []
    for name, (at, x) in kept.items():
        style = f'fill="none" stroke="var(--{colours[name]})"'
        thin, bold = _thinned(at, x), _thinned(at, _smooth(x))
        lines.append(f'<polyline {style} opacity=".3" points="{points(*thin)}"/>')
        lines.append(f'<polyline {style} stroke-width="2" points="{points(*bold)}"/>')
    bottom = HEIGHT - BOTTOM
    ends = (10**low, 10**high) if logarithmic else (low, high)
    marks = (
        _text(LEFT - 5, bottom, _short(ends[0]), "end")
        + _text(LEFT - 5, TOP + 9, _short(ends[1]), "end")
        + _text(LEFT, HEIGHT - 6, f"{first:,}", "start")
        + _text(WIDTH - RIGHT, HEIGHT - 6, f"step {last:,}", "end")
    )
    if low < 0 < high and not logarithmic:
        zero = bottom - (0 - low) / (high - low) * (bottom - TOP)
        marks += f'<path d="M{LEFT} {zero:.1f}H{WIDTH - RIGHT}" stroke="var(--line)"/>'
        if TOP + 22 < zero < bottom - 12:
            marks += _text(LEFT - 5, zero + 4, "0", "end")
    frame = f'<path d="M{LEFT} {TOP}V{bottom}H{WIDTH - RIGHT}" fill="none"'
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" role="img"'
        f' aria-label="{escape(", ".join(kept))} over steps">'
        f'{frame} stroke="var(--line)"/>{marks}{"".join(lines)}</svg>'
    )


def legend(names: Sequence[str]) -> str:
    """The names of the curves of a chart, each in its colour."""
    return " ".join(
        f'<span style="color: var(--{colour})">{escape(name)}</span>'
        for colour, name in zip(_colours(len(names)), names, strict=True)
    )


def _colours(count: int) -> list[str]:
    return [COLOURS[i % len(COLOURS)] for i in range(count)]


def _finite(steps, values) -> tuple[np.ndarray, np.ndarray]:
    steps, values = np.asarray(steps), np.asarray(values, float)
    fine = np.isfinite(values)
    return steps[fine], values[fine]


def _limits(values: np.ndarray) -> tuple[float, float]:
    """The range to draw, wider than nothing: cut where a few values widen it a lot."""
    low, high = np.percentile(values, (1, 99))
    room = 2 * (high - low)
    low = max(values.min(), low - room)
    high = min(values.max(), high + room)
    if high - low < 1e-9 * max(1, abs(high)):
        around = max(abs(high) * 0.1, 1e-3)
        return float(low - around), float(high + around)
    return float(low), float(high)


def _smooth(values: np.ndarray) -> np.ndarray:
    """A centred moving average, over fewer values at the ends."""
    half = len(values) // SMOOTH // 2
    if not half:
        return values
    total = np.concatenate([[0.0], np.cumsum(values)])
    at = np.arange(len(values))
    low, high = np.maximum(at - half, 0), np.minimum(at + half + 1, len(values))
    return (total[high] - total[low]) / (high - low)


def _thinned(steps: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """At most about `POINTS` points, the last among them."""
    every = -(-len(steps) // POINTS)
    kept = np.arange(len(steps) - 1, -1, -every)[::-1]
    return steps[kept], values[kept]


def _short(value: float) -> str:
    return f"{value:.2g}" if abs(value) < 0.01 else f"{value:.3g}"


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return (
        f'<text x="{x}" y="{y:.1f}" text-anchor="{anchor}" font-size="11"'
        f' fill="var(--soft)">{escape(text)}</text>'
    )
