"""Writes the files of batches: shards, an ArrayRecord, folders of JPEG files."""

import os
import pathlib
from collections.abc import Iterator
from typing import Any

import numpy as np
from PIL import Image
from tqdm import tqdm

from jaxgan import data
from jaxgan.data import batches, shard_writing, shards

SHARD = 1 << 28  # bytes
RECORDS = "images.array_record"


def make_shards(folder: pathlib.Path, count: int, size: int) -> None:
    """Writes random images, unless they exist."""
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
    """Reads files, so that the system has their content in memory."""
    for path in folder.iterdir():
        with path.open("rb", buffering=0) as file:
            while file.read(1 << 24):
                pass


def drop(folder: pathlib.Path) -> None:
    """Asks the system to drop the content of files, so that the disk is read."""
    for path in folder.iterdir():
        file = os.open(path, os.O_RDONLY)
        try:
            os.fsync(file)
            os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(file)


def make_records(folder: pathlib.Path, of: pathlib.Path) -> None:
    """Writes the images of shards as an uncompressed ArrayRecord, one a record."""
    from array_record.python.array_record_module import ArrayRecordWriter

    folder.mkdir(parents=True, exist_ok=True)
    if (folder / RECORDS).exists():
        return
    source = shards.open_shards(of)
    part = folder / f"{RECORDS}.part"
    writer = ArrayRecordWriter(str(part), "group_size:1,uncompressed")
    for i in range(0, len(source), 64):
        index = np.arange(i, min(i + 64, len(source)))
        for image in source.gather(index)["image"]:
            writer.write(image.tobytes())
    writer.close()
    os.replace(part, folder / RECORDS)


def records(
    folder: pathlib.Path, shape: tuple[int, ...], batch_size: int
) -> Iterator[dict[str, np.ndarray]]:
    """Mirrored batches of an ArrayRecord, read ahead by one of grain's threads.

    A whole batch is requested at once, which is several times faster than one record at
    a time; images and order are those of `jaxgan.data.stream` of the shards.
    """
    import grain

    source: Any = grain.sources.ArrayRecordDataSource([str(folder / RECORDS)])

    def read(i: int) -> dict[str, np.ndarray]:
        plan = data.plan(0, i, count=len(source), batch_size=batch_size, flip=True)
        content = b"".join(source.__getitems__(plan["index"].tolist()))
        image = np.frombuffer(content, np.uint8).reshape(-1, *shape).copy()
        batches.mirror(image, plan["flip"])
        return {"image": image}

    options = grain.ReadOptions(num_threads=1, prefetch_buffer_size=4)
    iterator = iter(grain.MapDataset.range(1 << 40).map(read).to_iter_dataset(options))
    try:
        yield from iterator
    finally:
        iterator.close()
