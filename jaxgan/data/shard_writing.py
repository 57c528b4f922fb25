"""Writes shards: each file wholly or not at all, and the index last."""

import hashlib
import json
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from jaxgan import paths
from jaxgan.data.shards import FORMAT, INDEX, check_field, file_name, mapped


def write_shard(
    folder: pathlib.Path, number: int, arrays: Mapping[str, np.ndarray]
) -> None:
    """Writes one shard; its images come last.

    Args:
        folder: where the set is.
        number: which shard this is, from 0.
        arrays: `{"image": uint8 [n, H, W, C], ...}`, all of one length.

    Raises:
        ValueError: if there are no images, or an array cannot be stored.
    """
    images = arrays.get("image")
    if images is None or images.dtype != np.uint8 or images.ndim != 4:
        raise ValueError("a shard needs 'image', a uint8 array [n, H, W, C]")
    for key, value in arrays.items():
        check_field(key, value.dtype)
        if len(value) != len(images):
            raise ValueError(
                f"a shard has {len(value)} of {key!r} for {len(images)} images: give"
                " one for each"
            )
    folder.mkdir(parents=True, exist_ok=True)
    for key in sorted(arrays, key=lambda key: (key == "image", key)):
        path, value = folder / file_name(key, number), arrays[key]
        plain = np.ascontiguousarray(value, dtype=value.dtype.newbyteorder("="))
        with paths.replacing(path) as file:
            np.save(file, plain, allow_pickle=False)


def has_shard(
    folder: pathlib.Path, number: int, count: int, like: Mapping[str, np.ndarray]
) -> bool:
    """Whether shard `number` is there, with `count` examples like this one."""
    try:
        for key, value in like.items():
            path = folder / file_name(key, number)
            mapped(path, (count, *value.shape), value.dtype)
    except ValueError:
        return False
    return True


def finish(
    folder: pathlib.Path,
    counts: Sequence[int],
    like: Mapping[str, np.ndarray],
    *,
    classes: Sequence[str] = (),
    made: Mapping[str, Any] | None = None,
) -> str:
    """Reads all shards once more and writes the index, which makes the set whole.

    Args:
        folder: where the set is.
        counts: examples in each shard.
        like: an example.
        classes: names of the labels, where known.
        made: what the set was made of, as plain values; kept in the index.

    Returns:
        The digest of the whole content.
    """
    sum_ = digest(folder, counts, like)
    plain = {
        "format": FORMAT,
        "count": sum(counts),
        "shards": list(counts),
        "fields": {
            key: {"dtype": value.dtype.name, "shape": list(value.shape)}
            for key, value in sorted(like.items())
        },
        "classes": list(classes),
        "sha256": sum_,
        "made": dict(made or {}),
    }
    with paths.replacing(folder / INDEX) as file:
        file.write(f"{json.dumps(plain, indent=1)}\n".encode())
    for left in folder.glob("*.part"):  # what a killed process left
        left.unlink()
    return sum_


def digest(
    folder: pathlib.Path, counts: Sequence[int], like: Mapping[str, np.ndarray]
) -> str:
    """The SHA-256 of the content of all shards, in hexadecimal.

    It does not depend on how many shards there are.

    Args:
        folder: where the set is.
        counts: examples in each shard.
        like: an example.

    Raises:
        ValueError: if a file is not there, or not of the right size and shape.
    """
    sum_ = hashlib.sha256()
    for key, value in sorted(like.items()):
        sum_.update(repr((key, value.dtype.name, value.shape)).encode())
        for number, count in enumerate(counts):
            path = folder / file_name(key, number)
            array = mapped(path, (count, *value.shape), value.dtype)
            sum_.update(array.reshape(-1).view(np.uint8).data)
    return sum_.hexdigest()
