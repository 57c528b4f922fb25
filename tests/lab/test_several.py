"""`--seeds N`: one run for each seed, and what they came to together."""

import json

import numpy as np
import pytest
from commands import call
from runs import checksums

from experiments import dcgan_faces, gan_2d, lsgan_mnist
from jaxgan import lab
from jaxgan.lab import help, several


def test_numbers_of_all_runs_are_averaged_by_their_names():
    runs = [
        {"seed": i, "steps": 9, "fit": {"l1": x, "rows": {"a": 1}}, "ok": True, "n": 2}
        for i, x in enumerate([0.25, 0.75])
    ]
    runs[1]["only_here"] = 3.0
    found = several.together(runs)
    assert list(found) == ["fit, l1", "fit, rows, a", "n"]
    assert found["fit, l1"] == (0.5, pytest.approx(np.std([0.25, 0.75], ddof=1)))


@pytest.mark.usefixtures("undisturbed")
def test_each_seed_is_the_run_that_its_seed_alone_makes(
    tiny_run, tmp_path, monkeypatch
):
    photos = tiny_run.parent / "photos.npz"
    argv = [
        *("--data", f"npz:{photos}", "--workdir", tmp_path / "all", "--seeds", 2),
        *("--steps", 2, "--batch-size", 8, "--devices", 1),
        *("--model.resolution", 16, "--model.width", 4, "--model.latent", 6),
        *("--model.latent-distribution", "normal"),
    ]
    assert call(dcgan_faces, argv, monkeypatch) == 0
    first, second = (tmp_path / "all" / f"seed_{seed}" for seed in (0, 1))
    assert checksums(first, 2) == checksums(tiny_run, 2)
    assert checksums(second, 2) != checksums(tiny_run, 2)
    assert lab.open_run(second).step == 2
    found = json.loads((tmp_path / "all" / "results.json").read_text())
    assert found["seeds"] == [0, 1]
    assert found["runs"]["seed_1"]["seed"] == 1
    page = (tmp_path / "all" / "report.html").read_text()
    assert "2 seeds" in page
    assert page.count("<figure") == 4  # the last sheets: averaged and raw weights


@pytest.mark.usefixtures("undisturbed")
@pytest.mark.parametrize("count", ["0", "two", "-1"])
def test_no_number_of_seeds_is_refused(count, tmp_path, monkeypatch, capsys):
    argv = ["--seeds", count, "--workdir", tmp_path / "run"]
    assert call(dcgan_faces, argv, monkeypatch) == 2
    assert f"--seeds is {count}; give a number of runs" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_commands_with_seeds_of_their_own_keep_them():
    assert help.offers_seeds(dcgan_faces.Config)
    assert help.offers_seeds(lsgan_mnist.Config)
    assert not help.offers_seeds(gan_2d.Config)
