"""What the command that measures refuses, in one sentence, before it writes."""

import types
from typing import get_args

import pytest
from commands import call
from evaluated import images, refused, results, saved
from PIL import Image

from experiments import evaluate
from experiments.evaluate import choosing
from jaxgan.lab.measure import extract, moments, statistics


def test_unreadable_images_are_named_or_counted(tmp_path, monkeypatch, capsys):
    folder = tmp_path / "photos"
    folder.mkdir()
    for i, image in enumerate(images(0, 12)):
        Image.fromarray(image).save(folder / f"{i:02d}.png")
    (folder / "05.png").write_bytes(b"no picture")
    real = saved(tmp_path, "real", 1)
    argv = ["--real", real, "--fake", f"folder:{folder}", "--metrics", "frechet"]
    out = tmp_path / "out"
    said = refused(argv, monkeypatch, capsys, out)
    assert "05.png" in said
    assert "--skip-corrupt" in said
    argv += ["--skip-corrupt", "--out", out]
    assert call(evaluate, argv, monkeypatch) == 0
    fake = results(out)["protocol"]["fake"]
    assert (fake["seen"], fake["skipped"]) == (11, 1)
    assert fake["first_skipped"].endswith("05.png")


def test_images_of_two_sizes_are_refused_or_brought_together(
    tmp_path, monkeypatch, capsys
):
    folder = tmp_path / "photos"
    folder.mkdir()
    for i, size in enumerate((16, 16, 20, 16)):
        Image.fromarray(images(i, 1, size)[0]).save(folder / f"{i}.png")
    real, out = saved(tmp_path, "real", 1), tmp_path / "out"
    argv = ["--real", real, "--fake", f"folder:{folder}", "--metrics", "frechet"]
    said = refused(argv, monkeypatch, capsys, out)
    assert "2.png is 20x20 colour" in said
    assert "--resolution" in said
    assert call(evaluate, [*argv, "--resolution", 16, "--out", out], monkeypatch) == 0


TWO = ["--real", "SET", "--fake", "SET"]


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        ([], "either --run or --fake"),
        (["--run", "here", "--fake", "there"], "either --run or --fake"),
        (["--fake", "SET"], "--fake needs --real"),
        (["--run", "nowhere"], "nowhere is not a run"),
        (["--run", "here", "--count", "0"], "give the number of samples"),
        ([*TWO, "--kept", "1"], "--kept is 1"),
        ([*TWO, "--devices", "99"], "--devices is 99, but there are 8"),
        ([*TWO, "--metrics", "score"], "needs logits"),
        ([*TWO, "--metrics", "classes"], "needs labels"),
        ([*TWO, "--metrics", "memorisation"], "--held-out"),
        ([*TWO, "--metrics", "kernel", "kernel"], "--metrics names one twice"),
        ([*TWO, "--extractor", "inception"], "pytorch-fid"),
        ([*TWO, "--extractor", "digits"], "no labels"),
        ([*TWO, "--resolution", "-1"], "--resolution is -1"),
        ([*TWO, "--crop", "0", "0", "8", "8"], "--crop needs --resolution"),
    ],
)
def test_what_cannot_be_is_one_sentence(argv, said, monkeypatch, capsys, tmp_path):
    monkeypatch.delenv(extract.WEIGHTS, raising=False)
    spec = saved(tmp_path, "few", 0, count=6)
    argv = [spec if word == "SET" else word for word in argv]
    error = refused(argv, monkeypatch, capsys, tmp_path / "out")
    assert said in error
    assert "Traceback" not in error


@pytest.mark.parametrize(
    ("count", "there"),
    [
        (2, ("frechet",)),
        (5, ("frechet",)),
        (6, ("frechet", "coverage")),
        (60, ("frechet", "kernel", "coverage")),
    ],
)
def test_of_few_images_is_measured_what_can_be(count, there):
    """Before anything is computed: what is asked for and cannot be had is refused."""
    pictures = types.SimpleNamespace(count=count, shape=(8, 8, 3), labelled=False)
    sets = {"real": pictures, "fake": types.SimpleNamespace(**vars(pictures))}
    extractor = types.SimpleNamespace(about={})

    def wanted(*names):
        config = types.SimpleNamespace(metrics=names, kept=50, subset_size=40)
        return choosing.wanted(sets, extractor, config)

    assert wanted() == there
    for name in get_args(statistics.Metric):
        if name in there:
            assert wanted(name) == (name,)
        else:
            with pytest.raises(ValueError, match=f"--metrics {name} needs "):
                wanted(name)
    sets["fake"].count = 1
    with pytest.raises(ValueError, match="nothing can be measured with 1 image"):
        wanted()


def test_grey_against_colour_is_refused(tmp_path, monkeypatch, capsys):
    real, fake = saved(tmp_path, "real", 0), saved(tmp_path, "fake", 1, channels=1)
    argv = ["--real", real, "--fake", fake]
    said = refused(argv, monkeypatch, capsys, tmp_path / "out")
    assert "16x16 grey" in said
    assert "16x16 colour" in said
    assert "--channels" in said


def test_too_few_samples_are_refused(tmp_path, monkeypatch, capsys):
    spec = saved(tmp_path, "few", 0, count=12)
    argv = ["--real", spec, "--fake", spec, "--metrics", "kernel"]
    said = refused(argv, monkeypatch, capsys, tmp_path / "out")
    assert "12" in said
    assert "1000" in said


def test_a_table_of_more_classes_than_memory_is_refused(monkeypatch):
    with pytest.raises(ValueError, match="leave classes out"):
        moments._check_memory(1000, 2048)
    moments._check_memory(100, 2048)
