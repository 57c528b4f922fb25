"""The table of all benchmarks, from what their commands write."""

import json
import subprocess

import pytest
from commands import call

from experiments.benchmarks import all as everything


def row(name, ms, ratio):
    return {
        "name": name, "ms": ms, "ms_min": ms, "ratio": ratio, "ratio_low": ratio - 0.1,
        "ratio_high": ratio + 0.1, "rounds": 10,
    }  # fmt: skip


DCGAN = [
    row("torch tuned", 100.0, 1.0), row("jaxgan tuned", 120.0, 1.2),
    row("torch default", 150.0, 1.0), row("jaxgan default", 165.0, 1.1),
]  # fmt: skip
SMALL = [
    row("torch", 100.0, 1.0), row("scan", 50.0, 0.5),
    row("torch-in-turn", 800.0, 1.0), row("vmap", 400.0, 0.5),
]  # fmt: skip


def test_every_case_stands_beside_pytorch_under_the_same_settings():
    part = everything.PARTS["dcgan"][0]
    assert everything.rows(part, {}, DCGAN) == [
        "| DCGAN, width 32, 4x4 | jaxgan | tuned | 100 | 120 | 1.20 (1.10-1.30) |",
        "| DCGAN, width 32, 4x4 | jaxgan | default | 150 | 165 | 1.10 (1.00-1.20) |",
    ]


def test_turns_of_many_steps_and_seeds_become_single_steps():
    part = everything.PARTS["mlp"][0]
    settings = {"steps": 50, "seeds": 8, "allocator": "tuned"}
    lines = everything.rows(part, settings, SMALL)
    assert [line.split(" | ")[1:5] for line in lines] == [
        ["scan", "tuned", "2", "1"], ["vmap", "tuned", "2", "1"],
    ]  # fmt: skip


def test_parts_run_once_and_the_same_command_goes_on(tmp_path, monkeypatch, capsys):
    ran = []

    def run(command):
        ran.append(command)
        output = command[command.index("--output") + 1]
        if len(ran) == 2:
            return subprocess.CompletedProcess(command, 1)
        with open(output, "w") as file:
            json.dump({"config": {}, "rows": DCGAN}, file)
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(subprocess, "run", run)
    flags = ["--only", "dcgan", "--rounds", "5", "--workdir", tmp_path]
    assert call(everything, flags, monkeypatch) == 2
    assert "the same command continues from there" in capsys.readouterr().err
    assert call(everything, flags, monkeypatch) == 0
    assert len(ran) == 4  # three parts, one of them twice
    assert ran[1] == ran[2]
    table = (tmp_path / "table.md").read_text()
    assert table.count("| jaxgan | tuned |") == 3
    assert "python -m experiments.benchmarks.dcgan_step --width 64 --rounds 5" in table
    assert call(everything, flags, monkeypatch) == 0
    assert len(ran) == 4
    assert call(everything, [*flags, "--again"], monkeypatch) == 0
    assert len(ran) == 7


def test_too_few_rounds_are_refused(tmp_path, monkeypatch, capsys):
    flags = ["--rounds", "1", "--workdir", tmp_path]
    assert call(everything, flags, monkeypatch) == 2
    assert "--rounds is 1" in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize("name", sorted(everything.PARTS))
def test_the_commands_exist_and_take_their_flags(name):
    import importlib

    import tyro

    for part in everything.PARTS[name]:
        module = importlib.import_module(f"experiments.benchmarks.{part.module}")
        tyro.cli(module.Config, args=list(part.flags))
