"""Shards: a set decoded once, in plain `.npy` files from which batches are read.

A folder of shards holds `image-00000.npy`, `image-00001.npy`, ... (and
`label-00000.npy`, ... where there are classes), with a number of examples each, and
`shards.json`, which gives these numbers and the shapes. It is written last: without it
a set is not whole. File names follow from numbers, so nothing outside the folder is
ever opened, and every file must have the size that the index gives it. Nothing in them
can run code.

Any program can map these files, but `gather` reads them instead, after it has announced
the whole batch to the system. A file that was cut short is then an error and does not
end the process (SIGBUS), and a cold disk gives several times as many images, because
for every example of a map the system also reads what lies around it.
"""

import contextlib
import dataclasses
import io
import json
import math
import operator
import os
import pathlib
from typing import Any, NamedTuple

import numpy as np

from jaxgan.data.arrays import numbered
from jaxgan.data.decode import CorruptImage, unread
from jaxgan.data.protocol import Example

INDEX, UNFINISHED = "shards.json", "unfinished.json"
FORMAT = "jaxgan shards, version 1"
_MOST_INDEX = 1 << 24  # bytes: enough for a million shards
_LINE = 64  # bytes of a cache line
AGAIN = "make the set again with `python -m experiments.make_shards`"


class Field(NamedTuple):
    """The type and shape of one field of every example."""

    dtype: np.dtype
    shape: tuple[int, ...]


@dataclasses.dataclass(frozen=True, eq=False)
class ShardSource:
    """Examples in shards; see `open_shards`. No file is open between two reads.

    Attributes:
        folder: where they are.
        fields: what an example consists of.
        starts: int64 `[S + 1]`; shard `s` has examples `starts[s]` to `starts[s + 1]`.
        offsets: for each field and shard, where in its file the first example is.
        classes: names of the labels, where known.
        digest: hash of the content as it was written, in hexadecimal.
    """

    folder: pathlib.Path
    fields: dict[str, Field]
    starts: np.ndarray
    offsets: dict[str, list[int]]
    classes: tuple[str, ...]
    digest: str

    def __len__(self) -> int:
        return int(self.starts[-1])

    def __getitem__(self, index: int) -> Example:
        place = operator.index(index)
        if not -len(self) <= place < len(self):
            raise IndexError(f"{self.folder} has {len(self)} images, but not {place}")
        gathered = self.gather(np.array([place % len(self)]))
        return {key: np.asarray(value[0]) for key, value in gathered.items()}

    @property
    def labels(self) -> np.ndarray | None:
        """See `protocol.labels_of`."""
        if "label" not in self.fields:
            return None
        dtype, shape = self.fields["label"]
        counts = np.diff(self.starts).tolist()
        return np.concatenate(
            [
                mapped(self.folder / file_name("label", number), (n, *shape), dtype)
                for number, n in enumerate(counts)
            ]
        )

    def name(self, index: int) -> str:
        """What to call an example in an error."""
        return f"image {index} of {self.folder}"

    def gather(self, index: np.ndarray) -> dict[str, np.ndarray]:
        """Reads examples.

        Args:
            index: int `[...]`, from 0 to the length less one.

        Returns:
            Every field as `[..., *shape]`.

        Raises:
            CorruptImage: if a file that is needed is gone or was cut short.
        """
        flat = np.asarray(index).reshape(-1)
        shards = np.searchsorted(self.starts, flat, side="right") - 1
        rows = flat - self.starts[shards]
        out = {}
        for key, (dtype, shape) in self.fields.items():
            size = math.prod(shape) * dtype.itemsize
            content = _aligned(len(flat) * size).reshape(len(flat), size)
            reads = [
                (shard, self.offsets[key][shard] + row * size)
                for shard, row in zip(shards.tolist(), rows.tolist(), strict=True)
            ]
            with contextlib.ExitStack() as stack:
                files = {
                    shard: stack.enter_context(self._opened(key, shard))
                    for shard in dict.fromkeys(shards.tolist())
                }
                if hasattr(os, "posix_fadvise"):
                    # The whole batch is announced before the first read waits.
                    for shard, start in reads:
                        file = files[shard].fileno()
                        os.posix_fadvise(file, start, size, os.POSIX_FADV_WILLNEED)
                for place, (shard, start) in enumerate(reads):
                    files[shard].seek(start)
                    if files[shard].readinto(content[place]) != size:
                        name = self.name(int(flat[place]))
                        raise CorruptImage(unread(name, "the file was cut short"))
            out[key] = content.view(dtype).reshape(*np.shape(index), *shape)
        return out

    def _opened(self, key: str, shard: int) -> io.FileIO:
        path = self.folder / file_name(key, shard)
        try:
            return path.open("rb", buffering=0)
        except OSError as error:
            raise CorruptImage(unread(f"the shard {path}", error.strerror)) from error


def open_shards(path: pathlib.Path) -> ShardSource:
    """Opens a set of shards: checks that every file is what the index says.

    Args:
        path: the folder.

    Returns:
        The set, its examples in the order in which they were written.

    Raises:
        ValueError: if the set is not whole, or a file is not what the index says.
    """
    index = _read_index(path)
    offsets = {
        key: [
            mapped(path / file_name(key, number), (count, *shape), dtype).offset
            for number, count in enumerate(index.counts)
        ]
        for key, (dtype, shape) in index.fields.items()
    }
    starts = np.concatenate([[0], np.cumsum(index.counts, dtype=np.int64)])
    made = ShardSource(path, index.fields, starts, offsets, index.classes, index.digest)
    labels = made.labels
    if index.classes or labels is None or labels.dtype.kind not in "iu":
        return made
    # Classes whose names were not stored are called by their numbers.
    return dataclasses.replace(
        made, classes=numbered(labels) if labels.ndim == 1 else ()
    )


class _Index(NamedTuple):
    """The checked content of `shards.json`."""

    counts: tuple[int, ...]
    fields: dict[str, Field]
    classes: tuple[str, ...]
    digest: str


def _read_index(folder: pathlib.Path) -> _Index:
    path = folder / INDEX
    if not path.is_file():
        if (folder / UNFINISHED).exists():
            raise ValueError(
                f"the shards in {str(folder)!r} are not all there: give the command"
                " that made them (python -m experiments.make_shards) once more, and it"
                " goes on"
            )
        raise ValueError(
            f"{str(folder)!r} has no {INDEX}: it is not a folder that `python -m"
            " experiments.make_shards` made"
        )
    try:
        if path.stat().st_size > _MOST_INDEX:
            raise ValueError(f"over {_MOST_INDEX} bytes")
        return _parsed(json.loads(path.read_text()))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        why = " ".join(str(error).split())[:160] or type(error).__name__
        raise ValueError(f"{str(path)!r} is damaged ({why}): {AGAIN}") from error
    except OSError as error:
        raise ValueError(
            f"cannot read {str(path)!r} ({error.strerror}): see that it can be read"
        ) from error


def _parsed(plain: Any) -> _Index:
    """The index from its JSON, with every value checked."""
    if plain["format"] != FORMAT:
        raise ValueError(f"its format is {plain['format']!r}, expected {FORMAT!r}")
    counts = tuple(_whole(count, 1) for count in plain["shards"])
    if not counts or sum(counts) != plain["count"]:
        raise ValueError(f"shards of {sum(counts)} examples for {plain['count']}")
    fields = {}
    for key, field in plain["fields"].items():
        dtype = np.dtype(str(field["dtype"]))
        check_field(key, dtype)
        shape = tuple(_whole(size, 1) for size in field["shape"])
        fields[key] = Field(dtype, shape)
    dtype, shape = fields["image"]
    if dtype != np.uint8 or len(shape) != 3 or shape[-1] not in (1, 2, 3, 4):
        raise ValueError(f"images of type {dtype} and shape {shape}")
    classes = tuple(str(name) for name in plain["classes"])
    return _Index(counts, fields, classes, str(plain["sha256"]))


def _whole(value: Any, least: int) -> int:
    if type(value) is not int or not least <= value < 2**31:
        raise ValueError(f"{str(value)[:40]} where a number from {least} is expected")
    return value


def check_field(key: str, dtype: np.dtype) -> None:
    """Checks that a field's name can begin a file's name, and that it holds numbers."""
    if not (key.isidentifier() and key.isascii() and len(key) <= 64):
        raise ValueError(
            f"a field called {key[:80]!r}: use letters, digits and underscores"
        )
    if dtype.kind not in "biuf":
        raise ValueError(f"{key} is of type {dtype}: only numbers can be stored")


def mapped(path: pathlib.Path, shape: tuple[int, ...], dtype: np.dtype) -> np.memmap:
    """Maps one file, which must be exactly what is expected."""
    try:
        if not path.is_file():  # a pipe would block
            raise ValueError("there is no such file")
        array = np.lib.format.open_memmap(path, mode="r")  # takes no pickles
        if array.shape != shape or array.dtype != dtype or not array.flags.c_contiguous:
            raise ValueError(
                f"it has {array.dtype} {array.shape}, the index says {dtype} {shape}"
            )
        need = array.offset + math.prod(shape) * dtype.itemsize
        size = path.stat().st_size
        if size != need:
            raise ValueError(f"it has {size} bytes of {need}")
        return array
    except Exception as error:  # a hostile header raises a dozen kinds
        why = " ".join(str(error).split())[:160] or type(error).__name__
        raise ValueError(
            f"cannot use the shard {str(path)!r} ({why}): fetch it again, or {AGAIN}"
        ) from error


def _aligned(size: int) -> np.ndarray:
    """Bytes aligned so that XLA on a CPU takes them without a copy."""
    content = np.empty(size + _LINE, np.uint8)
    start = -content.ctypes.data % _LINE
    return content[start : start + size]


def file_name(key: str, number: int) -> str:
    """The file of one field of one shard."""
    return f"{key}-{number:05d}.npy"
