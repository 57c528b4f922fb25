"""Experiments called as commands are, in the process of a test."""

import sys

from jaxgan.lab import cli


def call(module, argv, monkeypatch):
    """Runs a command in this process; returns its exit status."""
    monkeypatch.setattr(sys, "argv", ["prog", *map(str, argv)])
    monkeypatch.setattr(cli, "_end_quietly", lambda: None)  # this process goes on
    try:
        presets = getattr(module, "PRESETS", None)
        aliases = getattr(module, "ALIASES", {})
        cli.run(module.main, module.Config, presets=presets, aliases=aliases)
    except SystemExit as stop:
        return stop.code
    return 0
