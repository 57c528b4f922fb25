"""The command as people use it: it runs, resumes, survives kills, and refuses well."""

import dataclasses
import io
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from unittest.mock import ANY

import numpy as np
import pytest
from commands import call
from PIL import Image

from experiments import dcgan_faces, sample
from jaxgan import report
from jaxgan.lab import cli
from jaxgan.models import dcgan

TINY = [
    "--model.resolution", "16", "--model.width", "4", "--model.latent", "6",
    "--batch-size", "8", "--log-every", "5", "--sample-every", "10",
    "--checkpoint-every", "10",
]  # fmt: skip
# Runs on one device and 24 images share their compiled programs.
ONE = ["--devices", "1"]


def test_trains_reports_resumes_and_samples(tmp_path, photos, monkeypatch, capsys):
    workdir = tmp_path / "run"
    command = [*TINY, *ONE, "--data", f"npz:{photos}", "--workdir", workdir]
    assert call(dcgan_faces, [*command, "--steps", 20], monkeypatch) == 0
    said = capsys.readouterr().err
    for fact in ("24 images, 16x16x3", "generator", "1 x cpu", str(workdir)):
        assert fact in said
    left = {str(p.relative_to(workdir)) for p in workdir.rglob("*.*")}
    assert {
        "config.json", "scalars.jsonl", "curves.png", "strip.png", "neighbours.png",
        "report.html", "samples/ema_0000000.png", "samples/raw_0000020.png",
    } <= left  # fmt: skip
    assert any("tfevents" in name for name in left)
    page = (workdir / "report.html").read_text()
    assert page.count("data:image/png;base64") >= 5
    assert "http" not in page.replace("http-equiv", "")

    assert call(dcgan_faces, [*command, "--steps", 30], monkeypatch) == 0
    rows = report.read_scalars(workdir / "scalars.jsonl")
    assert [row["step"] for row in rows] == [5, 10, 15, 20, 25, 30]

    shown = ["--run", workdir, "--count", 3, "--single", "--stops", 2, "--frames", 3]
    assert call(sample, [*shown, "--statistics", "standing"], monkeypatch) == 0
    with Image.open(workdir / "pictures" / "walk.gif") as walk:
        assert walk.n_frames == 6
    assert len(list((workdir / "pictures" / "single").iterdir())) == 3


def jpeg(size, cut=None):
    file = io.BytesIO()
    Image.fromarray(np.full((size, size, 3), 99, np.uint8)).save(file, "JPEG")
    return file.getvalue()[:cut]


@pytest.fixture
def folder(tmp_path):
    """Good, small and corrupt pictures, each in a folder of its own."""
    for name, sizes in {"good": (16,) * 9, "small": (16, 8), "empty": ()}.items():
        (tmp_path / name).mkdir()
        for i, size in enumerate(sizes):
            (tmp_path / name / f"{i}.jpg").write_bytes(jpeg(size))
    (tmp_path / "corrupt").mkdir()
    for i in range(23):
        (tmp_path / "corrupt" / f"{i}.jpg").write_bytes(jpeg(16))
    (tmp_path / "corrupt" / "torn.jpg").write_bytes(jpeg(16, cut=300))
    (tmp_path / "file").write_text("mine")
    return tmp_path


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--data", "folder:{tmp}/nowhere"], "nowhere"),
        (["--data", "folder:{tmp}/empty"], "empty"),
        (["--data", "folder:{tmp}/corrupt"], r"torn\.jpg.*--skip-corrupt"),
        (["--data", "folder:{tmp}/small"], r"1\.jpg.*8x8.*--upscale"),
        (["--data", "tfds:no_such_set"], r"no_such_set.*"),
        (["--data", "what:ever"], "what.*folder"),
        (["--leave-out", "1"], r"--leave-out \(1,\).*has no labels"),
        (["--model.resolution", "48"], "resolution 48.*power of two.*32 or 64"),
        (["--batch-size", "12"], "batch size 12.*8 devices.*8 or 16"),
        (["--workdir", "{tmp}/file"], "file is a file.*--workdir"),
        (["--devices", "64"], "64 devices.*there are 8"),
        (["--steps", "0"], "--steps is 0"),
    ],
)
def test_bad_input_is_one_sentence_and_leaves_nothing(
    folder, flags, message, monkeypatch, capsys
):
    before = sorted(folder.rglob("*"))
    flags = [flag.format(tmp=folder) for flag in flags]
    base = [*TINY, "--data", f"folder:{folder}/good", "--workdir", folder / "run"]
    assert call(dcgan_faces, [*base, *flags], monkeypatch) == 2
    said = capsys.readouterr().err.strip()
    text = " ".join(said.split())
    assert re.search(message, text), said
    assert "Traceback" not in said
    assert sorted(folder.rglob("*")) == before


def test_corrupt_pictures_are_skipped_when_asked(folder, monkeypatch, capsys):
    flags = ["--data", f"folder:{folder}/corrupt", "--skip-corrupt", "--steps", "5"]
    workdir = ["--workdir", folder / "run"]
    assert call(dcgan_faces, [*TINY, *ONE, *flags, *workdir], monkeypatch) == 0
    assert "24 images" in capsys.readouterr().err


def test_classes_are_left_out_of_training(tmp_path, monkeypatch, capsys):
    arrays = {"images": np.zeros((36, 16, 16, 3), np.uint8)}
    np.savez(tmp_path / "set.npz", **arrays, labels=np.arange(36) % 3)
    argv = [*TINY, *ONE, "--data", f"npz:{tmp_path / 'set.npz'}", "--steps", "1"]
    argv += ["--workdir", tmp_path / "run", "--leave-out"]
    assert call(dcgan_faces, [*argv, "7"], monkeypatch) == 2
    assert "there is no class 7" in capsys.readouterr().err
    assert call(dcgan_faces, [*argv, "0", "1", "2"], monkeypatch) == 2
    assert "leaves nothing of" in capsys.readouterr().err
    assert call(dcgan_faces, [*argv, "2"], monkeypatch) == 0
    assert "24 images" in capsys.readouterr().err
    plain = json.loads((tmp_path / "run" / "config.json").read_text())
    assert plain["data"]["leave_out"] == [2]


def test_a_mistyped_flag_is_explained(monkeypatch, capsys):
    assert call(dcgan_faces, ["--stepz", "5"], monkeypatch) == 2
    assert "stepz" in capsys.readouterr().err


def test_help_explains_every_flag(monkeypatch, capsys):
    assert call(dcgan_faces, ["--help"], monkeypatch) == 0
    said = capsys.readouterr().out
    for flag in (
        "--workdir",
        "--data",
        "--steps",
        "--batch-size",
        "--seed",
        "--preset",
    ):
        assert flag in said
    assert "same command again" in " ".join(said.replace("│", " ").split())


def test_the_paper_preset_can_be_changed_by_flags():
    assert cli._preset(["--preset", "paper"], dcgan_faces.PRESETS).model.width == 128


@pytest.mark.parametrize("what", ["nothing", "no checkpoint", "damaged", "other"])
def test_sampling_refuses_what_is_no_run(tmp_path, what, monkeypatch, capsys):
    text = {"damaged": '{"mod', "other": '{"model": {"sides": 3}}'}.get(what)
    if what == "no checkpoint":
        model = dcgan_faces.PRESETS["laptop"].model
        text = json.dumps({"model": vars(model)})
    if text:
        (tmp_path / "config.json").write_text(text)
    assert call(sample, ["--run", tmp_path], monkeypatch) == 2
    assert "error:" in capsys.readouterr().err


def quick(cache):
    """An environment in which little is compiled, and nothing twice."""
    return os.environ | {
        "JAX_COMPILATION_CACHE_DIR": str(cache),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_DISABLE_MOST_OPTIMIZATIONS": "1",
        "JAX_PLATFORMS": "cpu",
    }


def start(workdir, photos, cache, **options):
    command = [
        sys.executable, "-m", "experiments.dcgan_faces", *TINY, "--steps", "60",
        "--data", f"npz:{photos}", "--workdir", str(workdir),
    ]  # fmt: skip
    return subprocess.Popen(
        command,
        env=quick(cache),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def final(workdir):
    """The last checkpoint's checksums, and everything else that must not differ."""
    record = json.loads((workdir / "checkpoints/60/record/metadata").read_text())
    rows = report.read_scalars(workdir / "scalars.jsonl")
    for row in rows:
        del row["images_per_second"], row["waiting_for_data"]
    sheets = {p.name: p.read_bytes() for p in (workdir / "samples").iterdir()}
    return record["arrays"], rows, sheets


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory, photos):
    home = tmp_path_factory.mktemp("uninterrupted")
    process = start(home / "run", photos, home / "cache")
    assert end(process) == (0, ANY)
    return home


def end(process):
    """Exit status and standard error."""
    said = process.communicate(timeout=300)[1]
    return process.returncode, said


@pytest.mark.slow
def test_terminated_it_saves_and_killed_it_resumes_and_ends_the_same(
    tmp_path, photos, uninterrupted
):
    run, cache = tmp_path / "run", uninterrupted / "cache"
    process = start(run, photos, cache)
    while not (run / "scalars.jsonl").exists():
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    status, said = end(process)
    assert status == 128 + signal.SIGTERM, said
    assert "the same command goes on from there" in said

    process = start(run, photos, cache)
    # Seven of twelve: past a checkpoint, and while it trains.
    while len(report.read_scalars(run / "scalars.jsonl")) < 7:
        assert process.poll() is None
        time.sleep(0.01)
    time.sleep(random.Random(0).uniform(0, 0.1))
    process.kill()
    assert end(process)[0] == -signal.SIGKILL
    assert any(p.name.isdigit() for p in (run / "checkpoints").iterdir())

    process = start(run, photos, cache)
    assert end(process) == (0, ANY)
    assert final(run) == final(uninterrupted / "run")


def test_a_full_disk_is_one_sentence_and_loses_nothing(tmp_path, photos, uninterrupted):
    """A limit on the size of files stands for the disk: writing past it fails."""
    shutil.copytree(uninterrupted / "run", tmp_path / "run")
    before = {
        p: p.read_bytes()
        for p in (tmp_path / "run" / "checkpoints").rglob("*")
        if p.is_file()
    }

    little_space = (
        "import resource, runpy, sys;"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096));"
        "sys.argv = ['dcgan_faces', *sys.argv[1:]];"
        "runpy.run_module('experiments.dcgan_faces', run_name='__main__')"
    )
    command = [
        sys.executable, "-c", little_space, *TINY, "--steps", "80",
        "--data", f"npz:{photos}", "--workdir", str(tmp_path / "run"),
    ]  # fmt: skip
    done = subprocess.run(
        command,
        env=quick(uninterrupted / "cache"),
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert "intact" in done.stderr
    assert all(p.read_bytes() == content for p, content in before.items())


def test_grey_data_trains_in_grey_unless_the_user_says_otherwise(tmp_path):
    np.savez(tmp_path / "grey.npz", images=np.zeros((4, 16, 16), np.uint8))
    laptop = dcgan_faces.PRESETS["laptop"]
    data = dataclasses.replace(laptop.data, data=f"npz:{tmp_path}/grey.npz")
    config = dataclasses.replace(laptop, data=data)
    assert dcgan_faces.settled(config).model.channels == 1
    colour = dataclasses.replace(laptop.model, channels=3)
    config = dataclasses.replace(config, model=colour)
    assert dcgan_faces.settled(config).model == dcgan.Config(
        **dataclasses.asdict(colour)
    )
    assert dcgan_faces.settled(laptop).model.channels == 3  # faces
