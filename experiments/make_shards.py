"""A set of images decoded once, into shards that training reads as they are.

    python -m experiments.make_shards --data folder:PHOTOS --size 64 --output shards/64
    python -m experiments.dcgan_faces --data shards:shards/64

Every image is cropped, resized and coloured as training would do it, so batches are the
same, bit for bit, as those of the set itself. Labels, and other fields, come along. A
folder is decoded in a process for each core, other sets in as many threads. The images
lie in `.npy` files, uint8 `[n, size, size, channels]`, beside an index, shards.json,
that is written last; a set that was stopped is refused until the same command has gone
on to its end.
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

from jaxgan import data as jaxgan_data
from jaxgan import report
from jaxgan.data import shard_writing, shards
from jaxgan.data.files import FileSource
from jaxgan.data.load import read_good
from jaxgan.data.protocol import name_of
from jaxgan.lab import cli

BLOCK = 64  # images a worker takes at a time
FEW = 2000  # files that are read before processes would have started


@dataclasses.dataclass(frozen=True)
class Config:
    """Which set, in what shape, and where to."""

    data: str
    """Images, as --data of training has them."""
    output: pathlib.Path
    """Folder for the shards."""
    size: int = 64
    """Height and width of the images."""
    channels: Literal[1, 3] = 3
    """1 for grey, 3 for colour."""
    split: str = "train"
    """Which part of a set that has parts."""
    crop: tuple[int, int, int, int] | None = None
    """Box to keep, as top, left, height, width; the central square if left out."""
    upscale: Literal["auto", "yes", "no"] = "auto"
    """Enlarge images smaller than the size; auto does so for digits and idx."""
    skip_corrupt: bool = False
    """Let the next readable image stand in for one that cannot be read."""
    download: bool = False
    """Let tfds fetch and prepare a set that is not there."""
    megabytes: int = 256
    """Largest size of a shard, in MiB of images; one is held in memory."""
    workers: int = 0
    """Processes that decode; 0 takes one for each core."""

    def __post_init__(self):
        for name, least in (("size", 1), ("megabytes", 1), ("workers", 0)):
            if getattr(self, name) < least:
                raise ValueError(
                    f"--{name} is {getattr(self, name)}; it must be at least {least}"
                )


def main(config: Config) -> None:
    """Writes the shards that are not there yet, then the index."""
    source = jaxgan_data.open_source(
        config.data, split=config.split, download=config.download, size=config.size
    )
    digits = config.data.startswith("idx:") or config.data == "digits"
    fitting = jaxgan_data.fitted(
        source,
        size=config.size,
        channels=config.channels,
        crop=config.crop or "centre",
        upscale=config.upscale == "yes" or (config.upscale == "auto" and digits),
    )
    like = read_good(fitting, 0, config.skip_corrupt, set())
    count, bytes_ = len(fitting), config.size**2 * config.channels
    counts = sizes(count, max(1, config.megabytes * 2**20 // bytes_))
    starts = [number * counts[0] for number in range(len(counts))]
    made = _made(config, fitting, counts, like)
    if not _claim(config.output, made, counts, like):
        _say(f"{config.output} is that set already: there is nothing to do")
        return
    missing = [
        number
        for number, size in enumerate(counts)
        if not shard_writing.has_shard(config.output, number, size, like)
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
        tqdm(total=count, initial=count - sum(s for _, s in places), unit="img") as bar,
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
                shard_writing.write_shard(config.output, number, arrays)
    digest = shard_writing.finish(
        config.output,
        counts,
        like,
        classes=getattr(source, "classes", ()),
        made=made,
    )
    (config.output / shards.UNFINISHED).unlink(missing_ok=True)
    if corrupt:
        _say(
            f"{len(corrupt)} images cannot be read, the first"
            f" {name_of(source, min(corrupt))}; for each stands the next that can be"
        )
    _say(
        f"{config.output}: {count:,} images of {config.size}x{config.size}x"
        f"{config.channels} in {len(counts)} shards, sha256 {digest[:16]}; train on"
        f" them with --data shards:{config.output}"
    )


def sizes(count: int, most: int) -> list[int]:
    """How many of so many images are in each shard, at most so many."""
    return [min(most, count - start) for start in range(0, count, most)]


def read_block(
    source: jaxgan_data.Source, skip_corrupt: bool, places: tuple[int, int]
) -> tuple[dict[str, np.ndarray], set[int]]:
    """Reads `places = (first, count)` examples, stacked; and which were corrupt."""
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
    source: jaxgan_data.Source,
    fitting: jaxgan_data.Source,
    places: list[tuple[int, int]],
) -> Iterator[Iterator[tuple[dict[str, np.ndarray], set[int]]]]:
    """What stands in those places, block by block, read by workers ahead."""
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
            "a process that decodes images was ended from outside, for want of memory"
            " perhaps; the same command goes on, and with --workers 1 in this process"
        ) from None
    finally:
        pool.shutdown(cancel_futures=True)


def _travels(source: FileSource) -> bool:
    """Whether a source can be sent to another process: an open archive cannot."""
    return isinstance(getattr(source.read, "__self__", None), pathlib.Path)


_READ: list[Callable] = []  # of a worker process


def _begin_worker(read: Callable) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the first process sees to that
    _READ[:] = [read]


def _in_worker(places: tuple[int, int]) -> tuple[dict[str, np.ndarray], set[int]]:
    return _READ[0](places)


def _made(config: Config, fitting: jaxgan_data.Source, counts, like) -> dict[str, Any]:
    """What decides the content of the shards, as plain values."""
    names = ("data", "split", "size", "channels", "crop", "upscale", "skip_corrupt")
    plain = {name: getattr(config, name) for name in names}
    plain["crop"] = list(config.crop) if config.crop else None
    plain["shards"] = counts
    plain["fields"] = sorted(like)
    plain["fingerprint"] = jaxgan_data.fingerprint(fitting)
    return plain


def _claim(output: pathlib.Path, made: dict[str, Any], counts, like) -> bool:
    """Makes a folder that of these shards; whether anything is left to do.

    Raises:
        ValueError: it holds something else, or shards whose content has changed.
    """
    index, unfinished = output / shards.INDEX, output / shards.UNFINISHED
    there = next((path for path in (index, unfinished) if path.exists()), None)
    if there is None:
        if output.exists() and not output.is_dir():
            raise ValueError(f"--output {output} is a file; give a new folder")
        if output.exists() and any(output.iterdir()):
            raise ValueError(
                f"--output {output} has other files in it; give a new folder"
            )
    else:
        try:
            plain = json.loads(there.read_text())
            before = dict(plain["made"])
        except (ValueError, TypeError, KeyError, RecursionError):
            raise ValueError(
                f"{there} is damaged; remove {output}, and give the command again"
            ) from None
        if before != made:
            changed = sorted(k for k in made if before.get(k) != made[k])
            raise ValueError(
                f"--output {output} holds shards made in another way"
                f" ({', '.join(changed)} differ); give a new folder"
            )
        if there == index and all(
            shard_writing.has_shard(output, number, count, like)
            for number, count in enumerate(counts)
        ):
            if shard_writing.digest(output, counts, like) != plain.get("sha256"):
                raise ValueError(
                    f"what {output} holds is not what was written; remove it, and give"
                    " the command again"
                )
            return False
    report.write(unfinished, (json.dumps({"made": made}, indent=1) + "\n").encode())
    index.unlink(missing_ok=True)
    return True


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")


if __name__ == "__main__":
    cli.run(main, Config, description=__doc__)
