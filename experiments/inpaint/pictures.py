"""Makes the pictures and the table of inpainting."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.lab import figures
from jaxgan.lab.filling import fills

SHOWN = 8  # images in a picture
FOLLOWED = 3  # images in a strip
# The ways to fill holes. The mean of the known pixels and Laplace's equation need no
# network.
FILLS = {
    "mean": "mean colour",
    "laplace": "Laplace's\nequation",
    "drawn": "G(z) alone",
    "pasted": "G(z) pasted",
    "blended": "G(z) blended",
}


def table(results: dict[str, Any]) -> str:
    """Writes mean PSNR in decibels as lines: in the hole, and of the whole image."""
    lines = ["PSNR in dB: in the hole (of the whole image)"]
    lines.append(" " * 20 + "".join(f"{name:>16}" for name in results))
    for fill, words in FILLS.items():
        cells = [
            f"{np.mean(rows[fill]['hole']):.1f} ({np.mean(rows[fill]['whole']):.1f})"
            for rows in results.values()
        ]
        words = words.replace("\n", " ")
        lines.append(f"{words:>20}" + "".join(f"{cell:>16}" for cell in cells))
    return "\n".join(lines)


def picture(path, nets, images, known, filled, name):
    """Draws rows: original, masked, and each way to fill the hole."""
    grey = sum(nets.range) / 2
    masked = jnp.where(known[None, :, :, None], images, grey)
    rows = {"original": images, "masked": masked}
    rows |= {FILLS[fill]: filled[fill] for fill in FILLS if fill != "mean"}
    _tiled(
        path,
        nets,
        jnp.stack([x[:SHOWN] for x in rows.values()]),
        list(rows),
        [""] * min(SHOWN, len(images)),
        f"holes ({name}) and how they are filled",
    )


def strip(path, nets, images, labels, known, kept):
    """Draws G(z) and the blended result; a column for each number of iterations."""
    some = slice(FOLLOWED)
    columns = []
    for latents in kept.values():
        latents = jax.tree.map(lambda x: x[some], latents)
        filled = fills(nets, images[some], labels[some], known, latents)
        columns.append(jnp.stack([filled["drawn"], filled["blended"]], 1))
    columns.append(jnp.stack([images[some]] * 2, 1))
    rows = jnp.stack(columns, 2)  # [image, way, column, H, W, C]
    rows = rows.reshape(-1, *rows.shape[2:])
    above = [*(f"{i:,}" for i in kept), "original"]
    left = ["G(z)", "blended"] * (len(rows) // 2)
    _tiled(path, nets, rows, left, above, "during the search for z, by iteration")


def _tiled(path, nets, rows, left, above, about):
    low, high = nets.range
    count, columns = rows.shape[:2]
    figure = figures.new(2.2 + 1.15 * columns, 0.4 + 1.15 * count)
    figures.tiles(figure.subplots(), (rows - low) / (high - low), left, above)
    figures.save(path, figure, about)
