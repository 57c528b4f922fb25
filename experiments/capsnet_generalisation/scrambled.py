"""Faces, heads without features, and faces whose parts have changed places."""

import functools
from typing import Any

import jax
import numpy as np

from jaxgan import data as jaxgan_data
from jaxgan.data.synthetic import faces
from jaxgan.lab.data import Data, Set

CLASSES = ("no features", "face")
PARTS = ("left_eye", "right_eye", "nose", "mouth")
PLACES = (3, 2, 0, 1)  # where each part goes: eyes below, nose and mouth above
HALF = (3, 4)  # half the height and the width of the patch around a part, in pixels
COUNTS = {"train": 4000, "test": 2000}
SEEDS = {"train": 201, "test": 202}


def opened(side: int) -> tuple[Set, dict[str, dict[str, np.ndarray]]]:
    """Makes a set of faces and of heads without features, and tests of scrambled faces.

    A net that was trained to tell the two apart may look for parts alone, or for their
    arrangement too. All parts of a scrambled face are there, each in the place of
    another. The label of both test parts is `face`, so their errors are the shares that
    a net refuses to call so.
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
    moved = np.stack([arranged(*x, PLACES) for x in zip(image, centres, strict=True)])
    label = np.ones(len(moved), np.int32)
    both = {"faces refused": image, "scrambled faces refused": moved}
    return made, {name: {"image": x, "label": label} for name, x in both.items()}


def arranged(image: np.ndarray, centres: np.ndarray, places: Any) -> np.ndarray:
    """Puts patches around the parts of a face elsewhere.

    Args:
        image: `[S, S, 3]`.
        centres: row and column of each of `PARTS`, `[4, 2]`.
        places: for each part, the number of the part whose place it takes; None leaves
            all parts away.

    Returns:
        The picture; what was under a part that moved is as bright as the skin beside.
    """
    (high, wide), changed = HALF, image.copy()
    windows = [
        (slice(r - high, r + high), slice(c - wide, c + wide)) for r, c in centres
    ]
    patches = [image[window].copy() for window in windows]
    skin = np.median(np.concatenate([x.reshape(-1, 3) for x in patches]), axis=0)
    for window in windows:
        changed[window] = skin
    for patch, place in zip(patches, places or (), strict=bool(places)):
        changed[windows[place]] = patch
    return changed


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
    image = image.copy()
    for i in np.flatnonzero(label == 0):
        image[i] = arranged(image[i], centres[i], None)
    return {"image": image, "label": label}
