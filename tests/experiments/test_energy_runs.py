"""EBGAN, BEGAN, BGAN and GoGAN as commands: train, compare, resume, refuse."""

import json
import re

import numpy as np
import pytest
from commands import call
from PIL import Image

from experiments import (
    began_faces,
    began_mnist,
    bgan_mnist,
    ebgan_mnist,
    gogan_mnist,
)

BRIEF = [
    "--batch-size", 4, "--devices", 1, "--log-every", 1, "--sample-every", 2,
    "--checkpoint-every", 2,
]  # fmt: skip
TINY = {
    ebgan_mnist: ["--model.generator", 5, "--model.encoder", 6],
    began_mnist: ["--model.width", 2, "--model.latent", 3, "--model.hidden", 6],
    began_faces: [
        "--model.resolution", 14, "--model.width", 2, "--model.latent", 3,
        "--samples", 10, "--search", 2,
    ],
    bgan_mnist: [
        flag
        for kind in ("continuous", "discrete")
        for flag in (f"--{kind}.width", 2, f"--{kind}.hidden", 5)
    ]
    + ["--discrete.samples", 2, "--discrete-steps", 2],
    gogan_mnist: [
        "--model.width", 2, "--model.hidden", 5, "--model.critic-steps", 2,
        "--stages", 2,
    ],
}  # fmt: skip


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """Images without labels: there is no classifier to train on them."""
    path = tmp_path_factory.mktemp("data") / "pictures.npz"
    images = np.random.default_rng(0).integers(0, 256, (120, 28, 28), np.uint8)
    np.savez(path, images=images)
    return path


@pytest.fixture
def run(pictures, tmp_path, monkeypatch):
    """`run(module, folder, steps, flags)` calls a command and returns its status."""

    def run(module, folder, steps=2, *flags):
        command = [*TINY[module], *BRIEF, "--data", f"npz:{pictures}"]
        command += ["--steps", steps, "--workdir", tmp_path / folder, *flags]
        return call(module, command, monkeypatch)

    return run


def read(path):
    return json.loads(path.read_text())


def scalars(folder):
    lines = (folder / "scalars.jsonl").read_text().splitlines()
    timeless = ("images_per_second", "waiting_for_data")
    return [
        {n: v for n, v in json.loads(line).items() if n not in timeless}
        for line in lines
    ]


def check_picture(path):
    with Image.open(path) as image:
        assert min(image.size) > 250
        assert len(np.unique(np.asarray(image))) > 30


@pytest.mark.slow
def test_ebgan_is_trained_twice_and_compared(run, tmp_path):
    assert run(ebgan_mnist, "a") == 0
    weights = {
        name: read(tmp_path / "a" / name / "config.json")["model"]["pulling_away"]
        for name in ("without", "with")
    }
    assert weights["without"] == 0 < weights["with"]
    found = read(tmp_path / "a" / "results.json")
    assert set(found["runs"]) == {"without", "with"}
    assert found["steps"] == 2
    check_picture(tmp_path / "a" / "ebgan.png")
    page = (tmp_path / "a" / "report.html").read_text()
    assert page.count("<img") == 1


@pytest.mark.slow
def test_began_draws_its_k_and_its_measure(run, tmp_path):
    assert run(began_mnist, "a") == 0
    last = [row for row in scalars(tmp_path / "a") if "generator/k" in row][-1]
    assert last["step"] == 2
    assert last["generator/measure"] > 0
    check_picture(tmp_path / "a" / "began.png")


@pytest.mark.slow
def test_began_on_faces_goes_on_and_repeats_nothing(run, tmp_path):
    assert run(began_faces, "a") == 0
    before = scalars(tmp_path / "a")
    assert run(began_faces, "a", 4) == 0
    after = scalars(tmp_path / "a")
    assert after[: len(before)] == before
    steps = [row["step"] for row in after if "generator/k" in row]
    assert steps == [1, 2, 3, 4]
    found = read(tmp_path / "a" / "results.json")
    last = [row for row in after if "generator/k" in row]
    assert found["k"] == pytest.approx(np.mean([row["generator/k"] for row in last]))
    assert found["measure"] > 0
    assert np.isfinite(found["frechet_distance"])
    assert found["found_psnr"] > 0
    for name in ("began.png", "interpolation.png"):
        check_picture(tmp_path / "a" / name)
    # What ended is neither trained nor measured again.
    times = (tmp_path / "a" / "scalars.jsonl").read_bytes()
    assert run(began_faces, "a", 4) == 0
    assert (tmp_path / "a" / "scalars.jsonl").read_bytes() == times


@pytest.mark.slow
def test_bgan_of_both_kinds(run, tmp_path):
    assert run(bgan_mnist, "a") == 0
    check_picture(tmp_path / "a" / "bgan.png")
    with Image.open(tmp_path / "a" / "discrete/samples/binary_final.png") as sheet:
        assert set(np.unique(np.asarray(sheet))) == {0, 255}
    kinds = {
        name: read(tmp_path / "a" / name / "config.json")["model"]["kind"]
        for name in ("continuous", "discrete")
    }
    assert kinds == {"continuous": "continuous", "discrete": "discrete"}


@pytest.mark.slow
def test_gogan_goes_from_stage_to_stage(run, tmp_path, capsys):
    assert run(gogan_mnist, "a") == 0
    check_picture(tmp_path / "a" / "gogan.png")
    found = read(tmp_path / "a" / "results.json")["runs"]
    assert list(found) == ["stage1", "stage2"]
    assert all(np.isfinite(stage["completion_psnr"]) for stage in found.values())
    # The second stage begins with what the first one ended with.
    end, start = (
        (tmp_path / "a" / stage / "samples" / f"raw_{step:07d}.png").read_bytes()
        for stage, step in (("stage1", 2), ("stage2", 0))
    )
    assert end == start
    rows = scalars(tmp_path / "a" / "stage2")
    assert any("generator/ranking" in row for row in rows)
    # What ended is not trained again; what others started from is not trained on.
    before = (tmp_path / "a" / "stage2" / "scalars.jsonl").read_bytes()
    assert run(gogan_mnist, "a") == 0
    assert (tmp_path / "a" / "stage2" / "scalars.jsonl").read_bytes() == before
    capsys.readouterr()
    assert run(gogan_mnist, "a", 4) == 2
    assert "stage1 was trained for 2" in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize(
    ("module", "flags", "words"),
    [
        (ebgan_mnist, ["--model.margin", -1], r"margin is -1\.0.*above 0"),
        (ebgan_mnist, ["--model.pulling-away", 0], "--model.pulling-away is 0"),
        (began_mnist, ["--model.gamma", 0], r"gamma is 0\.0.*at most 1"),
        (began_mnist, ["--model.gamma", 1.2], r"gamma is 1\.2.*at most 1"),
        (began_faces, ["--model.resolution", 70], r"resolution is 70; .*use 64"),
        (began_faces, ["--model.nets", "digits"], "nets is digits, which draw grey"),
        (began_faces, ["--search", 0], "--search is 0.*at least 1"),
        (began_faces, ["--samples", 9], "--samples is 9.*at least 10"),
        (bgan_mnist, ["--discrete.samples", 1], "samples is 1.*at least 2"),
        (bgan_mnist, ["--discrete-steps", -1], "--discrete-steps is -1.*at least 0"),
        (bgan_mnist, ["--discrete.kind", "continuous"], "--discrete.kind.*discrete"),
        (gogan_mnist, ["--model.margin", -1], r"margin is -1\.0.*above 0"),
        (gogan_mnist, ["--stages", 0], "--stages is 0.*at least 1"),
        (gogan_mnist, ["--model.stage", 2], "--model.stage is 2.*leave it at 1"),
    ],
)
def test_wrong_flags_give_one_sentence(run, tmp_path, capsys, module, flags, words):
    assert run(module, "a", 2, *flags) == 2
    error = " ".join(capsys.readouterr().err.split())
    assert re.search(words, error), error
    assert "Traceback" not in error
    assert not (tmp_path / "a").exists()
