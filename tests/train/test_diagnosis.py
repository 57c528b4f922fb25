"""What is said of runs: planted faults are named, and healthy runs are not accused.

The curves in recorded_runs.json were recorded by `recorded.py` beside this file.
"""

import json
import pathlib

import numpy as np
import pytest

from jaxgan import report
from jaxgan.lab import watch
from jaxgan.train import diagnosis

RUNS = json.loads(pathlib.Path(__file__).with_name("recorded_runs.json").read_text())


def rows(columns):
    names, values = list(columns), zip(*columns.values(), strict=True)
    return [
        {n: x for n, x in zip(names, row, strict=True) if x is not None}
        for row in values
    ]


# What comes with a planted fault: a minimax generator loses its gradient because the
# discriminator wins, and what is on its way to NaN draws nothing.
ALSO = {
    "the generator's gradient vanishes": {"the discriminator wins"},
    "NaN near": {"collapse"},
}


@pytest.mark.parametrize("fault", RUNS["planted"])
def test_a_planted_fault_is_named(fault):
    found = {one.name for one in diagnosis.findings(rows(RUNS["planted"][fault]))}
    assert found - ALSO.get(fault, set()) == {fault}


def test_healthy_runs_are_never_accused():
    assert len(RUNS["healthy"]) >= 20
    accused = {}
    for name, columns in RUNS["healthy"].items():
        whole = rows(columns)
        for end in (*range(5, len(whole), 5), len(whole)):
            for one in diagnosis.findings(whole[:end]):
                accused.setdefault((name, one.name), end)
    assert accused == {}


def test_every_rule_is_planted():
    """Each rule speaks of one fault at least, and flattening has two causes."""
    said = [
        [rule for rule in diagnosis.RULES if any(rule(diagnosis.curves_of(rows(run))))]
        for run in RUNS["planted"].values()
    ]
    assert {rule for rules in said for rule in rules} == set(diagnosis.RULES)
    assert len(said) == len(diagnosis.RULES) + 1


def test_what_is_said_has_the_figure_its_reason_and_a_cure():
    (found,) = diagnosis.findings(rows(RUNS["planted"]["starved of input"]))
    assert "% of the time" in found.figure
    assert "25%" in found.reason
    assert "--data-processes" in found.cure
    assert str(found).startswith("starved of input: the devices wait")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_loss_that_broke_is_named(value):
    (found,) = diagnosis.findings(
        [{"step": 1, "g/loss": 1.0}, {"step": 2, "g/loss": value}]
    )
    assert found.name == "NaN"
    assert str(value) in found.figure


def test_runs_without_scalars_or_of_odd_ones_are_left_alone():
    assert diagnosis.findings([]) == []
    odd = [{"step": i, "a/real": 1.0, "b": 2, "c/loss": 0.0} for i in range(40)]
    assert diagnosis.findings(odd) == []


def test_samples_are_compared_with_the_data():
    rng = np.random.default_rng(0)
    data = rng.normal(size=(400, 32))
    like = watch.compared(rng.normal(size=(50, 32)), data)
    assert like["samples/diversity"] == pytest.approx(1, abs=0.1)
    assert like["samples/distance_to_data"] == pytest.approx(1, abs=0.1)
    copied = watch.compared(data[100:150], data)
    assert copied["samples/distance_to_data"] == pytest.approx(0, abs=1e-5)
    assert copied["samples/diversity"] == pytest.approx(1, abs=0.1)
    same = watch.compared(np.repeat(data[:5], 10, 0), data)
    assert same["samples/diversity"] == pytest.approx(0, abs=1e-5)
    assert watch.compared(data[:1], data) == {}
    assert watch.compared(data[:5], np.ones((50, 32))) == {}


def test_images_are_compared_small():
    images = np.arange(2 * 33 * 35 * 3, dtype=np.uint32).reshape(2, 33, 35, 3) % 251
    images = images.astype(np.uint8)
    got = watch.small(images)
    assert got.shape == (2, 16 * 17 * 3)
    first = images[0, :2, :2].reshape(4, 3).mean(0)
    np.testing.assert_allclose(got[0, :3], first, rtol=1e-6)


def test_tiles_of_a_sheet_are_read_back(tmp_path):
    images = np.random.default_rng(0).integers(0, 255, (6, 9, 9, 3), np.uint8)
    report.save_png(tmp_path / "a.png", report.sheet(images, 3))
    np.testing.assert_array_equal(report.tiles(tmp_path / "a.png"), images)
