"""The files that batches come from: shards and folders of JPEG files."""

import os
import pathlib

import numpy as np
from PIL import Image
from tqdm import tqdm

from jaxgan.data import shard_writing, shards

SHARD = 1 << 28  # bytes


def make_shards(folder: pathlib.Path, count: int, size: int) -> None:
    """Writes random images, unless they are there."""
    if (folder / shards.INDEX).exists():
        return
    rng = np.random.default_rng(0)
    shape, per_shard = (size, size, 3), max(1, SHARD // (3 * size**2))
    counts = [min(per_shard, count - i) for i in range(0, count, per_shard)]
    like = {"image": np.zeros(shape, np.uint8)}
    for number, n in enumerate(tqdm(counts, desc="writing", unit="shard")):
        content = np.frombuffer(rng.bytes(n * like["image"].size), np.uint8)
        shard_writing.write_shard(folder, number, {"image": content.reshape(n, *shape)})
    shard_writing.finish(folder, counts, like)


def make_jpegs(folder: pathlib.Path, count: int, shape: tuple[int, int]) -> None:
    """Writes smooth patches with some noise, of about the size of photographs."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    height, width = shape
    for i in range(count):
        coarse = rng.integers(
            0, 256, (-(-height // 8), -(-width // 8), 3), dtype=np.uint8
        )
        smooth = Image.fromarray(coarse).resize(
            (width, height), Image.Resampling.BICUBIC
        )
        noisy = np.asarray(smooth) + rng.integers(-12, 13, (height, width, 3))
        pixels = Image.fromarray(noisy.clip(0, 255).astype(np.uint8))
        pixels.save(folder / f"{i:06d}.jpg", quality=90)


def warm(folder: pathlib.Path) -> None:
    """Reads files through, so that the system has their content in memory."""
    for path in folder.iterdir():
        with path.open("rb", buffering=0) as file:
            while file.read(1 << 24):
                pass


def drop(folder: pathlib.Path) -> None:
    """Asks the system to forget the content of files, so that the disk is read."""
    for path in folder.iterdir():
        file = os.open(path, os.O_RDONLY)
        try:
            os.fsync(file)
            os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(file)
