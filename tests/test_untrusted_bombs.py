"""Small files that claim much: refused in little memory and time."""

import functools
import gzip
import io
import pathlib
import struct
import warnings
import zlib

import jax.numpy as jnp
import numpy as np
import pytest
from files import archive, entry, read_apart, values
from PIL import Image

from jaxgan.data import load, open_source
from jaxgan.lab.judges import cache
from jaxgan.metrics import inception


def chunk(kind, data):
    checksum = zlib.crc32(kind + data)
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", checksum)


def png(width, height, *chunks, colour=2, pixels=b""):
    head = struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0)
    data = chunk(b"IDAT", pixels or zlib.compress(bytes(100)))
    return b"".join(
        [b"\x89PNG\r\n\x1a\n", chunk(b"IHDR", head), *chunks, data, chunk(b"IEND", b"")]
    )


@functools.cache
def zeros(mebibytes, window=15):
    """Zeros as zlib packs them, or with a negative window as zip does."""
    packer = zlib.compressobj(9, zlib.DEFLATED, window)
    parts = [packer.compress(bytes(1 << 20)) for _ in range(mebibytes)]
    return b"".join([*parts, packer.flush()])


def picture(kind, size=(8, 8), **options):
    content = io.BytesIO()
    Image.new("RGB", size, (9, 9, 9)).save(content, kind, **options)
    return content.getvalue()


def tiff(width, height):
    tags = [(256, width), (257, height), (258, 8), (259, 1), (262, 1), (273, 8)]
    tags += [(277, 1), (278, height), (279, width * height & 0xFFFFFFFF)]
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + bytes(4)


def webp(width, height):
    other = Image.new("RGB", (8, 8))
    data = bytearray(picture("WEBP", save_all=True, append_images=[other]))
    size = struct.pack("<I", width - 1)[:3] + struct.pack("<I", height - 1)[:3]
    data[24:30] = size  # of the canvas, on which small frames lie
    return bytes(data)


def jpeg(width, height):
    data = bytearray(picture("JPEG"))
    at = data.index(b"\xff\xc0") + 5
    data[at : at + 4] = struct.pack(">HH", height, width)
    return bytes(data)


def bmp(width, height):
    data = bytearray(picture("BMP"))
    data[18:26] = struct.pack("<ii", width, height)
    return bytes(data)


def gif(width, height):
    data = bytearray(picture("GIF"))
    data[6:10] = struct.pack("<HH", width, height)
    return bytes(data)


def npy(shape, data=b"", dtype="|u1"):
    head = f"{{'descr': {dtype!r}, 'fortran_order': False, 'shape': {shape}, }}\n"
    return b"\x93NUMPY\x01\0" + struct.pack("<H", len(head)) + head.encode() + data


def idx(*shape):
    return bytes([0, 0, 8, len(shape)]) + struct.pack(f">{len(shape)}I", *shape)


def bz2_zeros():
    import bz2

    packer = bz2.BZ2Compressor()
    parts = [packer.compress(bytes(1 << 20)) for _ in range(80)]
    return b"".join([*parts, packer.flush()])


HUGE = 50_000
IMAGES = {
    "png": lambda: png(HUGE, HUGE),
    "jpeg": lambda: jpeg(HUGE, HUGE),
    "webp": lambda: webp(HUGE, HUGE),
    "bmp": lambda: bmp(HUGE, HUGE),
    "gif": lambda: gif(HUGE, HUGE),
    "tiff": lambda: tiff(HUGE, HUGE),
    "ppm": lambda: b"P6 50000 50000 255\n" + bytes(99),
    # Under what pillow itself refuses, which is 179 million pixels.
    "webp-canvas": lambda: webp(13_000, 13_000),
    "jpeg-header": lambda: jpeg(13_000, 13_000),
}
# Good pixels beside a bomb.
BESIDE = {
    "png-text": chunk(b"zTXt", b"a\0\0" + zeros(80)),
    "png-international": chunk(b"iTXt", b"a\0\1\0\0\0" + zeros(80)),
    "png-profile": chunk(b"iCCP", b"a\0\0" + zeros(300)),
}
BLACK = zlib.compress(bytes(8 * (1 + 3 * 8)))
SETS = {
    "ratio.zip": lambda: entry(b"a.png", zeros(80, -15), 80 << 20),
    "honest-bz2.zip": lambda: entry(b"a.png", bz2_zeros(), 80 << 20, 12),
    "lying-bz2.zip": lambda: entry(b"a.png", bz2_zeros(), 100, 12),
    "lying-deflate.zip": lambda: entry(b"a.png", zeros(80, -15), 100),
    "terabytes.npz": lambda: archive(images__npy=npy((10**9, 64, 64, 3))),
    "wrapping.npz": lambda: archive(images__npy=npy((2**62, 4, 1, 1), bytes(9))),
    "wide.npz": lambda: archive(images__npy=npy((5,), bytes(9), "|S2147483647")),
    "deep.npz": lambda: archive(images__npy=npy("-" * 9000 + "1")),
    "long.npy": lambda: npy("1" + " " * 12_000),
    "zeros.npz": lambda: entry(
        b"images.npy", zeros(80, -15), 80 << 20, checksum=zlib.crc32(bytes(80 << 20))
    ),
    "bz2.npz": lambda: entry(b"images.npy", bz2_zeros(), 100, 12),
    "terabytes.npy": lambda: npy((10**9, 64, 64, 3)),
    "wrapping.npy": lambda: npy((2**62, 4, 1, 1), bytes(9)),
    "huge-idx3-ubyte": lambda: idx(2**32 - 1, 2**32 - 1, 2**32 - 1),
    "wrapping-idx4-idx3-ubyte": lambda: idx(65536, 65536, 65536, 65536),
    "ranks-idx3-ubyte": lambda: idx(*[2**32 - 1] * 255),
    "huge-idx3-ubyte.gz": lambda: gzip.compress(idx(10**6, 1000, 1000)),
    "true-idx3-ubyte.gz": lambda: gzip_of(idx(80, 1024, 1024)),
}


def gzip_of(head, mebibytes=80):
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    parts = [head, *[bytes(1 << 20)] * mebibytes]
    return b"".join([*map(packer.compress, parts), packer.flush()])


LINUX = pytest.mark.skipif(
    not pathlib.Path("/proc/self/status").exists(), reason="asks Linux for the peak"
)
READ_BOMBS = """
import json, pathlib, resource, sys, time
from jaxgan.data import CorruptImage, load, open_source
import jaxgan.data.arrays
from PIL import Image
Image.init()
resource.setrlimit(resource.RLIMIT_AS, (8 << 30, 8 << 30))
status = pathlib.Path("/proc/self/status")
peak = lambda: int(status.read_text().partition("VmHWM:")[2].split()[0]) / 1024
before = peak()
for path in sys.argv[1:]:
    start = time.monotonic()
    try:
        source = open_source(path)
        said = ["none", str(source[0]["image"].shape)]
    except Exception as error:
        said = [type(error).__name__, str(error)]
    print(json.dumps([path, *said, time.monotonic() - start, peak() - before]))
"""


@LINUX
def test_bombs_are_refused_in_little_memory_and_time(tmp_path):
    paths = []
    for name, make in SETS.items():
        paths.append(tmp_path / name)
        paths[-1].write_bytes(make())
    for name, make in IMAGES.items():
        folder = tmp_path / name
        folder.mkdir()
        (folder / "bomb.png").write_bytes(make())
        paths.append(folder)
    assert max(path.stat().st_size for path in paths) < 1 << 20
    said = read_apart(READ_BOMBS, *paths)
    assert len(said) == len(paths)
    for path, kind, text, seconds, mebibytes in said:
        name = pathlib.Path(path).name
        image = name in IMAGES or name.endswith(".zip")
        assert kind == ("CorruptImage" if image else "ValueError"), (path, text)
        assert path in text
        assert len(text) < len(path) + 400
        assert "\n" not in text
        assert seconds < 5, path
        assert mebibytes < 30, path


@LINUX
def test_a_bomb_beside_good_pixels_is_not_unpacked(tmp_path):
    for name, beside in BESIDE.items():
        (tmp_path / name).mkdir()
        content = png(8, 8, beside, pixels=BLACK)
        (tmp_path / name / "a.png").write_bytes(content)
    for _, *said, seconds, mebibytes in read_apart(READ_BOMBS, *tmp_path.iterdir()):
        assert said == ["none", "(8, 8, 3)"]
        assert seconds < 5
        assert mebibytes < 30


@LINUX
def test_an_animation_of_many_frames_is_one_frame(tmp_path):
    whole = picture("GIF", (32, 32))
    frame = whole[whole.index(b",") : -1]
    several = [whole[:-1], *[frame] * 200_000, b";"]
    (tmp_path / "a.gif").write_bytes(b"".join(several))
    (said,) = read_apart(READ_BOMBS, tmp_path)
    assert said[1:3] == ["none", "(32, 32, 3)"]
    assert said[3] < 2
    assert said[4] < 50


def test_bombs_count_as_images_that_cannot_be_read(tmp_path, caplog):
    (tmp_path / "a.png").write_bytes(picture("PNG"))
    for name in ("png", "jpeg-header", "webp-canvas"):
        (tmp_path / f"{name}.png").write_bytes(IMAGES[name]())
    arrays = load(open_source(str(tmp_path)), size=8, channels=3, skip_corrupt=True)
    np.testing.assert_array_equal(arrays["image"], np.full((4, 8, 8, 3), 9))
    assert "skipped 3 of 4 images" in caplog.text


def test_what_is_only_well_packed_is_read(tmp_path):
    (tmp_path / "set").mkdir()
    Image.new("1", (8000, 8000)).save(tmp_path / "set" / "page.png")  # 8 KB
    content = png(9_000, 9_000, colour=0, pixels=zeros(80))  # 80 KB
    (tmp_path / "set" / "white.png").write_bytes(content)
    assert load(open_source(str(tmp_path / "set")), size=8, channels=1)
    shapes = np.zeros((4000, 64, 64, 1), np.uint8)
    np.savez_compressed(tmp_path / "shapes.npz", images=shapes)
    assert not any(values(open_source(str(tmp_path / "shapes.npz"))))


def test_a_cache_and_weights_that_are_bombs(tmp_path, capsys):
    terabytes = archive(leaf0__npy=npy((10**12,), dtype="<f4"))
    zeroes = archive(leaf0__npy=npy((2,), bytes(8), "<f4"), right__npy=b"")
    for content in (terabytes, zeroes, SETS["bz2.npz"](), SETS["zeros.npz"]()):
        (tmp_path / "c.npz").write_bytes(content)
        assert cache.load(tmp_path / "c.npz", jnp.zeros(2), ("right",)) is None
        assert "c.npz is damaged" in capsys.readouterr().err
    unpacks = entry(b"fc.weight.npy", b"", 2**31)
    for content in (SETS["bz2.npz"](), SETS["terabytes.npz"](), unpacks):
        for name in ("w.npz", "w.pth"):
            (tmp_path / name).write_bytes(content)
            with pytest.raises(ValueError, match=r"or it is damaged|needs PyTorch"):
                inception.load(tmp_path / name)


@pytest.mark.parametrize("kind", ["expanded", "sparse", "complex"])
def test_tensors_that_are_no_plain_arrays(tmp_path, kind):
    torch = pytest.importorskip("torch", exc_type=ImportError)
    shapes = inception.expected_shapes()
    arrays = {name: torch.zeros(1).expand(shape) for name, shape in shapes.items()}
    small = torch.zeros(1)
    shape = shapes["fc.bias"]
    bad, text = {
        "expanded": (small.expand(10**12), r"fc\.bias \(1000000000000,\), expected"),
        "sparse": (torch.zeros(shape).to_sparse(), "tensors that are not plain arrays"),
        "complex": (
            small.expand(shape).to(torch.complex64),
            r"without real numbers: fc\.bias",
        ),
    }[kind]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.save(arrays | {"fc.bias": bad}, tmp_path / "w.pth")
        with pytest.raises(ValueError, match=text):
            inception.load(tmp_path / "w.pth")
