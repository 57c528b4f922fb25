"""Names of files that point elsewhere or break the message that shows them."""

import os
import zipfile
import zlib
from typing import Any

import pytest
from files import coloured, entry, values

from jaxgan.data import CorruptImage, load, open_source


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
        if claimed == 10_000:
            # It ends where its content ends, and the checksum holds: all of it is read.
            assert values(open_source(f"{tmp_path}/a.zip")) == [1]
            continue
        with pytest.raises(CorruptImage, match=r"a\.png"):
            values(open_source(f"{tmp_path}/a.zip"))


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
