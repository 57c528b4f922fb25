"""Runs the command: `python -m experiments.chess_style --help`."""

from experiments.chess_style import PRESETS, Config, main
from experiments.chess_style import __doc__ as description
from jaxgan.lab import cli

cli.run(main, Config, presets=PRESETS, description=description)
