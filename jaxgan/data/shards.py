"""Shards: a set decoded once, in plain `.npy` files of which batches are read.

A folder of them holds `image-00000.npy`, `image-00001.npy`, ... (and `label-00000.npy`,
... where there are classes), each of so many examples, and `shards.json`, which says
how many and of what shape. That is written last: without it a set is not whole. Names
of files follow from numbers, so nothing outside the folder is ever opened, and every
file has to have the size that the index gives it. Nothing in them can run code.

Any program can map these files, but `gather` reads them instead, after telling the
system of the whole batch: a file cut short is then an error, and not the end of the
process (SIGBUS), and a disk that has to be read gives several times as many images,
because for each of a map's the system reads what lies around it too.
"""

import contextlib
import dataclasses
import hashlib
import io
import json
import math
import operator
import os
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from jaxgan.data.arrays import numbered
from jaxgan.data.decode import CorruptImage, unread
from jaxgan.data.protocol import Example

INDEX, UNFINISHED = "shards.json", "unfinished.json"
_FORMAT = "jaxgan shards, version 1"
_MOST_INDEX = 1 << 24  # bytes; of a set of a million shards
_LINE = 64  # bytes
_AGAIN = "make the set again with `python -m experiments.make_shards`"


class Field(NamedTuple):
    """What one field of every example is."""

    dtype: np.dtype
    shape: tuple[int, ...]


@dataclasses.dataclass(frozen=True, eq=False)
class ShardSource:
    """Examples in shards; see `open_shards`. No file is open between two reads.

    Attributes:
        folder: where they are.
        fields: of an example.
        starts: int64 `[S + 1]`; shard `s` has examples `starts[s]` to `starts[s + 1]`.
        offsets: of each field, for each shard, where in its file the first example is.
        classes: names of the labels, where known.
        digest: of the content as it was written, in hexadecimal.
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
                    # The disk gets to know of the whole batch before the first wait.
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
        path = self.folder / _name(key, shard)
        try:
            return path.open("rb", buffering=0)
        except OSError as error:
            raise CorruptImage(unread(f"the shard {path}", error.strerror)) from error


def open_shards(path: pathlib.Path) -> ShardSource:
    """Opens a set of shards: sees that every file is what the index says, reads none.

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
            _mapped(path / _name(key, number), (count, *shape), dtype).offset
            for number, count in enumerate(index.counts)
        ]
        for key, (dtype, shape) in index.fields.items()
    }
    starts = np.concatenate([[0], np.cumsum(index.counts, dtype=np.int64)])
    classes = index.classes or _numbered(path, index)
    return ShardSource(path, index.fields, starts, offsets, classes, index.digest)


def _numbered(path: pathlib.Path, index: "_Index") -> tuple[str, ...]:
    """The names of classes whose names were not stored: their numbers."""
    dtype, shape = index.fields.get("label", Field(np.dtype(float), ()))
    if dtype.kind not in "iu" or shape:
        return ()
    labels = [
        np.max(_mapped(path / _name("label", number), (count,), dtype), keepdims=True)
        for number, count in enumerate(index.counts)
    ]
    return numbered(np.concatenate(labels))


def write_shard(
    folder: pathlib.Path, number: int, arrays: Mapping[str, np.ndarray]
) -> None:
    """Writes one shard, each file whole or not at all, the images last.

    Args:
        folder: of the set.
        number: of the shard, from 0.
        arrays: `{"image": uint8 [n, H, W, C], ...}`, all of one length.

    Raises:
        ValueError: if there are no images, or the arrays are not as they have to be.
    """
    images = arrays.get("image")
    if images is None or images.dtype != np.uint8 or images.ndim != 4:
        raise ValueError("a shard needs 'image', a uint8 array [n, H, W, C]")
    for key, value in arrays.items():
        _check_field(key, value.dtype)
        if len(value) != len(images):
            raise ValueError(
                f"a shard has {len(value)} of {key!r} for {len(images)} images: give"
                " one for each"
            )
    folder.mkdir(parents=True, exist_ok=True)
    for key in sorted(arrays, key=lambda key: (key == "image", key)):
        path, value = folder / _name(key, number), arrays[key]
        plain = np.ascontiguousarray(value, dtype=value.dtype.newbyteorder("="))
        beside = path.with_name(f"{path.name}.{os.getpid()}.part")
        try:
            with beside.open("wb") as file:
                np.save(file, plain, allow_pickle=False)
                file.flush()
                os.fsync(file.fileno())
            os.replace(beside, path)
        except OSError:
            beside.unlink(missing_ok=True)
            raise


def has_shard(
    folder: pathlib.Path, number: int, count: int, like: Mapping[str, np.ndarray]
) -> bool:
    """Whether a shard of `count` examples like this one was written before."""
    try:
        for key, value in like.items():
            path = folder / _name(key, number)
            _mapped(path, (count, *value.shape), value.dtype)
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
    """Reads what was written once more, and writes the index: now the set is whole.

    Args:
        folder: of the set.
        counts: examples in each shard.
        like: an example.
        classes: names of the labels, where known.
        made: what the set was made of, as plain values, for those who look.

    Returns:
        The digest of the whole content.
    """
    sum_ = digest(folder, counts, like)
    plain = {
        "format": _FORMAT,
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
    beside = folder / f"{INDEX}.part"
    beside.write_text(json.dumps(plain, indent=1) + "\n")
    os.replace(beside, folder / INDEX)
    for left in folder.glob("*.part"):  # by a process that was killed
        left.unlink()
    return sum_


def digest(
    folder: pathlib.Path, counts: Sequence[int], like: Mapping[str, np.ndarray]
) -> str:
    """Reads all shards of a set for the SHA-256 of their content, in hexadecimal.

    It does not depend on how many shards there are.

    Args:
        folder: of the set.
        counts: examples in each shard.
        like: an example.

    Raises:
        ValueError: if a file is not there, or not of the right size and shape.
    """
    sum_ = hashlib.sha256()
    for key, value in sorted(like.items()):
        sum_.update(repr((key, value.dtype.name, value.shape)).encode())
        for number, count in enumerate(counts):
            path = folder / _name(key, number)
            array = _mapped(path, (count, *value.shape), value.dtype)
            sum_.update(array.reshape(-1).view(np.uint8).data)
    return sum_.hexdigest()


class _Index(NamedTuple):
    """What `shards.json` says, once it is known to make sense."""

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
        raise ValueError(f"{str(path)!r} is damaged ({why}): {_AGAIN}") from error
    except OSError as error:
        raise ValueError(
            f"cannot read {str(path)!r} ({error.strerror}): see that it can be read"
        ) from error


def _parsed(plain: Any) -> _Index:
    """The index from its JSON, every value looked at."""
    if plain["format"] != _FORMAT:
        raise ValueError(f"its format is {plain['format']!r}, expected {_FORMAT!r}")
    counts = tuple(_whole(count, 1) for count in plain["shards"])
    if not counts or sum(counts) != plain["count"]:
        raise ValueError(f"shards of {sum(counts)} examples for {plain['count']}")
    fields = {}
    for key, field in plain["fields"].items():
        dtype = np.dtype(str(field["dtype"]))
        _check_field(key, dtype)
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


def _check_field(key: str, dtype: np.dtype) -> None:
    """Sees that a field can be the beginning of a file's name, and holds numbers."""
    if not (key.isidentifier() and key.isascii() and len(key) <= 64):
        raise ValueError(
            f"a field called {key[:80]!r}: use letters, digits and underscores"
        )
    if dtype.kind not in "biuf":
        raise ValueError(f"{key} is of type {dtype}: only numbers can be stored")


def _mapped(path: pathlib.Path, shape: tuple[int, ...], dtype: np.dtype) -> np.memmap:
    """Maps one file, which has to be exactly what is expected."""
    try:
        if not path.is_file():  # nor a pipe, which would be waited for
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
    except Exception as error:  # of a hostile header, a dozen kinds
        why = " ".join(str(error).split())[:160] or type(error).__name__
        raise ValueError(
            f"cannot use the shard {str(path)!r} ({why}): fetch it again, or {_AGAIN}"
        ) from error


def _aligned(size: int) -> np.ndarray:
    """Bytes that begin where XLA on a CPU takes them as they are, without a copy."""
    content = np.empty(size + _LINE, np.uint8)
    start = -content.ctypes.data % _LINE
    return content[start : start + size]


def _name(key: str, number: int) -> str:
    return f"{key}-{number:05d}.npy"
