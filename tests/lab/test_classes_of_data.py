"""The number and the names of classes come from the data."""

import dataclasses
import json

import numpy as np
import pytest
from PIL import Image

from jaxgan.data import fitted, open_source, stream
from jaxgan.data.shard_writing import finish, write_shard
from jaxgan.lab import classes, data, runs
from jaxgan.models import acgan, cdcgan
from jaxgan.models.parts.classes import known


def opened(labels, names, test=()):
    """A set whose images are filled with their labels plus one."""

    def part(labels):
        labels = np.asarray(labels, np.int32)
        images = np.full((len(labels), 4, 4, 1), 1 + labels[:, None, None, None])
        return {"image": images.astype(np.uint8), "label": labels}

    held = data.of_arrays(part(labels), classes=tuple(names))
    return dataclasses.replace(held, test=part(test) if len(test) else {})


OPEN = acgan.Config(classes=None)


@pytest.mark.parametrize("count", [2, 5, 12])
def test_a_model_gets_as_many_classes_as_the_data_has(count):
    names = [f"class {i}" for i in range(count)]
    given = opened(np.arange(30) % count, names)
    model, seen = classes.counted(OPEN, given)
    assert (model.classes, seen) == (count, given)
    again, _ = classes.counted(dataclasses.replace(OPEN, classes=count), given)
    assert again == model
    other = dataclasses.replace(OPEN, classes=count + 1)
    words = f"classes is {count + 1}, but .* has {count} classes"
    with pytest.raises(ValueError, match=words):
        classes.counted(other, given)


def test_classes_without_an_image_are_none():
    given = opened([3, 7, 7, 3], [str(i) for i in range(8)], test=[7, 1, 3])
    model, seen = classes.counted(OPEN, given)
    assert (model.classes, seen.classes) == (2, ("3", "7"))
    np.testing.assert_array_equal(seen.train["label"], [0, 1, 1, 0])
    np.testing.assert_array_equal(seen.test["label"], [1, 0])
    np.testing.assert_array_equal(seen.test["image"][:, 0, 0, 0], [8, 4])
    # A run that was told of all of them goes on as it began.
    whole, same = classes.counted(dataclasses.replace(OPEN, classes=8), given)
    assert (whole.classes, same) == (8, given)


def test_examples_without_a_class_are_left_out_and_counted(capsys):
    given = opened([0, -1, 1, -1, 1], ["cat", "dog"], test=[-1, 1, 0])
    model, seen = classes.counted(OPEN, given)
    assert (model.classes, seen.fingerprint) == (2, given.fingerprint)
    np.testing.assert_array_equal(seen.train["label"], [0, 1, 1])
    np.testing.assert_array_equal(seen.train["image"][:, 0, 0, 0], [1, 2, 2])
    np.testing.assert_array_equal(seen.test["label"], [1, 0])
    assert "3 images have no class" in capsys.readouterr().err
    assert "3 without a class left out" in seen.about


@pytest.fixture
def streamed(tmp_path):
    """Sources of one set on disk, whose images are filled with their labels plus one.

    Of two of them the labels are known without reading the images.
    """
    labels = np.array([0, -1, 1, -1, 1, 2], np.int32)
    images = np.full((6, 4, 4, 1), 1 + labels[:, None, None, None]).astype(np.uint8)
    folder = tmp_path / "folder"
    folder.mkdir()
    names = [f"{i}.png" for i in range(6)]
    for name, image in zip(names, images, strict=True):
        Image.fromarray(image[..., 0]).save(folder / name)
    listed = {"labels": list(zip(names, labels.tolist(), strict=True))}
    (folder / "dataset.json").write_text(json.dumps(listed))
    arrays = {"image": images, "label": labels}
    for number in range(2):
        part = {key: value[3 * number :][:3] for key, value in arrays.items()}
        write_shard(tmp_path / "shards", number, part)
    finish(
        tmp_path / "shards", [3, 3], {key: value[0] for key, value in arrays.items()}
    )
    return {
        "folder": open_source(f"folder:{folder}"),
        "shards": open_source(f"shards:{tmp_path / 'shards'}"),
        "unknown": [{key: x[i] for key, x in arrays.items()} for i in range(6)],
    }


@pytest.mark.parametrize("kind", ["folder", "shards"])
def test_streamed_examples_without_a_class_are_left_out_too(streamed, kind, capsys):
    source = fitted(streamed[kind], size=4, channels=1)
    given = opened([0, 0], ["0", "1", "2"])
    model, seen = classes.counted(OPEN, dataclasses.replace(given, train=source))
    assert (model.classes, len(seen.train)) == (3, 4)
    assert "2 images have no class" in capsys.readouterr().err
    held = {"image": np.zeros((4, 4, 4, 1), np.uint8), "label": np.array([0, 1, 1, 2])}
    held["image"] += (1 + held["label"]).astype(np.uint8)[:, None, None, None]
    options = {"stop": 4, "flip": True}
    found = stream(seen.train, 0, 3, **options)
    for one, other in zip(found, stream(held, 0, 3, **options), strict=True):
        np.testing.assert_array_equal(one["image"], other["image"])
        np.testing.assert_array_equal(one["label"], other["label"])


def test_a_streamed_example_without_a_class_is_refused_where_it_shows(streamed):
    source = fitted(streamed["unknown"], size=4, channels=1)
    given = dataclasses.replace(opened([0, 0], ["0", "1", "2"]), train=source)
    _, seen = classes.counted(OPEN, given)
    with pytest.raises(ValueError, match=r"image [13] has no class .*make_shards"):
        list(stream(seen.train, 0, 6, stop=1))
    assert len(list(stream(given.train, 0, 6, stop=1))) == 1


def test_sets_without_classes_are_refused():
    with pytest.raises(ValueError, match="has no labels; every image needs its class"):
        classes.counted(OPEN, opened([-1, -1], []))
    with pytest.raises(ValueError, match="has one class, 'cat'"):
        classes.counted(OPEN, opened([0, 0], ["cat"]))
    with pytest.raises(ValueError, match="number of classes is None"):
        known(OPEN.classes)


def test_a_run_that_ended_says_how_many_classes_there_were(tmp_path):
    @dataclasses.dataclass(frozen=True)
    class Config:
        run: object
        model: cdcgan.Config

    def finished(count):
        run = runs.run("x", steps=1, every=1)
        run = dataclasses.replace(run, workdir=tmp_path)
        return runs.finished(Config(run, cdcgan.Config(classes=count)))

    run = dataclasses.replace(runs.run("x", steps=1, every=1), workdir=tmp_path)
    setting = Config(run, cdcgan.Config(classes=3))
    from jaxgan.lab import session

    plain = {"setting": dataclasses.asdict(setting), "score": 1.0}
    session.save_json(tmp_path / "results.json", plain)
    assert finished(None)["score"] == finished(3)["score"] == 1.0
    assert finished(4) is None
