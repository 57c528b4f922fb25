"""Loads a source into arrays in memory, or makes one whose images have one size."""

import concurrent.futures
import dataclasses
import hashlib
import logging
import os
import zlib

import numpy as np

from jaxgan.data import mapped
from jaxgan.data.decode import CorruptImage
from jaxgan.data.mapped import LIMIT_BYTES
from jaxgan.data.protocol import Example, Source, classes_of, labels_of, name_of
from jaxgan.data.shards import ShardSource
from jaxgan.data.sources import ArraySource
from jaxgan.data.transforms import Crop, Size, Upscale, fit, height_width, to_channels

Arrays = dict[str, np.ndarray]
"""`{"image": uint8 [N, H, W, C], "label": int32 [N] where there are labels}`."""

_BLOCK = 64  # examples a thread takes at a time
_log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True, eq=False)
class Fitted:
    """A source whose images are brought to one size; see `fitted`."""

    source: Source
    size: tuple[int, int]
    channels: int
    crop: Crop
    upscale: Upscale

    def __len__(self) -> int:
        return len(self.source)

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the labels, in the order of their numbers."""
        return classes_of(self.source)

    @property
    def labels(self) -> np.ndarray | None:
        """See `protocol.labels_of`."""
        return labels_of(self.source)

    def __getitem__(self, index: int) -> Example:
        example = self.source[index]
        return {
            # Every picture of an example is fitted, so that pairs stay pairs.
            key: fit(
                value,
                self.size,
                self.channels,
                crop=self.crop,
                upscale=self.upscale,
                name=name_of(self.source, index),
            )
            if value.ndim == 3
            else value
            for key, value in example.items()
        }

    def name(self, index: int) -> str:
        """What to call an example in an error."""
        return name_of(self.source, index)


def fitted(
    source: Source,
    *,
    size: Size,
    channels: int,
    crop: Crop = "centre",
    upscale: Upscale = False,
) -> Source:
    """The same set with every image brought to `[H, W, channels]` when it is read.

    For sets larger than memory; `load` of the source gives the same images. Shards that
    have this shape are returned as they are.

    Args:
        source: the set.
        size: height and width.
        channels: 1 to 4.
        crop: see `transforms.fit`.
        upscale: see `transforms.fit`.
    """
    wanted = height_width(size)
    if isinstance(source, ShardSource) and crop in ("centre", None):
        pictures = {f.shape for f in source.fields.values() if len(f.shape) == 3}
        if pictures == {(*wanted, channels)}:
            return source
    return Fitted(source, wanted, channels, crop, upscale)


def ready(source: Source) -> Source:
    """The same set, without the fitting where its arrays have the shape already."""
    if not isinstance(source, Fitted) or not isinstance(source.source, ArraySource):
        return source
    pictures = {x.shape[1:] for x in source.source.arrays.values() if x.ndim == 4}
    as_it_is = pictures == {(*source.size, source.channels)}
    return source.source if as_it_is and source.crop in ("centre", None) else source


def fits(
    source: Source, *, size: Size, channels: int, limit_bytes: int = LIMIT_BYTES
) -> bool:
    """Whether the images of a set, loaded, take no more than `limit_bytes`."""
    height, width = height_width(size)
    return len(source) * height * width * channels <= limit_bytes


def load(
    source: Source,
    *,
    size: Size,
    channels: int,
    crop: Crop = "centre",
    upscale: Upscale = False,
    skip_corrupt: bool = False,
    limit_bytes: int = LIMIT_BYTES,
    progress: bool = True,
    workers: int | None = None,
) -> Arrays:
    """Reads a whole set into memory, a mapped file too.

    Example `i` of the result is example `i` of the source. With `skip_corrupt`, the
    next readable example stands in for one that cannot be read, as in `stream`, so
    batches do not depend on where the set is kept. The number of these is logged.

    Args:
        source: the set.
        size: height and width of the result.
        channels: 1 to 4.
        crop: see `transforms.fit`.
        upscale: see `transforms.fit`.
        skip_corrupt: go on when an image cannot be read.
        limit_bytes: refuse sets that take more.
        progress: show a bar on stderr if it takes longer than two seconds.
        workers: threads that read; by default one for each core, at most 16.

    Returns:
        `{"image": uint8 [N, H, W, channels], ...}`, with every other array of an
        example stacked to `[N, ...]`.

    Raises:
        CorruptImage: if an image cannot be read; it names the first.
        ValueError: if the set is too large, or an image too small.
    """
    if not fits(source, size=size, channels=channels, limit_bytes=limit_bytes):
        height, width = height_width(size)
        raise ValueError(
            f"{len(source)} images of {height}x{width}x{channels} take more than "
            f"{limit_bytes} bytes: raise the limit, lower --model.resolution, or "
            "stream them (jaxgan.data.stream of jaxgan.data.fitted)"
        )
    if isinstance(source, ArraySource):
        images = source.arrays["image"]
        alone = not any(v.ndim == 4 for k, v in source.arrays.items() if k != "image")
        if (
            alone
            and crop in ("centre", None)
            and images.shape[1:3] == height_width(size)
        ):
            if isinstance(images, np.memmap):
                images = mapped.whole(images, source.name(len(images) - 1))
            return source.arrays | {"image": _in_blocks(images, channels)}
    fitting = fitted(source, size=size, channels=channels, crop=crop, upscale=upscale)
    if isinstance(fitting, ShardSource) and not skip_corrupt:
        return _in_order(fitting)
    arrays, corrupt = _read_all(fitting, skip_corrupt, progress, workers)
    if corrupt:
        _log.warning(
            "skipped %d of %d images that cannot be read, the first %s; the next "
            "readable image stands in for each",
            *(len(corrupt), len(source), name_of(source, corrupt[0])),
        )
    return arrays


def _in_order(source: ShardSource) -> Arrays:
    """All examples of shards, block by block."""
    arrays = {
        key: np.empty((len(source), *field.shape), field.dtype)
        for key, field in source.fields.items()
    }
    for i in range(0, len(source), _BLOCK):
        block = source.gather(np.arange(i, min(i + _BLOCK, len(source))))
        for key, value in block.items():
            arrays[key][i : i + _BLOCK] = value
    return arrays


def _in_blocks(images: np.ndarray, channels: int) -> np.ndarray:
    """`to_channels` of a whole set, without four bytes of memory for every pixel."""
    if images.shape[-1] == channels:
        return images
    out = np.empty((*images.shape[:-1], channels), np.uint8)
    for i in range(0, len(images), _BLOCK):
        out[i : i + _BLOCK] = to_channels(images[i : i + _BLOCK], channels)
    return out


def read_good(
    source: Source, index: int, skip_corrupt: bool, corrupt: set[int]
) -> Example:
    """Reads an example, or with `skip_corrupt` the next one that can be read.

    Args:
        source: the set.
        index: which example.
        skip_corrupt: whether to go on to the next, after the last to the first.
        corrupt: places known to be corrupt, which are not tried again; it adds to them.

    Raises:
        CorruptImage: if it cannot be read and may not be skipped, or none can.
    """
    count = len(source)
    for place in range(index, index + count):
        place %= count
        if place in corrupt:
            continue
        try:
            return source[place]
        except CorruptImage:
            if not skip_corrupt:
                raise
            corrupt.add(place)
    raise CorruptImage(
        f"none of the {count} images can be read, the first {name_of(source, 0)}: "
        "check that they are still there, and images"
    )


def _read_all(
    source: Source, skip_corrupt: bool, progress: bool, workers: int | None
) -> tuple[Arrays, list[int]]:
    """Reads every example in threads; gives the arrays and the corrupt places."""
    from tqdm import tqdm

    count = len(source)
    corrupt: set[int] = set()
    model = read_good(source, 0, skip_corrupt, corrupt)
    arrays = {k: np.empty((count, *v.shape), v.dtype) for k, v in model.items()}

    def read(start: int) -> list[int]:
        bad = []
        for place in range(start, min(start + _BLOCK, count)):
            try:
                example = source[place]
            except CorruptImage:
                if not skip_corrupt:
                    raise
                bad.append(place)
                continue
            for key, value in example.items():
                arrays[key][place] = value
        return bad

    threads = workers or min(16, os.cpu_count() or 1)
    pool = concurrent.futures.ThreadPoolExecutor(threads, "jaxgan-load")
    bar = tqdm(
        total=count,
        desc="reading",
        unit="img",
        delay=2,
        mininterval=0.5,
        leave=False,
        disable=not progress,
    )
    try:
        # In order, so that every run raises the error of the same image: the first.
        for bad in pool.map(read, range(0, count, _BLOCK)):
            corrupt.update(bad)
            bar.update(min(_BLOCK, count - bar.n))
    finally:
        pool.shutdown(cancel_futures=True)
        bar.close()
    for place in sorted(corrupt):
        good = place
        while good in corrupt:
            good = (good + 1) % count
        for value in arrays.values():
            value[place] = value[good]
    return arrays, sorted(corrupt)


def fingerprint(data: Arrays | Source) -> str:
    """Sixteen hexadecimal digits that change when the data does.

    Arrays are read in full (a second a gigabyte). A source may be larger than memory:
    its length and sixteen examples spread over it are read, and the digest in the index
    of shards.
    """
    digest = hashlib.sha256()
    if isinstance(data, dict):
        parts = sorted(data.items())
    else:
        places = np.unique(np.linspace(0, len(data) - 1, 16).astype(int)).tolist()
        corrupt: set[int] = set()
        examples = {i: read_good(data, i, True, corrupt) for i in places}
        parts = [(f"{i}/{k}", v) for i, e in examples.items() for k, v in e.items()]
        digest.update(str(len(data)).encode())
        if isinstance(data, ShardSource):
            digest.update(data.digest.encode())
    for name, value in parts:
        sum_ = zlib.crc32(np.ascontiguousarray(value).data.cast("B"))
        digest.update(repr((name, str(value.dtype), value.shape, sum_)).encode())
    return digest.hexdigest()[:16]
