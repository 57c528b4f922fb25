"""Captions beside images, in folders and archives, and what is wrong with them."""

import json
import zipfile

import numpy as np
import pytest
from PIL import Image

from jaxgan.data.captions import open_captions


@pytest.fixture
def folder(tmp_path):
    """Three images, and their captions unless a test writes others."""
    place = tmp_path / "photos"
    place.mkdir()
    for i in range(3):
        image = np.full((4, 6, 3), 50 * i, np.uint8)
        Image.fromarray(image).save(place / f"{i}.png")
    write(
        place,
        [
            {"file": "2.png", "captions": ["a cat", "a grey cat"]},
            {"file": "0.png", "sentence": "two dogs", "label": False},
        ],
    )
    return place


def write(place, entries):
    (place / "captions.json").write_text(json.dumps(entries))


def test_captions_know_their_images_in_a_folder_and_an_archive(folder, tmp_path):
    archive = tmp_path / "photos.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for path in folder.iterdir():
            file.write(path, path.name)
    for path in (folder, archive):
        found = open_captions(path)
        assert len(found.source) == 3
        first, second = found.captions
        assert first.sentences == ("a cat", "a grey cat")
        assert found.source[first.place]["image"][0, 0, 0] == 100
        assert (second.sentences, second.true) == (("two dogs",), False)


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        ([{"file": "7.png", "captions": ["a"]}], "'7.png', which are not beside it"),
        (
            [{"file": f"{i}.jpg", "captions": ["a"]} for i in range(3)],
            "captions of '0.jpg' and 2 more",
        ),
        ([{"file": "1.png", "captions": []}], "no caption of '1.png', or an empty"),
        ([{"file": "1.png", "captions": ["a", " "]}], "or an empty one: write"),
        ([{"file": "1.png"}], "no caption of '1.png'"),
        ({"1.png": "a cat"}, "is not a list of images: write"),
        ([], "is not a list of images"),
    ],
)
def test_lists_that_do_not_fit_are_refused(folder, entries, words):
    write(folder, entries)
    with pytest.raises(ValueError, match=words):
        open_captions(folder)


def test_what_is_not_there_is_said(folder, tmp_path):
    (folder / "captions.json").write_text("[{")
    with pytest.raises(ValueError, match="is no JSON"):
        open_captions(folder)
    (folder / "captions.json").unlink()
    with pytest.raises(ValueError, match=r"has images but no captions\.json: put one"):
        open_captions(folder)
    with pytest.raises(ValueError, match=r"there is no .*give a folder or a zip"):
        open_captions(tmp_path / "nowhere")
    empty = tmp_path / "empty"
    empty.mkdir()
    write(empty, [{"file": "1.png", "captions": ["a"]}])
    with pytest.raises(ValueError, match="no images in"):
        open_captions(empty)
