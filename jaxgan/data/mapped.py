"""Arrays that stay in their file: mapped, so that opening them reads nothing.

What is needed is read by `rows` or `whole`, and not through the map: where a file was
cut short, touching its map ends the process by a signal (SIGBUS), without a message.
"""

import io
import math
import os
import pathlib
import zipfile
from collections.abc import Callable
from typing import IO, NamedTuple

import numpy as np

from jaxgan.data.decode import CorruptImage, unread

LIMIT_BYTES = 4 << 30  # what is read into memory at once
_LOCAL = 30  # bytes of the fixed part of a zip entry's own header


class Header(NamedTuple):
    """What an array in a file is: its shape and type, and where its content begins."""

    shape: tuple[int, ...]
    dtype: np.dtype
    fortran: bool
    start: int

    @property
    def nbytes(self) -> int:
        """Bytes of the content."""
        return math.prod(self.shape) * self.dtype.itemsize


def header(stream: IO[bytes]) -> Header | None:
    """Reads the header of an npy file; None where there is none."""
    try:
        version = np.lib.format.read_magic(stream)
        if version == (1, 0):
            shape, fortran, dtype = np.lib.format.read_array_header_1_0(stream)
        else:
            shape, fortran, dtype = np.lib.format.read_array_header_2_0(stream)
    except ValueError:
        return None
    return Header(shape, dtype, fortran, stream.tell())


def entry(path: pathlib.Path, info: zipfile.ZipInfo, head: Header) -> np.ndarray:
    """Maps an array of an npz, whose entry must be stored as it is, not packed.

    Raises:
        ValueError: if it is packed, or is not where the archive says.
    """
    if info.compress_type != zipfile.ZIP_STORED or head.fortran:
        raise ValueError(
            f"{info.filename} takes {head.nbytes} bytes once it is unpacked, more than"
            f" {LIMIT_BYTES}, so it is to be read part by part, which a packed array"
            " cannot be"
        )
    with path.open("rb") as file:
        file.seek(info.header_offset)
        local = file.read(_LOCAL)
    if len(local) != _LOCAL or local[:4] != b"PK\x03\x04":
        raise ValueError(f"{info.filename} is not where the archive says")
    names = int.from_bytes(local[26:28], "little") + int.from_bytes(
        local[28:30], "little"
    )
    return of_file(path, head, info.header_offset + _LOCAL + names + head.start)


def of_file(path: pathlib.Path, head: Header, start: int) -> np.memmap:
    """Maps an array whose content begins at byte `start` of a file.

    Raises:
        ValueError: if the file ends before the array does.
    """
    size = path.stat().st_size
    if size < start + head.nbytes:
        raise ValueError(f"{size} bytes where {start + head.nbytes} are expected")
    return np.memmap(path, head.dtype, "r", start, head.shape)


def rows(
    array: np.ndarray, index: np.ndarray, name: Callable[[int], str]
) -> np.ndarray:
    """Copies examples of an array; those of a mapped file are read from it now.

    Args:
        array: `[N, ...]`.
        index: int `[...]`, from 0 to N - 1.
        name: what to call an example in an error.

    Returns:
        `[..., ...]`, in memory.

    Raises:
        CorruptImage: if the file is gone, or ends before an example does.
    """
    if not isinstance(array, np.memmap) or array.filename is None:
        return np.take(array, index, axis=0)
    flat = index.reshape(-1).tolist()
    size = array.nbytes // len(array)
    content = np.empty((len(flat), size), np.uint8)
    try:
        with open(array.filename, "rb", buffering=0) as file:
            if not array.flags.c_contiguous:
                # Examples are spread over the file, which is read through its map.
                if file.seek(0, os.SEEK_END) < array.offset + array.nbytes:
                    raise _cut(file, name(flat[0]))
                return np.take(array, index, axis=0)
            for place, row in zip(flat, content, strict=True):
                file.seek(array.offset + place * size)
                if _fill(row.data, file) != size:
                    raise _cut(file, name(place))
    except OSError as error:
        raise CorruptImage(unread(name(flat[0]), error.strerror)) from error
    return content.view(array.dtype).reshape(*index.shape, *array.shape[1:])


def whole(array: np.memmap, name: str) -> np.ndarray:
    """Reads all of a mapped array.

    Raises:
        CorruptImage: if the file is gone or was cut short.
    """
    turned = not array.flags.c_contiguous  # its last axis is the first in the file
    out = np.empty(array.T.shape if turned else array.shape, array.dtype)
    try:
        with open(str(array.filename), "rb", buffering=0) as file:
            file.seek(array.offset)
            if _fill(out.reshape(-1).view(np.uint8).data, file) != array.nbytes:
                raise _cut(file, name)
    except OSError as error:
        raise CorruptImage(unread(name, error.strerror)) from error
    return out.T if turned else out


def _fill(memory: memoryview, file: io.FileIO) -> int:
    """Reads until the memory is full or the file ends; gives the bytes read."""
    done = 0
    while done < len(memory) and (count := file.readinto(memory[done:])):
        done += count
    return done


def _cut(file: io.FileIO, name: str) -> CorruptImage:
    size = file.seek(0, os.SEEK_END)
    return CorruptImage(unread(name, f"the file was cut short to {size} bytes"))
