"""Forgetting an object as a command, and its parts where the truth is known."""

import json
import pathlib
import shutil
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from commands import call
from PIL import Image

from experiments import forget_object
from experiments.forget_object import fitting, samples, sweep
from jaxgan.analysis import forgetting, rectifiers
from jaxgan.lab import inference
from jaxgan.lab.judges import factors as lab_factors

PICTURES = ("forgotten.png", "evidence.png", "trade.png")
LAYERS = ("--layer", -1)


class Reader:
    """Reads glasses where the upper half of a picture is bright."""

    def __init__(self, images):
        self.middle = np.median(images[:, :8].mean((1, 2, 3)))
        self.quality = {"glasses": 1.0}

    def read(self, images):
        bright = images[:, :8].mean((1, 2, 3))
        read = {name: images[..., 0].mean((1, 2)) for name in lab_factors.NUMBERS}
        read |= {name: np.zeros(len(images)) for name in lab_factors.BINARIES}
        read["glasses"] = 1 / (1 + np.exp(self.middle - bright))
        read["glasses_box"] = np.tile([-0.1, 0.25, 0.5, 0.75], (len(images), 1))
        return read


@pytest.fixture
def faces_run(tiny_run, tmp_path, monkeypatch):
    """The tiny run as one of drawn faces, with a regressor that needs no training."""
    run = shutil.copytree(tiny_run, tmp_path / "faces")
    plain = json.loads((run / "config.json").read_text())
    plain["data"]["data"] = "faces:40"
    (run / "config.json").write_text(json.dumps(plain))
    trained = inference.open_run(run)
    latents = inference.latents(trained, jax.random.key(5), 200)
    images = inference.to_uint8(trained, inference.drawing(trained)(latents))
    # The second, which scores, finds glasses in more of the pictures.
    readers = [Reader(np.asarray(images)) for _ in range(2)]
    levels = np.asarray(images)[:, :8].mean((1, 2, 3))
    readers[1].middle = np.quantile(levels, 0.3)
    monkeypatch.setattr(
        lab_factors, "trained", lambda size, second=False: readers[second]
    )
    return run


def boxes_file(folder, boxes):
    path = folder / "boxes.json"
    path.write_text(json.dumps(boxes))
    return path


@pytest.mark.slow
def test_glasses_of_drawn_faces_are_found_and_forgotten(
    faces_run, tmp_path, monkeypatch, untouched
):
    before, out = untouched(faces_run), tmp_path / "out"
    argv = ["--run", faces_run, "--workdir", out, *LAYERS, "--samples", 120]
    argv += ["--count", 40, "--controls", 1]
    assert call(forget_object, argv, monkeypatch) == 0
    assert before == untouched(faces_run)
    assert {path.name for path in out.iterdir()} == {*PICTURES, "results.json"}
    found = json.loads((out / "results.json").read_text())
    assert found["step"] == 2
    assert set(found["layers"]) == {"0", "1"}
    assert 0.5 < found["rate_before"] < 0.9
    for layer in found["layers"].values():
        assert 0.5 <= layer["accuracy"] <= 1
        counts = [row["maps"] for row in layer["dropped"]]
        assert counts == sorted(set(counts))
        assert counts[-1] == layer["positive"] <= layer["maps"]
        for kind in ("control", "learned"):
            assert [row["maps"] for row in layer[kind]] == counts
    searched = found["searched"]
    assert 1 <= len(searched["maps"]) <= found["layers"]["1"]["positive"]

    # Its numbers are those of the generator without these maps, drawn here anew.
    trained = inference.open_run(faces_run)
    draw = inference.drawing(trained)
    latents = inference.latents(trained, jax.random.fold_in(jax.random.key(0), 1), 40)
    gone = jnp.zeros(4, bool).at[jnp.asarray(searched["maps"])].set(True)
    edit = rectifiers.edited(
        draw, {1: lambda x: jnp.where(gone[None, None, None], 0, x)}
    )
    was, now = (
        np.asarray(inference.to_uint8(trained, f(latents))) for f in (draw, edit)
    )
    reader = lab_factors.trained(16, second=True)  # who searched does not score
    had, has = (reader.read(x)["glasses"] > 0.5 for x in (was, now))
    first = lab_factors.trained(16).read(was)["glasses"] > 0.5
    assert first.mean() < had.mean() == pytest.approx(found["rate_before"])
    assert searched["rate"] == pytest.approx(has.mean())
    assert searched["left"] == pytest.approx(has[had].mean())
    change = np.abs(was.astype(float) - now)[~had].mean() / 255
    assert searched["without"] == pytest.approx(change, rel=1e-3)


def test_objects_in_boxes_drawn_by_hand(tiny_run, tmp_path, monkeypatch, untouched):
    before, out = untouched(tiny_run), tmp_path / "out"
    path = boxes_file(tmp_path, {str(i): [2, 3, 9, 12] for i in range(0, 18, 3)})
    argv = ["--run", tiny_run, "--workdir", out, *LAYERS, "--samples", 20]
    argv += ["--boxes", path, "--object", "blob", "--drop", 1, "--controls", 1]
    assert call(forget_object, argv, monkeypatch) == 0
    assert before == untouched(tiny_run)
    found = json.loads((out / "results.json").read_text())
    assert found["about"]["learned"] == "20 samples, 6 with blob"
    assert "searched" not in found
    for layer in found["layers"].values():
        assert layer["learned"] == []
        assert {"inside", "outside", "without"} < set(layer["dropped"][0])
        assert "left" not in layer["dropped"][0]
    for name in PICTURES:
        with Image.open(out / name) as picture:
            assert min(picture.size) > 200


def test_numbered_samples_to_draw_boxes_on(tiny_run, tmp_path, monkeypatch):
    argv = ["--run", tiny_run, "--workdir", tmp_path / "out", "--samples", 7]
    argv += ["--sheet", "--object", "hats"]
    assert call(forget_object, argv, monkeypatch) == 0
    assert [x.name for x in (tmp_path / "out").iterdir()] == ["samples.png"]


def object_maps():
    """Maps of 30 samples; only map 2 is on the object, at its place."""
    rng = np.random.default_rng(0)
    there = np.arange(30) % 2 == 0
    maps = rng.random((30, 8, 8, 5)).astype("float32")
    maps[..., 2] = 0
    maps[there, 2:4, 2:6, 2] = 2 + maps[there, 2:4, 2:6, 1]
    maps[..., 4] = 3  # the same everywhere
    maps[:, 2:4, 2:6, 3] += 1  # what is below the object, and always there
    boxes = np.tile([0.25, 0.25, 0.5, 0.75], (30, 1))
    return maps, boxes, there


@pytest.mark.parametrize("against", ["both", "absent", "outside"])
def test_the_map_of_an_object_is_the_heaviest(against):
    found = fitting.fit(jax.random.key(0), *object_maps(), against=against, penalty=1.0)
    assert np.argmax(found.heavy) == 2
    assert found.weights[4] == found.heavy[4] == 0
    # What is below the object speaks for it as long as it is not seen alone.
    assert (found.heavy[3] > 0.5 * found.heavy[2]) == (against == "outside")
    assert found.positions == {"both": 360, "absent": 240, "outside": 240}[against]
    assert found.accuracy > 0.99
    maps, boxes, there = object_maps()
    odds = forgetting.evidence(maps, found.weights, found.bias)
    on = forgetting.inside(boxes, 8, 8)
    assert (np.asarray(odds)[there] > 0)[on[there]].all()


def seen(images, there, boxes, factors=None):
    count = len(images)
    return fitting.Seen(
        np.arange(count), np.zeros(count, int), images, np.array(there),
        np.array(boxes, float), factors or {},
    )  # fmt: skip


def test_changes_are_measured_in_and_outside_of_boxes():
    before = np.full((3, 4, 4, 3), 100, np.uint8)
    after = before.copy()
    after[0, :2] += 51  # the box of the first
    after[0, 3, 0] -= 17
    after[2] += 102
    some = seen(before, [True, False, True], [[0, 0, 0.5, 1]] * 3)
    found = fitting.measure(some, after)
    assert set(found) == {"inside", "outside", "without"}
    assert found["inside"] == pytest.approx((0.2 + 0.4) / 2)
    assert found["outside"] == pytest.approx((17 / 255 / 8 + 0.4) / 2)
    assert found["without"] == 0
    assert "without" not in fitting.measure(
        seen(before, [True] * 3, [[0, 0, 1, 1]] * 3), after
    )


def test_damage_is_what_changes_in_samples_without_the_object():
    def read(images):
        level = images[:, 0, 0, 0].astype(float)
        read = {name: level for name in lab_factors.NUMBERS}
        read |= {name: level / 200 for name in lab_factors.BINARIES}
        return read | {"glasses": images[:, 0, 0, 1] / 255}

    before = np.zeros((4, 2, 2, 3), np.uint8)
    before[:, 0, 0, 0] = [90, 110, 90, 110]  # spread of 10
    before[:, 0, 0, 1] = [200, 200, 0, 0]
    after = before.copy()
    after[:, 0, 0, 0] = [0, 0, 95, 95]  # by 0.5 and 1.5 spreads
    after[:, 0, 0, 1] = [200, 10, 10, 200]
    there = read(before)["glasses"] > 0.5
    some = seen(before, there, [[0, 0, 1, 1]] * 4, read(before))
    found = fitting.measure(some, after, read)
    assert found["rate"] == 0.5
    assert found["left"] == 0.5
    surprise = -np.log1p(-np.array([200, 10]) / 255)
    assert found["evidence"] == pytest.approx(surprise.mean() / surprise[0])
    assert found["damage"] == pytest.approx(1.0)
    assert found["factors"]["yaw"] == pytest.approx(1.0)
    assert found["factors"]["beard"] == 0.5
    assert found["factors"]["glasses"] == 0.5


def test_a_search_drops_what_helps_and_stops():
    # Maps 1 and 4 draw the glasses of six, and 3 draws all else.
    def forget(maps, some):
        images = some.images.astype(int)
        images[some.there, ..., 0] -= 60 * maps[1] + 50 * maps[4]
        images[..., 1] += 90 * maps[3]
        return images.clip(0).astype(np.uint8)

    def read(images):
        glasses, rest = (images[:, 0, 0, i].astype(float) for i in (0, 1))
        read = dict.fromkeys((*lab_factors.NUMBERS, *lab_factors.BINARIES), rest)
        return read | {"glasses": glasses > 50}

    images = np.zeros((8, 2, 2, 3), np.uint8)
    images[..., 1] = np.arange(8)[:, None, None]
    images[:4, ..., 0] = np.array([100, 100, 150, 150])[:, None, None]
    there = np.arange(8) < 4
    some = seen(images, there, [[0, 0, 1, 1]] * 8, read(images))
    candidates = np.array([True, True, False, True, True, True])
    dropped = fitting.search(forget, candidates, some, read)
    assert dropped.tolist() == [False, True, False, False, True, False]
    candidates[:] = [True, False, False, False, False, True]  # of no effect at all
    dropped = fitting.search(forget, candidates, some, read)
    assert dropped.tolist() == [True, False, False, False, False, False]


def test_a_search_finds_maps_that_draw_it_together():
    # Each of three alone leaves every pair of glasses, and map 3 does more harm.
    def forget(maps, some):
        images = some.images.astype(int)
        images[some.there, ..., 0] -= 40 * maps[:3].sum() + 40 * maps[3]
        images[..., 1] += 90 * maps[3]
        return images.clip(0).astype(np.uint8)

    def read(images):
        glasses, rest = (images[:, 0, 0, i].astype(float) for i in (0, 1))
        read = dict.fromkeys((*lab_factors.NUMBERS, *lab_factors.BINARIES), rest)
        return read | {"glasses": 1 / (1 + np.exp(-(glasses - 50) / 10))}

    images = np.zeros((8, 2, 2, 3), np.uint8)
    images[..., 1] = np.arange(8)[:, None, None]
    images[:4, ..., 0] = 150
    some = seen(images, np.arange(8) < 4, [[0, 0, 1, 1]] * 8, read(images))
    dropped = fitting.search(forget, np.ones(5, bool), some, read)
    assert dropped.tolist() == [True, True, True, False, False]


def layers(shapes, **flags):
    return samples.layers(
        forget_object.Config(run=pathlib.Path("runs"), **flags), shapes
    )


def test_layers_are_the_last_that_have_maps():
    maps, units = (1, 4, 4, 8), (1, 30)
    assert layers([units, maps, maps, maps, maps]) == [2, 3, 4]
    assert layers([units, maps, maps, maps], compare=(1,), layer=-1) == [1, 3]
    with pytest.raises(ValueError, match="rectifier -2 of the generator has 30 units"):
        layers([units, units, maps])
    with pytest.raises(ValueError, match=r"has \[3\], but the generator has 2"):
        layers([maps, maps], compare=(3,))


def test_numbers_of_maps_double_up_to_all():
    assert sweep.counts(1, 0) == [1]
    assert sweep.counts(10, 0) == [1, 2, 3, 4, 6, 8, 10]
    assert sweep.counts(10, 5) == [1, 2, 3, 4, 5, 6, 8, 10]
    assert sweep.counts(3, 9) == [1, 2, 3]


@pytest.mark.parametrize(
    ("boxes", "words"),
    [
        ("no json", "is not a file of boxes"),
        ([1, 2], "is not a file of boxes"),
        ({"x": [0, 0, 1, 1]}, "with the numbers of --sheet"),
        ({"3": [0, 0, 4]}, r"box of sample 3 is \[0.0, 0.0, 4.0\]"),
        ({"3": [0, 0, 9, 4]}, "inside its 8x8 pixels"),
        ({"3": [-1, 0, 4, 4]}, "inside its 8x8"),
        ({"3": [4, 0, 4, 4]}, "top, left, bottom"),
        ({"5": [0, 0, 4, 4]}, "a box of sample 5, but samples are numbered 0 to 4"),
    ],
)
def test_files_that_hold_no_boxes_are_refused(boxes, words, tmp_path):
    path = boxes_file(tmp_path, boxes)
    if isinstance(boxes, str):
        path.write_text(boxes)
    with pytest.raises(ValueError, match=words):
        samples.read_boxes(path, (5, 8, 8, 3))


def test_boxes_become_image_heights(tmp_path):
    path = boxes_file(tmp_path, {"4": [0, 2, 4, 8]})
    (found,) = samples.read_boxes(path, (5, 8, 8, 3)).items()
    assert found[0] == 4
    np.testing.assert_allclose(found[1], [0, 0.25, 0.5, 1])


def refused(argv, monkeypatch, capsys):
    assert call(forget_object, argv, monkeypatch) == 2
    said = capsys.readouterr().err
    assert "Traceback" not in said
    return said


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["--object", "hats"], "--object is 'hats', but only glasses"),
        (["--drop", -1], "--drop is -1; it must be at least 0"),
        (["--samples", 0], "--samples is 0"),
        (["--count", 0], "--count is 0"),
        (["--controls", 0], "--controls is 0"),
        (["--penalty", 0], "--penalty is 0.0; it must be above 0"),
        (["--layer", -3], "[-3], but the generator has 2 rectifiers: number them -2"),
        (LAYERS, "glasses are found automatically only on drawn faces in colour"),
    ],
)
def test_what_cannot_be_is_one_sentence(argv, said, tiny_run, monkeypatch, capsys):
    argv = ["--run", tiny_run, "--samples", 6, *argv]
    assert said in refused(argv, monkeypatch, capsys)


def test_runs_it_cannot_use_are_refused(
    unsaved_run, classifier_run, tiny_run, tmp_path, monkeypatch, capsys
):
    argv = ["--workdir", tmp_path / "out", *LAYERS, "--samples", 9, "--run"]
    said = refused([*argv, unsaved_run], monkeypatch, capsys)
    assert "no checkpoint" in said
    said = refused([*argv, classifier_run], monkeypatch, capsys)
    assert "draws no images from latents" in said
    path = boxes_file(tmp_path, {"0": [0, 0, 4, 4]})
    said = refused([*argv, tiny_run, "--boxes", path], monkeypatch, capsys)
    assert "1 of 9 samples have glasses, too few" in said
    assert not (tmp_path / "out").exists()


def test_scikit_learn_is_asked_for(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.linear_model", None)
    with pytest.raises(ValueError, match=r'pip install -e "\.\[analysis\]"'):
        fitting.fit(jax.random.key(0), *object_maps(), against="both", penalty=1.0)
