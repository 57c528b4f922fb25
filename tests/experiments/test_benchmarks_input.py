"""The benchmark of the input: what it counts, and the command."""

import itertools
import json
import time
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
from commands import call
from PIL import Image

from experiments.benchmarks import input as benchmark
from experiments.benchmarks.input import consumers
from experiments.benchmarks.input import files as sources
from jaxgan import data

TINY = ["--images", 70, "--size", 8, "--batch-size", 4, "--seconds", 0.01]


def clock(monkeypatch):
    """A clock that only sleeping moves."""
    now = [0.0]
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])
    monkeypatch.setattr(time, "sleep", lambda s: now.__setitem__(0, now[0] + s))
    return now


def taking(now, seconds):
    """Batches that take some time each."""
    while True:
        now[0] += seconds
        yield np.zeros(1)


def test_a_source_that_keeps_up_starves_nobody(monkeypatch):
    """A batch takes a quarter of a step: the first is waited for, no other."""
    now = clock(monkeypatch)
    ready = jnp.zeros(1).block_until_ready()

    def place(batch):
        now[0] += 0.125
        return ready

    found = consumers.paced(taking(now, 0.25), place, 4, 10.0, 4.0)
    # Nine steps end at 9.375, ten at 10.375.
    assert found["images"] == 40
    assert found["images / s"] == pytest.approx(40 / 10.375)
    assert found["next"] == pytest.approx(2.5 / 10.375)
    assert found["placing"] == pytest.approx(1.25 / 10.375)
    assert found["starved"] == pytest.approx(0.375 / 10.375)


def test_a_source_of_half_the_rate_starves_the_device_half_the_time(monkeypatch):
    now = clock(monkeypatch)
    ready = jnp.zeros(1).block_until_ready()
    found = consumers.paced(taking(now, 2.0), lambda batch: ready, 4, 100.0, 4.0)
    # Batch i comes at 2 + 2 i; the last step ends a second after it.
    assert found["images"] == 200
    assert found["images / s"] == pytest.approx(200 / 101)
    assert found["starved"] == pytest.approx(51 / 101)
    assert found["next"] == pytest.approx(100 / 101)


def test_the_highest_rate_and_the_step_are_counted(monkeypatch):
    now = clock(monkeypatch)
    assert consumers.highest_rate(taking(now, 0.5), 8, 4.0) == {
        "images / s": 16.0,
        "images": 64,
    }
    batches = ({"image": x} for x in taking(now, 0.25))
    played = []

    def step(state, image):
        now[0] += 0.75
        played.append(image)
        return state + 1

    found = consumers.stepped(batches, step, 0, 8, 1.0)
    assert len(played) == consumers.AHEAD
    assert found == {"images / s": 8.0, "next": 0.25, "images": 8 * consumers.AHEAD}


def test_medians_and_quartiles():
    rows = benchmark.summary([{"a": float(x)} for x in (5, 1, 3, 2, 4)])
    assert rows == {"a": {"median": 3.0, "low": 2.0, "high": 4.0}}
    row = {"images / s": rows["a"], "cpu s / 10,000": rows["a"], "foreign": rows["a"]}
    lines = benchmark.table({"x": row, "y": row | {"starved": rows["a"]}}).splitlines()
    assert lines[2] == "| x | 3 (2-4) | 3.000 (2.000-4.000) |  |  |  | 3.00 |"
    assert "| 300.00 (200.00-400.00) |" in lines[3]
    assert len({line.count("|") for line in lines}) == 1


def test_shards_and_files_are_those_asked_for(tmp_path, monkeypatch):
    monkeypatch.setattr(sources, "SHARD", 40 * 3 * 8 * 8)
    sources.make_shards(tmp_path / "shards", 70, 8)
    source: Any = data.open_source(f"shards:{tmp_path / 'shards'}")
    assert len(source) == 70
    images = source.gather(np.arange(70))["image"]
    assert len(np.unique(images.reshape(70, -1), axis=0)) == 70
    sources.drop(tmp_path / "shards")
    np.testing.assert_array_equal(source.gather(np.arange(70))["image"], images)
    sources.make_records(tmp_path / "records", tmp_path / "shards")
    records = sources.records(tmp_path / "records", (8, 8, 3), 4)
    for batch in data.stream(source, 0, 4, flip=True, stop=20):
        np.testing.assert_array_equal(next(records)["image"], batch["image"])
    sources.make_jpegs(tmp_path / "jpegs", 3, (21, 17))
    files = sorted((tmp_path / "jpegs").iterdir())
    assert len(files) == 3
    for path in files:
        with Image.open(path) as image:
            assert image.size == (17, 21)
    sources.make_shards(tmp_path / "shards", 9, 8)
    assert len(data.open_source(f"shards:{tmp_path / 'shards'}")) == 70  # kept


def test_the_command_measures_every_case(tmp_path, monkeypatch, capsys):
    out = tmp_path / "out" / "input.json"
    argv = [*TINY, "--jpegs", 5, "--rounds", 2, "--output", out]
    assert call(benchmark, argv, monkeypatch) == 0
    found = json.loads(out.read_text())
    sources = ["shards", "shards, cold", "JPEG 8x8", "JPEG 178x218"]
    kinds = [f"{a}: {b}" for a, b in itertools.product(sources, ("rate", "paced"))]
    kinds += [
        "ArrayRecord: rate",
        "a batch that stays: paced",
        "real step, stays",
        "real step, shards",
    ]
    assert list(found["rows"]) == kinds
    assert all(len(samples) == 2 for samples in found["samples"].values())
    assert found["config"]["images"] == 70
    for row in found["rows"].values():
        assert row["images / s"]["median"] > 0
        assert row["cpu s / 10,000"]["median"] > 0
        for share in {"next", "placing", "starved"} & set(row):
            assert 0 <= row[share]["low"] <= row[share]["high"] <= 1
    assert capsys.readouterr().out.count("\n| ") == len(kinds) + 1


@pytest.mark.parametrize(
    ("flag", "value", "text"),
    [
        ("--rounds", 1, "--rounds is 1; it must be at least 2"),
        ("--images", 0, "--images is 0"),
        ("--rate", 0, "--rate is 0.0; it must be above 0"),
        ("--seconds", "inf", "--seconds is inf"),
    ],
)
def test_flags_out_of_range_are_named(flag, value, text, monkeypatch, capsys):
    assert call(benchmark, [flag, value], monkeypatch) == 2
    assert text in " ".join(capsys.readouterr().err.split())


def test_processes_are_cases_beside(tmp_path, monkeypatch):
    out = tmp_path / "input.json"
    argv = [*TINY, "--jpegs", 5, "--rounds", 2, "--processes", 1, "--output", out]
    assert call(benchmark, argv, monkeypatch) == 0
    rows = json.loads(out.read_text())["rows"]
    for size in ("8x8", "178x218"):
        row = rows[f"JPEG {size}, in processes: rate"]
        assert row["images / s"]["median"] > 0
        assert row["cpu s / 10,000"]["median"] > 0
