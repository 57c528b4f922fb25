"""Draws a GAN on the line: densities, the discriminator, the generator's map."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from experiments.gan_1d.training import GRID, LATENTS, SETS, blurred, density_of
from jaxgan.data.synthetic.points import density
from jaxgan.lab import clouds, figures

WINDOW = (-1.0, 5.0)
ARROWS = 17


def draw(axes: Axes, config: Any, seen: dict[str, Any], title: str) -> None:
    """Draws densities, D and the arrows at one time."""
    points = SETS[config.data]
    p, q = density(points, GRID[:, None]), density_of(seen["samples"])
    grid, top = GRID, 1.08
    scale = 0.8 / float(np.max(p))  # densities have their own scale
    best = density(blurred(points), GRID[:, None])
    best = best / (best + q + 1e-9)
    axes.plot(grid, np.minimum(scale * p, 2), color=clouds.REAL, lw=2, ls=":")
    axes.fill_between(
        grid, np.minimum(scale * q, top), color=clouds.FAKE, alpha=0.25, lw=0
    )
    axes.plot(grid, np.minimum(scale * q, 2), color=clouds.FAKE, lw=2)
    axes.plot(grid, best, color=clouds.LINE, lw=1, alpha=0.45)
    d = 1 / (1 + np.exp(-np.clip(seen["logits"], -30, 30)))
    axes.plot(grid, d, color=clouds.LINE, lw=2, ls="--")
    axes.axhline(0.5, color="#cccccc", lw=0.8, zorder=0)
    low, floor = -0.08, -0.45
    for level in (low, floor):
        axes.plot(WINDOW, (level, level), color="#555555", lw=1)
    where = np.linspace(0, LATENTS - 1, ARROWS + 2).astype(int)[1:-1]
    for i in where:
        start = WINDOW[0] + (i + 0.5) / LATENTS * (WINDOW[1] - WINDOW[0])
        axes.annotate(
            "",
            (float(np.clip(seen["samples"][i], *WINDOW)), low),
            (start, floor),
            arrowprops={"arrowstyle": "->", "color": "#555555", "lw": 0.6},
        )
    axes.text(WINDOW[1], low + 0.02, "$x$", ha="right", size=9)
    axes.text(WINDOW[1], floor + 0.02, "$z$", ha="right", size=9)
    axes.set(xlim=WINDOW, ylim=(floor - 0.03, top), xticks=(), yticks=(0, 0.5, 1))
    axes.set_title(title, size=10.5)
    axes.spines[["top", "right", "bottom"]].set_visible(False)


def evolution(config: Any, seen: dict[str, np.ndarray], of: dict[str, np.ndarray]):
    """Draws four times above, and C(G) below."""
    count = len(seen["step"])
    figure = figures.new(13, 6.4, space=0.04)
    cells = figure.add_gridspec(2, 4, height_ratios=(1.9, 1))
    first = np.argmax(of["c"] < of["c"][0] - 0.3 * np.ptp(of["c"]))  # of the way
    half = np.argmax(of["c"] < of["c"][0] - 0.85 * np.ptp(of["c"]))
    times = (0, int(first), int(half), count - 1)
    handles = [
        Line2D([], [], color=colour, lw=width, ls=style, label=text)
        for text, colour, width, style in (
            ("data", clouds.REAL, 2, ":"),
            ("samples", clouds.FAKE, 2, "-"),
            ("D", clouds.LINE, 2, "--"),
            ("the best D for these", clouds.LINE, 1, "-"),
        )
    ]
    figure.legend(handles=handles, loc="outside upper center", ncols=4, frameon=False)
    for column, i in enumerate(times):
        axes = figure.add_subplot(cells[0, column])
        now = {name: x[i] for name, x in seen.items()}
        draw(axes, config, now, f"step {now['step']:,}: C(G) = {of['c'][i]:.3f}")
    draw_values(figure.add_subplot(cells[1, :]), seen["step"], of)
    return figure


def draw_values(axes: Axes, steps: np.ndarray, of: dict[str, np.ndarray]) -> None:
    """Draws C(G) and V(D, G) over the steps of training."""
    step = steps + 1  # a logarithmic axis has no zero
    axes.plot(step, of["v"], color=clouds.LINE, lw=0.9, alpha=0.7)
    axes.plot(step, of["c"], color=clouds.FAKE, lw=2)
    axes.axhline(-np.log(4), color="#555555", lw=0.8, ls=":")
    low = -np.log(4) - 0.25 * (of["c"].max() + np.log(4))
    axes.set(
        xlim=(1, step[-1]), xscale="log", ylim=(low, max(of["c"].max() * 1.05, 0.05))
    )
    axes.set(xlabel="1 + step")
    right = {"ha": "right", "transform": axes.get_yaxis_transform()}
    axes.text(0.99, -np.log(4) + 0.03, r"$-\log 4$", color="#555555", **right)
    axes.text(
        0.99, of["c"].max() * 0.9, r"$C(G) = -\log 4 + 2\,\mathrm{JSD}$",
        color=clouds.FAKE, **right,
    )  # fmt: skip
    text = "$V(D, G)$, at the current D"
    axes.text(0.99, of["c"].max() * 0.9 - 0.22, text, color=clouds.LINE, **right)
    axes.spines[["top", "right"]].set_visible(False)


def frame(config: Any, seen: dict[str, Any], c: float) -> np.ndarray:
    """Draws one picture of the animation."""
    figure = figures.new(4.2, 3.6)
    draw(figure.subplots(), config, seen, f"step {seen['step']:,}: C(G) = {c:.3f}")
    return clouds.pixels(figure)
