"""Damages images in known ways."""

import numpy as np
from PIL import Image, ImageFilter

MODES = 10


def noisy(images: np.ndarray, sigma: float, rng: np.random.Generator) -> np.ndarray:
    """Adds Gaussian noise to images uint8, clipped at black and white."""
    added = images + rng.normal(0, sigma, images.shape)
    return np.clip(np.rint(added), 0, 255).astype(np.uint8)


def blurred(images: np.ndarray, sigma: float) -> np.ndarray:
    """Blurs images uint8 `[N, H, W, C]` by a Gaussian."""
    if not sigma:
        return images
    channel = images[..., 0] if images.shape[-1] == 1 else images
    soft = ImageFilter.GaussianBlur(sigma)
    out = np.stack([np.asarray(Image.fromarray(x).filter(soft)) for x in channel])
    return out.reshape(images.shape)


def modes_of(images: np.ndarray, labels: np.ndarray | None) -> np.ndarray:
    """Finds a mode for every image `[N]`: its class, or its tenth by brightness."""
    if labels is not None:
        return labels
    rank = np.argsort(np.argsort(images.mean((1, 2, 3)), kind="stable"))
    return rank * MODES // len(images)
