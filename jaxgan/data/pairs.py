"""Pairs of images: two halves of one file, or files of two folders."""

import dataclasses
import pathlib

from jaxgan.data.files import FileSource, open_folder
from jaxgan.data.protocol import Example

# Folders of the two ends, as public sets call them.
_NAMES = (("input", "target"), ("A", "B"), ("trainA", "trainB"))


@dataclasses.dataclass(frozen=True, eq=False)
class PairSource:
    """Pairs, `{"input": ..., "image": ...}`: what is translated, and into what.

    Attributes:
        inputs: the files of the inputs, or of both side by side.
        images: the files that they are translated into; None where one file has both.
    """

    inputs: FileSource
    images: FileSource | None

    def __len__(self) -> int:
        return len(self.inputs)

    def __getitem__(self, index: int) -> Example:
        first = self.inputs[index]["image"]
        if self.images is None:
            width = first.shape[1]
            if width % 2:
                raise ValueError(
                    f"{self.name(index)} is {width} pixels wide, which two halves of"
                    " equal width cannot be: leave it out, or crop it to an even width"
                )
            return {"input": first[:, : width // 2], "image": first[:, width // 2 :]}
        second = self.images[index]["image"]
        if first.shape[:2] != second.shape[:2]:
            sizes = ["x".join(map(str, x.shape[:2])) for x in (first, second)]
            raise ValueError(
                f"{self.name(index)} is {sizes[0]} pixels, but the other end of the"
                f" pair, {self.images.name(index)}, is {sizes[1]}: both ends must have"
                " one size"
            )
        return {"input": first, "image": second}

    def name(self, index: int) -> str:
        """What to call a pair in an error."""
        return self.inputs.name(index)


def open_pairs(path: pathlib.Path, part: str = "") -> PairSource:
    """Opens a folder of pairs.

    A folder with the two folders `input` and `target`, or `A` and `B`, or `trainA` and
    `trainB`, has a pair for each file name. In another folder each file is a pair, the
    input on the left and the image on the right, as in the sets of pix2pix.

    Args:
        path: the folder.
        part: take only the folder of this name inside it.

    Raises:
        ValueError: it has no images, or an image has no partner.
    """
    path = path / part
    for names in _NAMES:
        there = [path / name for name in names]
        if all(folder.is_dir() for folder in there):
            inputs, images = (_flat(open_folder(folder)) for folder in there)
            _check_names(inputs, images)
            return PairSource(inputs, images)
    return PairSource(_flat(open_folder(path)), None)


def _flat(source: FileSource) -> FileSource:
    """The same files in the order of their names without endings, and no classes."""
    names = sorted(source.names, key=_stem)
    return dataclasses.replace(source, names=names, labels=None, classes=())


def _stem(name: str) -> str:
    return str(pathlib.PurePosixPath(name).with_suffix(""))


def _check_names(inputs: FileSource, images: FileSource) -> None:
    ours, theirs = (list(map(_stem, source.names)) for source in (inputs, images))
    alone = sorted({*ours} ^ {*theirs})
    if alone:
        where = inputs if alone[0] in ours else images
        raise ValueError(
            f"{where.title} has an image {alone[0]!r} without a partner in the other"
            f" folder ({len(alone)} in all): give both ends of a pair one name"
        )
    if len(set(ours)) < len(ours) or len(ours) != len(theirs):
        raise ValueError(
            f"{inputs.title} or {images.title} has two images of one name, so pairs"
            " cannot be told: leave one of them out"
        )
