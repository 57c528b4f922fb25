"""Runs the command: `python -m experiments.endurance.fuzz --help`."""

from experiments.endurance.fuzz import Config, main
from experiments.endurance.fuzz import __doc__ as description
from jaxgan.lab import cli

cli.run(main, Config, description=description)
