"""Files that would run code, fill memory, escape, or vanish: one sentence each."""

import ast
import functools
import gc
import gzip
import io
import itertools
import json
import os
import pathlib
import pickle
import struct
import subprocess
import sys
import time
import warnings
import zipfile
import zlib
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from PIL import Image

import jaxgan
from experiments.explore import sliders
from jaxgan import checkpoint
from jaxgan.data import CorruptImage, fitted, load, open_source, stream
from jaxgan.game import TrainState
from jaxgan.lab import restored
from jaxgan.lab.judges import cache
from jaxgan.metrics import inception

# --- nothing that is read is run -----------------------------------------------------


class Evil:
    """Makes a file when it is unpickled."""

    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return open, (str(self.marker), "w")


@pytest.fixture
def marker(tmp_path):
    """Where a file would be if code was run; this one would be."""
    path = tmp_path / "code-was-run"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        pickle.loads(pickle.dumps(Evil(path)))
        gc.collect()
    assert path.exists()
    path.unlink()
    return path


def archive(**members):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as file:
        for name, data in members.items():
            file.writestr(name.replace("__", "."), data)
    return content.getvalue()


def object_npz(evil, name):
    content = io.BytesIO()
    arrays: dict[str, Any] = {name: np.array([evil], object)}
    np.savez(content, **arrays)
    return content.getvalue()


def object_npy(evil):
    content = io.BytesIO()
    np.save(content, np.array([evil], object))
    return content.getvalue()


def whole_torch(evil):
    torch = pytest.importorskip("torch", exc_type=ImportError)
    content = io.BytesIO()
    torch.save({"fc.weight": evil}, content)
    return content.getvalue()


def old_torch(evil):
    torch = pytest.importorskip("torch", exc_type=ImportError)
    content = io.BytesIO()
    torch.save({"fc.weight": evil}, content, _use_new_zipfile_serialization=False)
    return content.getvalue()


def first(spec):
    return open_source(spec)[0]


def cached(path):
    assert cache.load(path, jnp.zeros(2), ("right",)) is None
    raise ValueError("is damaged: training it again")  # what it says, see below


def bare(evil):
    return pickle.dumps(evil)


def in_npz(evil):
    return archive(images__npy=pickle.dumps(evil))


def in_zip(evil):
    return archive(a__png=pickle.dumps(evil))


READERS = {
    # name -> the file, what is in it, who reads it, and what is said
    "npz of objects": ("a.npz", object_npz, "images", first, "Object arrays cannot"),
    "npz of names": ("a.npz", object_npz, "label_names", first, "no images|Object"),
    "npz of a pickle": ("a.npz", in_npz, None, first, "has images of type .*: save u"),
    "weights of a pickle": ("w.npz", in_npz, None, inception.load, "another network"),
    "a pickle as npz": ("a.npz", bare, None, first, "as an npz file"),
    "a pickle as npy": ("a.npy", bare, None, first, "as an npz file"),
    "npy of objects": ("a.npy", object_npy, None, first, "Python objects"),
    "idx": ("train-images-idx3-ubyte", bare, None, first, "not an idx file"),
    "idx.gz": ("x-idx3-ubyte.gz", bare, None, first, r"cannot read .*fetch it again"),
    "image": ("set/a.png", bare, None, first, "cannot read the image"),
    "zip": ("a.zip", in_zip, None, first, "cannot read the image"),
    "a pickle as zip": ("a.zip", bare, None, first, "as a zip archive"),
    "tfds": ("set/dataset_info.json", bare, None, first, "is damaged"),
    "weights npz": ("w.npz", object_npz, "fc.weight", inception.load, "is not an npz"),
    "weights raw npz": ("w.npz", bare, None, inception.load, "is not an npz"),
    "weights pth": (
        "w.pth",
        whole_torch,
        None,
        inception.load,
        "not a file of PyTorch",
    ),
    "weights old pth": (
        "w.pt",
        old_torch,
        None,
        inception.load,
        "not a file of PyTorch",
    ),
    "weights raw pth": ("w.pth", bare, None, inception.load, "not a file of PyTorch"),
    "cache": ("c.npz", object_npz, "leaf0", cached, "is damaged"),
    "a pickle as cache": ("c.npz", bare, None, cached, "is damaged"),
    "directions": ("d.npz", object_npz, "x", sliders.read_directions, "is not an .npz"),
    "config.json": ("config.json", bare, None, None, "is damaged"),
}


@pytest.mark.parametrize("reader", READERS)
def test_a_pickle_is_refused_and_not_run(reader, tmp_path, marker, capsys):
    name, content, inside, read, text = READERS[reader]
    path = tmp_path / "files" / name
    path.parent.mkdir(parents=True)
    options = (inside,) if inside else ()
    path.write_bytes(content(Evil(marker), *options))
    if read is first:
        read = functools.partial(first, str(path.parent if "/" in name else path))
    elif read is None:
        read = functools.partial(restored.configuration, path.parent)
    else:
        read = functools.partial(read, path)
    with pytest.raises(ValueError, match=text) as caught:
        read()
    assert "\n" not in str(caught.value)
    assert not marker.exists()
    if "cache" in reader:
        assert f"{path} is damaged: training" in capsys.readouterr().err


def state(width=3):
    params = {"net": {"kernel": jnp.ones((2, width))}}
    return TrainState(
        step=jnp.asarray(7, jnp.int32),
        key=jax.random.key(11),
        params=params,
        stats={},
        opt_state={"player": optax.sgd(1e-3).init(params)},
        ema={},
    )


@pytest.fixture
def abandoned_reads():
    yield  # what orbax leaves behind complains when it is collected: here
    time.sleep(0.2)
    gc.collect()


@pytest.mark.usefixtures("abandoned_reads")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_pickle_in_a_checkpoint_is_not_run(tmp_path, marker):
    run = tmp_path / "run"
    with checkpoint.manager(run) as checkpoints:
        checkpoint.save(checkpoints, 7, state(), {"lr": 1})
    like = jax.eval_shape(state)
    files = sorted(p for p in run.rglob("*") if p.is_file() and p.stat().st_size)
    # The other files are arrays, which tensorstore reads.
    texts = [p for p in files if p.read_bytes()[:1] in (b"{", b"C")]
    assert len(texts) >= 5
    refused = []
    for path in texts:
        whole = path.read_bytes()
        path.write_bytes(pickle.dumps(Evil(marker)))
        try:
            with checkpoint.manager(run, read_only=True) as checkpoints:
                again = checkpoint.restore(checkpoints, like)
        except checkpoint.CheckpointError as error:
            refused.append(str(error))
        else:  # a file that restoring does without
            assert again is not None
            np.testing.assert_array_equal(again.params["net"]["kernel"], 1)
        assert not marker.exists(), path
        path.write_bytes(whole)
    assert len(refused) >= 3
    assert all(str(run) in text and "\n" not in text for text in refused)
    with checkpoint.manager(run, read_only=True) as checkpoints:
        assert checkpoint.restore(checkpoints, like) is not None


@pytest.mark.parametrize("key", ["type", "pythonClassName", "python_class_name"])
@pytest.mark.parametrize("nested", [False, True])
def test_a_tfds_set_runs_no_code_of_its_own(tmp_path, marker, monkeypatch, key, nested):
    code = tmp_path / "code"
    code.mkdir()
    (code / "own_feature.py").write_text(f"open({str(marker)!r}, 'w').close()\n")
    monkeypatch.syspath_prepend(code)
    folder = tmp_path / "set"
    folder.mkdir()
    (folder / "dataset_info.json").write_text('{"fileFormat": "array_record"}')
    named = {key: "own_feature.Feature", "content": {}}
    if nested:
        inner = json.dumps([{"feature": named}])
        named = {"a": [{"jsonFeature": {"json": inner}}]}
    (folder / "features.json").write_text(json.dumps(named))
    with pytest.raises(ValueError, match=r"code outside .* \(own_feature\.Feature\)"):
        open_source(f"tfds:{folder}")
    assert not marker.exists()


FORBIDDEN = {"pickle", "cPickle", "cloudpickle", "dill", "joblib", "marshal", "shelve"}
FORBIDDEN |= {"yaml", "tarfile", "jsonpickle"}
ASKED = {"torch": ("weights_only", True), "np": ("allow_pickle", False)}
ASKED |= {name: ASKED["np"] for name in ("numpy", "jnp")}


def faults(source):
    """What a module calls or imports that may run code out of a file, or write."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [a.name for a in node.names if a.name.split(".")[0] in FORBIDDEN]
        if isinstance(node, ast.ImportFrom):
            if (node.module or "").split(".")[0] in FORBIDDEN:
                found.append(node.module)
            if (node.module, "load") in [("torch", a.name) for a in node.names] + [
                ("numpy", a.name) for a in node.names
            ]:
                found.append("load by its bare name")
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        owner, _, last = called.rpartition(".")
        if called in ("eval", "exec", "compile", "__import__", "os.system"):
            found.append(called)
        if last == "unpack_archive" or (owner and last in ("extract", "extractall")):
            found.append(called)
        if last == "load" and owner in ASKED:
            option, value = ASKED[owner]
            given = {k.arg: getattr(k.value, "value", None) for k in node.keywords}
            if given.get(option) is not value:
                found.append(f"{called} without {option}={value}")
    return found


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "from pickle import loads",
        "def f():\n    import dill as d",
        "from yaml import load",
        "import torch\ntorch.load(x)",
        "import torch\ntorch.load(x, weights_only=False)",
        "from torch import load",
        "np.load(x)",
        "np.load(x, allow_pickle=True)",
        "np.load(x, allow_pickle=flag)",
        "numpy.load(x)",
        "eval(text)",
        "exec(text)",
        "zipfile.ZipFile(x).extractall(y)",
        "archive.extract(name)",
        "shutil.unpack_archive(x)",
    ],
)
def test_the_walk_finds(source):
    assert faults(source)


def test_the_walk_lets_pass():
    assert not faults(
        "import json, zipfile\nnp.load(x, allow_pickle=False)\nnet.eval()\n"
        "torch.load(x, weights_only=True)\njson.load(x)\ninception.load(x)\n"
    )


ROOT = pathlib.Path(jaxgan.__file__).parents[1]


def test_no_module_runs_what_it_reads():
    modules = [
        path
        for package in ("jaxgan", "experiments")
        for path in (ROOT / package).rglob("*.py")
    ]
    assert len(modules) > 100
    found = {str(path): faults(path.read_text()) for path in modules}
    assert {path: what for path, what in found.items() if what} == {}


# --- bombs: small files that claim much ----------------------------------------------


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


def entry(name, packed, claimed, method=zipfile.ZIP_DEFLATED, checksum=0):
    """A zip archive with one entry that claims what it is told to."""
    fields = (0, method, 0, 0, checksum, len(packed), claimed, len(name), 0)
    local = struct.pack("<4sHHHHHIIIHH", b"PK\x03\x04", 20, *fields) + name
    central = struct.pack("<4sHHHHHHIIIHH", b"PK\x01\x02", 20, 20, *fields)
    central += struct.pack("<HHHII", 0, 0, 0, 0, 0) + name
    places = (0, 0, 1, 1, len(central), len(local) + len(packed), 0)
    return local + packed + central + struct.pack("<4sHHHHIIH", b"PK\x05\x06", *places)


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


def read_apart(script, *arguments):
    """Runs a script in a process of its own, whose memory is its own."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script, *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=pathlib.Path(jaxgan.__path__[0]).parent,
    )
    assert done.returncode == 0, (done.returncode, done.stderr[-2000:])
    return [json.loads(line) for line in done.stdout.splitlines()]


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


# --- names that point elsewhere ------------------------------------------------------


def coloured(value):
    content = io.BytesIO()
    Image.new("RGB", (8, 8), (value,) * 3).save(content, "PNG")
    return content.getvalue()


def values(source):
    return [int(source[i]["image"][0, 0, 0]) for i in range(len(source))]


def test_names_in_an_archive_touch_no_disk(tmp_path, monkeypatch):
    inner = tmp_path / "a" / "b" / "c"
    inner.mkdir(parents=True)
    (tmp_path / "outside.png").write_bytes(coloured(99))
    names = ["../../up.png", f"{tmp_path}/outside.png", "C:\\x\\win.png"]
    names += ["..\\..\\back.png", "cats\\tom.png", "cats/./dot.png", "in.png"]
    with zipfile.ZipFile(inner / "set.zip", "w") as file:
        for i, name in enumerate(names, 1):
            file.writestr(name, coloured(i))
        link = zipfile.ZipInfo("link.png")
        link.external_attr = 0o120777 << 16
        file.writestr(link, f"{tmp_path}/outside.png")
    monkeypatch.chdir(inner)
    before = sorted(tmp_path.rglob("*"))
    source: Any = open_source("zip:set.zip")
    assert len(source) == 8
    arrays = load(source, size=8, channels=3, skip_corrupt=True)
    seen = {int(v) for v in arrays["image"][:, 0, 0, 0]}
    assert seen == set(range(1, 8))  # and not 99, where the link leads
    with pytest.raises(CorruptImage, match=r"set\.zip/link\.png"):
        source[source.names.index("link.png")]
    assert sorted(tmp_path.rglob("*")) == before
    # Windows' separators are separators: the folder is the class.
    assert sorted(values(open_source("zip:set.zip#cats"))) == [5, 6]


@pytest.mark.parametrize("claimed", [10, 10_000, 2**32 - 2])
def test_an_entry_of_another_size_than_it_claims(tmp_path, claimed):
    data = coloured(1)
    packed = zlib.compress(data)[2:-4]
    for method, content in ((zipfile.ZIP_DEFLATED, packed), (zipfile.ZIP_STORED, data)):
        whole = entry(b"a.png", content, len(data), method, zlib.crc32(data))
        (tmp_path / "a.zip").write_bytes(whole)
        assert values(open_source(f"{tmp_path}/a.zip")) == [1]
        lie = entry(b"a.png", content, claimed, method, zlib.crc32(data))
        (tmp_path / "a.zip").write_bytes(lie)
        if claimed == 10_000 and method == zipfile.ZIP_STORED:
            continue  # it ends where its content ends, and the checksum holds
        try:
            assert values(open_source(f"{tmp_path}/a.zip")) == [1]
            assert claimed > len(data)  # never less than the whole
        except CorruptImage as error:
            assert "a.png" in str(error)  # noqa: PT017


def test_links_pipes_and_circles_in_a_folder(tmp_path):
    folder, outside = tmp_path / "set", tmp_path / "outside"
    (folder / "a").mkdir(parents=True)
    outside.mkdir()
    (outside / "mine.png").write_bytes(coloured(1))
    (folder / "linked").symlink_to(outside)  # a user's own, and followed
    (outside / "back").symlink_to(folder)
    (folder / "a" / "self").symlink_to(folder / "a")
    (folder / "a" / "one.png").symlink_to(outside / "mine.png")
    source: Any = open_source(f"folder:{folder}")
    assert values(source) == [1, 1]
    (folder / "a" / "circle.png").symlink_to("circle.png")
    (folder / "a" / "gone.png").symlink_to("nowhere.png")
    (folder / "a" / "zero.png").symlink_to("/dev/zero")
    os.mkfifo(folder / "a" / "pipe.png")
    source = open_source(f"folder:{folder}")
    said = {}
    for i, name in enumerate(source.names):
        try:
            source[i]
        except CorruptImage as error:
            said[name] = str(error)
    assert set(said) == {f"a/{n}.png" for n in ("circle", "gone", "zero", "pipe")}
    assert "not a plain file" in said["a/pipe.png"]
    assert "not a plain file" in said["a/zero.png"]
    assert "No such file" in said["a/gone.png"]


def test_names_stay_on_one_line(tmp_path):
    (tmp_path / "a\n\x1b[2J\udcff.png").write_bytes(b"no image")
    with pytest.raises(CorruptImage) as caught:
        open_source(f"folder:{tmp_path}")[0]
    assert r"a\n\x1b[2J\udcff.png" in str(caught.value)
    assert str(caught.value).isprintable()


# --- files that go away in mid-run ---------------------------------------------------

AGAIN = r"run the same command again \(what was saved is intact\).*--skip-corrupt"
COUNT = 24


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "pictures"
    path.mkdir()
    for i in range(COUNT):
        (path / f"{i:02}.png").write_bytes(coloured(i))
    return path


def batches(source, start=0, **options):
    ready = fitted(source, size=8, channels=3)
    return stream(ready, 0, 3, start=start, workers=1, prefetch=1, **options)


def until_it_fails(running):
    """Batches that were read ahead, and what is said then."""
    with pytest.raises(CorruptImage) as caught:
        list(itertools.islice(running, 100))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def images(running, count):
    with_close = list(itertools.islice(running, count))
    running.close()
    return np.stack([batch["image"] for batch in with_close])


def test_pictures_that_go_away_while_they_are_read(folder):
    source = open_source(str(folder))
    whole = images(batches(source), 12)
    running = batches(source)
    next(running)
    folder.rename(folder.with_name("elsewhere"))  # as an unmounted disk
    said = until_it_fails(running)
    assert f"cannot read the image {folder}/" in said
    assert "No such file or directory): put the file back and run the same" in said
    with pytest.raises(CorruptImage, match=AGAIN):
        source[0]
    with pytest.raises(CorruptImage, match="none of the 24 images .* still there"):
        list(itertools.islice(batches(source, skip_corrupt=True), 9))
    folder.with_name("elsewhere").rename(folder)
    np.testing.assert_array_equal(images(batches(source, 5), 7), whole[5:])


def test_one_picture_removed_or_cut_is_stood_in_for(folder):
    source = open_source(str(folder))
    whole = images(batches(source), 16)
    (folder / "07.png").unlink()
    (folder / "20.png").write_bytes(coloured(20)[:40])
    os.truncate(folder / "23.png", 0)
    assert any(f"{n}.png" in until_it_fails(batches(source)) for n in ("07", 20, 23))
    found = images(batches(source, skip_corrupt=True), 16)
    expected = whole.copy()
    for lost, stand_in in ((7, 8), (20, 21), (23, 0)):
        expected[whole == lost] = stand_in
    np.testing.assert_array_equal(found, expected)


def test_a_zip_removed_replaced_or_cut(folder, tmp_path):
    path = tmp_path / "set.zip"

    def pack(add):
        with zipfile.ZipFile(path, "w") as file:
            for i in range(COUNT):
                # So long that what is cut off is not in a buffer any more.
                file.writestr(f"{i:02}.png", coloured(i + add) + bytes(20_000))

    pack(0)
    source = open_source(str(path))
    whole = images(batches(source), 12)
    path.rename(tmp_path / "old.zip")  # what is open stays
    np.testing.assert_array_equal(images(batches(source), 12), whole)
    pack(50)  # another, of the same name
    np.testing.assert_array_equal(images(batches(source), 12), whole)
    source = open_source(str(path))
    running = batches(source)
    next(running)
    os.truncate(path, 110_000)
    said = until_it_fails(running)
    assert f"cannot read the image {path}/" in said
    assert "mend the archive and run the same command again" in said
    found = images(batches(source, skip_corrupt=True), 12)
    assert 50 <= found.min()
    assert found.max() == 54
    pack(50)  # mended in its place
    np.testing.assert_array_equal(images(batches(source), 12), whole + 50)


CUT = """
import itertools, json, os, sys
import numpy as np
from jaxgan.data import CorruptImage, fitted, load, open_source, stream
path = sys.argv[1]
whole = np.load(path)
source = open_source(path)
data = load(source, size=64, channels=3)
mirrored = fitted(source, size=32, channels=3)
running = stream(mirrored, 0, 8, workers=1, prefetch=1)
next(running)
length = 128 + 5 * 64 * 64 * 3
os.truncate(path, length)
try:
    list(itertools.islice(running, 100))
except CorruptImage as error:
    print(json.dumps(str(error)))
skipped = stream(mirrored, 0, 8, skip_corrupt=True, workers=1, prefetch=1)
seen = {int(v) for b in itertools.islice(skipped, 20) for v in b["image"][:, 0, 0, 0]}
print(json.dumps(sorted(seen)))
os.remove(path)
try:
    source[0]
except CorruptImage as error:
    print(json.dumps(str(error)))
print(json.dumps(bool((data["image"] == whole).all())))
"""


def test_a_mapped_array_cut_short_does_not_end_the_process(tmp_path):
    pixels = np.repeat(np.arange(64, dtype=np.uint8), 64 * 64 * 3)
    path = tmp_path / "a.npy"
    np.save(path, pixels.reshape(64, 64, 64, 3))
    cut, seen, gone, kept = read_apart(CUT, path)
    assert f"of {path} (the file was cut short to 61568 bytes): put the file" in cut
    assert "run the same command again" in cut
    assert seen == [0, 1, 2, 3, 4]
    assert f"image 0 of {path} (No such file or directory): put the file" in gone
    assert kept  # what `load` returned is in memory
