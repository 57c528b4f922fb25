"""Pictures of guessed clips, of their errors, and of how pixels are moved."""

import pathlib
from collections.abc import Mapping, Sequence

import numpy as np

from jaxgan.lab import figures

SHOWN = 2  # clips in a picture


def draw_clips(
    path: pathlib.Path,
    true: np.ndarray,
    guesses: Mapping[str, np.ndarray],
    context: int,
) -> None:
    """Draws true clips, and below each what was guessed after its known frames."""
    rows, names = [], []
    for i in range(SHOWN):
        rows.append(true[i])
        rows += [
            np.concatenate([true[i, :context], guess[i]]) for guess in guesses.values()
        ]
        names += ["true", *guesses]
    rows = np.stack(rows)
    above = [f"known {t + 1}" for t in range(context)]
    above += [f"guess {t + 1}" for t in range(rows.shape[1] - context)]
    figure = figures.new(1.6 + 0.9 * rows.shape[1], 0.3 + 0.9 * len(rows))
    figures.tiles(figure.subplots(), rows, names, above)
    figures.save(path, figure, "unseen clips, and what was guessed")


def draw_psnr(
    path: pathlib.Path, psnr: Mapping[str, Sequence[float]], context: int
) -> None:
    """Plots the PSNR of each guessed frame."""
    figure = figures.new(5, 3)
    axes = figure.subplots()
    for name, values in psnr.items():
        frames = context + 1 + np.arange(len(values))
        axes.plot(frames, values, "o-", label=name)
        axes.set_xticks(frames)
    axes.set_xlabel("frame")
    axes.set_ylabel("PSNR, dB")
    axes.grid(alpha=0.3)
    axes.legend()
    figures.save(path, figure, "how good guesses are, frame by frame")


def draw_motion(
    path: pathlib.Path,
    true: np.ndarray,
    found: Mapping[str, np.ndarray],
    context: int,
) -> None:
    """Draws the masks of the first guessed frame, and the kernels above theirs."""
    masks = found["masks"][:SHOWN, context - 1]
    count, height, width, candidates = masks.shape
    names = ["last", "drawn", *(f"{k + 1}" for k in range(candidates - 2))]
    rows, left = [], []
    for i in range(count):
        shown = np.zeros((candidates, height, width))
        if "kernels" in found:
            kernels = found["kernels"][i, context - 1]
            for k in range(min(kernels.shape[-1], candidates - 2)):
                kernel = kernels[..., k] / kernels[..., k].max()
                scale = min(height, width) // kernel.shape[0]
                large = np.kron(kernel, np.ones((scale, scale)))
                shown[2 + k, : len(large), : len(large)] = large
        before, after = true[i, context - 1 : context + 1].mean(-1)
        shown[0], shown[1] = before, after
        rows += [shown, np.moveaxis(masks[i], -1, 0)]
        left += ["frames, kernels", "masks"]
    figure = figures.new(1.9 + 0.75 * candidates, 0.4 + 0.75 * len(rows))
    figures.tiles(figure.subplots(), np.stack(rows)[..., None], left, names)
    about = "the frames before and after, kernels, and where each is believed"
    figures.save(path, figure, about)
