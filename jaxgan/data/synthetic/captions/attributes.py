"""What a viewer can see in a procedural face, in words: the values of its attributes.

Numbers become words between limits that leave a gap: a face that hardly smiles is
neither smiling nor serious but `"faint"`, and no phrase of the grammar says that.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from jaxgan.data.synthetic.faces import CATEGORIES

ATTRIBUTES: dict[str, tuple[str, ...]] = {
    "sex": ("woman", "man"),
    "age": ("young", "adult", "middle-aged", "old"),
    "skin": ("light", "medium", "dark"),
    "hair": ("bald", "cropped", "short", "curly", "bob", "long", "wavy", "bun"),
    "colour": (
        *("none", "black", "dark brown", "light brown", "blond", "red"),
        *("greying", "grey"),
    ),
    "expression": ("frowning", "serious", "faint", "smiling"),
    "beard": ("none", "stubble", "moustache", "goatee", "full"),
    "glasses": ("none", "round", "rectangular"),
    "wall": ("between", "brown", "green", "blue", "purple", "pink"),
}
"""Attribute -> its values; the arrays of `values` are indices into them."""

UNSEEN: tuple[tuple[tuple[str, frozenset[str]], tuple[str, frozenset[str]]], ...] = (
    (
        ("colour", frozenset({"blond"})),
        ("glasses", frozenset({"round", "rectangular"})),
    ),
    (("hair", frozenset({"wavy"})), ("expression", frozenset({"smiling"}))),
    (("age", frozenset({"old"})), ("beard", frozenset({"full"}))),
)
"""Pairs of attributes that are kept out of training, though each is in it alone."""

_HAIR = {"buzz": "cropped", "swept": "short"}  # of other names, or hardly told apart
_YEARS = (32, 45, 60)  # of 18 to 80
_SKIN = (0.3, 0.6)
_GREY = (0.25, 0.6)
_SMILE = (-0.2, 0.15, 0.35)
_WALLS = {  # from hue to hue, around the circle
    "brown": (0.07, 0.17),
    "green": (0.22, 0.45),
    "blue": (0.56, 0.70),
    "purple": (0.76, 0.88),
    "pink": (0.93, 1.04),
}


def values(factors: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Finds the attributes of faces, as indices into `ATTRIBUTES`.

    Args:
        factors: the fields of `jaxgan.data.synthetic.faces.Factors`, `[N]` each or
            scalars, such as `dataset(...)["factors"]`.

    Returns:
        Attribute -> integers `[N]`.
    """
    age = np.searchsorted(_YEARS, 18 + 62 * np.asarray(factors["age"]), "right")
    style = np.array(
        [
            ATTRIBUTES["hair"].index(_HAIR.get(name, name))
            for name in CATEGORIES["hair_style"]
        ]
    )[np.asarray(factors["hair_style"])]
    grey, natural = np.asarray(factors["grey"]), np.asarray(factors["hair_colour"]) + 1
    known = ATTRIBUTES["colour"].index
    colour = np.where(grey > _GREY[0], known("greying"), natural)
    colour = np.where(grey > _GREY[1], known("grey"), colour)
    hue, wall = np.asarray(factors["background_hue"]), 0
    for i, (low, high) in enumerate(_WALLS.values(), 1):
        within = ((hue >= low) & (hue <= high)) | (hue + 1 <= high)
        wall = np.where(within, i, wall)
    found = {
        "sex": np.asarray(factors["masculinity"]) >= 0.5,
        "age": age,
        "skin": np.searchsorted(_SKIN, np.asarray(factors["skin_tone"]), "right"),
        "hair": style,
        "colour": np.where(style == 0, 0, colour),
        "expression": np.searchsorted(_SMILE, np.asarray(factors["smile"]), "right"),
        "beard": factors["beard"],
        "glasses": factors["glasses"],
        "wall": wall,
    }
    return {name: np.asarray(value).astype(np.int32) for name, value in found.items()}


def words(found: Mapping[str, Any], index: int) -> dict[str, str]:
    """The attributes of one of the faces that `values` found, in words."""
    return {name: ATTRIBUTES[name][int(value[index])] for name, value in found.items()}


def unseen(found: Mapping[str, np.ndarray]) -> np.ndarray:
    """Which faces have a pair of attributes of `UNSEEN`, booleans `[N]`."""
    pairs = [
        np.all([_among(found, name, allowed) for name, allowed in pair], 0)
        for pair in UNSEEN
    ]
    return np.any(pairs, 0)


def kinds(found: Mapping[str, np.ndarray]) -> np.ndarray:
    """Numbers the combinations of all attributes but the wall, integers `[N]`.

    Two faces of one kind have the same captions, but for the wall, so that neither can
    serve as an image that does not match the caption of the other.
    """
    kind = np.zeros(len(found["sex"]), np.int32)
    for name, all_values in ATTRIBUTES.items():
        if name != "wall":
            kind = kind * len(all_values) + found[name]
    return kind


def _among(found, name, allowed):
    return np.isin(found[name], [ATTRIBUTES[name].index(word) for word in allowed])
