"""Brings images to the shape a network needs: crop, resize, grey or colour.

Every function takes and returns `uint8 [H, W, C]` and leaves its argument alone.
"""

from typing import Literal

import numpy as np
from PIL import Image

Size = int | str | tuple[int, int]
"""Height and width: `64` for a square, `(64, 48)`, or `"64x48"`."""
Crop = Literal["centre"] | tuple[int, int, int, int] | None
"""Which part to keep: the centre, `(top, left, height, width)`, or everything."""
Upscale = bool | Literal["pad"]
"""What to do with images that are too small: refuse, enlarge, or pad with black."""


def height_width(size: Size) -> tuple[int, int]:
    """A size as `(height, width)`.

    Raises:
        ValueError: if it is no such size, or not positive.
    """
    parts = size.split("x") if isinstance(size, str) else np.atleast_1d(size).tolist()
    try:
        sides = [int(part) for part in parts]
        height, width = sides * 2 if len(sides) == 1 else sides
        if min(height, width) < 1:
            raise ValueError
    except ValueError:
        raise ValueError(
            f"the size is {size}: give a number for a square, or HEIGHTxWIDTH as"
            " 64x48, and at least 1"
        ) from None
    return height, width


def centre_crop(image: np.ndarray, size: Size = 1) -> np.ndarray:
    """The largest part in the middle of `[H, W, C]` that has the shape of `size`.

    Where a margin is odd, the lower or right one is a pixel wider.

    Returns:
        `[h, w, C]`, as high as the image or as wide; for a square size
        `h = w = min(H, W)`.
    """
    high, wide = height_width(size)
    rows, columns = image.shape[:2]
    height = min(rows, max(1, columns * high // wide))
    width = min(columns, max(1, rows * wide // high))
    top, left = (rows - height) // 2, (columns - width) // 2
    return image[top : top + height, left : left + width]


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
    counts and nothing aliases. The box filter (the mean of an area) does not alias
    either, but it blurs more unless the scale is an integer, and cannot enlarge.
    An image more than six times too large is first reduced by a whole factor: nobody
    sees the difference, and photos take a fraction of the time. Colours are weighted by
    their opacity where the image has 2 or 4 channels.
    """
    if image.shape[:2] == (height, width):
        return image
    grey = image.shape[2] == 1
    pixels = Image.fromarray(np.ascontiguousarray(image[..., 0] if grey else image))
    lanczos = Image.Resampling.LANCZOS
    resized = np.array(pixels.resize((width, height), lanczos, reducing_gap=3.0))
    return resized[..., None] if grey else resized


def pad(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """Centres `[H, W, C]` on black (or nothing), to at least `[height, width, C]`."""
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


def over_white(image: np.ndarray) -> np.ndarray:
    """`[..., 2 or 4]` to `[..., 1 or 3]`: laid over white, in pillow's own integers."""
    colour, opacity = (x.astype(np.uint32) for x in (image[..., :-1], image[..., -1:]))
    mixed = (colour * opacity + 255 * (255 - opacity) + 0x80) << 7
    return ((((mixed >> 8) + mixed) >> 8) >> 7).astype(np.uint8)


def to_channels(image: np.ndarray, channels: int) -> np.ndarray:
    """`[..., 1 to 4]` to `[..., channels]`.

    1 is grey, 3 is colour; 2 and 4 are these with opacity as their last channel.
    Opacity that is not wanted is spent by laying the image over white, and an image
    without it is opaque.

    Raises:
        ValueError: if `channels` is not 1 to 4.
    """
    if channels not in (1, 2, 3, 4):
        raise ValueError(
            f"channels is {channels}: give 1 (grey) or 3 (colour), or 2 or 4 for these"
            " with opacity"
        )
    if image.shape[-1] == channels:
        return image
    convert = to_grey if channels < 3 else to_colour
    has, wants = image.shape[-1] in (2, 4), channels in (2, 4)
    if not wants:
        return convert(over_white(image) if has else image)
    opacity = image[..., -1:] if has else np.full((*image.shape[:-1], 1), 255, np.uint8)
    colour = image[..., :-1] if has else image
    return np.concatenate([convert(colour), opacity], axis=-1)


def fit(
    image: np.ndarray,
    size: Size,
    channels: int,
    *,
    crop: Crop = "centre",
    upscale: Upscale = False,
    name: str = "an image",
) -> np.ndarray:
    """Crops, resizes and colours one image.

    Args:
        image: `uint8 [H, W, 1 to 4]`.
        size: height and width wanted.
        channels: 1 to 4; see `to_channels`.
        crop: `"centre"` keeps the largest part in the middle that has the shape of
            `size`, `(top, left, height, width)` keeps that box, `None` everything; what
            is kept is then squeezed into the size.
        upscale: what to do with an image smaller than `size`: `False` refuses,
            `True` enlarges it, `"pad"` puts it in the middle of black.
        name: what to call the image in an error.

    Returns:
        `uint8 [height, width, channels]`.

    Raises:
        ValueError: if the image is smaller than `size` and `upscale` is false, or the
            crop reaches beyond it.
    """
    height, width = height_width(size)
    if crop == "centre":
        image = centre_crop(image, (height, width))
    elif crop is not None:
        try:
            image = crop_box(image, crop)
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None
    rows, columns = image.shape[:2]
    if rows < height or columns < width:
        if not upscale:
            raise ValueError(_too_small(name, (rows, columns), (height, width), crop))
        if upscale == "pad":
            image = pad(image, height, width)
    return to_channels(resize(image, height, width), channels)


def _too_small(
    name: str, have: tuple[int, int], want: tuple[int, int], crop: Crop
) -> str:
    part = min(have[0] / want[0], have[1] / want[1])
    most = [int(side * part) for side in want]
    largest = most[0] if want[0] == want[1] else f"{most[0]}x{most[1]}"
    return (
        f"{name} is {have[0]}x{have[1]} pixels (height x width)"
        f"{' after the crop' if crop else ''}, but {want[0]}x{want[1]} is wanted: lower"
        f" --model.resolution to at most {largest}, or pass --upscale yes"
    )
