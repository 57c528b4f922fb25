"""Finding left-out classes by a run: what is written, and what is refused."""

import json
import shutil
import sys

import numpy as np
import pytest
import scipy.spatial
import scipy.stats
from commands import call
from PIL import Image

from experiments import anomaly
from experiments.anomaly.scoring import interval
from jaxgan.lab import inference

FEW = ["--images", 6, "--iterations", 3, "--candidates", 8, "--restarts", 2]


@pytest.fixture(scope="module")
def run(tiny_run, tmp_path_factory):
    """The tiny run, as if class 3 had been left out."""
    folder = tmp_path_factory.mktemp("without") / "run"
    shutil.copytree(tiny_run, folder)
    plain = json.loads((folder / "config.json").read_text())
    plain["data"]["leave_out"] = [3]
    (folder / "config.json").write_text(json.dumps(plain))
    return folder


def fresh(folder, *, side=16, labels=True):
    """The spec of 40 unseen images; those of class 3 are dark."""
    images = np.random.default_rng(9).integers(0, 256, (40, side, side, 3), np.uint8)
    label = np.arange(40) % 4
    images[label == 3] //= 2
    path = folder / "fresh.npz"
    if labels:
        np.savez(path, images=images, labels=label)
    else:
        np.savez(path, images=images)
    return f"npz:{folder / 'fresh.npz'}"


def area(scores, anomalous):
    """By SciPy's Mann-Whitney statistic, which is the area times the pairs."""
    u = scipy.stats.mannwhitneyu(scores[anomalous], scores[~anomalous]).statistic
    return u / anomalous.sum() / (~anomalous).sum()


@pytest.mark.slow
@pytest.mark.parametrize("combine", ["best", "mean"])
def test_scores_and_their_areas(run, untouched, combine, tmp_path, monkeypatch):
    before = untouched(run)
    out = tmp_path / "out"
    argv = ["--run", run, "--data", fresh(tmp_path), "--workdir", out, *FEW]
    assert call(anomaly, [*argv, "--combine", combine], monkeypatch) == 0
    assert before == untouched(run)
    found = json.loads((out / "results.json").read_text())
    label = np.asarray(found["label"])
    anomalous = label == "3"
    assert anomalous.tolist() == [False] * 6 + [True] * 6
    scores = {name: np.asarray(x) for name, x in found["scores"].items()}
    np.testing.assert_allclose(
        scores["A"], 0.9 * scores["R"] + 0.1 * scores["D"], rtol=1e-5
    )
    for name, score in scores.items():
        auc = found["auc"][name]
        np.testing.assert_allclose(auc["auc"], area(score, anomalous))
        np.testing.assert_allclose(auc["by_class"]["3"], auc["auc"])
        low, high = auc["interval"]
        assert low <= auc["auc"] <= high
    with Image.open(out / "scores.png") as picture:
        assert picture.width > 900
    with Image.open(out / "images.png") as picture:
        assert picture.width > 900


def test_the_neighbour_is_not_of_a_class_left_out(run, tiny_run, tmp_path, monkeypatch):
    # What was not trained on lies at a distance, also when the set holds it.
    out = tmp_path / "out"
    spec = f"npz:{tiny_run.parent / 'photos.npz'}"
    argv = ["--run", run, "--data", spec, "--workdir", out, *FEW]
    assert call(anomaly, argv, monkeypatch) == 0
    found = json.loads((out / "results.json").read_text())
    photos = np.load(tiny_run.parent / "photos.npz")
    flat = photos["images"].reshape(40, -1).astype(float)
    kept = flat[photos["labels"] != 3]
    usual = scipy.spatial.distance.cdist(flat[photos["labels"] == 3], kept).min(1)
    distance = np.asarray(found["scores"]["neighbour"])
    np.testing.assert_array_equal(distance[:6], 0)
    for value in distance[6:]:
        assert np.isclose(usual, value, rtol=1e-4).any()
    assert found["auc"]["neighbour"]["auc"] == 1
    assert found["auc"]["neighbour"]["interval"] == [1, 1]


def test_the_interval_is_as_wide_as_theory_has_it():
    # The variance of the area, by DeLong, DeLong and Clarke-Pearson, 1988.
    rng = np.random.default_rng(0)
    normal, anomalous = rng.normal(size=80), rng.normal(1.0, 1.0, 60)
    wins = anomalous[:, None] > normal[None]
    deviation = np.sqrt(wins.mean(1).var(ddof=1) / 60 + wins.mean(0).var(ddof=1) / 80)
    low, high = interval(normal, anomalous, rng, draws=4000)
    np.testing.assert_allclose(high - low, 2 * 1.96 * deviation, rtol=0.1)
    np.testing.assert_allclose((low + high) / 2, wins.mean(), atol=0.02)
    tied = interval(np.zeros(9), np.zeros(5), rng)
    np.testing.assert_allclose(tied, [0.5, 0.5])


def test_runs_are_compared(run, tmp_path, monkeypatch):
    """Each has the results that it has alone, and the mean is that of the areas."""
    other = tmp_path / "other"
    shutil.copytree(run, other)
    plain = json.loads((other / "config.json").read_text())
    plain["data"]["leave_out"] = [0, 1, 3]
    (other / "config.json").write_text(json.dumps(plain))
    out, data = tmp_path / "out", ["--data", fresh(tmp_path), *FEW]
    argv = ["--run", run, other, "--workdir", out]
    assert call(anomaly, [*argv, *data], monkeypatch) == 0
    found = json.loads((out / "results.json").read_text())
    assert list(found["auc"]) == ["run", "other"]
    for name, areas in found["auc"].items():
        alone = json.loads((out / name / "results.json").read_text())
        assert alone["auc"] == areas
        assert (out / name / "images.png").is_file()
    assert set(found["auc"]["other"]["A"]["by_class"]) == {"0", "1", "3"}
    for score, mean in found["mean"].items():
        both = [areas[score]["auc"] for areas in found["auc"].values()]
        np.testing.assert_allclose(mean, np.mean(both))
    with Image.open(out / "runs.png") as picture:
        assert picture.width > 600


def test_a_reconstruction_is_the_projection_on_the_components():
    rng = np.random.default_rng(0)
    real = rng.integers(0, 256, (30, 3, 3, 1), np.uint8)
    images = rng.integers(0, 256, (5, 3, 3, 1), np.uint8)
    flat, x = real.reshape(30, 9).astype(float), images.reshape(5, 9).astype(float)
    centred = x - flat.mean(0)
    axes = np.linalg.svd(flat - flat.mean(0))[2][:4]
    expected = np.linalg.norm(centred - centred @ axes.T @ axes, axis=1)
    error = anomaly.reconstruction_error(images, real, 4, 0)
    np.testing.assert_allclose(error, expected, rtol=1e-4)
    # With as many components as values, nothing is lost.
    error = anomaly.reconstruction_error(images, real, 99, 0)
    np.testing.assert_allclose(error, np.zeros(5), atol=1e-2)


def refused(argv, monkeypatch, capsys, out):
    assert call(anomaly, [*argv, "--workdir", out], monkeypatch) == 2
    assert not out.exists()
    return capsys.readouterr().err


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--images", 1], "--images is 1; it must be at least 2"),
        (["--run"], "--run has the folders of no run"),
        (["--weight", 2], "--weight is 2.0; it must be at least 0 and at most 1"),
        (["--candidates", 1], "--candidates is 1, fewer than the 2 restarts"),
        (["--learning-rate", 0], "--learning-rate is 0.0; it must be above 0"),
        ([], "has no part that"),
    ],
)
def test_flags_that_cannot_be_are_refused(
    flags, words, run, tmp_path, monkeypatch, capsys
):
    argv = ["--run", run, *flags]
    assert words in refused(argv, monkeypatch, capsys, tmp_path / "out")


def test_runs_that_know_all_classes_or_do_not_draw_are_refused(
    tiny_run, unsaved_run, classifier_run, tmp_path, monkeypatch, capsys
):
    for folder, words in (
        (tiny_run, "was trained on all classes, so none is anomalous"),
        (unsaved_run, "no checkpoint"),
        (classifier_run, "was trained on all classes"),
    ):
        argv = ["--run", folder]
        assert words in refused(argv, monkeypatch, capsys, tmp_path / "out")


def test_images_that_do_not_do_are_refused(run, tmp_path):
    trained = inference.open_run(run)
    shape, left_out = (16, 16, 3), (3,)

    def unseen(spec, images=6):
        config = anomaly.Config(run=(run,), data=spec, images=images)
        return anomaly.unseen(trained, shape, left_out, config)

    images, labels, anomalous, about = unseen(fresh(tmp_path))
    assert "6 normal, 6 of the classes left out" in about
    assert (images[6:] < 128).all()
    assert ((labels == "3") == (np.arange(12) >= 6)).all()
    assert (anomalous == (np.arange(12) >= 6)).all()
    with pytest.raises(ValueError, match="has 10 anomalous images, of the classes"):
        unseen(fresh(tmp_path), images=20)
    with pytest.raises(ValueError, match="has 30 normal images, of the classes"):
        unseen(fresh(tmp_path), images=31)
    with pytest.raises(ValueError, match="has no labels, which are needed to tell"):
        unseen(fresh(tmp_path, labels=False))


def test_models_that_are_told_classes_are_refused(run, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(inference.Trained, "classes", property(lambda self: 4))
    words = refused(["--run", run], monkeypatch, capsys, tmp_path / "out")
    assert "needs the class of each image" in words


def test_without_scikit_learn_it_says_how_to_get_it(run, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "sklearn", None)
    words = refused(["--run", run], monkeypatch, capsys, tmp_path / "out")
    assert 'pip install -e ".[analysis]"' in words
