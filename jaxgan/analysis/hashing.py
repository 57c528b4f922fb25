"""Semantic hashes: finds near duplicates in linear time, as images of the same hash.

A network turns each image into a few dozen numbers; each becomes one bit, 1 above a
threshold and 0 elsewhere. Images that share all bits are taken for copies of each
other. All of this is NumPy on the host.

References: Salakhutdinov and Hinton, "Semantic hashing" (2009); Radford, Metz and
Chintala, arXiv:1511.06434, section 4.1, who remove copies from pictures of bedrooms so.
"""

from typing import Any

import numpy as np


def binarise(codes: Any, threshold: Any = 0.0) -> np.ndarray:
    """Packs codes into hashes, one bit per number: 1 where it is above the threshold.

    Args:
        codes: `[N, K]`, real.
        threshold: one number, or `[K]`, one for each bit.

    Returns:
        uint8 `[N, ceil(K / 8)]`, with the first bit highest; unused bits of the last
        byte are 0.

    Raises:
        ValueError: shapes do not fit, or a code or a threshold is NaN.
    """
    codes, threshold = np.asarray(codes), np.asarray(threshold)
    if codes.ndim != 2 or not codes.shape[1]:
        raise ValueError(f"codes have the shape {codes.shape}; it must be [N, K]")
    if threshold.shape not in ((), codes.shape[1:]):
        raise ValueError(
            f"threshold has the shape {threshold.shape}; give one number, or one for"
            f" each of the {codes.shape[1]} bits"
        )
    for name, value in (("codes", codes), ("threshold", threshold)):
        if np.isnan(value).any():
            raise ValueError(
                f"{name} contain NaN, which has no bit; train the network again"
            )
    return np.packbits(codes > threshold, axis=1)


def groups(hashes: np.ndarray) -> np.ndarray:
    """Groups the images that share a hash, in time linear in their number.

    Args:
        hashes: uint8 `[N, bytes]`, from `binarise`.

    Returns:
        int64 `[N]`: the number of each image's group. Groups are numbered from 0 in the
        order of their first images.

    Raises:
        ValueError: `hashes` is not uint8 `[N, bytes]`.
    """
    hashes = _checked(hashes)
    numbers: dict[bytes, int] = {}
    rows = (row.tobytes() for row in hashes)
    found = (numbers.setdefault(row, len(numbers)) for row in rows)
    return np.fromiter(found, np.int64, len(hashes))


def first_of_each(group: np.ndarray) -> np.ndarray:
    """Chooses the image of each group to keep: its first.

    Args:
        group: integers `[N]`, the group of each image.

    Returns:
        int64 `[N]`: for every image, the number of the image that is kept in its place.
        For kept images that is their own number, so `np.unique` of the result lists
        them.

    Raises:
        ValueError: `group` is not a vector of integers.
    """
    group = np.asarray(group)
    if group.ndim != 1 or not np.issubdtype(group.dtype, np.integer):
        raise ValueError(
            f"group is {group.dtype} {list(group.shape)}; it must be integers [N], of"
            " `groups`"
        )
    _, first, back = np.unique(group, return_index=True, return_inverse=True)
    return first[back]


def _checked(hashes: np.ndarray) -> np.ndarray:
    hashes = np.asarray(hashes)
    if hashes.ndim != 2 or hashes.dtype != np.uint8:
        raise ValueError(
            f"hashes are {hashes.dtype} {list(hashes.shape)}; they must be uint8"
            " [N, bytes], of `binarise`"
        )
    return hashes
