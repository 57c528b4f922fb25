"""Folders of classes: a row a class by name, sampled by name, compared by name."""

import json

import numpy as np
import pytest
from commands import call
from PIL import Image

from experiments import cdcgan_images, evaluate, sample
from jaxgan import report
from jaxgan.lab import cli

COLOURS = {"cat": (200, 30, 30), "dog": (30, 200, 30), "fox": (30, 30, 200)}


def folder(path, names, count=6):
    """Noisy pictures of 12x9 in the colour of their class."""
    rng = np.random.default_rng(len(names))
    for name in names:
        (path / name).mkdir(parents=True)
        for i in range(count):
            pixels = COLOURS[name] + rng.integers(-20, 20, (9, 12, 3))
            image = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
            image.save(path / name / f"{i}.png")
    return f"folder:{path}"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A conditional run of one step on two classes of pictures that are not square."""
    root = tmp_path_factory.mktemp("classes")
    data = folder(root / "data", ("cat", "dog"))
    argv = [
        *("--data", data, "--workdir", root / "run", "--resolution", "9x12"),
        *("--steps", 1, "--batch-size", 4, "--devices", 1, "--log-every", 1),
        *("--model.width", 2, "--model.latent", 3, "--model.kernel", 3),
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cli, "_cache_compilations", lambda: None)
        patch.setattr(cli, "tune_allocator", lambda: None)
        assert call(cdcgan_images, argv, patch) == 0
    return root / "run"


def test_classes_of_folders_are_rows_with_names(run):
    plain = json.loads((run / "config.json").read_text())
    assert plain["class_names"] == ["cat", "dog"]
    assert plain["model"]["classes"] == 2
    with Image.open(run / "samples" / "ema_0000001.png") as sheet:
        height, width = (
            n * (s + report.GAP) + report.GAP for n, s in ((2, 9), (10, 12))
        )
        assert sheet.size == (width, height)
    assert (run / "classes.png").is_file()


def test_classes_are_sampled_by_name(run, tmp_path, monkeypatch, capsys):
    argv = ["--run", run, "--workdir", tmp_path, "--stops", 0, "--count", 4]
    assert call(sample, [*argv, "--labels", "dog,cat"], monkeypatch) == 0
    assert "dog, cat" in capsys.readouterr().err
    assert call(sample, [*argv, "--labels", "fox"], monkeypatch) == 2
    assert "no class fox; the classes are cat, dog" in capsys.readouterr().err


def test_a_run_of_images_that_are_not_square_is_evaluated(run, tmp_path, monkeypatch):
    argv = ["--run", run, "--workdir", tmp_path, "--devices", 1, "--count", 8]
    assert call(evaluate, [*argv, "--metrics", "classes"], monkeypatch) == 0
    found = json.loads((tmp_path / "results.json").read_text())["metrics"]["classes"]
    assert [(row["class"], row["fake"]) for row in found] == [("cat", 4), ("dog", 4)]


def test_a_run_without_names_goes_on_and_other_classes_do_not(run, monkeypatch, capsys):
    path = run / "config.json"
    saved = json.loads(path.read_text())
    argv = [
        *("--data", saved["data"]["data"], "--workdir", run, "--resolution", "9x12"),
        *("--steps", 1, "--batch-size", 4, "--devices", 1, "--log-every", 1),
        *("--model.width", 2, "--model.latent", 3, "--model.kernel", 3),
    ]
    before = {name: value for name, value in saved.items() if name != "class_names"}
    path.write_text(json.dumps(before))
    assert call(cdcgan_images, argv, monkeypatch) == 0
    assert json.loads(path.read_text())["class_names"] == ["cat", "dog"]
    path.write_text(json.dumps(before | {"class_names": ["cat", "cow"]}))
    assert call(cdcgan_images, argv, monkeypatch) == 2
    assert "class_names" in capsys.readouterr().err
    path.write_text(json.dumps(saved))


def test_sets_are_compared_by_the_names_of_classes(tmp_path, monkeypatch, capsys):
    def table(real, fake, *more):
        out = tmp_path / f"out{len(list(tmp_path.iterdir()))}"
        argv = ["--real", real, "--fake", fake, "--workdir", out, "--devices", 1]
        status = call(evaluate, [*argv, "--metrics", "classes", *more], monkeypatch)
        if status:
            return status
        return json.loads((out / "results.json").read_text())["metrics"]["classes"]

    real = folder(tmp_path / "real", ("cat", "dog", "fox"))
    rows = table(real, folder(tmp_path / "fake", ("cat", "fox")))
    assert [row["class"] for row in rows] == ["cat", "fox"]
    assert max(row["frechet_distance"] for row in rows) < 5
    one = folder(tmp_path / "one", ("cat", "dog"))
    capsys.readouterr()
    (tmp_path / "other").mkdir()
    labels = np.array(["canada"] * 3 + ["london"] * 3)
    images = np.zeros((6, 9, 12, 3), np.uint8)
    np.savez(tmp_path / "other" / "x.npz", images=images, labels=labels)
    assert table(one, f"npz:{tmp_path / 'other' / 'x.npz'}") == 2
    said = " ".join(capsys.readouterr().err.split())
    assert "one has cat, dog, the other canada, london" in said


def test_presets_leave_the_number_of_classes_to_the_data():
    from experiments import (
        acgan_mnist,
        biggan_faces,
        capsnet_mnist,
        cdcgan_mnist,
        cgan_mnist,
    )

    modules = acgan_mnist, capsnet_mnist, cdcgan_images, cdcgan_mnist, cgan_mnist
    for module in (*modules, biggan_faces):
        for name, preset in module.PRESETS.items():
            assert preset.model.classes is None, (module.__name__, name)
