"""Decodes the bytes of an image file to `uint8` pixels, by pillow."""

import io
import pathlib
import stat
import struct
import zlib

import numpy as np
from PIL import Image

from jaxgan.data import metadata

# Only these: pillow also knows formats that start other programs (EPS).
_FORMATS = ("JPEG", "PNG", "BMP", "GIF", "WEBP", "TIFF", "PPM")
SUFFIXES = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".apng", ".bmp", ".gif", ".webp"),
    *(".tif", ".tiff", ".ppm", ".pgm", ".pbm", ".pnm"),
)
# What pillow's readers were seen to raise on damaged files.
_DAMAGE = (OSError, SyntaxError, ValueError, EOFError, struct.error, zlib.error)
MOST_BYTES = 1 << 28  # a file may have; more than any image, less than memory
_FREE, _RATIO = 1 << 26, 500
# Flat drawings pack far better than photos, so four bytes for each of the pixels that
# pillow takes without a warning are decoded whatever the size of the file.
_FREE_IMAGE = 4 * 89_478_485
_BOMB = (Image.DecompressionBombError, Image.DecompressionBombWarning)
_TURNS = {  # what undoes each orientation of EXIF
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class CorruptImage(ValueError):
    """An image that cannot be read; the text names the file."""


def check_unpacked(unpacked: int, packed: int, free: int = _FREE) -> None:
    """Refuses a small file that would unpack to a huge size, before it does.

    Lossless packing of real images gains a factor of 200 at the very best (black and
    white shapes); deflate can gain 1,000, and other packings far more.

    Args:
        unpacked: bytes that a header claims.
        packed: bytes that are there.
        free: bytes that are always accepted.

    Raises:
        ValueError: if `unpacked` is more than `free` and more than 500 times `packed`.
    """
    if unpacked > max(free, _RATIO * packed):
        raise ValueError(f"{packed} bytes that claim to hold {unpacked}")


def decode(file: bytes | pathlib.Path, name: str, *, alpha: bool = False) -> np.ndarray:
    """Decodes one image file.

    The camera's orientation is applied, an image with transparency is laid over white,
    a palette is looked up, 16-bit grey is rounded to 8 bits, and an animation gives its
    first frame.

    Args:
        file: the file's content, or its path.
        name: what to call the file in an error.
        alpha: whether to keep opacity as a last channel, instead of laying the image
            over white.

    Returns:
        `uint8 [H, W, 1]` for grey images, `uint8 [H, W, 3]` (RGB) for all others; with
        `alpha`, 2 and 4 channels for those that have transparency.

    Raises:
        CorruptImage: if it is no image, is damaged, cut short or missing, or has more
            than twice pillow's limit of pixels or than its bytes could plausibly hold.
    """
    try:
        content = file if isinstance(file, bytes) else _read(file)
        if len(content) > MOST_BYTES:
            raise ValueError(f"over {MOST_BYTES} bytes")
        return _decoded(content, alpha)
    except _BOMB as error:
        raise CorruptImage(
            f"{name} has more pixels than pillow's limit of "
            f"{Image.MAX_IMAGE_PIXELS}: shrink it, or raise PIL.Image.MAX_IMAGE_PIXELS "
            "if you trust it"
        ) from error
    except _DAMAGE as error:
        if isinstance(error, OSError) and error.strerror:  # the disk failed
            raise CorruptImage(unread(f"the image {name}", error.strerror)) from error
        raise CorruptImage(
            f"cannot read the image {name} ({type(error).__name__}: {error}): replace "
            "or remove it, or pass --skip-corrupt to go on without it"
        ) from error


def _decoded(content: bytes, alpha: bool) -> np.ndarray:
    """The pixels of a file, whatever stands beside them in it."""
    failed: Exception | None = None
    for kept in (content, *metadata.without(content)):
        try:
            with Image.open(io.BytesIO(kept), formats=_FORMATS) as image:
                claimed = image.width * image.height * len(image.getbands())
                check_unpacked(claimed, len(content), _FREE_IMAGE)
                image.load()  # damage to the pixels shows here
                wide = image.format == "TIFF" and image.mode == "I"
                return _pixels(_upright(image), alpha, wide)
        except _DAMAGE as error:
            failed = failed or error
    assert failed is not None
    raise failed


def _upright(image: Image.Image) -> Image.Image:
    """The image turned as its camera says, if that can be read."""
    try:
        turn = _TURNS.get(image.getexif().get(0x0112, 1))
    except Exception:  # odd tags raise a dozen kinds, and the pixels are good
        turn = None
    return image if turn is None else image.transpose(turn)


def unread(what: str, why: object, mend: str = "put the file back") -> str:
    """The message for a file that was there and cannot be read any more."""
    return (
        f"cannot read {what} ({why}): {mend} and run the same command again (what was "
        "saved is intact), or pass --skip-corrupt to go on without it"
    )


def _read(path: pathlib.Path) -> bytes:
    """The content of a file; a pipe with an image's name would never end."""
    about = path.stat()
    if not stat.S_ISREG(about.st_mode):
        raise ValueError("not a plain file")
    if about.st_size > MOST_BYTES:
        raise ValueError(f"over {MOST_BYTES} bytes")
    return path.read_bytes()


def _pixels(image: Image.Image, alpha: bool, wide: bool) -> np.ndarray:
    """A pillow image of any mode as `uint8 [H, W, 1 or 3]`, or 2 or 4 with `alpha`.

    Where pixels are `wide`, 32-bit integers, they may hold levels of 8 bits or of 16.
    """
    mode = image.mode
    if mode.startswith("I"):  # 16-bit grey
        levels = np.asarray(image).astype(np.int64)
        if levels.min() < 0 or levels.max() > 65535:
            raise ValueError("its pixels are neither 8 nor 16 bits")
        if not (wide and levels.max() < 256):
            levels = (levels + 128) // 257
        return levels.astype(np.uint8)[..., None]
    if mode == "F":
        raise ValueError("its pixels are floating point; convert it to 8 bits")
    if mode in ("LA", "La", "RGBA", "RGBa", "PA") or "transparency" in image.info:
        if alpha:
            return np.array(image.convert("LA" if mode[0] in "1L" else "RGBA"))
        layer = image.convert("RGBA")
        white = Image.new("RGBA", layer.size, (255, 255, 255, 255))
        image = Image.alpha_composite(white, layer)
    if mode in ("1", "L", "LA", "La"):
        return np.array(image.convert("L"))[..., None]
    return np.array(image.convert("RGB"))
