"""Checks what judges are asked to read."""

import numpy as np


def pictures(
    images: np.ndarray, shape: tuple[int, ...], cure: str = "resize them"
) -> None:
    """Refuses pictures that a judge cannot read.

    Args:
        images: what is to be read.
        shape: height, width and channels of the pictures that it reads.
        cure: what to do about pictures of another size.

    Raises:
        ValueError: there are no pictures, or of another size or type.
    """
    if images.dtype != np.uint8 or images.shape[1:] != shape:
        raise ValueError(
            f"images are {images.dtype} {list(images.shape)}, expected uint8"
            f" [N, {', '.join(map(str, shape))}]: {cure}"
        )
    if not len(images):
        raise ValueError("there are no images: give at least one")
