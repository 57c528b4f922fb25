"""Decodes a set of images once, into shards that training reads as they are.

    python -m experiments.make_shards --data folder:PHOTOS --size 64 --workdir shards/64
    python -m experiments.dcgan_faces --data shards:shards/64

Every image is cropped, resized and coloured as training would do it, so batches are
bit for bit those of the set itself. Labels and other fields are kept. A folder is
decoded by one process a core, other sets by as many threads. The images lie in `.npy`
files, uint8 `[n, height, width, channels]`, beside an index, shards.json, which is
written last. A set whose command was stopped is refused until the same command has
finished it.
"""

import concurrent.futures
import contextlib
import dataclasses
import functools
import json
import multiprocessing
import os
import pathlib
import signal
import sys
from collections.abc import Callable, Iterator
from typing import Any, Literal

import numpy as np
from tqdm import tqdm

from jaxgan import bounds, data, report
from jaxgan.data import shard_writing, shards
from jaxgan.data.files import FileSource
from jaxgan.data.load import read_good
from jaxgan.lab import cli

BLOCK = 64  # images a worker takes at a time
FEW = 2000  # files that threads have read before processes have started


@dataclasses.dataclass(frozen=True)
class Config:
    """Which set, in what shape, and where to."""

    data: str
    """Images, as --data of training has them."""
    workdir: pathlib.Path
    """Folder for the shards."""
    size: str = "64"
    """Height and width of the images: 64 for squares, or as 64x48 (height first)."""
    channels: Literal[1, 2, 3, 4] = 3
    """1 for grey, 3 for colour; 2 and 4 are these with opacity."""
    split: str = "train"
    """Which part of a set that has parts."""
    crop: tuple[int, int, int, int] | None = None
    """Box to keep, as top, left, height, width; the centre if left out."""
    upscale: Literal["auto", "yes", "no"] = "auto"
    """Enlarge images smaller than the size; auto does so for digits and idx."""
    skip_corrupt: bool = False
    """Let the next readable image stand in for one that cannot be read."""
    download: bool = False
    """Let tfds fetch and prepare a set that is not there."""
    megabytes: bounds.Count = 256
    """Largest size of a shard, in MiB of images; one is held in memory."""
    workers: bounds.Natural = 0
    """Processes that decode; 0 takes one for each core."""

    def __post_init__(self):
        bounds.check(self, flags=True)
        try:
            data.height_width(self.size)
        except ValueError as error:
            raise ValueError(f"--size: {error}") from None


def main(config: Config) -> None:
    """Writes the shards that are not there yet, then the index."""
    folder = config.workdir
    source = data.open_source(
        config.data,
        split=config.split,
        download=config.download,
        size=config.size,
        alpha=config.channels in (2, 4),
    )
    digits = config.data.startswith("idx:") or config.data == "digits"
    fitting = data.fitted(
        source,
        size=config.size,
        channels=config.channels,
        crop=config.crop or "centre",
        upscale=config.upscale == "yes" or (config.upscale == "auto" and digits),
    )
    like = read_good(fitting, 0, config.skip_corrupt, set())
    count = len(fitting)
    counts = sizes(count, max(1, config.megabytes * 2**20 // like["image"].size))
    made = _made(config, fitting, counts, like)
    if not _claim(folder, made, counts, like):
        _say(f"{folder} is that set already: there is nothing to do")
        return
    corrupt = _write(config, source, fitting, counts, like)
    digest = shard_writing.finish(
        folder,
        counts,
        like,
        classes=data.classes_of(source),
        made=made,
    )
    (folder / shards.UNFINISHED).unlink(missing_ok=True)
    if corrupt:
        _say(
            f"{len(corrupt)} images cannot be read, the first"
            f" {data.name_of(source, min(corrupt))}; the next readable image stands in"
            " for each"
        )
    _say(
        f"{folder}: {count:,} images of {'x'.join(map(str, like['image'].shape))}"
        f" in {len(counts)} shards, sha256 {digest[:16]}; train on"
        f" them with --data shards:{folder}"
    )


def _write(
    config: Config,
    source: data.Source,
    fitting: data.Source,
    counts: list[int],
    like: data.Example,
) -> set[int]:
    """Writes the shards that are missing.

    Returns:
        The places of images that cannot be read.
    """
    folder = config.workdir
    starts = [number * counts[0] for number in range(len(counts))]
    missing = [
        number
        for number, size in enumerate(counts)
        if not shard_writing.has_shard(folder, number, size, like)
    ]
    blocks = [
        (number, first, min(BLOCK, counts[number] - first))
        for number in missing
        for first in range(0, counts[number], BLOCK)
    ]
    places = [(starts[number] + first, size) for number, first, size in blocks]
    corrupt: set[int] = set()
    arrays: dict[str, np.ndarray] = {}
    with (
        _reading(config, source, fitting, places) as found,
        tqdm(
            total=sum(counts),
            initial=sum(counts) - sum(s for _, s in places),
            unit="img",
        ) as bar,
    ):
        for (number, first, size), (read, bad) in zip(blocks, found, strict=True):
            if first == 0:
                arrays = {
                    key: np.empty((counts[number], *value.shape), value.dtype)
                    for key, value in like.items()
                }
            for key, value in read.items():
                arrays[key][first : first + size] = value
            corrupt |= bad
            bar.update(size)
            if first + size == counts[number]:
                shard_writing.write_shard(folder, number, arrays)
    return corrupt


def sizes(count: int, most: int) -> list[int]:
    """How many of `count` images each shard holds: at most `most`."""
    return [min(most, count - start) for start in range(0, count, most)]


def read_block(
    source: data.Source, skip_corrupt: bool, places: tuple[int, int]
) -> tuple[dict[str, np.ndarray], set[int]]:
    """Reads the examples of `places = (first, count)`.

    Returns:
        The examples, stacked, and the places of those that are corrupt.
    """
    first, count = places
    corrupt: set[int] = set()
    examples = [
        read_good(source, place, skip_corrupt, corrupt)
        for place in range(first, first + count)
    ]
    return {k: np.stack([e[k] for e in examples]) for k in examples[0]}, {
        place for place in corrupt if first <= place < first + count
    }


@contextlib.contextmanager
def _reading(
    config: Config,
    source: data.Source,
    fitting: data.Source,
    places: list[tuple[int, int]],
) -> Iterator[Iterator[tuple[dict[str, np.ndarray], set[int]]]]:
    """The examples of all places, block by block, as workers read them ahead."""
    workers = config.workers or os.cpu_count() or 1
    read = functools.partial(read_block, fitting, config.skip_corrupt)
    many = sum(count for _, count in places) >= FEW
    if workers > 1 and many and isinstance(source, FileSource) and _travels(source):
        pool: concurrent.futures.Executor = concurrent.futures.ProcessPoolExecutor(
            workers,
            multiprocessing.get_context("spawn"),
            initializer=_begin_worker,
            initargs=(read,),
        )
        read = _in_worker
    else:
        pool = concurrent.futures.ThreadPoolExecutor(workers, "make-shards")
    try:
        yield pool.map(read, places)
    except concurrent.futures.BrokenExecutor:
        raise ValueError(
            "a process that decodes images was ended from outside, perhaps for want of"
            " memory; give the same command again, with --workers 1 to decode in this"
            " process"
        ) from None
    finally:
        pool.shutdown(cancel_futures=True)


def _travels(source: FileSource) -> bool:
    """Whether a source can be sent to another process: an open archive cannot."""
    return isinstance(getattr(source.read, "__self__", None), pathlib.Path)


_READ: list[Callable] = []  # what a worker process reads with


def _begin_worker(read: Callable) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the main process stops for all
    _READ[:] = [read]


def _in_worker(places: tuple[int, int]) -> tuple[dict[str, np.ndarray], set[int]]:
    return _READ[0](places)


def _made(config: Config, fitting: data.Source, counts, like) -> dict[str, Any]:
    """What determines the content of the shards, as plain values."""
    names = ("data", "split", "size", "channels", "crop", "upscale", "skip_corrupt")
    plain = {name: getattr(config, name) for name in names}
    height, width = data.height_width(config.size)
    plain["size"] = height if height == width else [height, width]
    plain["crop"] = list(config.crop) if config.crop else None
    plain["shards"] = counts
    plain["fields"] = sorted(like)
    plain["fingerprint"] = data.fingerprint(fitting)
    return plain


def _claim(folder: pathlib.Path, made: dict[str, Any], counts, like) -> bool:
    """Marks a folder as that of these shards.

    Returns:
        Whether anything is left to do.

    Raises:
        ValueError: if it holds something else, or shards whose content has changed.
    """
    index, unfinished = folder / shards.INDEX, folder / shards.UNFINISHED
    there = next((path for path in (index, unfinished) if path.exists()), None)
    if there is None:
        if folder.exists() and not folder.is_dir():
            raise ValueError(f"--workdir {folder} is a file; give a new folder")
        if folder.exists() and any(folder.iterdir()):
            raise ValueError(
                f"--workdir {folder} has other files in it; give a new folder"
            )
    else:
        try:
            plain = json.loads(there.read_text())
            before = dict(plain["made"])
        except (ValueError, TypeError, KeyError, RecursionError):
            raise ValueError(
                f"{there} is damaged; remove {folder}, and give the command again"
            ) from None
        if before != made:
            changed = sorted(k for k in made if before.get(k) != made[k])
            raise ValueError(
                f"--workdir {folder} holds shards made in another way"
                f" ({', '.join(changed)} differ); give a new folder"
            )
        if there == index and all(
            shard_writing.has_shard(folder, number, count, like)
            for number, count in enumerate(counts)
        ):
            if shard_writing.digest(folder, counts, like) != plain.get("sha256"):
                raise ValueError(
                    f"the shards in {folder} are not those that were written; remove"
                    " the folder, and give the command again"
                )
            return False
    report.write(unfinished, (json.dumps({"made": made}, indent=1) + "\n").encode())
    index.unlink(missing_ok=True)
    return True


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")


if __name__ == "__main__":
    cli.run(main, Config, description=__doc__, aliases={"--output": "--workdir"})
