"""CapsNet's experiments as commands: train, test, refuse."""

import json
import pathlib
import re

import numpy as np
import pytest
from commands import call
from PIL import Image

from experiments import capsnet_mnist, capsnet_multimnist, capsnet_table
from experiments.capsnet_table import tables
from jaxgan.lab import capsules
from jaxgan.lab.data import Data, open_set
from jaxgan.models import capsnet, capsnet_baseline

TINY = [
    "--model.features", 4, "--model.types", 2, "--model.decoder", 6,
    "--model.classes", 3, "--batch-size", 8, "--log-every", 2, "--sample-every", 2,
    "--checkpoint-every", 2, "--tests", 40, "--devices", 1,
]  # fmt: skip


def results(folder):
    return json.loads((folder / "results.json").read_text())


@pytest.mark.slow
def test_trains_and_tests(tmp_path, bars, monkeypatch, capsys):
    run = tmp_path / "run"
    command = [*TINY, "--model.resolution", 17, "--data", f"npz:{bars}"]
    command += ["--workdir", run, "--steps", 4]
    assert call(capsnet_mnist, command, monkeypatch) == 0
    said = capsys.readouterr().err
    assert "50 images to train, 10 to test (a sixth of each class" in said
    found = results(run)
    assert found["test_images"] == 10  # never more than there are
    assert found["steps"] == 4
    assert 0 <= found["test_error"] <= 1
    assert 0 <= found["affine_error"] <= 1
    sheets = sorted((run / "samples").iterdir())
    assert [p.name for p in sheets] == [
        f"reconstructions_000000{step}.png" for step in (0, 2, 4)
    ]
    with Image.open(sheets[0]) as sheet:  # eight rows of eight tiles of 17 + 2
        assert sheet.size == (8 * 19 + 2, 8 * 19 + 2)
    page = (run / "report.html").read_text()
    assert "test error" in page
    assert page.count("<img") == 1 + 3  # the last sheet, and all in a strip


def test_without_reconstruction_there_is_no_sheet(tmp_path, bars, monkeypatch):
    command = [*TINY, "--model.resolution", 17, "--data", f"npz:{bars}", "--steps", 1]
    command += ["--model.reconstruction", 0, "--model.iterations", 1]
    assert call(capsnet_mnist, [*command, "--workdir", tmp_path], monkeypatch) == 0
    assert not (tmp_path / "samples").exists()
    assert results(tmp_path)["setting"]["model"]["iterations"] == 1


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            ["--model.classes", 2],
            "classes is 2, but .* 3 classes: leave the number out",
        ),
        (["--model.iterations", 0], "iterations is 0"),
        (["--shift", -1], "--shift is -1"),
        (["--tests", 0], "--tests is 0"),
        (["--model.objects", 2], "capsnet_multimnist"),
    ],
)
def test_what_cannot_be_is_refused(tmp_path, bars, monkeypatch, capsys, changes, words):
    command = [*TINY, "--model.resolution", 17, "--data", f"npz:{bars}", *changes]
    assert call(capsnet_mnist, [*command, "--workdir", tmp_path], monkeypatch) == 2
    error = " ".join(capsys.readouterr().err.split())
    assert re.search(words, error), error
    assert not (tmp_path / "checkpoints").exists()


def test_pictures_without_labels_are_refused(tmp_path, monkeypatch, capsys):
    np.savez(tmp_path / "plain.npz", images=np.zeros((8, 17, 17), np.uint8))
    command = [*TINY, "--model.resolution", 17, "--data", tmp_path / "plain.npz"]
    assert (
        call(capsnet_mnist, [*command, "--workdir", tmp_path / "r"], monkeypatch) == 2
    )
    assert "has no labels" in capsys.readouterr().err


def idx_file(path, array):
    head = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes()
    path.write_bytes(head + array.astype(np.uint8).tobytes())


def test_what_is_trained_on_is_never_tested_on(tmp_path):
    """One file is the same under any split; a damaged file is not a missing one."""
    rng = np.random.default_rng(0)
    idx_file(tmp_path / "train-images-idx3-ubyte", rng.integers(0, 256, (12, 17, 17)))
    idx_file(tmp_path / "train-labels-idx1-ubyte", np.arange(12) % 3)
    for path in (tmp_path, tmp_path / "train-images-idx3-ubyte"):
        sets = open_set(Data(f"idx:{path}"), (17, 17, 1), test=True)
        assert [len(sets.train["label"]), len(sets.test["label"])] == [9, 3]
        assert "a sixth of each class" in sets.about
    (tmp_path / "t10k-images-idx3-ubyte").write_bytes(b"\0\0\x08\x03 cut short")
    with pytest.raises(ValueError, match="t10k-images.*cut short"):
        open_set(Data(f"idx:{tmp_path}"), (17, 17, 1), test=True)


def test_another_model_in_the_same_directory_is_refused(
    tmp_path, bars, monkeypatch, capsys
):
    command = [*TINY, "--model.resolution", 17, "--data", f"npz:{bars}", "--steps", 1]
    command += ["--workdir", tmp_path, "--tests", 10]
    assert call(capsnet_mnist, command, monkeypatch) == 0
    before = {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    assert call(capsnet_mnist, [*command, "--model.types", 3], monkeypatch) == 2
    assert "model.types: 2 -> 3" in capsys.readouterr().err
    after = {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    assert after == before


@pytest.mark.slow
def test_two_digits_are_drawn_over_each_other(tmp_path, bars, monkeypatch):
    command = [*TINY, "--model.resolution", 25, "--data", f"npz:{bars}", "--steps", 2]
    assert call(capsnet_multimnist, [*command, "--workdir", tmp_path], monkeypatch) == 0
    assert results(tmp_path)["test_images"] == 40  # made, so as many as asked for
    assert "affine_error" not in results(tmp_path)
    assert pathlib.Path(tmp_path / "overlay.png").is_file()


def test_the_table_trains_what_is_missing_and_nothing_twice(
    tmp_path, bars, monkeypatch, capsys
):
    def models(*_):
        base = capsnet_baseline.Config(
            resolution=17, classes=3, features=(4,), kernels=(3,), hidden=(6,)
        )
        return {"baseline": base}

    monkeypatch.setattr(capsnet_table, "models", models)
    command = [
        "--data", f"npz:{bars}", "--mnist-steps", 2, "--multimnist-steps", 0,
        "--batch-size", 8, "--workdir", tmp_path, "--tests", 10, "--seeds",
    ]  # fmt: skip
    assert call(capsnet_table, [*command, 0], monkeypatch) == 0
    # A 3x3 convolution of 17x17 images, and two dense layers.
    size = (9 + 1) * 4 + (17 * 17 * 4 + 1) * 6 + (6 + 1) * 3
    text = f"| baseline | {size:,} |"
    assert text in (tmp_path / "table.md").read_text()
    assert "| 1 | 0.39 |" in (tmp_path / "table.md").read_text()
    capsys.readouterr()
    assert call(capsnet_table, [*command, 0, 1], monkeypatch) == 0
    said = capsys.readouterr().err
    assert said.count("training  mnist") == 1  # the second seed's
    (row,) = results(tmp_path)["sets"]["mnist"].values()
    errors = [100 * run["test_error"] for run in row["runs"]]
    assert [run["seed"] for run in row["runs"]] == [0, 1]
    assert row["mean"] == pytest.approx(np.mean(errors))
    assert row["standard_deviation"] == pytest.approx(np.std(errors, ddof=1))
    warped = [100 * run["affine_error"] for run in row["runs"]]
    assert row["affine"]["mean"] == pytest.approx(np.mean(warped))
    assert f"| {np.mean(warped):.2f} ± " in (tmp_path / "table.md").read_text()
    assert call(capsnet_table, [*command, 0, 0], monkeypatch) == 2


def test_the_rows_of_the_table_are_the_paper_s():
    for name, preset in (("mnist", "paper"), ("multimnist", "small")):
        rows = capsnet_table.models(name, preset, steps=1000)
        published = [row for row in rows if "released" not in row]
        assert published == list(tables.PUBLISHED[name])
        for row, model in rows.items():
            if row != "baseline":
                assert f"routing {model.iterations}" in row
                assert ("reconstruction" in row) == bool(model.reconstruction)
                assert ("released" in row) == (model.scaling == "released")
    assert rows["baseline"].objects == 2
    paper = capsnet_table.models("mnist", "paper", steps=1000)
    assert paper["routing 3, reconstruction"] == capsnet.Config(classes=None)
    more = capsnet_table.models("mnist", "small", 1000, iterations=(1, 2, 3, 5))
    assert [row for row in more if row not in paper] == [
        "routing 2, reconstruction",
        "routing 5, reconstruction",
    ]


@pytest.mark.parametrize(("name", "narrower"), [("mnist", 16), ("multimnist", 8)])
def test_small_baselines_have_as_many_parameters_as_the_capsules(name, narrower):
    rows = capsnet_table.models(name, "small", steps=1000, narrower=narrower)
    sizes = (
        capsules.parameters(rows["baseline"]),
        capsules.parameters(rows["routing 3, reconstruction"]),
    )
    assert sizes[0] == pytest.approx(sizes[1], rel=0.01)


def test_the_paper_s_networks_have_its_sizes():
    rows = capsnet_table.models("mnist", "paper", steps=1000)
    assert capsules.parameters(rows["baseline"]) == pytest.approx(35.4e6, rel=0.005)
    sizes = [
        capsules.parameters(rows[f"routing 3{x}"]) for x in (", reconstruction", "")
    ]
    assert sizes == pytest.approx([8.2e6, 6.8e6], rel=0.005)


def test_errors_are_crossed_by_iterations_of_training_and_test():
    def run(*errors):
        tested = dict(zip("13", errors, strict=True))
        return {"test_error": 0.5, "parameters": 7, "error_at_iterations": tested}

    plain = {"test_error": 0.5, "parameters": 7}
    runs = {
        "baseline": [plain],
        "routing 1": [run(0.02, 0.05), run(0.04, 0.05)],
        "routing 3": [run(0.5, 0.01)],
    }
    rows = {name: tables._summary("mnist", name, found) for name, found in runs.items()}
    table, blank = tables._crossed(rows)
    assert blank == ""
    assert table.splitlines()[2:] == [
        "| routing 1 | 3.00 ± 1.41 | 5.00 ± 0.00 |",
        "| routing 3 | 50.00 | 1.00 |",
    ]
    assert tables._crossed({"baseline": rows["baseline"]}) == []
