"""The page of a run: what it shows, when, and that it stands alone."""

import json
import re

import numpy as np
import pytest

from jaxgan import report
from jaxgan.report import charts
from jaxgan.train import Run, diagnosis, directory, page

ABOUT = page.About(
    "A <GAN>",
    {"data": "digits"},
    "python -m experiments.x",
    {"python -m experiments.sample": "Draw more."},
)


def sheet(value, tile=10):
    images = np.full((9, tile, tile, 3), value, np.uint8)
    return report.sheet(images, columns=3)


@pytest.fixture
def run(tmp_path):
    run = Run(workdir=tmp_path, steps=40, batch_size=8)
    for step in (0, 10, 20):
        report.save_png(directory.sheet(tmp_path, "raw", step), sheet(step))
        report.save_png(directory.sheet(tmp_path, "ema", step), sheet(100 + step))
    report.write(tmp_path / "config.json", json.dumps({"run": {"steps": 40}}))
    rows = [
        {
            "step": step,
            "d/loss": float("nan") if step == 7 else 1 / step,
            "d/real": 1.0,
            "d/fake": -1.0,
            "odd": 3.0,
            "images_per_second": 2.0,
        }
        for step in range(1, 21)
    ]
    report.append_scalars(
        tmp_path / "scalars.jsonl", [*rows, {"step": 20, "evaluation/psnr": 12.5}]
    )
    return run


def written(run, step, **more):
    rows = directory.scalars(run.workdir)
    page.write(run, ABOUT, step, rows, diagnosis.findings(rows), **more)
    return (run.workdir / "report.html").read_text()


def test_pictures_come_first_and_the_configuration_last(run):
    text = written(run, 20)
    marks = ("<h1>A &lt;GAN&gt;", "the sheet ema of step 20", "Over time", "Scores",
             "the sheet raw of step 20", "Curves", "experiments.sample",
             "How it was made", "Configuration")  # fmt: skip
    places = [text.index(mark) for mark in marks]
    assert places == sorted(places)
    assert [text.count(f"<span>{step}</span>") for step in (0, 10, 20)] == [1] * 3
    assert "Step 20 of 40 (50%). About 1 min left." in text  # 20 steps of 8 at 2/s
    assert "higher is better, in decibels" in text
    assert "discriminator cannot tell them apart" in text
    assert text.count("<svg") == 5  # a loss, two outputs together, a score, odd, speed
    assert "nan" not in text


def test_it_reloads_itself_while_the_run_trains(run):
    assert 'http-equiv="refresh"' in written(run, 20)
    end = written(run, 40, numbers={"distance_to_data": 0.9, "inner": {"l1": 0.25}})
    assert 'http-equiv="refresh"' not in end
    assert "All 40 steps are trained" in end
    assert "<td>inner: l1</td><td>0.25</td><td>lower is better" in end


def test_it_needs_nothing_from_elsewhere(run):
    text = re.sub(r'"data:image/[^"]*"', "", written(run, 20))
    assert not re.search(r"https?:|//|@import|url\(|<script|<link", text)


def test_a_run_that_has_drawn_nothing_has_a_page(tmp_path):
    text = written(Run(workdir=tmp_path, steps=5), 0)
    assert "Step 0 of 5" in text
    assert "<svg" not in text


@pytest.mark.parametrize(
    ("shape", "columns"), [((7, 9), 3), ((12, 12), 4), ((6, 6), 1)]
)
def test_the_height_of_tiles_is_seen(shape, columns):
    images = np.random.default_rng(0).integers(0, 255, (8, *shape, 3), np.uint8)
    assert report.tile_height(report.sheet(images, columns)) == shape[0]
    assert report.tile_height(report.sheet(images, 8)) == shape[0]  # one row


def test_a_chart_draws_what_is_finite_within_its_frame():
    steps = np.arange(500)
    values = np.sin(steps / 9)
    values[3], values[4], values[5] = np.nan, np.inf, 1e9
    drawn = charts.chart({"a": (steps, values), "b": ([], [])})
    for points in re.findall('points="([^"]*)"', drawn):
        at = np.array([p.split(",") for p in points.split()], float)
        assert len(at) <= 251
        assert (at >= 0).all()
        assert (at <= (charts.WIDTH, charts.HEIGHT)).all()
    assert charts.chart({"b": ([1], [np.nan])}) == ""
    assert ">1e+03<" in charts.chart({"a": ([1, 2, 3], [1e-3, 1, 1e3])})
