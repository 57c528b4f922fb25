"""Draws the pictures: trained weights on the left, random ones on the right."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.inside_networks.layers import Layer
from experiments.inside_networks.looks import RULES, Look
from jaxgan import report
from jaxgan.analysis import inside
from jaxgan.lab import figures

TILES = 32  # largest number of maps of a layer, or of filters, that are shown
SIDES = ("trained", "random weights")


def draw_weights(filters: Sequence[np.ndarray], about: str) -> Figure:
    """Draws the first layer's filters; those of many channels have a row each."""
    many = filters[0].shape[1] > 1
    by_channel = "a row for each filter, a column for each input channel"
    text = by_channel if many else "a tile for each filter"
    shown = [x[: TILES // 2 if many else TILES] for x in filters]
    rows, columns = shown[0].shape[:2]
    if not many:
        rows, columns = -(-rows // 8), min(8, rows)
    figure = figures.new(12, 0.9 + 5.8 * rows / columns)
    figure.suptitle(f"{about}: filters of the first layer, {text}")
    for axes, side, tiles in zip(figure.subplots(1, 2), SIDES, shown, strict=True):
        show(axes, tiles.reshape(-1, *tiles.shape[2:]), columns)
        axes.set_title(side)
    return figure


def draw_activations(
    looks: Sequence[Look], layers: Sequence[Layer], image: np.ndarray, about: str
) -> Figure:
    """Draws the maps of one image, a row for each layer."""
    units = layers[0].shape[:2] == (1, 1)
    count = [x.shape[-1] if units else min(TILES, x.shape[-1]) for x in layers]
    columns = 40 if units else 8
    heights = [max(0.8, 5.9 / columns * -(-n // columns)) for n in count]
    heights[0] = max(heights[0], 2.2)
    figure = figures.new(14, 0.9 + sum(heights) + 0.25 * len(layers))
    figure.suptitle(
        f"{about}: maps of one image, each from its smallest to its largest value"
    )
    grid = figure.subplots(
        len(layers), 3, squeeze=False, width_ratios=(1, 3, 3), height_ratios=heights
    )
    for i, ((first, *others), layer) in enumerate(zip(grid, layers, strict=True)):
        height, width, channels = layer.shape
        what = f"{channels} units" if units else f"{height}x{width} maps"
        more = f",\n{count[i]} of {channels}" if count[i] < channels else ""
        first.axis("off")
        place = {"ha": "center", "va": "top" if i == 0 else "center"}
        first.text(
            0.5, -0.05 if i == 0 else 0.5, f"layer {i}: {what}{more}",
            transform=first.transAxes, **place,
        )  # fmt: skip
        if i == 0:
            first.imshow(_rgb(image))
        for axes, side, seen in zip(others, SIDES, looks, strict=True):
            maps = seen.activations[i]
            # Units share one scale, like the pixels of one map.
            maps = maps.reshape(1, -1, 1) if units else maps[..., : count[i]]
            tiles = np.asarray(inside.map_tiles(maps))
            if units:
                tiles = tiles.reshape(-1, 1, 1, 1)
            show(axes, tiles, columns)
            if i == 0:
                axes.set_title(side)
    return figure


def draw_projections(looks: Sequence[Look], images: np.ndarray, about: str) -> Figure:
    """Draws a row for each map: its strongest image, and three ways back to it."""
    tile = 6.4 / (1 + len(RULES))
    figure = figures.new(14, 1.1 + tile * looks[0].chosen.shape[1])
    figure.suptitle(f"{about}: from the strongest response to the pixels")
    for axes, side, seen in zip(figure.subplots(1, 2), SIDES, looks, strict=True):
        sent = [np.asarray(inside.centred(seen.signals[rule])) for rule in RULES]
        rows = np.stack([images[seen.chosen[0]] / 255, *sent], axis=1)
        figures.tiles(axes, rows, _labels(seen), ["image", *RULES])
        axes.set_title(side, fontweight="bold")
    return figure


def draw_guided(looks: Sequence[Look], about: str) -> Figure:
    """Draws guided backpropagation: a row for each map, the strongest image first."""
    shown, maps = looks[0].chosen.shape
    figure = figures.new(16, 1.0 + 7.2 / shown * maps)
    figure.suptitle(
        f"{about}: guided backpropagation on the images they respond to most"
    )
    for axes, side, seen in zip(figure.subplots(1, 2), SIDES, looks, strict=True):
        rows = _centred(np.moveaxis(seen.guided, 0, 1))
        figures.tiles(axes, rows, _labels(seen), [""] * shown)
        axes.set_title(side, fontweight="bold")
    return figure


def draw_patches(looks: Sequence[Look], about: str) -> Figure:
    """Draws patches, strongest first, and guided backpropagation; padding is white."""
    shown, maps = looks[0].chosen.shape
    figure = figures.new(16, 1.0 + 7.2 / shown * 2 * maps)
    figure.suptitle(f"{about}: what drives them most, and guided backpropagation to it")
    for axes, side, seen in zip(figure.subplots(1, 2), SIDES, looks, strict=True):
        sent = np.where(np.isnan(seen.pieces), 1.0, _centred(seen.pieces))
        both = np.stack([np.nan_to_num(seen.patches, nan=1.0), sent], axis=2)
        rows = np.moveaxis(both, 0, 2).reshape(2 * maps, shown, *both.shape[3:])
        left = [text for label in _labels(seen) for text in (label, "guided")]
        figures.tiles(axes, rows, left, [""] * shown)
        axes.set_title(side, fontweight="bold")
    return figure


def show(axes: Axes, tiles: np.ndarray, columns: int, least: int = 24) -> None:
    """Draws tiles `[N, h, w, c]` in [0, 1], enlarged until the borders are thin."""
    scale = max(1, -(-least // tiles.shape[1]))
    large = tiles.repeat(scale, 1).repeat(scale, 2)
    sheet = report.sheet((large * 255 + 0.5).astype(np.uint8), columns)
    axes.imshow(_rgb(sheet))
    axes.axis("off")


def _labels(seen: Look) -> list[str]:
    return [
        f"map {i}" if seen.alive[i] else f"map {i}\n(dead)"
        for i in range(seen.chosen.shape[1])
    ]


def _centred(signals: np.ndarray) -> np.ndarray:
    """`inside.centred` of `[A, B, H, W, C]`; NaN counts as no signal."""
    flat = np.nan_to_num(signals).reshape(-1, *signals.shape[2:])
    return np.asarray(inside.centred(flat)).reshape(signals.shape)


def _rgb(image: np.ndarray) -> np.ndarray:
    return image if image.shape[-1] == 3 else image.repeat(3, -1)
