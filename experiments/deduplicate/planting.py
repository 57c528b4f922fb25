"""Makes near duplicates, to measure how many of them are found."""

import io
import math

import numpy as np
from PIL import Image

KINDS = ("jpeg", "brightness", "shift", "resized")


def copied(image: np.ndarray, kind: str, rng: np.random.Generator) -> np.ndarray:
    """Makes a near duplicate of an image, as they arise when pictures are shared.

    - jpeg: compressed again, at a quality of 60 to 90.
    - brightness: 3 to 10 % brighter or darker.
    - shift: moved by one pixel in 64 (at least one pixel), edges repeated.
    - resized: made smaller, to 75 to 95 % of its side, and large again.

    Args:
        image: uint8 `[H, W, C]`, at its stored size.
        kind: one of the four.
        rng: random numbers.

    Returns:
        uint8 of the same shape.
    """
    height, width = image.shape[:2]
    if kind == "jpeg":
        file = io.BytesIO()
        _to_pil(image).save(file, "JPEG", quality=int(rng.integers(60, 91)))
        return _to_array(Image.open(file), image)
    if kind == "brightness":
        factor = 1 + rng.choice([-1, 1]) * rng.uniform(0.03, 0.1)
        return np.clip(np.rint(image * factor), 0, 255).astype(np.uint8)
    if kind == "shift":
        far = max(1, round(min(height, width) / 64))
        places = [(-far, 0), (far, 0), (0, -far), (0, far)]
        down, right = places[rng.integers(len(places))]
        wide = np.pad(image, ((far, far), (far, far), (0, 0)), "edge")
        return wide[far - down :, far - right :][:height, :width]
    scale = rng.uniform(0.75, 0.95)
    smaller = (max(1, round(width * scale)), max(1, round(height * scale)))
    resampling = Image.Resampling.BICUBIC
    there = _to_pil(image).resize(smaller, resampling)
    return _to_array(there.resize((width, height), resampling), image)


def correlation(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Pearson's correlation of the pixels of pairs of images.

    Args:
        a: `[N, ...]`, real.
        b: the others, of the same shape.

    Returns:
        `[N]`; if an image has only one colour, 1 for equal images and 0 for others.
    """
    x, y = (np.asarray(v, np.float64) for v in (a, b))
    x, y = (v.reshape(len(v), math.prod(v.shape[1:])) for v in (x, y))
    same = (x == y).all(1)
    x, y = (v - v.mean(1, keepdims=True) for v in (x, y))
    lengths = np.sqrt(np.square(x).sum(1) * np.square(y).sum(1))
    plain = lengths == 0
    found = (x * y).sum(1) / np.where(plain, 1, lengths)
    return np.where(plain, same, found)


def _to_pil(image: np.ndarray) -> Image.Image:
    grey = image.shape[-1] == 1
    return Image.fromarray(np.ascontiguousarray(image[..., 0] if grey else image))


def _to_array(picture: Image.Image, like: np.ndarray) -> np.ndarray:
    return np.asarray(picture, np.uint8).reshape(like.shape)
