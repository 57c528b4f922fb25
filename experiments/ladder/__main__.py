"""Runs the command: `python -m experiments.ladder --help`."""

from experiments.ladder import PRESETS, Config, main
from experiments.ladder import __doc__ as description
from jaxgan.lab import cli

cli.run(main, Config, presets=PRESETS, description=description)
