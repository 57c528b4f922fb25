"""Sources of every kind, found or not, whole or damaged."""

import io
import json
import os
import subprocess
import sys
import zipfile

import numpy as np
import pytest
from PIL import Image

from jaxgan.data.decode import CorruptImage
from jaxgan.data.load import fitted
from jaxgan.data.protocol import name_of
from jaxgan.data.sources import KINDS, ArraySource, open_source


def png(value, size=(8, 6), mode="RGB"):
    """A flat picture as the bytes of a file."""
    stream = io.BytesIO()
    Image.new(mode, size, value if mode == "L" else (value,) * 3).save(stream, "PNG")
    return stream.getvalue()


def values(source):
    """A value that tells the flat pictures of a source apart."""
    return [int(source[i]["image"][0, 0, 0]) for i in range(len(source))]


def labels(source):
    return [int(source[i]["label"]) for i in range(len(source))]


def write(folder, files):
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def pack(path, files):
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


CLASSES = {
    "dogs/b.png": png(3),
    "cats/z.PNG": png(2),
    "cats/a.png": png(1),
    "dogs/young/c.png": png(4),
    "cats/notes.txt": b"not an image",
    "cats/._a.png": b"a shadow",
    ".thumbnails/cats/a.png": b"a shadow",
    "__MACOSX/cats/a.png": b"a shadow",
}


@pytest.fixture(params=["folder", "zip"])
def pictures(request, tmp_path):
    """The same files in a folder and in an archive: `f(files) -> spec`."""

    def make(files):
        if request.param == "folder":
            (tmp_path / "set").mkdir()
            return f"folder:{write(tmp_path / 'set', files)}"
        return f"zip:{pack(tmp_path / 'set.zip', files)}"

    return make


def test_pictures_are_sorted_and_labelled_by_folder(pictures):
    source = open_source(pictures(CLASSES))
    assert values(source) == [1, 2, 3, 4]
    assert labels(source) == [0, 0, 1, 2]
    assert source.classes == ("cats", "dogs", "dogs/young")
    assert source[0]["image"].shape == (6, 8, 3)
    assert source[0]["image"].dtype == np.uint8
    assert source[0]["label"].dtype == np.int32
    assert source[0]["label"].shape == ()
    assert name_of(source, 3).endswith("dogs/young/c.png")


def test_a_class_has_one_name_however_deep_its_folder_lies(pictures):
    deep = pictures({f"all/train/{name}": x for name, x in CLASSES.items()})
    whole, part = open_source(deep), open_source(deep + "#all/train")
    assert whole.classes == part.classes == ("cats", "dogs", "dogs/young")
    assert labels(whole) == labels(part) == [0, 0, 1, 2]


def listed(labels, **more):
    return json.dumps({"labels": labels, **more}).encode()


CHUNKS = {f"0000{i}/img{i}{j}.png": png(4 * i + j) for i in range(2) for j in range(2)}


def test_labels_of_dataset_json_are_used_and_chunks_are_no_classes(pictures):
    labelled = listed([[name, i % 3] for i, name in enumerate(CHUNKS)])
    source = open_source(pictures({**CHUNKS, "dataset.json": labelled}))
    assert values(source) == [0, 1, 4, 5]
    assert labels(source) == [0, 1, 2, 0]
    assert source.classes == ("0", "1", "2")


@pytest.mark.parametrize("content", [listed(None), listed([])])
def test_a_dataset_json_without_labels_means_no_classes(pictures, content):
    source = open_source(pictures({**CHUNKS, "dataset.json": content}))
    assert set(source[0]) == {"image"}
    assert source.classes == ()


def test_classes_of_dataset_json_may_have_names(pictures):
    labelled = listed([[name, i // 2] for i, name in enumerate(CHUNKS)])
    named = json.dumps({**json.loads(labelled), "classes": ["ant", "bee"]}).encode()
    source = open_source(pictures({**CHUNKS, "dataset.json": named}))
    assert source.classes == ("ant", "bee")


@pytest.mark.parametrize("content", [b"{", b"[]", b"{}", b'"labels"', b"[" * 100_000])
def test_another_dataset_json_changes_nothing(pictures, content):
    source = open_source(pictures({**CHUNKS, "dataset.json": content}))
    assert source.classes == ("00000", "00001")


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (listed([["00000/img00.png", 1]]), "no label for '00000/img01.png': list"),
        (listed([[name, 0.5] for name in CHUNKS]), "not whole numbers"),
        (listed([[name, [0, 1]] for name in CHUNKS]), "not whole numbers"),
        (listed([[name, True] for name in CHUNKS]), "not whole numbers"),
        (listed(3), "dataset.json has no label for"),
    ],
)
def test_a_dataset_json_that_does_not_fit_is_refused(pictures, content, text):
    with pytest.raises(ValueError, match=text):
        open_source(pictures({**CHUNKS, "dataset.json": content}))


def test_every_suffix_is_read_and_other_pictures_are_counted(pictures, caplog):
    stream = io.BytesIO()
    Image.new("RGB", (8, 6), (7, 7, 7)).save(stream, "JPEG")
    jpeg = {f"a.{x}": stream.getvalue() for x in ("jpg", "jpeg", "jpe", "jfif", "JFIF")}
    others = {"b.heic": b"", "c.avif": b"", "notes.txt": b"", "x.json": b"{}"}
    source = open_source(pictures({**jpeg, **others}))
    assert values(source) == [7] * 5
    (record,) = caplog.records
    assert "2 pictures in" in record.getMessage()
    assert "'b.heic', 'c.avif'" in record.getMessage()


@pytest.mark.parametrize("order", [("latest", "v1", "v2"), ("v2", "v1", "latest")])
def test_links_do_not_change_classes_with_the_disks_order(tmp_path, monkeypatch, order):
    write(tmp_path, {"v1/a.png": png(1), "v2/a.png": png(2)})
    (tmp_path / "latest").symlink_to("v2")
    walk = os.walk

    def shuffled(*args, **options):
        for folder, folders, found in walk(*args, **options):
            folders.sort(key=lambda name: order.index(name))
            yield folder, folders, found

    monkeypatch.setattr(os, "walk", shuffled)
    source = open_source(f"folder:{tmp_path}")
    assert source.classes == ("v1", "v2")
    assert values(source) == [1, 2]


def test_opacity_is_kept_where_it_is_wanted(pictures):
    stream = io.BytesIO()
    Image.new("RGBA", (8, 6), (10, 20, 30, 0)).save(stream, "PNG")
    spec = pictures({"a.png": stream.getvalue(), "b.png": png(3)})
    assert values(open_source(spec)) == [255, 3]
    source = fitted(open_source(spec, alpha=True), size=(3, 4), channels=4)
    assert source[0]["image"].tolist() == [[[0, 0, 0, 0]] * 4] * 3
    assert source[1]["image"].tolist() == [[[3, 3, 3, 255]] * 4] * 3


def test_pictures_in_one_folder_have_no_label(pictures):
    source = open_source(pictures({"a.png": png(1), "b.png": png(2)}))
    assert values(source) == [1, 2]
    assert set(source[0]) == {"image"}
    assert source.classes == ()


def test_grey_pictures_have_one_channel(pictures):
    source = open_source(pictures({"a.png": png(9, mode="L")}))
    assert source[0]["image"].shape == (6, 8, 1)


def test_a_part_is_one_folder_and_what_is_in_it(pictures):
    spec = pictures(CLASSES)
    assert values(open_source(spec + "#cats")) == [1, 2]
    assert set(open_source(spec + "#cats")[0]) == {"image"}
    dogs = open_source(spec + "#dogs")
    assert values(dogs) == [3, 4]
    assert labels(dogs) == [0, 1]
    assert dogs.classes == ("dogs", "young")
    with pytest.raises(
        ValueError, match=r"no images in a folder 'cows': it has 'cats'"
    ):
        open_source(spec + "#cows")


def test_a_bare_path_is_recognised(pictures):
    _, _, path = pictures(CLASSES).partition(":")
    assert values(open_source(path)) == [1, 2, 3, 4]
    assert values(open_source(path + "#dogs/young")) == [4]


def test_a_path_may_have_a_hash_of_its_own(tmp_path):
    write(tmp_path / "take#2", {"a.png": png(5)})
    assert values(open_source(f"folder:{tmp_path}/take#2")) == [5]
    assert values(open_source(f"{tmp_path}/take#2")) == [5]


def test_a_path_may_have_a_colon(tmp_path):
    write(tmp_path / "a:b", {"a.png": png(5)})
    assert values(open_source(f"{tmp_path}/a:b")) == [5]


def test_the_home_folder_is_expanded(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    write(tmp_path / "set", {"a.png": png(5)})
    assert values(open_source("folder:~/set")) == [5]
    assert values(open_source("~/set")) == [5]


def test_nothing_to_see_is_said(pictures):
    with pytest.raises(ValueError, match=r"no images in .*set.*\.jpg, \.jpeg"):
        open_source(pictures({"readme.txt": b"nothing"}))


def test_a_corrupt_picture_is_named(pictures):
    source = open_source(pictures({"a.png": png(1), "b/c.png": png(2)[:50]}))
    assert source[0]["image"].shape == (6, 8, 3)
    with pytest.raises(CorruptImage, match=r"b/c\.png.*--skip-corrupt"):
        source[1]


def test_links_are_followed_but_not_in_circles(tmp_path):
    write(tmp_path / "elsewhere", {"a.png": png(1)})
    write(tmp_path / "set", {"b/b.png": png(2)})
    (tmp_path / "set" / "a").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "set" / "b" / "again").symlink_to(tmp_path / "set")
    assert values(open_source(f"folder:{tmp_path / 'set'}")) == [1, 2]


def test_names_that_point_outside_an_archive_write_nothing(tmp_path):
    inner = tmp_path / "inner"
    inner.mkdir()
    hostile = {"../../up.png": png(1), "/etc/root.png": png(2), "in.png": png(3)}
    path = pack(inner / "set.zip", hostile)
    before = sorted(tmp_path.rglob("*"))
    source = open_source(f"zip:{path}")
    assert sorted(values(source)) == [1, 2, 3]
    assert sorted(tmp_path.rglob("*")) == before


def test_an_archive_that_is_none_or_damaged(tmp_path):
    (tmp_path / "a.zip").write_bytes(b"PK no more")
    with pytest.raises(ValueError, match=r"a\.zip' as a zip archive .*fetch it again"):
        open_source(f"zip:{tmp_path / 'a.zip'}")
    with pytest.raises(ValueError, match="as a zip archive"):
        open_source(f"zip:{tmp_path}")
    path = pack(tmp_path / "b.zip", {"a.png": png(1), "b.png": png(2)})
    data = bytearray(path.read_bytes())
    at = data.index(png(2)) + 45
    data[at] ^= 255  # the archive's checksum no longer holds
    path.write_bytes(data)
    source = open_source(f"zip:{path}")
    assert source[0]["image"][0, 0, 0] == 1
    with pytest.raises(CorruptImage, match=r"b\.zip/b\.png \(Bad CRC.*--skip-corrupt"):
        source[1]


def test_a_huge_member_is_not_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr("jaxgan.data.files.MOST_BYTES", 10_000)
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.png", bytes(20_000))
    with pytest.raises(CorruptImage, match=r"a\.png \(over 10000 bytes\)"):
        open_source(f"zip:{tmp_path / 'a.zip'}")[0]


@pytest.mark.parametrize("kind", ["folder:", "zip:", "npz:", "idx:", ""])
def test_a_missing_path_is_named(tmp_path, kind):
    spec = f"{kind}{tmp_path}/nothing.zip"
    with pytest.raises(ValueError, match=r"no such data path: .*nothing\.zip") as error:
        open_source(spec)
    assert KINDS in str(error.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("spec", ["folder:", "zip:", "npz:", "idx:", ""])
def test_an_empty_path_is_no_path(spec):
    with pytest.raises(ValueError, match="no such data path: ''"):
        open_source(spec)


def test_an_unknown_kind_lists_the_known():
    with pytest.raises(ValueError, match=r"unknown kind of data 'lmdb'.*folder:PATH"):
        open_source("lmdb:somewhere")


def test_a_file_of_unknown_kind(tmp_path):
    (tmp_path / "a.csv").write_text("1,2")
    with pytest.raises(ValueError, match=r"what kind of data .*a\.csv' is: use folder"):
        open_source(str(tmp_path / "a.csv"))
    with pytest.raises(ValueError, match="is a file, not a folder"):
        open_source(f"folder:{tmp_path / 'a.csv'}")


def test_splits_that_do_not_exist_are_refused(pictures):
    with pytest.raises(ValueError, match="no split 'test': give the path of the test"):
        open_source(pictures(CLASSES), split="test")


def test_a_source_of_ones_own_needs_no_name():
    assert name_of([{"image": np.zeros((1, 1, 1), np.uint8)}], 3) == "image 3"
    assert name_of(ArraySource({}, "mine"), 3) == "image 3 of mine"


def test_importing_the_package_imports_numpy_and_pillow_alone():
    code = (
        "import sys, jaxgan.data; heavy = {'jax', 'grain', 'tensorflow_datasets', "
        "'tensorflow', 'flax', 'tqdm'}; print(*heavy & set(sys.modules))"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True
    )
    assert (done.stdout.strip(), done.stderr) == ("", "")


def test_real_archives(real_data):
    source = open_source(f"{real_data}/faces/faces128_train.zip")
    assert len(source) == 951
    assert source.classes == ("canada", "congress", "london")
    assert source[0]["image"].shape == (128, 128, 3)
    flowers = f"{real_data}/tf_flowers/daisy2sunflower128_train.zip"
    assert len(open_source(flowers + "#A_daisy")) == 572
    assert len(open_source(flowers + "#B_sunflower")) == 629
    characters = open_source(f"{real_data}/omniglot/images_background_small1.zip")
    assert len(characters) == 2720
    assert characters[0]["image"].shape == (105, 105, 1)
    scenes = open_source(f"{real_data}/nlvr/nlvr_train.zip")
    assert len(scenes) == 989
    assert scenes[0]["image"].shape == (100, 400, 3)
    photos = open_source(f"{real_data}/coco_captions/coco_mini256_train.zip")
    assert len(photos) == 81


@pytest.mark.parametrize("kind", ["", "folder:", "npz:", "shards:", "idx:", "tfds:"])
def test_addresses_are_refused_with_what_to_do(kind):
    with pytest.raises(ValueError, match=r"gs://.* is an address.* copy it .* mount"):
        open_source(f"{kind}gs://bucket/faces.npz")
