"""Draws GANs on points: samples over the discriminator."""

from typing import Any

import numpy as np

from jaxgan.data.synthetic.points import SETS
from jaxgan.lab import clouds, figures


def draw(axes, config: Any, seen: dict[str, np.ndarray], seed: int, size: float):
    """Draws one seed: data and samples over the discriminator."""
    clouds.draw_plane(
        axes,
        clouds.window(SETS[config.data]),
        seen["scores"][seed],
        float(seen["boundary"][seed]),
        (
            (seen["real"], clouds.REAL, 2.5 * size),
            (seen["fake"][seed], clouds.FAKE, size),
        ),
    )


def title(config: Any, seen: dict[str, np.ndarray], step: int, seed: int) -> str:
    """Tells the step, the losses and the divergences of one seed."""
    forward, backward = (
        ", ".join(f"{x:.3f}" for x in seen[name][seed])
        for name in ("kl_real_fake", "kl_fake_real")
    )
    return (
        f"step {step:,}: loss of D {seen['discriminator_loss'][seed]:.3f}, of G"
        f" {seen['generator_loss'][seed]:.3f}, {int(seen['modes'][seed])} of"
        f" {len(SETS[config.data].centres)} modes\n"
        f"KL(real‖fake) [{forward}], KL(fake‖real) [{backward}]"
    )


def frame(config: Any, seen: dict[str, np.ndarray], step: int) -> np.ndarray:
    """Draws the first seed, as one picture of the animation."""
    figure = figures.new(3.8, 4.1)
    axes = figure.subplots()
    draw(axes, config, seen, 0, 5)
    axes.set_title(title(config, seen, step, 0), size=7)
    return clouds.pixels(figure)


def overview(config: Any, seen: dict[str, np.ndarray], step: int):
    """Draws the first seed large, and the others small."""
    others = range(1, config.seeds)
    columns = -(-len(others) // 2)
    figure = figures.new(5.6 + 2.7 * columns, 6.1)
    cells = figure.add_gridspec(2, 2 + columns)
    large = figure.add_subplot(cells[:, :2])
    draw(large, config, seen, 0, 7)
    large.set_title(title(config, seen, step, 0), size=10)
    for i in others:
        axes = figure.add_subplot(cells[(i - 1) // columns, 2 + (i - 1) % columns])
        draw(axes, config, seen, i, 3)
        axes.set_title(
            f"seed {i}: {int(seen['modes'][i])} modes,"
            f" {seen['high_quality'][i]:.0%} near one",
            size=9,
        )
    if len(others) % 2:  # room for a legend
        axes = figure.add_subplot(cells[1, -1])
        axes.set_axis_off()
        for colour, text, marker in (
            (clouds.REAL, "data", "o"),
            (clouds.FAKE, "samples", "o"),
            (clouds.LINE, "median of D\non data", "_"),
        ):
            axes.plot([], [], marker, color=colour, label=text, ms=8, mew=2)
        axes.legend(loc="center", frameon=False, fontsize=11, labelspacing=1.2)
    return figure
