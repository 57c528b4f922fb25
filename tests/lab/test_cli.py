"""The command line: help that is read at 80 columns, old flags, short errors."""

import dataclasses
import pathlib
import signal
import sys
from typing import Annotated, Literal

import jax
import numpy as np
import pytest
import tyro

from jaxgan import paths
from jaxgan.lab import cli, help, kept
from jaxgan.lab.judges import cache
from jaxgan.train.signals import Stopped

PROSE = """Trains a thing.

    python -m experiments.thing --with a --command line --that is --longer --than eighty

A paragraph that
is broken by hand, in places of its own, and has to be filled again where it is read.
"""


@dataclasses.dataclass(frozen=True)
class Run:
    """How to run."""

    workdir: pathlib.Path = pathlib.Path("runs/thing")
    """Directory of the run."""
    steps: int = 10
    """Steps, of which a long explanation needs more than a line of the terminal."""
    devices: int = 0
    """Devices, 0 % of them by default."""
    keep: int = 2
    """Checkpoints to keep."""


@dataclasses.dataclass(frozen=True)
class Model:
    """A model."""

    width: int = 8
    """Channels."""


@dataclasses.dataclass(frozen=True)
class Config:
    """A command."""

    run: Annotated[Run, tyro.conf.arg(name="")]
    model: Model
    weights: pathlib.Path | None = None
    """Where weights are."""
    mirror: bool = False
    """Whether to mirror."""
    preset: Literal["small", "large"] = "small"
    """Which."""


PRESETS = {
    "small": Config(Run(), Model()),
    "large": Config(Run(), Model(width=99), preset="large"),
}
ALIASES = {"--out": "--workdir"}


@pytest.fixture(autouse=True)
def undisturbed(monkeypatch):
    """No compilation cache and no allocator settings, which would outlast the test."""
    monkeypatch.setattr(cli, "_cache_compilations", lambda: None)
    monkeypatch.setattr(cli, "tune_allocator", lambda: None)
    monkeypatch.setenv("COLUMNS", "80")


def call(monkeypatch, *argv, main=lambda config: None):
    """The argument of the call of `main`, or the exit status."""
    called = []
    before = signal.getsignal(signal.SIGINT)
    monkeypatch.setattr(sys, "argv", ["prog", *argv])
    try:
        cli.run(
            lambda config: called.append(config) or main(config),
            Config,
            presets=PRESETS,
            description=PROSE,
            aliases=ALIASES,
        )
    except SystemExit as stop:
        return stop.code
    finally:
        signal.signal(signal.SIGINT, before)
    return called[0]


def test_help_fits_the_terminal_and_has_the_common_flags_first(monkeypatch, capsys):
    assert call(monkeypatch, "--help") == 0
    said = capsys.readouterr().out
    lines = said.splitlines()
    command = next(line for line in lines if "--than eighty" in line)
    assert command in PROSE  # to be copied, so not wrapped
    assert all(len(line) <= 80 for line in lines if line != command)
    assert "A paragraph that is broken by hand" in said
    headings = [line for line in lines if line.endswith(":") and line[0] != " "]
    assert headings == [
        "common flags:",
        "this command:",
        "model:",
        "the run:",
        "devices and processes:",
    ]
    flags = [line.split()[0].strip(",") for line in lines if line.startswith("  --")]
    assert flags == [
        *("--preset", "--workdir", "--steps"),
        *("--weights", "--mirror", "--model.width", "--keep", "--devices"),
    ]
    assert "0 % of them" in said
    assert "(default: 10)" in said
    assert "None" not in said
    assert "--out" not in said


def test_help_shows_the_defaults_of_the_preset(monkeypatch, capsys):
    assert call(monkeypatch, "--preset", "large", "-h") == 0
    assert "(default: 99)" in capsys.readouterr().out


def test_flags_change_what_a_preset_says(monkeypatch):
    config = call(monkeypatch, "--preset", "large", "--steps", "3")
    assert (config.model.width, config.run.steps) == (99, 3)
    assert call(monkeypatch).model.width == 8


@pytest.mark.parametrize("argv", [["--out", "x"], ["--out=x"], ["--workdir", "x"]])
def test_old_flags_work_as_they_did(monkeypatch, argv):
    assert call(monkeypatch, *argv).run.workdir == pathlib.Path("x")


@pytest.mark.parametrize(
    ("flag", "url"),
    [
        ("--workdir", "gs://bucket/runs/a"),
        ("--out", "s3://bucket/a"),
        ("--weights", "hdfs://host/a"),
        ("--workdir", "file:///tmp/a"),
    ],
)
def test_a_url_is_no_folder(flag, url, monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert call(monkeypatch, flag, url) == 2
    flag = ALIASES.get(flag, flag)
    where = url.replace(":///", "://")
    assert f"{flag} is {where}, but must be a path: mount" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_an_unknown_preset_is_refused(monkeypatch, capsys):
    assert call(monkeypatch, "--preset", "huge") == 2
    assert "small" in capsys.readouterr().err


def fail(error):
    def main(config):
        raise error

    return main


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (ValueError("a is 3;\n  it must be 2"), 2, "error: a is 3; it must be 2\n"),
        (ArithmeticError("it broke"), 1, "error: it broke\n"),
        (OSError(28, "No space left", "here"), 2, "No space left (here); what was"),
        (KeyboardInterrupt(), 130, "stopped"),
        (MemoryError("Unable to allocate 9 TiB"), 2, "9 TiB); lower --batch-size, cut"),
        (
            jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory: 9 bytes."),
            2,
            "the memory is too small (RESOURCE_EXHAUSTED: Out of memory: 9 bytes.)",
        ),
    ],
)
def test_what_a_user_can_cause_is_one_sentence(
    monkeypatch, capsys, error, status, said
):
    assert call(monkeypatch, main=fail(error)) == status
    err = capsys.readouterr().err
    assert said in err
    assert "Traceback" not in err
    assert ("JAXGAN_TRACEBACK=1" in err) == isinstance(error, Exception)


@pytest.mark.parametrize(
    "error", [KeyboardInterrupt(), Stopped("stopped and saved", signal.SIGINT)]
)
def test_a_second_ctrl_c_ends_a_stopped_process_without_tracebacks(monkeypatch, error):
    """While it ends, Python and JAX would print one of their own."""
    seen = []

    def leave(code):
        seen.append(signal.getsignal(signal.SIGINT))
        raise SystemExit(code)

    monkeypatch.setattr(sys, "exit", leave)
    assert call(monkeypatch, main=fail(error)) == 130
    assert seen == [signal.SIG_DFL]


def test_the_traceback_is_shown_on_request_and_of_what_no_user_causes(monkeypatch):
    with pytest.raises(KeyError):
        call(monkeypatch, main=fail(KeyError("a bug")))
    monkeypatch.setenv("JAXGAN_TRACEBACK", "1")
    with pytest.raises(ValueError, match="it"):
        call(monkeypatch, main=fail(ValueError("it")))


def test_a_device_that_is_not_there_is_one_sentence(monkeypatch, capsys):
    def absent():
        raise AssertionError  # as JAX does for cuda

    def main(config):
        jax.devices()

    monkeypatch.setenv("JAX_PLATFORMS", "cuda")
    monkeypatch.setattr(jax, "devices", absent)
    assert call(monkeypatch, main=main) == 2
    said = capsys.readouterr().err
    assert "JAX_PLATFORMS is 'cuda', but JAX finds no such device" in said


def test_without_a_home_nothing_is_kept_and_nothing_fails(monkeypatch):
    def homeless():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(pathlib.Path, "home", homeless)
    assert paths.user_cache() is None
    assert paths.expanded("~nobody-of-this-name/x") == pathlib.Path(
        "~nobody-of-this-name/x"
    )
    path = kept.place("classifier", "about")
    cache.save(path, {"weights": np.zeros(2)}, {})
    assert cache.load(path, {"weights": np.zeros(2)}, ()) is None


def test_paragraphs_are_filled_and_indented_lines_kept():
    assert help.wrapped("a\nb\n\n    c\n    d\n", 20) == "a b\n\n    c\n    d"


def test_help_breaks_neither_code_nor_flags():
    prose = 'Needs one: `pip\ninstall -e ".[x]"` and --model.class-fake.'
    lines = help.wrapped(prose, 24).split("\n")
    assert lines == ["Needs one:", '`pip install -e ".[x]"`', "and --model.class-fake."]
