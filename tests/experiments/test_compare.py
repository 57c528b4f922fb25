"""Runs side by side: what differs on top, and one file that stands alone."""

import json
import re

import numpy as np
import pytest
from commands import call

from experiments import compare
from jaxgan import report
from jaxgan.train import directory


def make(place, rate, share=None, **model):
    plain = {
        "run": {"workdir": str(place), "steps": 40},
        "model": {"rate": rate} | model,
    }
    report.write(place / "config.json", json.dumps(plain))
    rows = [{"step": i, "g/loss": rate * i, "odd": 1.0} for i in range(1, 30)]
    report.append_scalars(place / "scalars.jsonl", rows)
    images = np.full((4, 8, 8, 3), 90, np.uint8)
    report.save_png(directory.sheet(place, "ema", 20), report.sheet(images))
    if share is not None:
        numbers = {"psnr": share, "setting": {"psnr": "text"}}
        report.write(place / "results.json", json.dumps(numbers))
    return place


def test_runs_are_compared_on_one_page(tmp_path, monkeypatch):
    one = make(tmp_path / "a" / "run", 0.5, 20.25)
    two = make(tmp_path / "b" / "run", 0.1, width=[3, 4])
    out = tmp_path / "out"
    assert call(compare, [one, two, "--workdir", out], monkeypatch) == 0
    text = (out / "report.html").read_text()
    assert "<td>model/rate</td><td>0.5</td><td>0.1</td>" in text
    assert "<td>model/width</td><td>(none)</td><td>[3, 4]</td>" in text
    assert "run/workdir" not in text
    assert "run/steps" not in text
    assert "<td>psnr</td><td>20.25</td><td></td><td>higher is better" in text
    assert text.index("What differs") < text.index("Scores") < text.index("<img")
    assert text.count("<svg") == 2
    assert "a/run, step 20" in text
    assert "b/run, step 20" in text
    markup = re.sub(r'"data:image/[^"]*"', "", text)
    assert not re.search(r"https?:|//|@import|url\(|<script|<link", markup)


@pytest.mark.parametrize("case", ["one", "twice", "none"])
def test_what_is_no_run_is_refused_in_one_sentence(case, tmp_path, monkeypatch, capsys):
    run = make(tmp_path / "run", 0.5)
    empty = tmp_path / "empty"
    empty.mkdir()
    argv = {"one": [run], "twice": [run, run], "none": [run, empty]}[case]
    assert call(compare, [*argv, "--workdir", tmp_path / "out"], monkeypatch) == 2
    said = capsys.readouterr().err
    assert (f"{empty} holds no run" if case == "none" else "two or more") in said
    assert "Traceback" not in said
    assert not (tmp_path / "out").exists()


def test_names_are_as_long_as_they_must_be():
    paths = [compare.pathlib.Path(x) for x in ("runs/a/s0", "runs/b/s0", "runs/a/s0")]
    assert list(compare.names(tuple(paths)).values()) == ["a/s0", "b/s0"]
