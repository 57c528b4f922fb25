"""Faces, heads without features, and faces whose parts have changed places."""

import functools
import pathlib
from collections.abc import Sequence

import jax
import numpy as np

from jaxgan import data as jaxgan_data
from jaxgan.data.synthetic import faces
from jaxgan.lab import figures
from jaxgan.lab.data import Data, Set

CLASSES = ("no features", "face")
PARTS = ("left_eye", "right_eye", "nose", "mouth")
PLACES = (2, 3, 1, 0)  # which part is in each place: nose and mouth for eyes
HALF = (3, 4)  # half the height and the width of the patch around a part, in pixels
COUNTS = {"train": 4000, "test": 2000}
SHOWN = 12  # faces in a row of the picture
SEEDS = {"train": 201, "test": 202}


@functools.cache  # every seed trains on the same faces
def opened(side: int) -> tuple[Set, dict[str, dict[str, np.ndarray]]]:
    """Makes a set of faces and of heads without features, and tests of scrambled faces.

    A net that was trained to tell the two apart may look for parts alone, or for their
    arrangement too. All parts of a scrambled face are there, each in the place of
    another. Faces with the parts of other people have the same seams around parts, and
    every part in its place. The label of all tests is `face`, so their errors are the
    shares that a net refuses to call so.
    """
    train, test = (_people(split, side) for split in ("train", "test"))
    made = Set(
        data=Data(data="portraits", shift=1),
        about=f"{len(train['label']):,} faces, half of them without features",
        fingerprint=jaxgan_data.fingerprint(train),
        train=train,
        test=test,
        shape=(side, side, 3),
        classes=CLASSES,
    )
    image, centres = _drawn("test", side)
    parts = [cut(*x) for x in zip(image, centres, strict=True)]
    moved = [x[list(PLACES)] for x in parts]
    others = [*parts[1:], parts[0]]
    tests = {
        "faces refused": image,
        "faces with the parts of others refused": pasted(image, centres, others),
        "scrambled faces refused": pasted(image, centres, moved),
    }
    label = np.ones(len(image), np.int32)
    return made, {name: {"image": x, "label": label} for name, x in tests.items()}


def draw(path: pathlib.Path, side: int) -> None:
    """Draws what the nets are trained on and tested on, a row for each kind."""
    made, tests = opened(side)
    blank = made.train["image"][made.train["label"] == 0]
    names = ("no features", "faces", "parts of others", "scrambled")
    kinds = [blank, *(part["image"] for part in tests.values())]
    columns = min(SHOWN, *map(len, kinds))
    rows = np.stack([images[:columns] for images in kinds])
    figures.save_rows(path, rows.repeat(2, 2).repeat(2, 3), names, "a row a kind")


def cut(image: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """Cuts the parts of a face out of its picture.

    Args:
        image: `[S, S, 3]`.
        centres: row and column of each of `PARTS`, `[4, 2]`.

    Returns:
        A patch of each part, `[4, H, W, 3]`.
    """
    return np.stack([image[window] for window in _windows(centres)])


def pasted(
    images: np.ndarray, centres: np.ndarray, parts: Sequence[np.ndarray] | None
) -> np.ndarray:
    """Gives faces other parts, or none.

    Args:
        images: `[N, S, S, 3]`.
        centres: row and column of each of `PARTS`, `[N, 4, 2]`.
        parts: the patches for those places, `[4, H, W, 3]` for each face; None leaves
            them without features.

    Returns:
        The pictures. Around the new parts is the median colour of the old ones, which
        is that of the skin.
    """
    changed = images.copy()
    for i, (image, places) in enumerate(zip(images, centres, strict=True)):
        skin = np.median(cut(image, places).reshape(-1, 3), axis=0)
        windows = _windows(places)
        for window in windows:
            changed[i][window] = skin
        if parts is not None:
            for window, part in zip(windows, parts[i], strict=True):
                changed[i][window] = part
    return changed


def _windows(centres):
    high, wide = HALF
    return [(slice(r - high, r + high), slice(c - wide, c + wide)) for r, c in centres]


@functools.cache
def _drawn(split: str, side: int) -> tuple[np.ndarray, np.ndarray]:
    """Faces, and the centres of their parts `[N, 4, 2]` in pixels."""
    found = faces.dataset(SEEDS[split], COUNTS[split], side, aligned=True)
    find = jax.jit(jax.vmap(functools.partial(faces.boxes, aligned=True)))
    boxes = jax.device_get(find(faces.Factors(**found["factors"])))
    centres = [(boxes[name][:, :2] + boxes[name][:, 2:]) / 2 for name in PARTS]
    places = np.rint(side * np.stack(centres, 1)).astype(int)
    most = side - np.array(HALF)
    return found["image"], np.clip(places, HALF, most)


def _people(split: str, side: int) -> dict[str, np.ndarray]:
    """Half of the faces as they are, and half without features."""
    image, centres = _drawn(split, side)
    label = (np.arange(len(image)) % 2).astype(np.int32)
    blank = pasted(image, centres, None)
    image = np.where((label == 1)[:, None, None, None], image, blank)
    return {"image": image, "label": label}
