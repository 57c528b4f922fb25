"""Images to the shape a network wants: crop, resize, grey or colour, on the host.

Every function takes and returns `uint8 [H, W, C]` and leaves its argument alone.
"""

from typing import Literal

import numpy as np
from PIL import Image

Crop = Literal["centre"] | tuple[int, int, int, int] | None
"""Which part to keep: the central square, `(top, left, height, width)`, or all."""
Upscale = bool | Literal["pad"]
"""What to do with images that are too small: refuse, enlarge, or pad with black."""


def centre_crop(image: np.ndarray) -> np.ndarray:
    """The largest central square of `[H, W, C]`; odd margins lose one pixel more below.

    Returns:
        `[S, S, C]`, with `S = min(H, W)`.
    """
    height, width = image.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return image[top : top + side, left : left + side]


def crop_box(image: np.ndarray, box: tuple[int, int, int, int]) -> np.ndarray:
    """Cuts `box = (top, left, height, width)` out of `[H, W, C]`.

    Raises:
        ValueError: if the box is empty or reaches beyond the image.
    """
    top, left, height, width = box
    rows, columns = image.shape[:2]
    inside = 0 <= top < top + height <= rows and 0 <= left < left + width <= columns
    if not inside:
        raise ValueError(
            f"the crop (top, left, height, width) = {tuple(box)} does not lie inside "
            f"an image {rows} high and {columns} wide: choose a smaller --crop"
        )
    return image[top : top + height, left : left + width]


def resize(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """Resizes `[H, W, C]` to `[height, width, C]` with the Lanczos filter.

    Pillow widens the filter with the scale, so on the way down every source pixel
    counts and nothing aliases; the box filter (the plain mean of an area) does the
    same but blurs more unless the scale is an integer, and cannot enlarge.
    A scale over six is first reduced by a whole factor, which cannot be seen and
    is several times faster on photos.
    """
    if image.shape[:2] == (height, width):
        return image
    grey = image.shape[2] == 1
    pixels = Image.fromarray(np.ascontiguousarray(image[..., 0] if grey else image))
    lanczos = Image.Resampling.LANCZOS
    resized = np.array(pixels.resize((width, height), lanczos, reducing_gap=3.0))
    return resized[..., None] if grey else resized


def pad(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """Centres `[H, W, C]` on black, to at least `[height, width, C]` (28 to 32)."""
    rows, columns = image.shape[:2]
    above, left = max(0, height - rows) // 2, max(0, width - columns) // 2
    below, right = max(0, height - rows) - above, max(0, width - columns) - left
    return np.pad(image, ((above, below), (left, right), (0, 0)))


def to_grey(image: np.ndarray) -> np.ndarray:
    """`[..., 1 or 3]` to `[..., 1]` by ITU-R 601, in pillow's own integers."""
    if image.shape[-1] == 1:
        return image
    red, green, blue = (image[..., i].astype(np.uint32) for i in range(3))
    luma = (red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16
    return luma.astype(np.uint8)[..., None]


def to_colour(image: np.ndarray) -> np.ndarray:
    """`[..., 1 or 3]` to `[..., 3]`; grey is repeated."""
    return np.repeat(image, 3, axis=-1) if image.shape[-1] == 1 else image


def to_channels(image: np.ndarray, channels: int) -> np.ndarray:
    """`[..., 1 or 3]` to `[..., channels]`.

    Raises:
        ValueError: if `channels` is neither 1 nor 3.
    """
    if channels not in (1, 3):
        raise ValueError(f"channels is {channels}: give 1 (grey) or 3 (colour)")
    return to_grey(image) if channels == 1 else to_colour(image)


def fit(
    image: np.ndarray,
    size: int,
    channels: int,
    *,
    crop: Crop = "centre",
    upscale: Upscale = False,
    name: str = "an image",
) -> np.ndarray:
    """Crops, resizes and colours one image.

    Args:
        image: `uint8 [H, W, 1 or 3]`.
        size: height and width wanted.
        channels: 1 or 3.
        crop: `"centre"` keeps the central square, `(top, left, height, width)` that
            box, `None` everything, squeezed into a square.
        upscale: what to do with an image smaller than `size`: `False` refuses,
            `True` enlarges it, `"pad"` puts it in the middle of black.
        name: what to call the image in an error.

    Returns:
        `uint8 [size, size, channels]`.

    Raises:
        ValueError: if the image is smaller than `size` and `upscale` is false, or the
            crop reaches beyond it.
    """
    if size < 1:
        raise ValueError(
            f"the size is {size}: give --model.resolution a positive number"
        )
    if crop == "centre":
        image = centre_crop(image)
    elif crop is not None:
        try:
            image = crop_box(image, crop)
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None
    height, width = image.shape[:2]
    if min(height, width) < size:
        if not upscale:
            raise ValueError(
                f"{name} is {width}x{height} pixels{' after the crop' if crop else ''} "
                f"but {size}x{size} is asked for: lower --model.resolution to at most "
                f"{min(height, width)}, or pass --upscale yes"
            )
        if upscale == "pad":
            image = pad(image, size, size)
    return to_channels(resize(image, size, size), channels)
