"""The number and the names of classes come from the data."""

import dataclasses

import numpy as np
import pytest

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
