"""Files that go away or are cut while a run reads them."""

import itertools
import os
import zipfile

import numpy as np
import pytest
from files import coloured, read_apart

from jaxgan.data import CorruptImage, fitted, open_source, stream

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
length = 128 + 5 * 64 * 64 * 3
same = fitted(source, size=64, channels=3)
both = [stream(which, 0, 8, workers=1, prefetch=1) for which in (mirrored, same)]
for running in both:
    next(running)  # and others are being read
os.truncate(path, length)
for running in both:
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
    *cuts, seen, gone, kept = read_apart(CUT, path)
    assert len(cuts) == 2
    for cut in cuts:
        assert f"of {path} (the file was cut short to 61568 bytes): put the" in cut
        assert "run the same command again" in cut
    assert seen == [0, 1, 2, 3, 4]
    assert f"image 0 of {path} (No such file or directory): put the file" in gone
    assert kept  # what `load` returned is in memory
