"""Sets that tensorflow-datasets prepared, read in any order and without TensorFlow.

Nothing is downloaded or prepared unasked: without a network that hangs for minutes, and
it needs TensorFlow. Reading needs neither.
"""

import contextlib
import dataclasses
import importlib.util
import json
import os
import pathlib
import re
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from jaxgan import paths
from jaxgan.data.arrays import NoSplit
from jaxgan.data.decode import CorruptImage, decode, unread

_FORMATS = ("array_record", "parquet")
# Keys under which descriptions of features, old and new, name the class that reads one.
_CLASS_KEYS = ("type", "pythonClassName", "python_class_name")
_HOST = "https://storage.googleapis.com"
_PATIENCE = 3.0  # seconds to wait for the network


@dataclasses.dataclass(frozen=True, eq=False)
class TfdsSource:
    """One split of a prepared set.

    Attributes:
        title: the set and split, for errors.
        rows: what tfds reads, in any order; an image that is stored as a file is the
            bytes of that file.
        image: the feature that is the image.
        label: the feature that is the class, or "".
        classes: names of the labels, where known.
        alpha: whether to keep the opacity of images as their last channel.
    """

    title: str
    rows: Sequence[dict[str, Any]]
    image: str
    label: str
    classes: tuple[str, ...]
    alpha: bool = False

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> dict[str, np.ndarray]:
        try:
            row = self.rows[index]
            image = row[self.image]
            if image is None:  # what array_record gives for some truncated files
                raise ValueError("nothing is stored there")
            label = np.asarray(row[self.label], np.int32) if self.label else None
        except Exception as error:  # array_record and parquet raise many kinds
            text = unread(self.name(index), error, "copy or prepare the set again")
            raise CorruptImage(text) from error
        if isinstance(image, bytes):
            image = decode(image, self.name(index), alpha=self.alpha)
        example = {"image": image[..., None] if image.ndim == 2 else image}
        return example if label is None else example | {"label": label}

    def name(self, index: int) -> str:
        """What to call an example in an error."""
        return f"image {index} of {self.title}"


def open_tfds(
    name: str,
    *,
    split: str = "train",
    download: bool = False,
    alpha: bool = False,
    data_dir: str | None = None,
) -> TfdsSource:
    """Opens a prepared set, or prepares it first if `download` is true.

    Args:
        name: `NAME`, `NAME/CONFIG`, either with `:VERSION`, or the path of a prepared
            directory (one that holds `dataset_info.json`).
        split: one of the set's splits, or tfds's notation for a part of one.
        download: fetch and prepare the set if it is not there; needs TensorFlow.
        alpha: keep the opacity of images as their last channel.
        data_dir: where sets lie; by default `$TFDS_DATA_DIR`, then
            `~/tensorflow_datasets`.

    Raises:
        ValueError: if the set is not there, cannot be prepared, or has no such split
            or no images.
    """
    root = paths.expanded(
        data_dir or os.environ.get("TFDS_DATA_DIR") or "~/tensorflow_datasets"
    )
    given = paths.expanded(name)
    path = given if (given / "dataset_info.json").is_file() else _find(root, name)
    if path is None:
        if not download:
            raise ValueError(
                f"tfds:{name} is not prepared under {str(root)!r}: pass --download "
                '(which needs pip install "jaxgan[prepare]"), or without a network '
                "copy a prepared directory (array_record) there from another machine "
                "and point TFDS_DATA_DIR at its parent"
            )
        path = _prepare(root, name)
    _check_format(path)
    _check_features(path)
    import tensorflow_datasets as tfds

    try:
        builder: Any = tfds.builder_from_directory(path)  # its stubs are not typed
        features = builder.info.features
    except Exception as error:
        raise ValueError(
            f"tfds cannot open {str(path)!r} ({_first(error)}): copy or prepare the "
            "set again"
        ) from error
    image = _image_feature(path, features)
    # Stored files are decoded by this library: tfds would use whichever of OpenCV and
    # pillow is installed, and these differ in the pixels of a JPEG. Other pictures of
    # an example are not decoded at all.
    pictures = [n for n, f in features.items() if isinstance(f, tfds.features.Image)]
    decoders = {name: tfds.decode.SkipDecoding() for name in pictures} or None
    try:
        rows = builder.as_data_source(split, decoders=decoders)
    except (ValueError, KeyError) as error:
        raise NoSplit(
            f"tfds:{name} has no split {split!r}: it has "
            f"{', '.join(map(repr, builder.info.splits))}"
        ) from error
    if not len(rows):
        raise ValueError(f"the split {split!r} of tfds:{name} is empty: use another")
    said = builder.info.splits[split].num_examples
    if said and said != len(rows):  # parquet, for one, ignores parts of a split
        raise ValueError(
            f"the split {split!r} of tfds:{name} has {len(rows)} examples, but its "
            f"description says {said}: copy the set again, or prepare it as "
            "array_record"
        )
    classes, label = (), ""
    if "label" in features and features["label"].shape == ():
        classes = tuple(getattr(features["label"], "names", None) or ())
        whole = np.issubdtype(features["label"].np_dtype, np.integer)
        label = "label" if whole else ""
    return TfdsSource(
        title=f"tfds:{name} ({split})",
        rows=rows,
        image=image,
        label=label,
        classes=classes,
        alpha=alpha,
    )


def _find(root: pathlib.Path, name: str) -> pathlib.Path | None:
    """The newest prepared version of a set, or `None`.

    tfds keeps them in `NAME/VERSION`, or `NAME/CONFIG/VERSION`.
    """
    name, _, version = name.partition(":")
    home = root / name
    found = [home, *(p for p in sorted(home.glob("*")) if "/" not in name)]
    choices = {p: _versions(p, version) for p in found if p.is_dir()}
    choices = {p: versions for p, versions in choices.items() if versions}
    if len(choices) > 1 and home not in choices:
        raise ValueError(
            f"tfds:{name} is prepared in several configurations: choose one of "
            + ", ".join(f"tfds:{name}/{p.name}" for p in choices)
        )
    return next(iter(choices.values()))[-1] if choices else None


def _versions(home: pathlib.Path, version: str) -> list[pathlib.Path]:
    """Prepared directories in `home`, the newest last."""
    found = [
        p
        for p in home.glob(version or "*")
        if re.fullmatch(r"\d+\.\d+\.\d+", p.name) and (p / "dataset_info.json").exists()
    ]
    return sorted(found, key=lambda p: tuple(map(int, p.name.split("."))))


def _check_format(path: pathlib.Path) -> None:
    """Refuses formats that can only be read from beginning to end."""
    info = _json(path / "dataset_info.json")
    formats = [info.get("fileFormat", "tfrecord")]
    formats += info.get("alternativeFileFormats", [])
    if not set(map(str, formats)) & set(_FORMATS):
        raise ValueError(
            f"{str(path)!r} is prepared as {formats[0]}, which can only be read from "
            "beginning to end: move it away and prepare it again with --download"
        )


def _check_features(path: pathlib.Path) -> None:
    """Refuses sets that name code of their own, which tfds would import and so run."""
    file = path / "features.json"
    named = list(_named(_json(file))) if file.exists() else []
    if own := [name for name in named if not name.startswith("tensorflow_datasets.")]:
        raise ValueError(
            f"{str(file)!r} names code outside tensorflow_datasets ({own[0]}), which "
            "is not run: prepare the set with features of tfds itself"
        )


def _named(node: Any) -> Iterator[str]:
    """The classes that a description of features names, at any depth."""
    if isinstance(node, str) and node.lstrip()[:1] in ("{", "["):
        with contextlib.suppress(ValueError):  # some parts are JSON within JSON
            yield from _named(json.loads(node))
    for child in node if isinstance(node, list) else ():
        yield from _named(child)
    for key, child in node.items() if isinstance(node, dict) else ():
        if key in _CLASS_KEYS and isinstance(child, str):
            yield child
        yield from _named(child)


def _json(file: pathlib.Path) -> dict[str, Any]:
    """Reads a file that must hold a JSON object."""
    try:
        held = json.loads(file.read_text())
        if not isinstance(held, dict):
            raise ValueError("it holds no JSON object")
    except (OSError, ValueError, RecursionError) as error:
        raise ValueError(
            f"{str(file)!r} is damaged ({_first(error)}): copy or prepare the set again"
        ) from error
    return held


def _first(error: Exception) -> str:
    """The first line of an error, without its full stop."""
    return str(error).partition("\n")[0].rstrip(".")


def _image_feature(path: pathlib.Path, features: Any) -> str:
    """The name of the feature that is the image: `image`, or the only picture."""
    pictures = [
        name
        for name, feature in features.items()
        if feature.np_dtype == np.uint8
        and (
            len(feature.shape) == 2
            or feature.shape[2:] in ((1,), (2,), (3,), (4,), (None,))
        )
    ]
    if "image" in pictures:
        return "image"
    if len(pictures) != 1:
        raise ValueError(
            f"{str(path)!r} has {len(pictures) or 'no'} pictures among its features "
            f"({', '.join(features)}): one of them must be called 'image'"
        )
    return pictures[0]


def _prepare(root: pathlib.Path, name: str) -> pathlib.Path:
    """Downloads and prepares a set under `root`, as array_record."""
    import tensorflow_datasets as tfds

    options: dict[str, Any] = {"data_dir": root, "file_format": "array_record"}
    try:
        builder = tfds.builder(name, try_gcs=False, **options)
    except Exception as error:
        raise ValueError(
            f"tfds cannot offer {name!r} ({_first(error)}): see the names at "
            "https://www.tensorflow.org/datasets/catalog/overview"
        ) from error
    if importlib.util.find_spec("tensorflow") is None:
        raise ValueError(
            f"preparing tfds:{name} needs TensorFlow (reading does not): pip install "
            '"jaxgan[prepare]", or copy a prepared directory from another machine and '
            "point TFDS_DATA_DIR at its parent"
        )
    if not _online():
        raise ValueError(
            f"cannot download tfds:{name}: {_HOST} does not answer within "
            f"{_PATIENCE:.0f} seconds; without a network copy a prepared directory "
            "from another machine and point TFDS_DATA_DIR at its parent"
        )
    try:
        builder.download_and_prepare()
    except Exception as error:
        raise ValueError(f"tfds could not prepare {name!r}: {error}") from error
    return pathlib.Path(builder.data_dir)


def _online() -> bool:
    """Whether the host answers in time; even looking up its name may hang."""
    answers = []

    def ask() -> None:
        request = urllib.request.Request(_HOST, method="HEAD")
        try:
            urllib.request.urlopen(request, timeout=_PATIENCE).close()
            answers.append(True)
        except urllib.error.HTTPError:  # an answer too
            answers.append(True)
        except OSError:
            pass

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(_PATIENCE)
    return bool(answers)
