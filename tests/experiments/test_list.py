"""`python -m experiments`: the list of commands, and what a wrong name is told."""

import importlib.util
import pathlib
import subprocess
import sys

import pytest

import experiments
from experiments import __main__ as listing

ROOT = pathlib.Path(experiments.__file__).parents[1]


def run(*words):
    done = subprocess.run(
        [sys.executable, "-m", *words], cwd=ROOT, capture_output=True, text=True
    )
    return done.returncode, done.stdout, done.stderr


def test_every_command_is_there_and_has_a_line():
    found = experiments.commands()
    assert {"dcgan_faces", "sample", "latent_arithmetic", "benchmarks.all"} <= {*found}
    assert not any("parts" in name or name == "benchmarks" for name in found)
    for name, path in found.items():
        assert listing.summary(path).endswith((".", "?")), name
        assert importlib.util.find_spec(f"experiments.{name}") is not None
    lines = [line.split() for line in listing.listing().splitlines()]
    assert sorted(line[0] for line in lines if line and line[0] in found) == [*found]


def test_groups_have_members_and_new_names_train():
    titles = [listing.group(name) for name in experiments.commands()]
    assert {*titles} == {listing.TRAIN, *listing.GROUPS}
    assert listing.group("pix2pix_facades") == listing.TRAIN
    assert listing.group("latent_walk") == "Look inside a finished run"


def test_the_list_is_printed_and_imports_nothing():
    code, printed, _ = run("experiments")
    assert code == 0
    assert printed == listing.listing() + "\n"
    source = pathlib.Path(listing.__file__).read_text()
    assert "jax" not in source


@pytest.mark.parametrize(
    ("words", "near"),
    [
        (("experiments", "lsgan"), "lsgan_mnist"),
        (("experiments.lsgan",), "lsgan_mnist"),
        (("experiments.benchmarks.dcgan",), "benchmarks.dcgan_step"),
    ],
)
def test_a_wrong_name_is_told_what_is_near(words, near):
    code, _, said = run(*words)
    assert code == 1
    assert said.startswith("there is no command experiments.")
    assert f"the nearest names are {near}" in said
    assert "Traceback" not in said


def test_imports_fail_as_ever():
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("experiments.nope")
