"""Folders of image files, of which some are damaged."""

import io
import pathlib
import random

import numpy as np
from PIL import Image

from experiments.endurance.fuzz.damage import damaged
from jaxgan import data

MODES = {
    "png": ("PNG", ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")),
    "jpg": ("JPEG", ("L", "RGB", "CMYK")),
    "webp": ("WEBP", ("RGB", "RGBA")),
    "gif": ("GIF", ("L", "P", "RGB")),
    "tiff": ("TIFF", ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I", "F", "I;16")),
    "bmp": ("BMP", ("1", "L", "P", "RGB")),
}
SUFFIXES = (*MODES, "jpeg", "tif", "jfif", "PNG", "txt", "")
SIDES = (1, 2, 7, 8, 30, 65)


def play(chance: random.Random, folder: pathlib.Path) -> None:
    """Writes a folder of one to four images, and loads it.

    Raises:
        ValueError: the library refused it.
    """
    photos = folder / "photos"
    for i in range(chance.randrange(1, 5)):
        suffix, content = image(chance)
        if chance.random() < 0.1:
            suffix = chance.choice(SUFFIXES)
        place = photos / chance.choice((".", "a", "b"))
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{i}.{suffix}").write_bytes(damaged(chance, content))
    load(chance, f"folder:{photos}")


def image(chance: random.Random) -> tuple[str, bytes]:
    """A small image of noise: its suffix, and its file."""
    suffix = chance.choice(list(MODES))
    form, modes = MODES[suffix]
    mode = chance.choice(modes)
    height, width = chance.choice(SIDES), chance.choice(SIDES)
    noise = np.random.default_rng(chance.getrandbits(32))
    made = Image.fromarray(noise.integers(0, 256, (height, width, 3), np.uint8))
    if mode == "I;16":
        made = Image.fromarray(noise.integers(0, 65536, (height, width), np.uint16))
    elif mode in ("LA", "I", "F"):
        made = made.convert("L").convert(mode)
    else:
        made = made.convert(mode)
    more: dict = {}
    if chance.random() < 0.3:
        exif = Image.Exif()
        exif[0x0112] = chance.randrange(10)
        more["exif"] = damaged(chance, exif.tobytes())
    if chance.random() < 0.2:
        more["icc_profile"] = chance.randbytes(200)
    if form in ("GIF", "TIFF", "WEBP", "PNG") and chance.random() < 0.1:
        more |= {"save_all": True, "append_images": [made, made]}
    file = io.BytesIO()
    try:
        made.save(file, form, **more)
    except Exception:  # pillow's writer is not what is tried
        file = io.BytesIO()
        made.save(file, form)
    return suffix, file.getvalue()


def load(chance: random.Random, spec: str) -> None:
    """Opens and loads a set, as training does.

    Raises:
        ValueError: the library refused it.
        AssertionError: what was loaded has not the form that was asked for.
    """
    source = data.open_source(spec, split=chance.choice(("train",) * 9 + ("test",)))
    size, channels = chance.choice((1, 8, 16)), chance.choice((1, 3))
    held = data.load(
        source,
        size=size,
        channels=channels,
        upscale=chance.choice((False, True, True, True, "pad")),
        skip_corrupt=chance.random() < 0.5,
        progress=False,
        workers=1,
    )
    data.fingerprint(held)
    for name, value in held.items():
        assert len(value) == len(source), (name, value.shape, len(source))
    found = held["image"]
    assert found.dtype == np.uint8, found.dtype
    assert found.shape[1:] == (size, size, channels), found.shape
