"""CycleGAN on two folders: what a run leaves, and what it refuses."""

import json

import numpy as np
import pytest
from commands import call
from PIL import Image
from runs import checksums

from experiments import cyclegan
from jaxgan.lab import domains


@pytest.fixture
def folder(tmp_path):
    """Dark and bright noise, of other numbers of images."""
    rng = np.random.default_rng(0)
    for name, level, count in (("dark", 0, 12), ("bright", 156, 18)):
        (tmp_path / "set" / name).mkdir(parents=True)
        for i in range(count):
            image = level + rng.integers(0, 100, (8, 12, 3), dtype=np.uint8)
            Image.fromarray(image).save(tmp_path / "set" / name / f"{i}.png")
    return tmp_path / "set"


def arguments(folder, tmp_path, *more, run="run", steps=2):
    return [
        *("--data", f"folder:{folder}#dark", "--other", f"folder:{folder}#bright"),
        *("--workdir", tmp_path / run, "--resolution", "8x12", "--devices", 1),
        *("--model.width", 2, "--model.blocks", 1, "--model.patch", 1),
        *("--steps", steps, "--batch-size", 2),
        *more,
    ]


@pytest.mark.slow
def test_a_run_leaves_a_sheet_both_ways_and_errors_and_resumes_exactly(
    folder, tmp_path, monkeypatch
):
    for run, steps in (("run", 2), ("cut", 1), ("cut", 2)):
        argv = arguments(folder, tmp_path, run=run, steps=steps)
        assert call(cyclegan, argv, monkeypatch) == 0
    whole, cut = (checksums(tmp_path / run, 2) for run in ("run", "cut"))
    assert whole
    assert cut == whole
    found = json.loads((tmp_path / "run" / "results.json").read_text())
    assert found["tested"] == 2  # a sixth of the smaller
    assert set(found["a_to_b"]) == {"cycle"}  # nobody knows the truth
    assert found["b_to_a"]["cycle"]["l1"] > 0
    with Image.open(tmp_path / "run" / "samples" / "both_ways_0000002.png") as sheet:
        assert sheet.size == (2 * (12 + 2) + 2, 6 * (8 + 2) + 2)


def test_a_rate_that_is_gone_and_an_empty_domain_are_refused(
    folder, tmp_path, monkeypatch, capsys
):
    (folder / "none").mkdir()
    for more, said in (
        (("--steps", 5000), "the rate has fallen to 0 after"),
        (("--other", f"folder:{folder}#none"), "none"),
    ):
        argv = arguments(folder, tmp_path, *more)
        assert call(cyclegan, argv, monkeypatch) == 2
        assert said in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_what_is_read_is_compared_with_the_true_counterparts():
    class Judge:
        """Reads age off the first pixel, and everything else off the second."""

        def read(self, images):
            first, second = images[:, 0, 0, 0] / 100, images[:, 0, 1, 0] / 1.0
            names = domains.factors.NUMBERS
            return {name: first if name == "age" else second for name in names}

    image = np.zeros((4, 2, 2, 3), np.uint8)
    image[:, 0, 1] = np.arange(0, 8, 2, dtype=np.uint8)[:, None]
    truth, there = image.copy(), image.copy()
    truth[:, 0, 0] = 100
    there[:3, 0, 0] = 90
    there[:, 0, 1] += 1
    drawn = domains.Drawn(image, there, image, truth)
    found = domains.attributes(Judge(), "age", drawn)
    assert [found[name]["rate"] for name in ("input", "output", "truth")] == [
        0,
        0.75,
        1,
    ]
    assert found["truth"]["rest"] == found["input"]["rest"] == 0
    np.testing.assert_allclose(found["output"]["rest"], 1 / np.sqrt(5), rtol=1e-4)
    measured = domains.measured(drawn)
    assert measured["cycle"]["l1"] == 0
    np.testing.assert_allclose(measured["input"]["l1"], 100 / 255 / 4, rtol=1e-5)
