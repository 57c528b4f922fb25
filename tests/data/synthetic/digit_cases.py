"""Plain NumPy beside which digits on the device are tested."""

import jax
import numpy as np


def moved(image, down, right, size=None):
    """One pixel at a time: the image centred on a canvas, then shifted."""
    rows, columns, channels = image.shape
    height, width = (size, size) if size else (rows, columns)
    out = np.zeros((height, width, channels), image.dtype)
    for r in range(rows):
        for c in range(columns):
            to_r = r + (height - rows) // 2 + down
            to_c = c + (width - columns) // 2 + right
            if 0 <= to_r < height and 0 <= to_c < width:
                out[to_r, to_c] = image[r, c]
    return out


def box(image):
    """Top, bottom, left and right of what is not black."""
    rows, columns = (np.flatnonzero(image.any(axis)) for axis in (1, 0))
    return rows[0], rows[-1] + 1, columns[0], columns[-1] + 1


def keys(count, seed=0):
    return jax.random.split(jax.random.key(seed), count)
