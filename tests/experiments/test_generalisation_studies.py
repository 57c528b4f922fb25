"""What the comparison of capsules with a CNN trains on, tests on, and writes."""

import json

import numpy as np
import pytest
from commands import call

from experiments import capsnet_generalisation
from experiments.capsnet_generalisation import scrambled, studies
from jaxgan.data.synthetic import faces
from jaxgan.lab import capsules
from jaxgan.lab.data import of_arrays
from jaxgan.lab.session import Result


@pytest.fixture(scope="module")
def turn(tmp_path_factory):
    """Two things on a turntable of 64 frames; a pixel says which frame it is."""
    path = tmp_path_factory.mktemp("data") / "turn.npz"
    order = np.random.default_rng(0).permutation(128)
    variety = np.array(["plum"] * 64 + ["fig"] * 64)[order]
    frame = np.tile(np.arange(64) * 5, 2)[order]
    images = np.zeros((128, 28, 28, 3), np.uint8)
    images[:, 0, 0, 0] = frame // 5
    np.savez(path, images=images, variety=variety, frame=frame)
    return path


def frames(part, label):
    return set(part["image"][part["label"] == label][:, 0, 0, 0].tolist())


def test_views_in_training_are_a_third_and_every_test_has_others(turn):
    opened, tests = studies.turntable(turn)
    assert opened.classes == ("fig", "plum")
    for label in (0, 1):
        train = frames(opened.train, label)
        familiar = frames(tests["familiar views"], label)
        assert train | familiar == set(range(22))  # 360 / 64 · 21 is below 120 degrees
        assert not train & familiar
        assert len(familiar) == 7
        far = [
            frames(tests[f"{n} to {n + 40} degrees away"], label) for n in (0, 40, 80)
        ]
        # The views just before the first one in training are near it too.
        assert {22, 63} <= far[0]
        assert 42 in far[2]
        assert set.union(*far) == set(range(22, 64)) == frames(opened.test, label)
        assert sum(map(len, far)) == 42


def test_a_file_without_frames_is_refused(tmp_path):
    np.savez(tmp_path / "x.npz", images=np.zeros((2, 28, 28, 3), np.uint8))
    with pytest.raises(ValueError, match="no frame, variety: give an npz"):
        studies.turntable(tmp_path / "x.npz")


def digits(count=400):
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (count, 28, 28, 1), np.uint8)
    label = np.arange(count, dtype=np.int32) % 10
    names = tuple(map(str, range(10)))
    return of_arrays({"image": image, "label": label}, classes=names)


def test_few_labels_are_as_many_of_each_class_and_drawn_by_the_seed():
    opened = digits()
    some, other = (studies.labelled(opened, 20, seed) for seed in (0, 1))
    np.testing.assert_array_equal(np.bincount(some.train["label"]), [2] * 10)
    assert some.fingerprint != other.fingerprint


def test_both_networks_have_as_many_parameters():
    models = studies.pair(digits(), steps=100)
    routed, plain = map(capsules.parameters, models.values())
    assert plain == pytest.approx(routed, rel=0.01)


def test_the_table_has_means_and_deviations(tmp_path, turn, monkeypatch, capsys):
    """The command as a whole, with training that only says what it was asked for."""
    asked = []

    def train(title, part, *, opened, tests):
        asked.append((title, part.run.seed, len(opened.train["label"])))
        error = 0.1 + 0.1 * part.run.seed
        return Result({"test_error": error, "errors": dict.fromkeys(tests, error)}, {})

    monkeypatch.setattr(capsnet_generalisation.capsules, "train", train)
    command = ["--studies", "views", "--views", turn, "--seeds", 0, 1]
    command += ["--workdir", tmp_path]
    assert call(capsnet_generalisation, command, monkeypatch) == 0
    assert asked == [
        (f"views, {name}", seed, 30) for seed in (0, 1) for name in ("capsules", "CNN")
    ]
    row = "| views | 80 to 120 degrees away | 15.0 ± 7.1 | 15.0 ± 7.1 | 2 |"
    assert row in (tmp_path / "table.md").read_text()
    found = json.loads((tmp_path / "results.json").read_text())["errors_percent"]
    spread = found["views"]["familiar views"]["CNN"]
    assert spread["mean"] == pytest.approx(15)
    assert spread["standard_deviation"] == pytest.approx(np.sqrt(50))
    assert (tmp_path / "generalisation.png").is_file()
    assert call(capsnet_generalisation, ["--seeds", 0, 0], monkeypatch) == 2


def test_a_scrambled_face_has_every_part_in_another_place():
    image = np.full((1, 28, 28, 3), 9, np.uint8)
    centres = np.array([[[8, 8], [8, 20], [15, 14], [22, 14]]])
    for part, (row, column) in enumerate(centres[0]):
        image[0, row - 3 : row + 3, column - 4 : column + 4] = 10 * (part + 1)
    parts = scrambled.cut(image[0], centres[0])
    np.testing.assert_array_equal(parts[:, 0, 0, 0], [10, 20, 30, 40])
    blank = scrambled.pasted(image, centres, None)
    assert set(np.unique(blank)) == {9, 25}  # the face, and the median of the parts
    moved = scrambled.pasted(image, centres, [parts[list(scrambled.PLACES)]])
    found = [int(moved[0, row, column, 0]) // 10 - 1 for row, column in centres[0]]
    assert found == list(scrambled.PLACES)
    assert sorted(found) == [0, 1, 2, 3]
    assert all(part != place for place, part in enumerate(found))
    np.testing.assert_array_equal(scrambled.pasted(image, centres, [parts]), image)


def test_the_sets_of_faces_have_both_classes_and_tests_of_faces_alone(
    tmp_path, monkeypatch
):
    def dataset(seed, count, size, aligned):
        image = np.random.default_rng(seed).integers(0, 256, (count, size, size, 3))
        drawn = faces.neutral()._asdict()
        factors = {name: np.repeat(np.asarray(x), count) for name, x in drawn.items()}
        return {"image": image.astype(np.uint8), "factors": factors}

    monkeypatch.setattr(faces, "dataset", dataset)
    monkeypatch.setattr(scrambled, "COUNTS", {"train": 6, "test": 4})
    kept = scrambled.opened, scrambled._drawn
    for function in kept:
        function.cache_clear()
    opened, tests = scrambled.opened(28)
    scrambled.draw(tmp_path / "faces.png", 28)
    assert (tmp_path / "faces.png").stat().st_size > 1000
    for function in kept:
        function.cache_clear()
    assert opened.train["label"].tolist() == [0, 1, 0, 1, 0, 1]
    drawn = dataset(scrambled.SEEDS["train"], 6, 28, True)["image"]
    same = (opened.train["image"] == drawn).all((1, 2, 3))
    assert same.tolist() == [False, True, False, True, False, True]
    assert all((part["label"] == 1).all() for part in tests.values())
    whole, others, moved = (part["image"] for part in tests.values())
    assert (whole != others).any()
    assert (whole != moved).any()
