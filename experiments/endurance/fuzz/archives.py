"""Archives and IDX files, of which some are damaged and some were never right."""

import gzip
import io
import json
import pathlib
import random
import struct
import zipfile
from typing import Any

import numpy as np

from experiments.endurance.fuzz.damage import EXTREMES, damaged
from experiments.endurance.fuzz.images import image, load

NAMES = ("a/0", "a/1", "b/0", "../up", "/top", "a/b/c/d", "", " ", "é", "x\\y")
# What a list of labels may be in a file that people write.
LABELS: tuple[Any, ...] = (
    0, 1, -1, 2**40, 1.5, float("nan"), None, "a", [1], [0, 1], {}, True,
)  # fmt: skip
DTYPES = (
    "u1", "u1", "u1", "u1", "u1", "u2", "i4", "f4", "f8", "f2", "c8", "b1", "U3", "O",
    "M8[s]",
)  # fmt: skip
SHAPES = (
    (5, 8, 8, 3), (5, 8, 8), (5, 8, 8, 1), (5, 3, 8, 8), (5, 8, 8, 4), (5, 64), (5,),
    (), (0, 8, 8, 3), (5, 0, 8, 3), (1, 1, 1, 1), (5, 8, 8, 3, 1),
)  # fmt: skip
SPLITS = (("train",), ("train", "t10k"), ("train", "test"), ("t10k",))


def play(chance: random.Random, folder: pathlib.Path) -> None:
    """Writes a zip or an npz, and loads it.

    Raises:
        ValueError: the library refused it.
    """
    if chance.random() < 0.5:
        path, content = folder / "photos.zip", _zip(chance)
    else:
        path, content = folder / "arrays.npz", _npz(chance)
    path.write_bytes(damaged(chance, content))
    kind = chance.choice((f"{path.suffix[1:]}:", ""))
    part = chance.choice(("",) * 8 + ("#a", "#images", "#x_test", "#none"))
    load(chance, f"{kind}{path}{part}")


def _zip(chance) -> bytes:
    file = io.BytesIO()
    names = []
    with zipfile.ZipFile(file, "w", chance.choice((0, 8))) as archive:
        for _ in range(chance.choice((0, 1, 2, 3, 4, 5))):
            suffix, content = image(chance)
            names.append(f"{chance.choice(NAMES)}.{suffix}")
            if chance.random() < 0.2:
                content = damaged(chance, content)
            archive.writestr(names[-1], content)
        if chance.random() < 0.4:
            labels = [[name, chance.choice(LABELS)] for name in names]
            described = chance.choice((labels, labels, dict(labels), None, names, 3))
            text = json.dumps({"labels": described}).encode()
            if chance.random() < 0.3:
                text = damaged(chance, text)
            archive.writestr("dataset.json", text)
    return file.getvalue()


def _npz(chance) -> bytes:
    file = io.BytesIO()
    arrays = {}
    names = ("images", "x_train", "x_test", "arr_0", "image", "a")
    for name in chance.sample(names, chance.choice((0, 1, 1, 1, 2))):
        arrays[name] = _array(chance, chance.choice(SHAPES))
    for name in chance.sample(("labels", "y_train", "label"), chance.randrange(2)):
        arrays[name] = _array(chance, chance.choice(((5,), (5,), (4,), (5, 2), ())))
    np.savez(file, **arrays)
    content = file.getvalue()
    if chance.random() < 0.3:  # an array alone, its header in plain sight
        with zipfile.ZipFile(file) as archive:
            content = b"".join(archive.read(name) for name in archive.namelist()[:1])
    return content


def _array(chance, shape) -> np.ndarray:
    noise = np.random.default_rng(chance.getrandbits(32))
    dtype = np.dtype(chance.choice(DTYPES))
    if dtype.kind in "uiM":
        return noise.integers(0, 10, shape).astype(dtype)
    made = np.asarray(noise.normal(scale=chance.choice((1, 1e3, 1e30)), size=shape))
    if dtype.kind == "f" and made.size and chance.random() < 0.3:
        made.flat[0] = chance.choice((np.nan, np.inf, -np.inf))
    with np.errstate(all="ignore"):
        return made.astype(dtype)


def play_idx(chance: random.Random, folder: pathlib.Path) -> None:
    """Writes files in MNIST's form, and loads them.

    Raises:
        ValueError: the library refused them.
    """
    for split in chance.choice(SPLITS):
        count, sides = chance.choice((0, 1, 5, 5)), chance.choice(((8, 8), (1, 3)))
        noise = np.random.default_rng(chance.getrandbits(32))
        pixels = noise.integers(0, 256, (count, *sides), np.uint8)
        labels = noise.integers(0, 10, count + chance.choice((0, 0, 0, 0, 1)), np.uint8)
        for name, array in (("images-idx3", pixels), ("labels-idx1", labels)):
            magic = chance.choice((0x800 + array.ndim,) * 50 + EXTREMES)
            sizes = [chance.choice((n,) * 80 + EXTREMES) for n in array.shape]
            header = struct.pack(f">{1 + len(sizes)}I", magic, *sizes)
            content = header + array.tobytes()
            if chance.random() < 0.3:
                content = damaged(chance, content)
            zipped = chance.random() < 0.4
            if zipped:
                content = gzip.compress(content)
                content = damaged(chance, content) if chance.random() < 0.3 else content
            file = folder / f"{split}-{name}-ubyte{'.gz' if zipped else ''}"
            if chance.random() < 0.97:
                file.write_bytes(content)
    alone = chance.choice([*folder.iterdir(), folder])
    load(chance, f"idx:{chance.choice((folder, folder, folder, alone))}")
