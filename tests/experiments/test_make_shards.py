"""Making shards: the same images as training would load, whole or not at all."""

import concurrent.futures
import json
import zipfile
from typing import Any

import numpy as np
import pytest
from commands import call
from PIL import Image

from experiments import make_shards
from experiments.make_shards import decoding
from jaxgan import data, parallel
from jaxgan.data import shard_writing, shards
from jaxgan.lab import feeds
from jaxgan.lab.data import Data, open_set
from jaxgan.train import Run

SMALL = ["--size", 8, "--channels", 3]


@pytest.fixture
def pictures(tmp_path):
    """150 pictures of 12x14 in two classes, one of them grey."""
    rng = np.random.default_rng(0)
    for i in range(150):
        path = tmp_path / "photos" / "ab"[i % 2] / f"{i:03}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        shape = (12, 14, 3)[: 2 if i == 3 else 3]
        Image.fromarray(rng.integers(0, 256, shape, np.uint8)).save(path)
    return tmp_path / "photos"


@pytest.fixture
def small_shards(monkeypatch):
    """A mebibyte of pictures becomes as many bytes as 70 of them have."""
    real = make_shards.sizes
    monkeypatch.setattr(make_shards, "sizes", lambda count, _: real(count, 70))


def make(spec, output, monkeypatch, *flags):
    shape = [] if "--size" in flags else SMALL
    argv = ["--data", spec, "--workdir", output, *shape, *flags]
    return call(make_shards, argv, monkeypatch)


def said(capsys):
    return " ".join(capsys.readouterr().err.split())


def assert_same(these, those):
    assert set(these) == set(those)
    for key in these:
        assert these[key].dtype == those[key].dtype
        np.testing.assert_array_equal(these[key], those[key])


def loaded(spec, **options):
    return data.load(data.open_source(spec), size=8, channels=3, **options)


@pytest.mark.parametrize("kind", ["folder", "zip", "npz"])
def test_shards_are_what_is_loaded(
    kind, pictures, small_shards, tmp_path, monkeypatch, capsys
):
    spec = f"folder:{pictures}"
    if kind == "zip":
        with zipfile.ZipFile(tmp_path / "photos.zip", "w") as archive:
            for path in sorted(pictures.rglob("*.png")):
                archive.write(path, path.relative_to(pictures))
        spec = f"zip:{tmp_path / 'photos.zip'}"
    elif kind == "npz":
        images = np.random.default_rng(1).integers(0, 256, (75, 9, 9, 3), np.uint8)
        np.savez(tmp_path / "a.npz", images=images, labels=np.arange(75) % 5)
        spec = f"npz:{tmp_path / 'a.npz'}"
    out = tmp_path / "out" / "shards"
    assert make(spec, out, monkeypatch) == 0
    expected = loaded(spec)
    count = len(expected["image"])
    assert f"{count} images of 8x8x3 in {-(-count // 70)} shards" in said(capsys)
    sources: list[Any] = [data.open_source(x) for x in (spec, f"shards:{out}")]
    assert sources[0].classes == sources[1].classes
    assert_same(loaded(f"shards:{out}"), expected)
    assert sorted({path.suffix for path in out.iterdir()}) == [".json", ".npy"]
    assert not (out / shards.UNFINISHED).exists()


def test_rectangles_with_opacity_and_the_names_of_classes(
    pictures, tmp_path, monkeypatch, capsys
):
    flags = ["--size", "8x6", "--channels", 4]
    assert make(f"folder:{pictures}", tmp_path / "a", monkeypatch, *flags) == 0
    assert "150 images of 8x6x4 in 1 shards" in said(capsys)
    source: Any = data.open_source(f"shards:{tmp_path / 'a'}")
    assert source.classes == ("a", "b")
    direct = data.open_source(f"folder:{pictures}", alpha=True)
    shape: Any = {"size": (8, 6), "channels": 4}
    assert data.fitted(source, **shape) is source
    assert_same(data.load(source, **shape), data.load(direct, **shape))
    made = json.loads((tmp_path / "a" / "shards.json").read_text())["made"]
    assert made["size"] == [8, 6]
    assert make(f"folder:{pictures}", tmp_path / "b", monkeypatch) == 0
    # A square is one number, as it was before rectangles.
    made = json.loads((tmp_path / "b" / "shards.json").read_text())["made"]
    assert made["size"] == 8


def test_processes_read_what_threads_read(pictures, tmp_path, monkeypatch):
    asked = []
    pool = concurrent.futures.ProcessPoolExecutor

    def counted(*args, **options):
        asked.append(args[0])
        return pool(*args, **options)

    monkeypatch.setattr(decoding, "FEW", 1)
    monkeypatch.setattr(concurrent.futures, "ProcessPoolExecutor", counted)
    spec, flags = f"folder:{pictures}", ["--workers", 2]
    assert make(spec, tmp_path / "a", monkeypatch, *flags) == 0
    assert asked == [2]
    assert make(spec, tmp_path / "b", monkeypatch, "--workers", 1) == 0
    assert asked == [2]
    assert_same(loaded(f"shards:{tmp_path / 'a'}"), loaded(spec))
    indices = [(tmp_path / x / "shards.json").read_text() for x in "ab"]
    assert indices[0] == indices[1]


def test_flags_change_the_images_as_they_do_in_training(
    pictures, tmp_path, monkeypatch, capsys
):
    spec, flags = f"folder:{pictures}", ["--crop", 0, 2, 4, 4]
    assert make(spec, tmp_path / "a", monkeypatch, *flags) == 2
    assert "pass --upscale yes" in said(capsys)
    assert make(spec, tmp_path / "a", monkeypatch, *flags, "--upscale", "yes") == 0
    expected = loaded(spec, crop=(0, 2, 4, 4), upscale=True)
    assert_same(loaded(f"shards:{tmp_path / 'a'}"), expected)


def test_a_stopped_command_goes_on_to_the_same_set(
    pictures, small_shards, tmp_path, monkeypatch, capsys
):
    spec, out = f"folder:{pictures}", tmp_path / "out"
    write, written = shard_writing.write_shard, []

    def stop(folder, number, arrays):
        if number == 1 and len(written) == 1:
            raise OSError(28, "No space left on device")
        written.append(number)
        write(folder, number, arrays)

    monkeypatch.setattr(shard_writing, "write_shard", stop)
    assert make(spec, out, monkeypatch) == 2
    assert "No space left on device" in said(capsys)
    with pytest.raises(ValueError, match="not all there"):
        data.open_source(f"shards:{out}")

    def go_on(folder, number, arrays):
        written.append(number)
        write(folder, number, arrays)

    monkeypatch.setattr(shard_writing, "write_shard", go_on)
    assert make(spec, out, monkeypatch) == 0
    assert written == [0, 1, 2]  # the first was kept
    assert_same(loaded(f"shards:{out}"), loaded(spec))
    # The same command again: nothing to do, or only what was lost since.
    index = (out / "shards.json").read_text()
    capsys.readouterr()
    assert make(spec, out, monkeypatch) == 0
    assert "nothing to do" in said(capsys)
    (out / "label-00001.npy").unlink()
    assert make(spec, out, monkeypatch) == 0
    assert written == [0, 1, 2, 1]
    assert (out / "shards.json").read_text() == index
    assert_same(loaded(f"shards:{out}"), loaded(spec))


def test_what_lies_in_the_folder_is_respected(
    pictures, tmp_path, monkeypatch, capsys, untouched
):
    spec, out = f"folder:{pictures}", tmp_path / "out"
    assert make(spec, out, monkeypatch) == 0
    before = untouched(out)
    capsys.readouterr()
    assert make(spec, out, monkeypatch, "--upscale", "yes") == 2
    assert "made in another way (upscale differ); give a new folder" in said(capsys)
    next(pictures.rglob("*.png")).unlink()
    assert make(spec, out, monkeypatch) == 2
    assert "(fingerprint, shards differ)" in said(capsys)
    assert untouched(out) == before
    assert make(spec, pictures, monkeypatch) == 2
    assert "has other files in it; give a new folder" in said(capsys)
    (tmp_path / "file").write_text("")
    assert make(spec, tmp_path / "file", monkeypatch) == 2
    assert "is a file; give a new folder" in said(capsys)


@pytest.mark.parametrize("name", ["shards.json", "unfinished.json"])
@pytest.mark.parametrize("text", ["[", "3", "{}", '{"made": 3}'])
def test_a_damaged_index_is_not_written_over(
    name, text, photos, tmp_path, monkeypatch, capsys
):
    (tmp_path / name).write_text(text)
    assert make(f"npz:{photos}", tmp_path, monkeypatch) == 2
    assert f"{name} is damaged; remove" in said(capsys)
    assert (tmp_path / name).read_text() == text


def test_content_that_changed_is_found(photos, tmp_path, monkeypatch, capsys):
    out = tmp_path / "out"
    assert make(f"npz:{photos}", out, monkeypatch) == 0
    with (out / "image-00000.npy").open("r+b") as file:
        file.seek(-1, 2)
        last = file.read(1)
        file.seek(-1, 2)
        file.write(bytes([last[0] ^ 1]))
    assert make(f"npz:{photos}", out, monkeypatch) == 2
    assert "are not those that were written; remove the folder" in said(capsys)


def test_corrupt_images_are_refused_or_replaced(
    pictures, small_shards, tmp_path, monkeypatch, capsys
):
    files = sorted(pictures.rglob("*.png"))
    for place in (0, 63, 69, 70, 149):  # ends of blocks, of a shard, of the set
        files[place].write_bytes(files[place].read_bytes()[:60])
    spec, out = f"folder:{pictures}", tmp_path / "out"
    assert make(spec, out, monkeypatch) == 2
    assert "--skip-corrupt" in said(capsys)
    assert make(spec, out, monkeypatch, "--skip-corrupt") == 0
    text = said(capsys)
    assert f"5 images cannot be read, the first {files[0]}" in text
    assert_same(loaded(f"shards:{out}"), loaded(spec, skip_corrupt=True))


def test_a_dead_worker_is_explained(pictures, tmp_path, monkeypatch, capsys):
    class Broken(concurrent.futures.ThreadPoolExecutor):
        def map(self, *args, **options):
            raise concurrent.futures.BrokenExecutor

    monkeypatch.setattr(concurrent.futures, "ThreadPoolExecutor", Broken)
    assert make(f"folder:{pictures}", tmp_path / "a", monkeypatch) == 2
    assert "was killed" in said(capsys)


@pytest.mark.parametrize(
    ("flag", "value", "text"),
    [
        ("--size", "64x", "--size: the size is 64x: give a number for a square, or"),
        ("--size", 0, "--size: the size is 0"),
        ("--megabytes", 0, "--megabytes is 0; it must be at least 1"),
        ("--workers", -1, "--workers is -1; it must be at least 0"),
    ],
)
def test_flags_out_of_range_are_named(flag, value, text, tmp_path, monkeypatch, capsys):
    argv = ["--data", "faces:4", "--workdir", tmp_path / "a", flag, value]
    assert call(make_shards, argv, monkeypatch) == 2
    assert text in said(capsys)


def test_training_on_shards_is_training_on_the_set(tmp_path, photos, monkeypatch):
    """In memory, or streamed where the set is too large for a device."""
    out = tmp_path / "shards"
    argv = ["--data", f"npz:{photos}", "--workdir", out, "--size", 16]
    assert call(make_shards, argv, monkeypatch) == 0
    found = []
    memory = 1 << 30
    cases = [(f"npz:{photos}", memory), (f"shards:{out}", memory), (f"shards:{out}", 0)]
    for spec, resident in cases:
        monkeypatch.setattr("jaxgan.lab.data.RESIDENT_BYTES", resident)
        images = open_set(Data(data=spec), (16, 16, 3))
        assert (images.arrays is None) == (resident == 0)
        assert images.about.endswith("streamed" if resident == 0 else "in memory")
        run = Run(workdir=tmp_path, batch_size=8, seed=3)
        batches = feeds.feed(images, run, parallel.mesh(), between=None)
        items: Any = batches.items(5)
        found.append(
            [batches.prepare(batches.arrays, next(items))["image"] for _ in range(4)]
        )
        items.close()
    np.testing.assert_array_equal(np.asarray(found[0]), np.asarray(found[1]))
    np.testing.assert_array_equal(np.asarray(found[0]), np.asarray(found[2]))


def test_leaving_out_classes_loads_the_shards(tmp_path, monkeypatch):
    images = np.random.default_rng(0).integers(0, 256, (9, 8, 8, 3), np.uint8)
    np.savez(tmp_path / "a.npz", images=images, labels=np.arange(9) % 3)
    assert make(f"npz:{tmp_path / 'a.npz'}", tmp_path / "out", monkeypatch) == 0
    monkeypatch.setattr("jaxgan.lab.data.RESIDENT_BYTES", 0)
    spec = Data(data=f"shards:{tmp_path / 'out'}", leave_out=(1,))
    held = open_set(spec, (8, 8, 3)).arrays
    assert held is not None
    np.testing.assert_array_equal(held["image"], images[np.arange(9) % 3 != 1])
