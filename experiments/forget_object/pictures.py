"""Draws the pictures of forgetting an object."""

import jax
import numpy as np

from experiments.forget_object.fitting import (
    BLOCK,
    CONTROL,
    Fitted,
    Seen,
    chosen,
    random_maps,
)
from jaxgan.analysis import forgetting
from jaxgan.lab import blocks, figures

SHOWN = 7  # images with the object in a row


def save_sheet(config, images: np.ndarray) -> None:
    """Writes the numbered samples with a grid of pixels, to draw boxes on."""
    columns = 10
    rows = -(-len(images) // columns)
    height, width = images.shape[1:3]
    figure = figures.new(1.6 * columns, 1.75 * rows, 0.01)
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in panels[len(images) :]:
        axes.set_axis_off()
    for i, (axes, image) in enumerate(zip(panels, images, strict=False)):
        axes.imshow(_colour(image), extent=(0, width, height, 0))
        axes.set_title(i, fontsize=9, pad=2)
        axes.set_xticks(range(0, width + 1, max(1, width // 4)))
        axes.set_yticks(range(0, height + 1, max(1, height // 4)))
        axes.tick_params(length=0, labelsize=5, pad=1)
        axes.grid(color="white", alpha=0.4, lw=0.4)
    path = config.workdir / "samples.png"
    about = f"{len(images)} samples of {height}x{width} pixels, numbered for --boxes"
    figures.save(path, figure, about)


def draw_forgotten(config, key, forget, sets, test: Seen):
    """Draws the same latents before and after, and without random maps."""
    index = [_clearest(test), np.flatnonzero(~test.there)[: SHOWN // 2]]
    shown = chosen(test, np.concatenate(index))
    rows = {"as drawn": shown.images}
    for i, maps in enumerate(sets):
        n = maps.sum()
        how = "the" if i + 1 < len(sets) else "all"
        rows[f"without {how} {n}\nmaps for {config.object}"] = forget(maps, shown)
        other = random_maps(jax.random.fold_in(key, CONTROL + i), maps)
        rows[f"without {n}\nrandom maps"] = forget(other, shown)
    side = test.images.shape[2]
    larger = max(1, 128 // side)
    width, height = (
        0.01 * larger * (side + 4) * n for n in (len(shown.images), len(rows))
    )
    figure = figures.new(1.7 + width, 0.8 + height)
    words = {True: config.object, False: f"no {config.object}"}
    above = [words[bool(there)] for there in shown.there]
    axes = figure.subplots()
    figures.tiles(axes, np.stack(list(rows.values())) / 255, list(rows), above)
    axes.tick_params(labelsize=9)
    figure.suptitle(
        f"The same latents without maps of layer {config.layer}, which has"
        f" {len(sets[0])}",
        fontsize=11,
    )
    path = config.workdir / "forgotten.png"
    figures.save(path, figure, "the same latents before and after")


def draw_evidence(config, look, layer, found: Fitted, seen: Seen):
    """Draws samples with their boxes, and where the regression sees the object."""
    index = _clearest(seen)
    latents = jax.tree.map(lambda x: x[index], seen.latents)
    maps = blocks.in_blocks(look, latents, seen.labels[index], size=BLOCK)[layer]
    odds = forgetting.evidence(maps, found.weights, found.bias)
    chances = np.asarray(jax.nn.sigmoid(odds))
    height, width = seen.images.shape[1:3]
    figure = figures.new(1.8 * len(index), 4.4)
    panels = figure.subplots(2, len(index), squeeze=False)
    extent = (0, width, height, 0)
    for i, chance, column in zip(index, chances, panels.T, strict=True):
        top, left, bottom, right = height * seen.boxes[i]
        column[0].imshow(_colour(seen.images[i]), extent=extent)
        column[1].imshow(chance, vmin=0, vmax=1, cmap="magma", extent=extent)
        for axes, colour in zip(column, ("lime", "white"), strict=True):
            axes.plot(
                [left, right, right, left, left], [top, top, bottom, bottom, top],
                color=colour, lw=1.2,
            )  # fmt: skip
            axes.set_xticks([])
            axes.set_yticks([])
        column[0].set_title(f"sample {i}", fontsize=9)
    panels[0, 0].set_ylabel(f"box of the\n{config.object}")
    panels[1, 0].set_ylabel("probability")
    heat = panels[1, 0].images[0]
    figure.colorbar(heat, ax=list(panels[1]), shrink=0.8, pad=0.005)
    figure.suptitle(
        f"Which of the {chances.shape[1]}x{chances.shape[2]} positions of layer"
        f" {config.layer} look like {config.object} to the regression",
        fontsize=11,
    )
    path = config.workdir / "evidence.png"
    figures.save(path, figure, f"where the regression sees {config.object}")


def draw_trade(config, rows, total, test: Seen, searched):
    """Draws the object forgotten against other changes, as more maps are dropped."""
    figure = figures.new(12.5, 5.4, 0.05)
    panels = figure.subplots(1, 2)
    first = next(iter(rows.values()))["dropped"][0]
    rated = "left" in first
    kept = "left" if rated else "inside"
    cost = "without" if "without" in first else "outside"
    for i, layer in enumerate(rows):
        colour = f"C{i}"
        for kind, style, who in (
            ("dropped", "o-", f"maps for {config.object}"),
            ("control", "x--", "random maps"),
        ):
            numbers, y, x = (
                np.array([row[name] for row in rows[layer][kind]])
                for name in ("maps", kept, cost)
            )
            label = f"layer {layer - total}, {who}"
            scale = 100 if rated else 255
            panels[0].plot(numbers, scale * y, style, color=colour, label=label)
            panels[1].plot(255 * x, scale * y, style, color=colour)
            for number, a, b in zip(numbers, 255 * x, scale * y, strict=True):
                if kind == "dropped":
                    panels[1].annotate(
                        number, (a, b), (3, 3), textcoords="offset points", fontsize=7,
                        color=colour,
                    )  # fmt: skip
    if searched:
        maps, y, x = searched["maps"], 100 * searched["left"], 255 * searched[cost]
        look = {"color": f"C{list(rows).index(config.layer % total)}", "ms": 14}
        name = f"layer {config.layer}, maps found by the search"
        panels[0].plot([len(maps)], [y], "*", label=name, **look)
        panels[1].plot([x], [y], "*", **look)
    what = (
        f"samples that still have {config.object} (%)"
        if rated
        else f"mean change of a pixel in boxes of {config.object} (levels of 255)"
    )
    panels[0].set_xscale("log", base=2)
    panels[0].xaxis.set_major_formatter("{x:g}")
    panels[0].set_xlabel("maps dropped, the heaviest first")
    where = "in samples without" if cost == "without" else "outside the boxes of"
    panels[1].set_xlabel(
        f"mean change of a pixel {where} {config.object} (levels of 255)"
    )
    for axes in panels:
        axes.set_ylabel(what)
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
    panels[0].set_title(f"The {test.there.sum()} samples that had it")
    panels[1].set_title(
        "What it costs: down and to the left is best"
        if rated
        else "What it costs: up and to the left is best"
    )
    figure.legend(loc="outside lower center", ncols=3, fontsize=8)
    path = config.workdir / "trade.png"
    figures.save(path, figure, "the object forgotten, against other changes")


def _clearest(seen: Seen) -> np.ndarray:
    """Finds the samples that have the object most clearly."""
    there = np.flatnonzero(seen.there)
    if "glasses" in seen.factors:
        there = there[np.argsort(-seen.factors["glasses"][there], kind="stable")]
    return there[:SHOWN]


def _colour(image: np.ndarray) -> np.ndarray:
    return image.repeat(3, -1) if image.shape[-1] == 1 else image
