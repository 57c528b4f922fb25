"""Command lines of all commands, of which some are wrong."""

import functools
import importlib
import os
import pathlib
import random
import sys
from typing import Any

import jax

from experiments import commands
from jaxgan import game
from jaxgan.lab import cli
from jaxgan.models import model as models

VALUES = (
    "", " ", "x", "nan", "-inf", "inf", "1e400", "-1", "0", "1", "2", "3", "0.5", "1.5",
    "1e-9", "99999", "4294967301", "99999999999999999999", "-99999999999999999999",
    "None", "True", "[1]", "{}", "0x10", "1,2", "é", "\udce9", "a\nb", "..", ".", "-",
    "/dev/null", "~nobody/x", "#", "faces:-1", "faces:x", "idx:/dev/null", "zip:.",
    "npz:/dev/null", "folder:.", "tfds:", "shards:.", "digits:1", "gs://b/x", "%", "--",
)  # fmt: skip
LIKELY = ("1", "2", "3", "4", "0.5", "0", "5000000000")  # of which most are taken
# These wait for other processes.
WAITING = ("--processes", "--process", "--coordinator")


def play(chance: random.Random, folder: pathlib.Path) -> None:
    """Calls a command with wrong flags, up to where it would begin to work.

    Raises:
        ValueError: the command refused them, or would not have known what went wrong.
    """
    name = chance.choice(_commands())
    module = importlib.import_module(f"experiments.{name}")
    argv = _argv(chance, name)
    presets = getattr(module, "PRESETS", None)
    aliases = getattr(module, "ALIASES", {})
    before = sys.argv, os.getcwd()
    sys.argv = [f"experiments.{name}", *argv]
    os.chdir(folder)
    try:
        cli.run(_begin, module.Config, presets=presets, aliases=aliases)
    except SystemExit as stop:
        if stop.code:
            raise ValueError(f"{name} {argv} was refused") from None
    except Exception as error:
        error.add_note(f"python -m experiments.{name} {argv}")
        raise
    finally:
        sys.argv = before[0]
        os.chdir(before[1])


@functools.cache
def _commands() -> tuple[str, ...]:
    """The names of all commands but this one."""
    # Settings of a whole process are not for one that plays many command lines.
    cli.tune_allocator = lambda: False
    cli._cache_compilations = lambda: None
    return tuple(name for name in commands() if name != "endurance.fuzz")


def _argv(chance, name) -> list[str]:
    """One to four flags with values that are wrong, or too few, or right."""
    flags, argv = _flags(name), []
    for _ in range(chance.choice((1, 1, 1, 2, 2, 3, 4))):
        flag, choices = chance.choice(list(flags.items()))
        if chance.random() < 0.05:
            flag = chance.choice(("--nonsense", flag[:-1], flag.upper(), "--", ""))
        values = chance.choice((VALUES, choices or LIKELY))
        argv += [flag, *chance.choices(values, k=chance.choice((0, 1, 1, 1, 1, 1, 2)))]
    return argv


@functools.cache
def _flags(name: str) -> dict[str, tuple[str, ...]]:
    """The flags of a command, and the choices of each, if it has some."""
    import tyro

    module = importlib.import_module(f"experiments.{name}")
    presets = list(getattr(module, "PRESETS", {}).values())
    default = {"default": presets[0]} if presets else {}
    parser = tyro.extras.get_parser(module.Config, **default)
    return {
        option: tuple(action.choices or ())
        for action in parser._actions
        for option in action.option_strings
        if option not in (*WAITING, "-h", "--help")
    }


def _begin(config: Any) -> None:
    """Makes the nets of a command's model, as a command does first, without numbers."""
    model = getattr(config, "model", None)
    record = _records().get(type(model))
    if record is not None:
        init = game.algorithm(record.game(model)).init
        key = jax.random.key(0)
        jax.eval_shape(lambda key: init(key, record.batch(model, key, 2)), key)


@functools.cache
def _records() -> dict[type, models.Model]:
    return {record.config: record for record in models.find().values()}
