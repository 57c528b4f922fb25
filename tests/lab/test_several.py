"""`--seeds N`: one run for each seed, and what they came to together."""

import json

import numpy as np
import pytest
from commands import call
from runs import checksums

from experiments import dcgan_faces, gan_2d, lsgan_mnist, sample
from jaxgan import lab
from jaxgan.lab import help, several
from jaxgan.train import Run


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
@pytest.mark.parametrize("devices", [1, 2])
def test_each_seed_is_the_run_that_its_seed_alone_makes(
    devices, tiny_run, tmp_path, monkeypatch
):
    photos = tiny_run.parent / "photos.npz"
    argv = [
        *("--data", f"npz:{photos}", "--workdir", tmp_path / "all", "--seeds", 2),
        *("--steps", 2, "--batch-size", 8, "--devices", devices),
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


@pytest.mark.usefixtures("undisturbed")
def test_seeds_that_there_are_none_of_are_refused(tmp_path, monkeypatch, capsys):
    argv = ["--seed", 2**32 - 2, "--seeds", 3, "--workdir", tmp_path / "run"]
    assert call(dcgan_faces, argv, monkeypatch) == 2
    assert "--seeds is 3 and --seed 4294967294, but" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("given", "count", "shares"),
    [
        ({}, 8, [1] * 8),
        ({}, 2, [4, 4]),
        ({}, 3, [2, 2, 2]),  # and two devices rest
        ({"batch_size": 6}, 2, [3, 3]),
        ({"batch_size": 5}, 2, [1, 1]),
        ({}, 20, [1] * 8),  # the others when one has ended
        ({"devices": 3}, 2, [1, 1]),
        ({"devices": 1}, 2, []),
        ({"fsdp": 2}, 2, []),
        ({"devices": 9}, 2, []),  # which is refused
    ],
)
def test_seeds_share_the_devices_as_the_batch_divides(given, count, shares, tmp_path):
    run = Run(workdir=tmp_path, **{"batch_size": 16} | given)
    found = several._shares(run, count)
    assert list(map(len, found)) == shares
    assert len({device for share in found for device in share}) == sum(shares)


def test_commands_that_train_no_run_or_have_seeds_of_their_own_keep_them():
    assert help.offers_seeds(dcgan_faces.Config)
    assert help.offers_seeds(lsgan_mnist.Config)
    assert not help.offers_seeds(gan_2d.Config)
    assert not help.offers_seeds(sample.Config)  # its run is a folder
