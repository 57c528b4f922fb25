"""Runs the command: `python -m experiments.explore --help`."""

from experiments.explore import Config, main
from experiments.explore import __doc__ as description
from jaxgan.lab import cli

cli.run(main, Config, description=description)
