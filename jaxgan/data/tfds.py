"""Sets that tensorflow-datasets prepared, read at random and without TensorFlow.

Preparing (downloading and writing) is never done unasked: without a network it hangs
for minutes, and it needs TensorFlow. Reading needs neither.
"""

import dataclasses
import importlib.util
import json
import os
import pathlib
import re
import threading
import urllib.error
import urllib.request
from collections.abc import Sequence
from typing import Any

import numpy as np

from jaxgan.data.arrays import NoSplit
from jaxgan.data.decode import CorruptImage, decode

_FORMATS = ("array_record", "parquet")
_HOST = "https://storage.googleapis.com"
_PATIENCE = 3.0  # seconds to wait for the network


@dataclasses.dataclass(frozen=True, eq=False)
class TfdsSource:
    """One split of a prepared set.

    Attributes:
        title: the set and split, for errors.
        rows: what tfds reads, at random; images as the bytes of a file where they are
            stored so.
        image: the feature that is the image.
        label: the feature that is the class, or "".
        classes: names of the labels, where known.
    """

    title: str
    rows: Sequence[dict[str, Any]]
    image: str
    label: str
    classes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> dict[str, np.ndarray]:
        try:
            row = self.rows[index]
            image = row[self.image]
            if image is None:  # what array_record makes of some truncated files
                raise ValueError("nothing is stored there")
            label = np.asarray(row[self.label], np.int32) if self.label else None
        except Exception as error:  # array_record and parquet raise what they like
            raise CorruptImage(
                f"cannot read {self.name(index)} ({error}): copy or prepare the set "
                "again, or pass --skip-corrupt to go on without it"
            ) from error
        if isinstance(image, bytes):
            image = decode(image, self.name(index))
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
    data_dir: str | None = None,
) -> TfdsSource:
    """Opens a prepared set, or prepares it first if `download` is true.

    Args:
        name: `NAME`, `NAME/CONFIG`, either with `:VERSION`, or the path of a prepared
            directory (one that holds `dataset_info.json`).
        split: one of the set's splits, or tfds's notation for a part of one.
        download: fetch and prepare the set if it is not there; needs TensorFlow.
        data_dir: where sets lie; by default `$TFDS_DATA_DIR`, then
            `~/tensorflow_datasets`.

    Raises:
        ValueError: if the set is not there, cannot be prepared, or has no such split
            or no images.
    """
    root = pathlib.Path(
        data_dir or os.environ.get("TFDS_DATA_DIR") or "~/tensorflow_datasets"
    ).expanduser()
    given = pathlib.Path(name).expanduser()
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
    import tensorflow_datasets as tfds

    builder: Any = tfds.builder_from_directory(path)  # its stubs are not typed
    features = builder.info.features
    image = _image_feature(path, features)
    raw = isinstance(features[image], tfds.features.Image)
    # Stored files are decoded here: tfds would do it by whichever of OpenCV and pillow
    # is installed, and they do not agree on the pixels of a JPEG.
    decoders = {image: tfds.decode.SkipDecoding()} if raw else None
    try:
        rows = builder.as_data_source(split, decoders=decoders)
    except (ValueError, KeyError) as error:
        raise NoSplit(
            f"tfds:{name} has no split {split!r}: it has "
            f"{', '.join(map(repr, builder.info.splits))}"
        ) from error
    if not len(rows):
        raise ValueError(f"the split {split!r} of tfds:{name} is empty: use another")
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
    """Refuses sets that can only be read from beginning to end."""
    try:
        info = json.loads((path / "dataset_info.json").read_text())
    except ValueError as error:
        raise ValueError(
            f"{str(path / 'dataset_info.json')!r} is damaged ({error}): copy or "
            "prepare the set again"
        ) from error
    formats = [info.get("fileFormat", "tfrecord")]
    formats += info.get("alternativeFileFormats", [])
    if not set(formats) & set(_FORMATS):
        raise ValueError(
            f"{str(path)!r} is prepared as {formats[0]}, which cannot be read at "
            "random: move it away and prepare it again with --download"
        )


def _image_feature(path: pathlib.Path, features: Any) -> str:
    """The name of the feature that is the image: `image`, or the only picture."""
    pictures = [
        name
        for name, feature in features.items()
        if feature.np_dtype == np.uint8
        and (
            len(feature.shape) == 2 or feature.shape[2:] in ((1,), (3,), (4,), (None,))
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
        first = str(error).partition("\n")[0].rstrip(".")
        raise ValueError(
            f"tfds cannot offer {name!r} ({first}): see the names at "
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
    """Whether the host answers in time; looking up its name may itself hang."""
    answers = []

    def ask() -> None:
        request = urllib.request.Request(_HOST, method="HEAD")
        try:
            urllib.request.urlopen(request, timeout=_PATIENCE).close()
            answers.append(True)
        except urllib.error.HTTPError:  # it answered
            answers.append(True)
        except OSError:
            pass

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(_PATIENCE)
    return bool(answers)
