"""Decodes a set of images once, into shards that training reads as they are.

    python -m experiments.make_shards --data folder:PHOTOS --size 64 --workdir shards/64
    python -m experiments.dcgan_faces --data shards:shards/64

Every image is cropped, resized and coloured as in training, so batches are bit for bit
those of the set itself. Labels and other fields are kept. A folder is decoded by one
process for each core, other sets by as many threads. The images are in `.npy` files,
uint8 `[n, height, width, channels]`, beside an index, shards.json, which is written
last. If the command was stopped, the shards cannot be used until the same command has
finished them.
"""

import dataclasses
import pathlib
import sys
from typing import Any, Literal

from experiments.make_shards.claiming import claim
from experiments.make_shards.decoding import write
from jaxgan import bounds, data
from jaxgan.data import shard_writing, shards
from jaxgan.data.load import read_good


@dataclasses.dataclass(frozen=True)
class Config:
    """The set, the shape of its images, and the folder."""

    data: str
    """Images, in the form of --data of training."""
    workdir: pathlib.Path
    """Folder for the shards."""
    size: str = "64"
    """Height and width of the images: 64 for squares, or as 64x48 (height first)."""
    channels: Literal[1, 2, 3, 4] = 3
    """Channels: 1 for grey, 3 for colour; 2 and 4 add opacity."""
    split: str = "train"
    """Part to take of a set that has parts."""
    crop: bounds.Box | None = None
    """Box to keep, as top, left, height, width; by default the centre."""
    upscale: Literal["auto", "yes", "no"] = "auto"
    """Enlarge images that are smaller; auto does so for digits and idx."""
    skip_corrupt: bool = False
    """Replace an image that cannot be read by the next one."""
    download: bool = False
    """Let tfds download and prepare a set that is missing."""
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
    """Writes the missing shards, then the index."""
    folder = config.workdir
    source = data.open_source(
        config.data,
        split=config.split,
        download=config.download,
        size=config.size,
        alpha=config.channels in (2, 4),
    )
    fitting = _fitting(config, source)
    like = read_good(fitting, 0, config.skip_corrupt, set())
    count = len(fitting)
    counts = sizes(count, max(1, config.megabytes * 2**20 // like["image"].size))
    made = _made(config, fitting, counts, like)
    if not claim(folder, made, counts, like):
        _say(f"{folder} has this set already: nothing to do")
        return
    corrupt = write(config, source, fitting, counts, like)
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
            f" {data.name_of(source, min(corrupt))}; the next readable image replaces"
            " each"
            " for each"
        )
    _say(
        f"{folder}: {count:,} images of {'x'.join(map(str, like['image'].shape))}"
        f" in {len(counts)} shards, sha256 {digest[:16]}; train on"
        f" them with --data shards:{folder}"
    )


def sizes(count: int, most: int) -> list[int]:
    """Splits `count` images into shards of at most `most`."""
    return [min(most, count - start) for start in range(0, count, most)]


def _fitting(config: Config, source: data.Source) -> data.Source:
    """Makes the images as in training."""
    digits = config.data.startswith("idx:") or config.data == "digits"
    return data.fitted(
        source,
        size=config.size,
        channels=config.channels,
        crop=config.crop or "centre",
        upscale=config.upscale == "yes" or (config.upscale == "auto" and digits),
    )


def _made(config: Config, fitting: data.Source, counts, like) -> dict[str, Any]:
    """The settings that determine the content of the shards, as plain values."""
    names = ("data", "split", "size", "channels", "crop", "upscale", "skip_corrupt")
    plain = {name: getattr(config, name) for name in names}
    height, width = data.height_width(config.size)
    plain["size"] = height if height == width else [height, width]
    plain["crop"] = list(config.crop) if config.crop else None
    plain["shards"] = counts
    plain["fields"] = sorted(like)
    plain["fingerprint"] = data.fingerprint(fitting)
    return plain


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")
