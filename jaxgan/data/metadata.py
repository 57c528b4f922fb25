"""Strips image files of everything but pixels: profiles, comments, thumbnails."""

import struct
from collections.abc import Iterator

_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG = b"\xff\xd8"
_SCAN = 0xDA  # what follows this marker are pixels


def without(content: bytes) -> Iterator[bytes]:
    """What is left of a PNG or JPEG file without its metadata, if it has any.

    A profile or comment that is damaged or too large must not make a good picture
    unreadable.

    Yields:
        The file with nothing but pixels and EXIF (which holds the orientation), then
        without EXIF.
    """
    strip = _png if content.startswith(_PNG) else _jpeg
    if content.startswith((_PNG, _JPEG)):
        for exif in (True, False):
            if (kept := strip(content, exif)) != content:
                yield kept


def _png(content: bytes, exif: bool) -> bytes:
    """A PNG's chunks: those that an image needs, and transparency."""
    kept, at, pixels = [_PNG], len(_PNG), False
    while at + 12 <= len(content):
        length, kind = struct.unpack_from(">I4s", content, at)
        # The names of chunks that an image needs begin with a capital.
        if kind[:1].isupper() or kind == b"tRNS" or (exif and kind == b"eXIf"):
            kept.append(content[at : at + 12 + length])
            pixels |= kind == b"IDAT"
        at += 12 + length
    return b"".join([*kept, content[at:]]) if pixels else content


def _jpeg(content: bytes, exif: bool) -> bytes:
    """A JPEG's segments without the applications' own, but for JFIF and Adobe's."""
    kept, at = [_JPEG], len(_JPEG)
    while at + 4 <= len(content) and content[at] == 0xFF and content[at + 1] != _SCAN:
        marker = content[at + 1]
        end = at + 2 + struct.unpack_from(">H", content, at + 2)[0]
        is_exif = marker == 0xE1 and content[at + 4 : at + 8] == b"Exif"
        other = (0xE1 <= marker <= 0xEF and marker != 0xEE) or marker == 0xFE
        if not other or (exif and is_exif):
            kept.append(content[at:end])
        at = end
    scan = content[at : at + 2] == bytes([0xFF, _SCAN])
    return b"".join([*kept, content[at:]]) if scan else content
