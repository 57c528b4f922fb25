"""Features tested by few labels: the SVM, K-means, the command, its refusals."""

import builtins
import json
import shlex
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
import sklearn.svm
import tyro
from commands import call
from PIL import Image

from experiments import dcgan_faces, discriminator_features
from experiments.discriminator_features import few_labels, kmeans, testing

FEW = [
    *("--labels", 8, "--trials", 2, "--valid", 4, "--centroids", 3),
    *("--costs", 0.1, 1.0),
]


def clouds(count=60, numbers=50, seed=0):
    """Three classes around centres of their own, more numbers than rows."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % 3
    centres = rng.normal(size=(3, numbers)) * 0.45
    return (centres[labels] + rng.normal(size=(count, numbers))).astype("float32"), (
        labels
    )


@pytest.mark.parametrize("numbers", [8, 50])
def test_accuracies_are_those_of_scikit_learn_on_the_whole_rows(numbers):
    svm: Any = sklearn.svm.LinearSVC
    rows, labels = clouds(90, numbers)
    draw, valid, test = np.arange(30), np.arange(30, 50), np.arange(50, 90)
    found = few_labels.judged(
        rows, labels, [draw, draw + 5], valid, test, costs=(0.01, 1.0)
    )
    expected, chosen = [], []
    for places in (draw, draw + 5):
        train = rows[places].astype(float)
        mean = train.mean(0)
        scale = np.sqrt(np.square(train - mean).sum(1).mean())
        models = [
            svm(C=cost, dual=False, max_iter=10_000).fit(
                (train - mean) / scale, labels[places]
            )
            for cost in (0.01, 1.0)
        ]
        chosen.append(
            [m.score((rows[valid] - mean) / scale, labels[valid]) for m in models]
        )
        expected.append(
            [m.score((rows[test] - mean) / scale, labels[test]) for m in models]
        )
    best = int(np.argmax(np.mean(chosen, 0)))
    np.testing.assert_allclose(found.validation, np.mean(chosen, 0), atol=1e-9)
    assert found.cost == (0.01, 1.0)[best]
    np.testing.assert_allclose(found.accuracies, np.array(expected)[:, best])
    assert 0.4 < found.accuracies.mean() < 1


def test_labels_are_drawn_alike_of_every_class():
    labels = np.repeat([3, 5, 9], [10, 20, 40])
    for seed in range(3):
        places = few_labels.drawn(labels, 16, seed)
        assert len(set(places)) == 16
        assert np.bincount(labels[places])[[3, 5, 9]].tolist() == [6, 5, 5]
    assert set(few_labels.drawn(labels, 16, 0)) != set(few_labels.drawn(labels, 16, 1))


def test_kmeans_features_are_what_numpy_makes_of_them():
    rng = np.random.default_rng(0)
    size, channels, count = 3, 2, 5
    numbers = size * size * channels
    filters = kmeans.Filters(
        rng.normal(size=numbers).astype("float32"),
        rng.normal(size=(numbers, numbers)).astype("float32"),
        rng.normal(size=(count, numbers)).astype("float32"),
        size,
    )
    images = rng.integers(0, 256, (2, 7, 7, channels), np.uint8)
    total = np.zeros((2, 2, 2, count))
    for n in range(2):
        for y in range(5):
            for x in range(5):
                patch = images[n, y : y + 3, x : x + 3].ravel().astype(float)
                patch = (patch - patch.mean()) / np.sqrt(patch.var() + 10)
                patch = (patch - filters.mean) @ filters.whiten
                far = np.linalg.norm(patch[None] - filters.centroids, axis=1)
                total[n, int(y >= 2), int(x >= 2)] += np.maximum(far.mean() - far, 0)
    found = kmeans.described(filters, jnp.asarray(images))
    np.testing.assert_allclose(found, total.reshape(2, -1), rtol=1e-4, atol=1e-4)


def test_learned_patches_are_white(monkeypatch):
    monkeypatch.setattr(kmeans, "PATCHES", 4000)
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (40, 9, 9, 1), np.uint8)
    filters = kmeans.learned(images, centroids=4, size=2)
    assert filters.centroids.shape == (4, 4)
    # Noise of variance 1 in three directions; the mean, the fourth, was taken out.
    values = np.linalg.eigvalsh(filters.whiten)
    np.testing.assert_allclose(values[:3], 1 / np.sqrt(4 / 3 + 0.1), rtol=0.05)
    np.testing.assert_allclose(values[3], 1 / np.sqrt(0.1), rtol=1e-3)
    with pytest.raises(ValueError, match="6x6 do not fit into images of 5x4"):
        kmeans.learned(images[:, :4, :5], centroids=2)


def test_a_run_is_judged_and_left_alone(
    tiny_run, untouched, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(kmeans, "PATCHES", 500)
    monkeypatch.setattr(testing, "BLOCK", 16)
    before = untouched(tiny_run)
    argv = ["--run", tiny_run, "--workdir", tmp_path / "out", *FEW, "--labels", 8, 0]
    assert call(discriminator_features, argv, monkeypatch) == 0
    found = json.loads((tmp_path / "out" / "results.json").read_text())
    assert (found["model"], found["step"], found["classes"]) == ("dcgan", 2, 4)
    # Of ten a class two are held out to test on, of the others four to choose on.
    assert (found["tested_on"], found["validated_on"]) == (8, 4)
    assert found["trials"] == {"8": 2, "28": 1}
    assert "a sixth of every class" in found["test_images"]
    assert "trained on them too" in found["test_images"]
    features = found["features"]
    assert {name: x["numbers"] for name, x in features.items()} == {
        "discriminator": 16 * (4 + 8),
        "random weights": 16 * (4 + 8),
        "k-means": 4 * 3,
        "pixels": 16 * 16 * 3,
    }
    for result in features.values():
        seen = result["accuracy"]["8"]
        assert len(seen["each"]) == 2
        np.testing.assert_allclose(seen["mean"], np.mean(seen["each"]))
        np.testing.assert_allclose(seen["deviation"], np.std(seen["each"], ddof=1))
        assert seen["cost"] in (0.1, 1.0)
        assert result["accuracy"]["28"]["deviation"] is None
    with Image.open(tmp_path / "out" / "features.png") as picture:
        assert picture.width > 800
    said = capsys.readouterr().err
    assert "random weights" in said
    assert "8 labels" in said
    assert before == untouched(tiny_run)


def write_idx(path, array):
    """The format of MNIST: two zeros, a type, the count of dimensions, and sizes."""
    header = bytes([0, 0, 8, array.ndim])
    sizes = np.array(array.shape, ">u4").tobytes()
    path.write_bytes(header + sizes + array.tobytes())


def test_a_set_with_tests_of_its_own_is_tested_on_them(tiny_run, tmp_path, monkeypatch):
    """Classes are told by their brightness, so pixels are enough."""
    rng = np.random.default_rng(0)
    monkeypatch.setattr(kmeans, "PATCHES", 500)
    monkeypatch.setattr(testing, "BLOCK", 16)
    for part, count in (("train", 24), ("t10k", 12)):
        labels = np.arange(count, dtype=np.uint8) % 2
        images = rng.integers(0, 90, (count, 16, 16)) + 120 * labels[:, None, None]
        write_idx(tmp_path / f"{part}-images-idx3-ubyte", images.astype(np.uint8))
        write_idx(tmp_path / f"{part}-labels-idx1-ubyte", labels)
    spec = f"idx:{tmp_path}"
    argv = ["--run", tiny_run, "--data", spec, "--workdir", tmp_path / "out", *FEW]
    assert call(discriminator_features, argv, monkeypatch) == 0
    found = json.loads((tmp_path / "out" / "results.json").read_text())
    assert (found["tested_on"], found["test_images"]) == (
        12, "the set's own test split",
    )  # fmt: skip
    assert found["features"]["pixels"]["accuracy"]["8"]["mean"] == 1


def refused(argv, monkeypatch, capsys, out):
    assert call(discriminator_features, [*argv, "--workdir", out], monkeypatch) == 2
    assert not out.exists()
    return " ".join(capsys.readouterr().err.replace("│", " ").split())


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["--labels", 3], "--labels is 3, but there are 4 classes"),
        (["--labels", 36], "asks for 9 images of class"),
        (["--labels", 20_000], "--labels is 20000, above --most 10000"),
        (["--labels", -1], "--labels is (-1,); each must be at least 0"),
        (["--costs", 0.0], "--costs is (0.0,); each must be above 0"),
        (["--trials", 0], "--trials is 0; it must be at least 1"),
        (["--net", "critic"], "no net 'critic'; it has discriminator, generator"),
        (["--resolution", 8], "read as 8x8 colour, but the run is on 16x16 colour"),
    ],
)
def test_what_cannot_be_tested_is_refused(
    argv, words, tiny_run, tmp_path, monkeypatch, capsys
):
    argv = ["--run", tiny_run, *FEW, *argv]
    assert words in refused(argv, monkeypatch, capsys, tmp_path / "out")


def test_runs_that_have_nothing_to_test_are_refused(
    tiny_run, unsaved_run, classifier_run, tmp_path, monkeypatch, capsys
):
    out = tmp_path / "out"
    said = refused(["--run", unsaved_run], monkeypatch, capsys, out)
    assert "no checkpoint" in said
    said = refused(["--run", classifier_run], monkeypatch, capsys, out)
    assert "is a run of classifier, which has no net 'discriminator'" in said
    np.savez(tmp_path / "plain.npz", images=np.zeros((8, 16, 16, 3), np.uint8))
    spec = f"npz:{tmp_path / 'plain.npz'}"
    said = refused(["--run", tiny_run, "--data", spec], monkeypatch, capsys, out)
    assert "has no labels" in said


def test_what_is_not_finite_is_refused():
    rows, labels = clouds(12)
    rows[3, 4] = np.nan
    places = np.arange(6)
    with pytest.raises(ValueError, match="features of 'maps' are NaN"):
        few_labels.judged(
            rows, labels, [places], places, places, costs=(1.0,), title="maps"
        )


def test_without_scikit_learn_the_extra_is_named(monkeypatch):
    real = builtins.__import__

    def absent(name, *args, **kwargs):
        if name.startswith("sklearn"):
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", absent)
    with pytest.raises(ValueError, match=r"pip install -e \"\.\[analysis\]\""):
        few_labels.check_installed()
    with pytest.raises(ValueError, match=r"pip install -e \"\.\[analysis\]\""):
        kmeans.learned(np.zeros((1, 8, 8, 1), np.uint8), centroids=1)


def test_the_commands_of_the_paper_are_flags_that_there_are():
    text = str(discriminator_features.__doc__).replace("\\\n", " ")
    lines = [x.strip() for x in text.splitlines() if x.strip().startswith("python -m")]
    trained = []
    for line in lines:
        _, _, module, *argv = shlex.split(line)
        kind = dcgan_faces if module.endswith("dcgan_faces") else discriminator_features
        preset = argv[argv.index("--preset") + 1] if "--preset" in argv else "laptop"
        config = tyro.cli(kind.Config, args=argv, default=kind.PRESETS[preset])
        if kind is dcgan_faces:
            trained.append(config)
    first, second = trained
    assert (first.model.double, first.model.kernel, first.model.latent) == (
        True,
        3,
        256,
    )
    assert (first.model.resolution, first.model.width) == (32, 128)
    assert first.run.steps * first.run.batch_size == pytest.approx(
        30 * 1_281_167, rel=0.01
    )
    assert (second.model.widths, second.model.kernel) == ((64, 128, 256), 5)
    assert second.run.steps * second.run.batch_size == pytest.approx(
        200 * 73_257, rel=0.01
    )
    assert not first.data.flip
    assert not second.data.flip
