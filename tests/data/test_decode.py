"""Image files of every mode, and damaged ones."""

import io
import os
import struct
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image

from jaxgan.data.decode import CorruptImage, check_unpacked, decode


def encode(image, kind="PNG", **options):
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


@pytest.fixture
def colour():
    return np.random.default_rng(0).integers(0, 256, (6, 9, 3), np.uint8)


def test_colour_and_grey(colour):
    read = decode(encode(Image.fromarray(colour)), "x")
    np.testing.assert_array_equal(read, colour)
    assert read.dtype == np.uint8
    grey = colour[..., 0]
    read = decode(encode(Image.fromarray(grey)), "x")
    np.testing.assert_array_equal(read, grey[..., None])


def test_from_a_path(tmp_path, colour):
    Image.fromarray(colour).save(tmp_path / "a.bmp")
    np.testing.assert_array_equal(decode(tmp_path / "a.bmp", "a"), colour)


@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "TIFF", "PPM", "GIF"])
def test_other_formats(kind):
    flat = Image.new("RGB", (16, 8), (200, 30, 90))
    read = decode(encode(flat, kind), "x")
    assert read.shape == (8, 16, 3)
    assert abs(read.astype(int) - (200, 30, 90)).max() <= 4


def test_transparency_is_laid_over_white():
    layer = np.zeros((1, 3, 4), np.uint8)
    layer[0, :, 0] = 200
    layer[0, :, 3] = 255, 0, 51  # solid, clear, a fifth
    read = decode(encode(Image.fromarray(layer)), "x")
    np.testing.assert_array_equal(read[0, :2], [(200, 0, 0), (255, 255, 255)])
    np.testing.assert_allclose(read[0, 2], [244, 204, 204], atol=1)
    both = np.array([[[100, 255], [100, 0]]], np.uint8)
    read = decode(encode(Image.fromarray(both, "LA")), "x")
    np.testing.assert_array_equal(read, [[[100], [255]]])


def test_transparency_may_be_kept():
    rng = np.random.default_rng(0)
    for mode, channels in (("LA", 2), ("RGBA", 4)):
        layer = rng.integers(0, 256, (3, 5, channels), np.uint8)
        read = decode(encode(Image.fromarray(layer, mode)), "x", alpha=True)
        np.testing.assert_array_equal(read, layer)
    indexed = Image.new("P", (1, 1))
    indexed.putpalette([10, 20, 30])
    read = decode(encode(indexed, transparency=0), "x", alpha=True)
    np.testing.assert_array_equal(read, [[[10, 20, 30, 0]]])
    solid = encode(Image.new("RGB", (1, 1), (1, 2, 3)))
    np.testing.assert_array_equal(decode(solid, "x", alpha=True), [[[1, 2, 3]]])


def test_palette_with_and_without_a_clear_entry():
    indexed = Image.new("P", (2, 1))
    indexed.putpalette([10, 20, 30, 40, 50, 60])
    indexed.putpixel((1, 0), 1)
    np.testing.assert_array_equal(
        decode(encode(indexed), "x"), [[[10, 20, 30], [40, 50, 60]]]
    )
    np.testing.assert_array_equal(
        decode(encode(indexed, transparency=0), "x"),
        [[[255, 255, 255], [40, 50, 60]]],
    )


def test_sixteen_bits_and_one_bit():
    deep = np.array([[0, 257, 32896, 65535, 300]], np.uint16)
    read = decode(encode(Image.fromarray(deep)), "x")
    np.testing.assert_array_equal(read[0, :, 0], [0, 1, 128, 255, 1])
    bits = Image.fromarray(np.array([[True, False]]))
    np.testing.assert_array_equal(decode(encode(bits), "x"), [[[255], [0]]])


def test_the_cameras_orientation_is_applied(colour):
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: show it a quarter to the right
    read = decode(encode(Image.fromarray(colour), exif=exif), "x")
    np.testing.assert_array_equal(read, np.rot90(colour, -1))


def tagged(tag, kind, content, tail=b""):
    """EXIF: turn a quarter to the right, and one more tag, of any type and content."""
    count = len(content) if kind == 2 else 1
    head = b"Exif\0\0II*\0" + struct.pack("<IH", 8, 2)
    orientation = struct.pack("<HHIHH", 0x112, 3, 1, 6, 0)
    return head + orientation + struct.pack("<HHI", tag, kind, count) + content + tail


@pytest.mark.parametrize(
    "exif",
    [
        tagged(0x128, 2, b"abc\0", bytes(4)),  # a unit that is text
        tagged(0x8769, 4, b"\x08\0\0\0", bytes(4)),  # tags within themselves
        tagged(0x10F, 99, b"abcd", bytes(4)),  # a type that there is not
    ],
)
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_odd_tags_do_not_make_a_picture_unreadable(kind, exif, colour):
    content = encode(Image.fromarray(colour), kind, exif=exif)
    assert decode(content, "x").shape == (9, 6, 3)


def chunk(kind, data):
    checksum = struct.pack(">I", zlib.crc32(kind + data))
    return struct.pack(">I", len(data)) + kind + data + checksum


@pytest.mark.parametrize(
    "beside",
    [
        chunk(b"iCCP", b"a\0\0" + zlib.compress(bytes(2_000_000))),
        chunk(b"iCCP", b"a\0\0no profile"),
        chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(2_000_000))),
        chunk(b"tEXt", b"a\0b")[:-1] + b"!",  # a wrong checksum
        chunk(b"pHYs", b"a"),  # too short
    ],
)
def test_what_stands_beside_the_pixels_of_a_png_may_be_damaged(beside, colour):
    exif = Image.Exif()
    exif[0x0112] = 6
    content = encode(Image.fromarray(colour), exif=exif)
    content = content[:33] + beside + content[33:]  # just after the header
    np.testing.assert_array_equal(decode(content, "x"), np.rot90(colour, -1))
    # But the pixels are not made up where they are cut off.
    for end in (33 + len(beside), content.index(b"IDAT") + 6, len(content) - 30):
        with pytest.raises(CorruptImage):
            decode(content[:end], "x")


def test_what_stands_beside_the_pixels_of_a_jpeg_may_be_damaged(colour):
    plain = encode(Image.fromarray(colour), "JPEG")
    expected = decode(plain, "x")
    for marker in (0xE1, 0xE2, 0xED, 0xFE):
        for content in (b"", b"Exif\0\0", b"ICC_PROFILE\0\x09\x01junk", bytes(60_000)):
            segment = struct.pack(">BBH", 0xFF, marker, 2 + len(content)) + content
            read = decode(plain[:2] + segment + plain[2:], "x")
            np.testing.assert_array_equal(read, expected)


def test_integers_of_32_bits_hold_8_or_16():
    for top, expected in ((255, [0, 128, 255]), (65535, [0, 128, 255])):
        levels = np.array([[0, round(top * 128 / 255), top]], np.int32)
        read = decode(encode(Image.fromarray(levels), "TIFF"), "x")
        np.testing.assert_array_equal(read[0, :, 0], expected)
    for levels in ([[0, 70_000]], [[-1, 5]]):
        with pytest.raises(CorruptImage, match="neither 8 nor 16 bits"):
            decode(encode(Image.fromarray(np.array(levels, np.int32)), "TIFF"), "x")


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_flat_pictures_are_read_however_well_they_are_packed(kind):
    options = {"lossless": True, "method": 0} if kind == "WEBP" else {}
    content = encode(Image.new("RGB", (6000, 6000), "white"), kind, **options)
    assert len(content) * 500 < 3 * 6000**2
    assert (decode(content, "x")[::999, ::999] == 255).all()


def test_cmyk_becomes_rgb():
    read = decode(encode(Image.new("CMYK", (8, 8), (0, 0, 0, 0)), "JPEG"), "x")
    assert (read == 255).all()
    assert read.shape == (8, 8, 3)


def test_damaged_files_are_named(colour):
    whole = encode(Image.fromarray(colour.repeat(20, 0).repeat(20, 1)), "JPEG")
    png = encode(Image.fromarray(colour))
    damaged = [whole[: len(whole) // 2], png[:40], png[:-30], b"", b"no image", b"%!PS"]
    broken = bytearray(png)
    broken[45] ^= 255
    for data in [*damaged, bytes(broken)]:
        with pytest.raises(CorruptImage, match=r"cats/tom\.jpg.*--skip-corrupt"):
            decode(data, "cats/tom.jpg")


def test_floating_point_is_refused():
    image = Image.fromarray(np.ones((2, 2), np.float32))
    with pytest.raises(CorruptImage, match="convert it to 8 bits"):
        decode(encode(image, "TIFF"), "x")


def test_a_missing_file_is_named(tmp_path):
    text = r"gone\.png \(No such file or directory\): put the file back .* is intact"
    with pytest.raises(CorruptImage, match=text):
        decode(tmp_path / "gone.png", "gone.png")


def test_a_file_larger_than_any_image_is_not_read(tmp_path):
    path = tmp_path / "vast.webp"
    path.write_bytes(b"RIFF\0\0\0\0WEBPVP8X")
    os.truncate(path, 2**28 + 1)  # without a block on the disk
    with pytest.raises(CorruptImage, match=r"vast\.webp \(ValueError: over 268435456"):
        decode(path, "vast.webp")


@pytest.mark.parametrize(
    ("unpacked", "packed", "bad"),
    [
        (2**26, 0, False),
        (2**26 + 1, 0, True),
        (500 * 10**6, 10**6, False),
        (500 * 10**6 + 1, 10**6, True),
    ],
)
def test_what_may_be_unpacked(unpacked, packed, bad):
    if not bad:
        check_unpacked(unpacked, packed)
        return
    with pytest.raises(ValueError, match=f"{packed} bytes that claim .* {unpacked}"):
        check_unpacked(unpacked, packed)


def test_decompression_bombs_are_named(monkeypatch, colour):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 20)
    with pytest.raises(
        CorruptImage, match=r"tom\.png has more pixels than .* 20: shrink"
    ):
        decode(encode(Image.fromarray(colour)), "tom.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 40)  # over it, but not twice
    with pytest.raises(CorruptImage, match="has more pixels"):
        decode(encode(Image.fromarray(colour)), "tom.png")
    with warnings.catch_warnings():  # only a warning, unless it is made an error
        warnings.simplefilter("ignore")
        assert decode(encode(Image.fromarray(colour)), "tom.png").shape == (6, 9, 3)
