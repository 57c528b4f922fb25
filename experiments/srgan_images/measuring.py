"""Enlarges unseen pictures, compares them with the originals, and draws them."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan import metrics, nn
from jaxgan.compose import ema_variables
from jaxgan.game import Variables
from jaxgan.lab import blocks, figures, pixels, restored, session
from jaxgan.metrics import features
from jaxgan.models import srgan
from jaxgan.train.terminal import say

SHOWN = 6  # pictures in the figure
BLOCK = 20  # pictures enlarged together
BORDER = 4  # pixels that are not compared
TITLES = {"srresnet": "SRResNet", "srgan": "SRGAN"}


def measured(part: Any, images: np.ndarray, variables: Variables) -> session.Result:
    """Compares what bicubic interpolation and a network draw with the originals.

    Args:
        part: of the network's run.
        images: the originals, uint8 `[N, H, W, C]`.
        variables: of the network.
    """
    real, made = enlarged(part.model, images, variables)
    numbers = {name: scores(real, x) for name, x in made.items()}
    lines = [
        f"{name} {found['psnr']:.2f} dB, SSIM {found['ssim']:.4f}, edges"
        f" {found['edges']:.2f}, texture {found['texture']:.3f}"
        for name, found in numbers.items()
    ]
    say(f"luminance of unseen images: {'; '.join(lines)}")
    return session.Result({"scores": numbers, "images": len(images)}, {})


def enlarged(model, images, variables) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """The originals, and what is drawn of their reduced copies; all in [-1, 1]."""
    real = np.asarray(pixels.floats(images, (-1.0, 1.0)))

    @jax.jit
    def both(image):
        small = srgan.small(model, {"image": image})
        return {
            "bicubic": srgan.bicubic(model, small),
            "network": srgan.enlarge(model, variables, small),
        }

    return real, blocks.in_blocks(both, real, size=BLOCK, title="enlarging")


def scores(real: np.ndarray, made: np.ndarray) -> dict[str, float]:
    """Compares images in [-1, 1], without the border.

    Returns:
        The mean `psnr` and `ssim` of the luminance; `edges`, the mean difference of
        neighbouring pixels' luminance divided by that of the originals, below 1 where
        images are blurred; `texture`, the mean distance of the two images' features by
        a fixed random network, which are the mean and the deviation of each channel.
    """
    inner = slice(BORDER, -BORDER)
    real, made = (x[:, inner, inner] for x in (real, made))
    a, b = (jnp.asarray(luminance(x)) for x in (real, made))
    network = features.random_network(real.shape[-1])
    seen = [
        network.apply(network.variables, nn.to_uint8(jnp.asarray(x))).features
        for x in (real, made)
    ]
    return {
        "psnr": float(metrics.psnr(a, b, data_range=255.0).mean()),
        "ssim": float(metrics.ssim(a, b, data_range=255.0).mean()),
        "edges": float(_steepness(b) / _steepness(a)),
        "texture": float(jnp.linalg.norm(seen[1] - seen[0], axis=1).mean()),
    }


def _steepness(y):
    return jnp.abs(jnp.diff(y, axis=1)).mean() + jnp.abs(jnp.diff(y, axis=2)).mean()


def luminance(image: np.ndarray) -> np.ndarray:
    """Y of ITU-R BT.601, 16 to 235, `[N, H, W, 1]`, of images in [-1, 1]."""
    unit = (np.asarray(image, np.float32) + 1) / 2
    weights = np.array([65.481, 128.553, 24.966], np.float32)
    if unit.shape[-1] == 1:
        return 16 + weights.sum() * unit
    return 16 + (unit @ weights)[..., None]


def draw(path, parts, images, numbers) -> None:
    """Draws a row for each way to enlarge, and the originals."""
    rows = {}
    for name, part in parts.items():
        state = restored.restore(part.run.workdir).state
        real, made = enlarged(part.model, images[:SHOWN], ema_variables(state))
        for way, words in (("bicubic", "bicubic"), ("network", TITLES[name])):
            found = numbers[name]["scores"][way]
            rows[f"{words}\n{found['psnr']:.2f} dB, {found['ssim']:.3f}"] = made[way]
        rows["original"] = rows.pop("original", real)
    stacked = (np.stack(list(rows.values())) + 1) / 2
    count, columns, side = stacked.shape[:3]
    scale = max(1.0, 128 / side) / 100
    figure = figures.new(1.9 + columns * side * scale, 0.2 + count * side * scale)
    figures.tiles(figure.subplots(), stacked, list(rows), [""] * columns)
    figures.save(path, figure, "reduced to a quarter, and enlarged again")
