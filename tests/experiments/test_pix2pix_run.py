"""pix2pix on a folder of pairs: what a run leaves, and what it refuses."""

import json

import numpy as np
import pytest
from commands import call
from PIL import Image
from runs import checksums

from experiments import pix2pix


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(0)
    (tmp_path / "pairs").mkdir()
    for i in range(20):
        half = rng.integers(0, 256, (8, 16, 3), dtype=np.uint8)
        both = np.concatenate([half, 255 - half], 1)
        Image.fromarray(both).save(tmp_path / "pairs" / f"{i:02}.png")
    return tmp_path / "pairs"


@pytest.mark.slow
def test_a_run_on_pairs_leaves_a_sheet_and_errors_and_resumes_exactly(
    folder, tmp_path, monkeypatch
):
    argv = [
        *("--task", "pairs", "--data", f"pairs:{folder}"),
        *("--resolution", "8x16", "--model.patch", 16, "--model.width", 2),
        *("--batch-size", 2, "--devices", 1),
    ]
    for run, steps in (("run", 2), ("cut", 1), ("cut", 2)):
        more = ["--workdir", tmp_path / run, "--steps", steps]
        assert call(pix2pix, argv + more, monkeypatch) == 0
    whole, cut = (checksums(tmp_path / run, 2) for run in ("run", "cut"))
    assert whole
    assert cut == whole
    found = json.loads((tmp_path / "run" / "results.json").read_text())
    assert found["tested"] == 3
    assert set(found["errors"]) == {"output", "input", "mean", "nearest"}
    # An image and its negative differ by |255 - 2x|, half of the range on average.
    np.testing.assert_allclose(found["errors"]["input"]["l1"], 0.5, atol=0.05)
    np.testing.assert_allclose(found["errors"]["mean"]["l1"], 0.25, atol=0.03)
    with Image.open(tmp_path / "run" / "samples" / "pairs_0000002.png") as sheet:
        assert sheet.size == (9 * (16 + 2) + 2, 1 * (8 + 2) + 2)


def test_tasks_and_data_that_do_not_fit_are_refused(
    folder, tmp_path, monkeypatch, capsys
):
    for more, said in (
        (("--data", "digits"), "is of drawn people"),
        (("--data", f"pairs:{folder}"), "does not go with --data"),
        (("--resolution", "100x64"), "use 96x64 or 104x64"),
    ):
        argv = ["--workdir", tmp_path / "run", *more]
        assert call(pix2pix, argv, monkeypatch) == 2
        assert said in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
