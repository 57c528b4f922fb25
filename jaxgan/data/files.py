"""Image files in a folder or an archive, with the class from the folder's name."""

import dataclasses
import json
import logging
import os
import pathlib
import posixpath
import zipfile
from collections.abc import Callable, Sequence

import numpy as np

from jaxgan.data import labels as named
from jaxgan.data.arrays import check_entry, numbered
from jaxgan.data.decode import MOST_BYTES, SUFFIXES, CorruptImage, decode, unread
from jaxgan.data.protocol import Example

_LIST = "dataset.json"
_OTHERS = (  # pictures that are not read
    *(".avif", ".heic", ".heif", ".jxl", ".jp2", ".j2k", ".svg", ".psd", ".tga"),
    *(".exr", ".hdr", ".dng", ".cr2", ".nef", ".arw", ".eps", ".ico", ".pfm", ".dib"),
)
_log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True, eq=False)
class FileSource:
    """Image files.

    Attributes:
        title: the folder or archive.
        names: one file each, relative to it, with `/`.
        read: the content of a file, or the path to it, from its name.
        labels: int32 `[N]`, or `None` if all files lie in one folder.
        classes: the folders' names, in order; a label is a place in here.
        alpha: whether to keep the opacity of images as their last channel.
    """

    title: str
    names: Sequence[str]
    read: Callable[[str], bytes | pathlib.Path]
    labels: np.ndarray | None
    classes: tuple[str, ...]
    alpha: bool = False

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> Example:
        name = self.name(index)
        image = decode(self.read(self.names[index]), name, alpha=self.alpha)
        if self.labels is None:
            return {"image": image}
        return {"image": image, "label": np.asarray(self.labels[index])}

    def name(self, index: int) -> str:
        """What to call an example in an error, on one line whatever it is called."""
        name = f"{self.title}/{self.names[index]}"
        return name if name.isprintable() else repr(name)[1:-1]


def open_folder(
    path: pathlib.Path, part: str = "", *, alpha: bool = False
) -> FileSource:
    """Opens all images at any depth under a folder.

    Args:
        path: the folder. Links in it are followed, but never in circles.
        part: take only the folder of this name inside it.
        alpha: whether to keep the opacity of images as their last channel.

    Raises:
        ValueError: if it is no folder, or has no images.
    """
    if not path.is_dir():
        raise ValueError(
            f"{str(path)!r} is a file, not a folder: give the folder, or leave out"
            " folder: to have its kind found"
        )
    names, seen = [], set()
    for folder, folders, files in os.walk(path, followlinks=True):
        real = os.path.realpath(folder)
        if real in seen:  # a link back up: walking on would never end
            folders.clear()
            continue
        seen.add(real)
        # In an order of our own, real folders first: a link to one must not change
        # which of the two names becomes the class.
        folders.sort(key=lambda name: (os.path.islink(f"{folder}/{name}"), name))
        inner = pathlib.Path(folder).relative_to(path)
        names += [(inner / file).as_posix() for file in files]
    return _source(str(path), names, part, path.joinpath, alpha)


def open_zip(path: pathlib.Path, part: str = "", *, alpha: bool = False) -> FileSource:
    """Opens all images in an archive, read by name: its paths never reach the disk.

    Args:
        path: the archive.
        part: take only the folder of this name inside it.
        alpha: whether to keep the opacity of images as their last channel.

    Raises:
        ValueError: if it cannot be read, or has no images.
    """
    try:
        # Reading from several threads is safe: the archive locks its file.
        archive = zipfile.ZipFile(path)
    except Exception as error:  # a damaged list of entries fails in many ways
        raise ValueError(
            f"cannot read {str(path)!r} as a zip archive ({error}): fetch it again"
        ) from error
    # Some archives made on Windows separate folders by backslashes.
    entries = {entry.filename.replace("\\", "/"): entry for entry in archive.infolist()}

    def read(name: str) -> bytes:
        try:
            entry = entries[name]
            if entry.file_size > MOST_BYTES:
                raise ValueError(f"over {MOST_BYTES} bytes")
            check_entry(entry)
            with archive.open(entry) as file:
                # No more than it claims: an entry may unpack to more, and fails then.
                return file.read(entry.file_size)
        except Exception as error:  # every compression raises its own kinds
            text = unread(f"the image {path}/{name}", error, "mend the archive")
            raise CorruptImage(text) from error

    return _source(str(path), list(entries), part, read, alpha)


def _source(
    title: str,
    names: Sequence[str],
    part: str,
    read: Callable[[str], bytes | pathlib.Path],
    alpha: bool,
) -> FileSource:
    """A source of those names that are images, sorted, labelled by folder."""
    images = sorted(name for name in set(names) if _is_image(name))
    _tell_of_others(title, names)
    listed = next((x for x in (f"{part}/{_LIST}", _LIST) if x in names), None)
    folders = sorted({_folder(name) for name in images})
    if part:
        inside = [f for f in folders if f == part or f.startswith(f"{part}/")]
        images = [name for name in images if _folder(name) in inside]
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
    found = _listed(title, listed, images, read) if listed else None
    if found is not None:
        return FileSource(title, images, read, *found, alpha)
    if len(folders) == 1:
        return FileSource(title, images, read, None, (), alpha)
    classes = _class_names(folders)
    order = named.in_order(classes)
    number = {folders[place]: i for i, place in enumerate(order)}
    labels = np.array([number[_folder(name)] for name in images], np.int32)
    classes = tuple(classes[place] for place in order)
    return FileSource(title, images, read, labels, classes, alpha)


def _listed(
    title: str,
    listed: str,
    images: Sequence[str],
    read: Callable[[str], bytes | pathlib.Path],
) -> tuple[np.ndarray | None, tuple[str, ...]] | None:
    """Labels and classes from `dataset.json`, as the tools of StyleGAN write it.

    Folders are then only parts of a large set, and never classes.

    Returns:
        The labels, or None where it lists none, and the names of the classes; or None
        if the file is something else.

    Raises:
        ValueError: if an image is not listed, or a label is not a whole number.
    """
    content = read(listed)
    try:
        plain = json.loads(
            content if isinstance(content, bytes) else content.read_bytes()
        )
    except (ValueError, OSError, RecursionError):
        return None
    if not isinstance(plain, dict) or "labels" not in plain:
        return None
    try:
        labels = dict(plain["labels"] or ())
        if not labels:
            return None, ()
        inside = listed.removesuffix(_LIST)
        numbers = [labels[name.removeprefix(inside)] for name in images]
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"{title}/{listed} has no label for {error}: list every image, or remove"
            " the file to take folders as classes"
        ) from error
    if not all(type(number) is int and -1 <= number < 2**31 for number in numbers):
        raise ValueError(
            f"{title}/{listed} has labels that are not whole numbers: give one class"
            " for each image, or remove the file to take folders as classes"
        )
    array = np.array(numbers, np.int32)
    names = plain.get("classes")
    if isinstance(names, list) and len(names) > array.max():
        return array, tuple(map(str, names))
    return array, numbered(array)


def _tell_of_others(title: str, names: Sequence[str]) -> None:
    """Logs how many pictures of unknown kinds are passed over, and one of them."""
    others = sorted(name for name in set(names) if name.lower().endswith(_OTHERS))
    if others:
        _log.warning(
            "%d pictures in %s are left out, as files of their kind are not read: %s",
            *(len(others), title, _some(others, 3)),
        )


def _folder(name: str) -> str:
    return name.rpartition("/")[0]


def _class_names(folders: Sequence[str]) -> tuple[str, ...]:
    """What the folders are called inside the one that holds them all.

    So a class has the same name in `folder:train` and in `zip:all.zip#train`.
    """
    above = posixpath.commonpath([f"/{folder}" for folder in folders])
    own = posixpath.basename(above) or "."
    names = [posixpath.relpath(f"/{folder}", above) for folder in folders]
    return tuple(own if name == "." else name for name in names)


def _is_image(name: str) -> bool:
    """Whether a name is that of an image, not of a Mac's or editor's shadow of one."""
    parts = [part for part in name.split("/") if part not in (".", "..")]
    hidden = any(part.startswith((".", "__MACOSX")) for part in parts)
    return name.lower().endswith(SUFFIXES) and not hidden


def _some(names: Sequence[str], most: int = 8) -> str:
    """A list for an error, cut where it gets long."""
    shown = ", ".join(repr(name) for name in names[:most])
    return f"{shown}, ... ({len(names)} in all)" if len(names) > most else shown
