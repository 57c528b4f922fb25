"""Pictures with captions that people wrote: a folder or an archive with a list of them.

    found = open_captions(pathlib.Path("photos.zip"))
    found.source[0]["image"], found.captions[0].sentences

Beside the images lies captions.json (or sentences.json), a list of objects, such as
`{"file": "1.png", "captions": ["a cat", "a grey cat"]}`, or `{"file": "1.png",
"sentence": "there are two cats", "label": false}`, where the label says whether the
sentence is true of the image.
"""

import json
import pathlib
from typing import Any, NamedTuple

from jaxgan.data.files import FileSource, open_folder, open_zip

FILES = ("captions.json", "sentences.json")
_FORM = 'a list of {"file": "1.png", "captions": ["a cat"]}'


class Caption(NamedTuple):
    """What is said of an image.

    Attributes:
        place: of the image in its source.
        sentences: one or more.
        true: whether they are true of it.
    """

    place: int
    sentences: tuple[str, ...]
    true: bool


class Captions(NamedTuple):
    """Images and what is said of them.

    Attributes:
        source: the images.
        captions: in the order of the file.
    """

    source: FileSource
    captions: list[Caption]


def open_captions(path: pathlib.Path) -> Captions:
    """Opens a folder or a zip archive of images with captions.

    Args:
        path: of either.

    Raises:
        ValueError: there is no such path, it has no images or no list of captions, the
            list is damaged, an image of the list is missing, or has no caption.
    """
    if not path.exists():
        raise ValueError(
            f"there is no {str(path)!r}: give a folder or a zip archive of images with"
            f" {FILES[0]} beside them"
        )
    source = open_folder(path) if path.is_dir() else open_zip(path)
    file, entries = _entries(source)
    places = {name: i for i, name in enumerate(source.names)}
    missing = [x["file"] for x in entries if x["file"] not in places]
    if missing:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise ValueError(
            f"{file} of {source.title} has captions of {missing[0]!r}{more}, which"
            " are not beside it: add the images, or take their captions out"
        )
    return Captions(
        source,
        [
            Caption(places[x["file"]], _said(file, x), bool(x.get("label", True)))
            for x in entries
        ],
    )


def _entries(source: FileSource) -> tuple[str, list[dict[str, Any]]]:
    """The name of the list, and what is in it."""
    for file in FILES:
        try:
            content = source.read(file)
            if isinstance(content, pathlib.Path):
                content = content.read_bytes()
        except (OSError, ValueError):  # there is none in the folder, or in the archive
            continue
        try:
            entries = json.loads(content)
        except ValueError as error:
            raise ValueError(
                f"{file} of {source.title} is no JSON ({error}): write {_FORM}"
            ) from None
        if (
            not isinstance(entries, list)
            or not entries
            or not all(
                isinstance(x, dict) and isinstance(x.get("file"), str) for x in entries
            )
        ):
            raise ValueError(
                f"{file} of {source.title} is not a list of images: write {_FORM}"
            )
        return file, entries
    raise ValueError(
        f"{source.title} has images but no {FILES[0]}: put one beside them, {_FORM}"
    )


def _said(file: str, entry: dict[str, Any]) -> tuple[str, ...]:
    said = entry.get("captions", entry.get("sentence", []))
    said = [said] if isinstance(said, str) else said
    if (
        not isinstance(said, list)
        or not said
        or not all(isinstance(x, str) and x.strip() for x in said)
    ):
        raise ValueError(
            f"{file} has no caption of {entry['file']!r}, or an empty one: write"
            f" {_FORM}, or leave the image out"
        )
    return tuple(said)
