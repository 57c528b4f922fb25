"""Sets stored as arrays: `.npz` and `.npy`."""

import contextlib
import pathlib
import zipfile
from collections.abc import Iterator

import numpy as np

from jaxgan.data import mapped
from jaxgan.data.decode import check_unpacked

_LABEL_OF = {"images": "labels", "image": "label", "x": "y", "data": "labels"}
_IMAGES = ("images", "image", "x")  # sets without parts
MOST_NUMBERED = 1 << 16  # larger numbers are something else than classes


class NoSplit(ValueError):
    """A set has no split of that name."""


def read_npz(
    path: pathlib.Path, key: str = "", split: str = "train"
) -> tuple[dict[str, np.ndarray], tuple[str, ...]]:
    """Reads images and labels from an `.npz`; maps an `.npy` without reading it.

    An array of an `.npz` that is larger than `mapped.LIMIT_BYTES` is mapped too.

    Args:
        path: the file.
        key: which array holds the images; by default the one called `images`,
            `image` or `x`, or that of the split, or else the first of uint8 in the
            shape of images.
        split: which part of a file that has several, such as Keras's, which call them
            `x_train` and `x_test`, or `train_images` and `test_images`.

    Returns:
        `{"image": uint8 [N, H, W, C], "label": int32 [N] where there are labels}` and
        the names of the classes in the order of their labels (the file's `label_names`,
        the labels themselves where they are words, or else their numbers).

    Raises:
        NoSplit: if there are no images of a split other than `"train"`.
        ValueError: if the file is damaged or holds no such array, or one that is too
            large to be read at once and packed, so that it cannot be mapped.
    """
    arrays = _read_arrays(path, key, split)
    images = as_images(arrays.pop("images"), str(path))
    out = {"image": images}
    classes: tuple[str, ...] = ()
    labels = arrays.get("labels")
    if labels is not None:
        labels = labels[:, 0] if labels.shape == (len(images), 1) else labels
        if labels.shape != (len(images),):
            raise ValueError(
                f"{str(path)!r} has labels of shape {labels.shape} for {len(images)} "
                "images: save one label for each"
            )
        if labels.dtype.kind in "US":
            names, labels = np.unique(labels, return_inverse=True)
            classes = _texts(names)
        elif labels.dtype.kind not in "iub":
            raise ValueError(
                f"{str(path)!r} has labels of type {labels.dtype}: save integers"
            )
        out["label"] = labels.astype(np.int32)
        if "names" in arrays:
            classes = _texts(arrays["names"])
        classes = classes or numbered(out["label"])
    return out, classes


def numbered(labels: np.ndarray) -> tuple[str, ...]:
    """The names of classes that have none: their numbers, `"0"`, `"1"`, ..."""
    count = int(labels.max(initial=-1)) + 1
    return tuple(map(str, range(count))) if count <= MOST_NUMBERED else ()


def _texts(names: np.ndarray) -> tuple[str, ...]:
    """Names as text, which some files store as bytes."""
    return tuple(
        name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name)
        for name in names.reshape(-1).tolist()
    )


def _read_arrays(path: pathlib.Path, key: str, split: str) -> dict[str, np.ndarray]:
    """`{"images": ..., "labels": ..., "names": ...}` of an npz; images of an npy."""
    with _reading(path), path.open("rb") as stream:
        single = stream.read(6) == b"\x93NUMPY"
    if single and key:
        raise ValueError(f"{str(path)!r} is a single array: leave out #{key}")
    if split != "train" and (single or key):
        raise NoSplit(f"{str(path)!r}, read as one array, has no split {split!r}")
    if single:
        with _reading(path):
            return {"images": np.load(path, mmap_mode="r", allow_pickle=False)}
    # Opened by us, because `np.load` leaves a damaged archive open.
    with _reading(path), path.open("rb") as stream:
        with np.load(stream, allow_pickle=False) as file:
            for entry in file.zip.infolist():
                check_entry(entry)
            names, arrays = ", ".join(file.files), _pick(path, file, key, split)
    if "images" in arrays:
        return arrays
    if split != "train":
        raise NoSplit(
            f"{str(path)!r} has no array x_{split} or {split}_images for the split"
            f" {split!r}: it has {names}"
        )
    if key:
        raise ValueError(f"{str(path)!r} has no array {key!r}: it has {names}")
    raise ValueError(
        f"{str(path)!r} has no images among its arrays ({names}): save uint8 "
        "[N, H, W, C] under the name 'images'"
    )


def check_entry(entry: zipfile.ZipInfo) -> None:
    """Checks that an entry of an archive cannot unpack to a huge size.

    Raises:
        ValueError: if it claims to unpack to absurdly more than it takes in the
            archive, or is packed by a method (bzip2, LZMA) that Python unpacks without
            any limit.
    """
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ValueError(
            f"packed by zip's method {entry.compress_type}, expected deflate or none"
        )
    check_unpacked(entry.file_size, entry.compress_size)


@contextlib.contextmanager
def _reading(path: pathlib.Path) -> Iterator[None]:
    """Turns any error into one that names the file and says what to do."""
    try:
        yield
    except Exception as error:  # a hostile header raises a dozen kinds
        why = " ".join(str(error).split())[:160] or type(error).__name__
        raise ValueError(
            f"cannot read {str(path)!r} as an npz file ({why}): save plain arrays "
            "with numpy.savez"
        ) from error


def _pick(
    path: pathlib.Path, file: np.lib.npyio.NpzFile, key: str, split: str
) -> dict[str, np.ndarray]:
    """The arrays that are wanted of an npz; of others no more than headers is read."""
    archive = file.zip
    assert archive is not None  # it is open
    entries = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}

    def head(name: str) -> mapped.Header | None:
        with archive.open(entries[name]) as stream:
            return mapped.header(stream)

    def read(name: str) -> np.ndarray:
        found = head(name)
        if found is not None and found.nbytes > mapped.LIMIT_BYTES:
            return mapped.entry(path, entries[name], found)
        return np.asarray(file[name])  # an entry that is no array comes as bytes

    arrays = {}
    chosen = key or _images_of(file.files, split)
    if not chosen and split == "train":
        like = (name for name in file.files if _like_images(head(name)))
        chosen = next(like, "")
    if chosen in file.files:
        arrays["images"] = read(chosen)
        for name in _labels_of(chosen):
            if name in file.files:
                arrays["labels"] = read(name)
                break
    if "label_names" in file:
        arrays["names"] = np.atleast_1d(read("label_names"))
    return arrays


def _images_of(names: list[str], split: str) -> str:
    """The array of a split's images by its name; empty where none is called so."""
    train = split == "train"
    whole = [name for name in _IMAGES if train and name in names]
    parts = [
        name
        for name in names
        if split in (words := name.lower().split("_")) and _LABEL_OF.keys() & {*words}
    ]
    first = [name for name in names if train and name == "arr_0"]
    return next(iter([*whole, *parts, *first]), "")


def _labels_of(images: str) -> tuple[str, ...]:
    """What the labels of the images under a name may be called.

    `x_test` has `y_test`, and never `y_train`, which belongs to other images.
    """
    words = images.split("_")
    own = "_".join(_LABEL_OF.get(word.lower(), word) for word in words)
    if own == images:  # a name of its own
        return tuple(_LABEL_OF.values())
    if len(words) > 1 and "train" not in words:
        return (own,)
    return (own, *_LABEL_OF.values())


def _like_images(head: mapped.Header | None) -> bool:
    return head is not None and head.dtype == np.uint8 and len(head.shape) in (3, 4)


def as_images(array: np.ndarray, title: str) -> np.ndarray:
    """Checks that an array is `uint8 [N, H, W]` or `[N, H, W, 1 to 4]`.

    Returns:
        `uint8 [N, H, W, 1 to 4]`, the same memory.

    Raises:
        ValueError: if it is something else, or empty.
    """
    if array.dtype != np.uint8:
        raise ValueError(
            f"{title!r} has images of type {array.dtype}: save uint8 from 0 to 255"
        )
    if array.ndim == 3:
        array = array[..., None]
    if array.ndim != 4 or array.shape[-1] not in (1, 2, 3, 4):
        raise ValueError(
            f"{title!r} has images of shape {array.shape}: save [N, H, W], or "
            "[N, H, W, C] with 1 to 4 channels last"
        )
    if not array.size:
        raise ValueError(f"{title!r} has no images: its shape is {array.shape}")
    return array
