"""The digit classifier as a command, and its place in the cache."""

import json
import types

import jax
import numpy as np
import pytest
from commands import call

from experiments import digit_classifier
from jaxgan import data as jaxgan_data
from jaxgan.lab.judges import classifier as lab_classifier
from jaxgan.models import classifier


def labelled(count, seed, side=8):
    """Images whose bright half, upper or lower, is their class."""
    rng = np.random.default_rng(seed)
    label = rng.integers(0, 2, count).astype("int32")
    image = rng.integers(0, 60, (count, side, side, 1)).astype(np.uint8)
    for i, lower in enumerate(label):
        image[i, side // 2 * lower : side // 2 * (1 + lower)] += 150
    return {"image": image, "label": label}


@pytest.fixture(scope="module")
def sets():
    return types.SimpleNamespace(train=labelled(48, 0), test=labelled(21, 1))


@pytest.fixture(autouse=True)
def quick(tmp_path, monkeypatch):
    """A cache of the test's own, and a few steps of small batches."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(lab_classifier, "LEAST_STEPS", 12)
    monkeypatch.setattr(lab_classifier, "EPOCHS", 0)
    monkeypatch.setattr(lab_classifier, "BATCH", 16)
    monkeypatch.setattr(lab_classifier, "SHIFT", 1)
    monkeypatch.setattr(lab_classifier, "BLOCK", 10)


def kept(tmp_path):
    return sorted((tmp_path / "cache" / "jaxgan" / "classifier").iterdir())


@pytest.fixture
def training(monkeypatch):
    """How many times something was trained."""
    times, real = [], lab_classifier._train

    def counted(*arguments):
        times.append(1)
        return real(*arguments)

    monkeypatch.setattr(lab_classifier, "_train", counted)
    return times


def test_is_trained_once_kept_and_the_same_again(sets, tmp_path, training, capsys):
    made = lab_classifier.trained(sets)
    assert made.config == classifier.Config(resolution=8, classes=2, steps=12)
    said = capsys.readouterr()
    assert "training the classifier" in said.out + said.err
    (path,) = kept(tmp_path)
    content = path.read_bytes()

    found = lab_classifier.trained(sets)
    assert len(training) == 1
    said = capsys.readouterr()
    assert said.out + said.err == ""
    assert (found.config, found.tested) == (made.config, 21)
    for one, other in zip(
        jax.tree.leaves(found.variables), jax.tree.leaves(made.variables), strict=True
    ):
        np.testing.assert_array_equal(one, other)

    # What it says of images is right, block by block, and agrees with the model.
    logits = found.logits(sets.test["image"])
    assert logits.shape == (21, 2)
    right = (logits.argmax(1) == sets.test["label"]).mean()
    assert right > 0.9
    assert found.accuracy == made.accuracy == pytest.approx(right)
    floats = sets.test["image"].astype("float32") / 255
    np.testing.assert_allclose(found.logits(floats), logits, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(
        classifier.predict(found.config, found.variables, floats), logits, atol=1e-4
    )
    assert found.features(floats[:3]).shape == (3, 128)

    lab_classifier.trained(sets, again=True)
    assert len(training) == 2
    assert path.read_bytes() == content  # the same images make the same classifier


def test_a_damaged_file_is_replaced_with_a_sentence(
    sets, tmp_path, training, capsys, monkeypatch
):
    like = lab_classifier.recipe(sets)
    made = classifier.Network(like).init(
        jax.random.key(0), np.zeros((1, 8, 8, 1), "float32")
    )
    monkeypatch.setattr(lab_classifier, "_train", lambda *_: {"network": made})
    lab_classifier.trained(sets)
    (path,) = kept(tmp_path)
    good = path.read_bytes()
    flipped = bytearray(good)
    flipped[len(good) // 2] ^= 1
    other = tmp_path / "other.npz"
    np.savez(other, accuracy=1.0, tested=1, leaf0=np.zeros(3))
    for bad in (bytes(flipped), good[:-30], b"", b"not a zip", other.read_bytes()):
        path.write_bytes(bad)
        capsys.readouterr()
        lab_classifier.trained(sets)
        said = capsys.readouterr()
        assert f"{path} is damaged: training" in said.out + said.err
        assert path.read_bytes() == good
    assert kept(tmp_path) == [path]


def test_other_images_and_sizes_have_files_of_their_own(sets):
    config = lab_classifier.recipe(sets)
    path = lab_classifier.file(sets, config)
    assert jaxgan_data.fingerprint(sets.train) not in ("", None)
    changed = {**sets.train, "image": sets.train["image"].copy()}
    changed["image"][0, 0, 0] ^= 1
    for train, test in ((changed, sets.test), (sets.train, changed)):
        other = types.SimpleNamespace(train=train, test=test)
        assert lab_classifier.file(other, config) != path
    wider = classifier.Config(resolution=8, classes=2, steps=12, width=33)
    assert lab_classifier.file(sets, wider) != path
    again = types.SimpleNamespace(train=dict(sets.train), test=dict(sets.test))
    assert lab_classifier.file(again, config) == path


def test_a_cache_that_cannot_be_written_is_no_end(sets, tmp_path, monkeypatch, capsys):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    made = classifier.Network(lab_classifier.recipe(sets)).init(
        jax.random.key(0), np.zeros((1, 8, 8, 1), "float32")
    )
    monkeypatch.setattr(lab_classifier, "_train", lambda *_: {"network": made})
    assert 0 <= lab_classifier.trained(sets).accuracy <= 1
    said = capsys.readouterr()
    assert "XDG_CACHE_HOME" in said.out + said.err


@pytest.mark.parametrize(
    ("images", "words"),
    [
        (np.zeros((2, 9, 9, 1), np.uint8), r"expected \[N, 8, 8, 1\]"),
        (np.zeros((0, 8, 8, 1), np.uint8), "N of 1 or more"),
        (np.zeros((2, 8, 8, 1), np.int32), "images are int32"),
        (np.full((2, 8, 8, 1), 2.0), r"from 2 to 2, expected floats in \[0, 1\]"),
        (np.full((2, 8, 8, 1), -1.0), "rescale"),
        (np.full((2, 8, 8, 1), np.nan), "rescale"),
    ],
)
def test_images_it_cannot_judge_are_refused(images, words):
    config = classifier.Config(resolution=8, classes=2)
    judge = lab_classifier.Classifier(config, {}, 1.0, 1)
    with pytest.raises(ValueError, match=words):
        judge.logits(images)


def test_sets_it_cannot_learn_are_refused(sets):
    def refused(train, words):
        with pytest.raises(ValueError, match=words):
            lab_classifier.trained(types.SimpleNamespace(train=train, test=sets.test))

    refused({"image": sets.train["image"]}, "no labels")
    refused({**sets.train, "label": sets.train["label"] - 1}, "labels has -1")
    refused({**sets.train, "image": sets.train["image"][:, 1:]}, "crop")


def test_runs_as_a_command(tmp_path, monkeypatch, capsys):
    npz = tmp_path / "halves.npz"
    some = labelled(60, 2, side=28)
    np.savez(npz, images=some["image"], labels=some["label"])
    run = tmp_path / "run"
    command = ["--data", f"npz:{npz}", "--workdir", run]
    assert call(digit_classifier, command, monkeypatch) == 0
    seen = json.loads((run / "results.json").read_text())
    assert seen["data"].startswith(f"npz:{npz}: 50 images to train, 10 to test")
    assert seen["test_images"] == 10
    assert (
        seen["test_accuracy"]
        == seen["scores_of_training_images"]["classifier_accuracy"]
    )
    assert seen["kept_in"] == str(kept(tmp_path)[0])
    assert (run / "wrong.png").is_file() == (seen["test_accuracy"] < 1)
    counts = np.bincount(some["label"][50:], minlength=2)
    shares = [seen["test_accuracy_of_class"].get(str(c), 0) for c in (0, 1)]
    np.testing.assert_allclose(
        np.dot(counts, shares) / 10, seen["test_accuracy"], rtol=1e-6
    )

    capsys.readouterr()
    np.savez(npz, images=some["image"])
    assert call(digit_classifier, command, monkeypatch) == 2
    assert "has no labels" in capsys.readouterr().err
